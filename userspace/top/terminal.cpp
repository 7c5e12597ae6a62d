#include "top/terminal.h"

#include <fmt/format.h>
#include <langinfo.h>
#include <locale.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#define NCURSES_NOMACROS  // its macros are named like half of the standard library
#include <ncurses.h>

namespace wsbpf::top {
namespace {

constexpr int kPipeWidth = 200;
constexpr int kCtrlL = 'L' & 0x1f;
constexpr int kEscapeDelay_ms = 25;

// How a style looks, by what the terminal can do. Colours are foregrounds but for the titles.
struct Look {
  Style style;
  attr_t mono;  // no colours
  short basic;  // 8 or 16 colours
  attr_t basic_attributes;
  short rich;  // 256 colours
  attr_t rich_attributes;
};

constexpr Look kLooks[] = {
    {Style::kPlain, A_NORMAL, -1, A_NORMAL, -1, A_NORMAL},
    {Style::kLabel, A_NORMAL, COLOR_CYAN, A_NORMAL, 109, A_NORMAL},
    {Style::kStrong, A_BOLD, -1, A_BOLD, -1, A_BOLD},
    {Style::kTitle, A_REVERSE, COLOR_CYAN, A_REVERSE, 66, A_REVERSE},
    {Style::kSortedTitle, A_REVERSE | A_BOLD, COLOR_YELLOW, A_REVERSE, 179, A_REVERSE},
    {Style::kNotice, A_BOLD, COLOR_YELLOW, A_NORMAL, 179, A_NORMAL},
    {Style::kWarning, A_BOLD, COLOR_YELLOW, A_BOLD, 214, A_BOLD},
    {Style::kCritical, A_BOLD | A_UNDERLINE, COLOR_RED, A_BOLD, 203, A_BOLD},
};

constexpr std::pair<int, Key> kKeys[] = {
    {'q', Key::kQuit},           {'?', Key::kHelp},           {'h', Key::kHelp},
    {KEY_F(1), Key::kHelp},      {'s', Key::kNextColumn},     {'>', Key::kNextColumn},
    {'.', Key::kNextColumn},     {'<', Key::kPreviousColumn}, {',', Key::kPreviousColumn},
    {'r', Key::kReverse},        {KEY_UP, Key::kUp},          {'k', Key::kUp},
    {KEY_DOWN, Key::kDown},      {'j', Key::kDown},           {KEY_PPAGE, Key::kPageUp},
    {KEY_NPAGE, Key::kPageDown}, {' ', Key::kPageDown},       {KEY_HOME, Key::kHome},
    {KEY_END, Key::kEnd},
};

Key key_of(int code) {
  for (const auto& [known, key] : kKeys) {
    if (known == code) return key;
  }
  return Key::kOther;
}

std::optional<winsize> terminal_size() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return std::nullopt;
  if (size.ws_col == 0 || size.ws_row == 0) return std::nullopt;
  return size;
}

bool locale_is_utf8() { return std::strcmp(::nl_langinfo(CODESET), "UTF-8") == 0; }

}  // namespace

void use_utf8_locale() {
  ::setlocale(LC_CTYPE, "");
  if (!locale_is_utf8()) ::setlocale(LC_CTYPE, "C.UTF-8");
}

int batch_width() {
  if (const char* columns = std::getenv("COLUMNS")) {
    int width = 0;
    std::from_chars(columns, columns + std::strlen(columns), width);
    if (width > 0) return width;
  }
  const auto size = terminal_size();
  return size ? size->ws_col : kPipeWidth;
}

struct Screen::Curses {
  SCREEN* screen = nullptr;
  std::array<attr_t, std::size(kLooks)> attributes{};

  attr_t of(Style style) const { return attributes[static_cast<std::size_t>(style)]; }
};

namespace {

// The attributes of each style on this terminal; colour pairs are numbered from 1.
std::array<attr_t, std::size(kLooks)> choose_attributes(bool color) {
  std::array<attr_t, std::size(kLooks)> attributes{};
  const bool colored = color && ::has_colors() && ::start_color() == OK &&
                       ::use_default_colors() == OK && COLOR_PAIRS > std::ssize(kLooks);
  short pair = 0;
  for (const Look& look : kLooks) {
    attr_t& chosen = attributes[static_cast<std::size_t>(look.style)];
    chosen = look.mono;
    if (!colored) continue;
    const bool rich = COLORS >= 256;
    ::init_pair(++pair, rich ? look.rich : look.basic, -1);
    chosen = (rich ? look.rich_attributes : look.basic_attributes) |
             static_cast<attr_t>(COLOR_PAIR(pair));
  }
  return attributes;
}

}  // namespace

Result<std::unique_ptr<Screen>> Screen::open(bool color) {
  auto curses = std::make_unique<Curses>();
  // Not initscr(), which ends the process when it fails.
  curses->screen = ::newterm(nullptr, stdout, stdin);
  if (curses->screen == nullptr) {
    const char* term = std::getenv("TERM");
    return fail(
        fmt::format("cannot draw on a terminal of type '{}': set TERM, or use batch mode (-b)",
                    term == nullptr ? "" : term));
  }
  curses->attributes = choose_attributes(color);
  ::cbreak();
  ::noecho();
  ::nonl();
  ::keypad(stdscr, true);
  ::nodelay(stdscr, true);
  ::set_escdelay(kEscapeDelay_ms);
  ::curs_set(0);
  return std::unique_ptr<Screen>(new Screen(std::move(curses)));
}

Screen::Screen(std::unique_ptr<Curses> curses) : curses_(std::move(curses)) {}

Screen::~Screen() {
  ::endwin();
  ::delscreen(curses_->screen);
}

int Screen::width() const { return ::getmaxx(stdscr); }

int Screen::height() const { return ::getmaxy(stdscr); }

void Screen::take_size() {
  if (const auto size = terminal_size()) ::resizeterm(size->ws_row, size->ws_col);
}

void Screen::draw(const Frame& frame) {
  ::werase(stdscr);
  const int lines = std::min(static_cast<int>(frame.lines.size()), height());
  for (int y = 0; y < lines; ++y) {
    ::wmove(stdscr, y, 0);
    for (const Span& span : frame.lines[static_cast<std::size_t>(y)]) {
      ::wattrset(stdscr, static_cast<int>(curses_->of(span.style)));
      // Fails in the last cell of the screen, where the cursor cannot move on; the text is there.
      ::waddnstr(stdscr, span.text.c_str(), static_cast<int>(span.text.size()));
    }
  }
  ::wattrset(stdscr, A_NORMAL);
  ::wrefresh(stdscr);
}

std::optional<Key> Screen::next_key() {
  const int code = ::wgetch(stdscr);
  if (code == ERR) return std::nullopt;
  if (code == kCtrlL) ::clearok(stdscr, true);  // redraws what another program has written over
  return key_of(code);
}

}  // namespace wsbpf::top
