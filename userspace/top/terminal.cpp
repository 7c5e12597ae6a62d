#include "top/terminal.h"

#include <fmt/format.h>
#include <langinfo.h>
#include <locale.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/text.h"
#include "top/keyboard.h"
#include "top/looks.h"
#include "top/stalled_terminal.h"
#include "top/terminal_type.h"

#define NCURSES_NOMACROS  // its macros are named like half of the standard library
#include <ncurses.h>

namespace wsbpf::top {
namespace {

constexpr int kPipeWidth = 200;
constexpr int kEscapeDelay_ms = 25;
// Nothing is drawn beyond: a terminal may claim any size.
constexpr int kMostColumns = 2000;
constexpr int kMostLines = 1000;

bool locale_is_utf8() { return std::strcmp(::nl_langinfo(CODESET), "UTF-8") == 0; }

// The attributes of each style, selected and not.
using Attributes = std::array<std::array<attr_t, 2>, kStyles>;

Colors colors_of_terminal(bool wanted) {
  if (!wanted || !::has_colors() || ::start_color() != OK || ::use_default_colors() != OK) {
    return Colors::kNone;
  }
  constexpr int kPairs = static_cast<int>(2 * kStyles);
  if (COLOR_PAIRS <= kPairs || COLORS < 8) return Colors::kNone;
  return COLORS >= 256 ? Colors::kRich : Colors::kBasic;
}

// Colour pairs are numbered from 1.
Attributes choose_attributes(Colors colors) {
  Attributes attributes{};
  short pair = 0;
  for (std::size_t style = 0; style < kStyles; ++style) {
    for (const bool selected : {false, true}) {
      const Look look = look_of(static_cast<Style>(style), selected, colors);
      attr_t& chosen = attributes[style][selected ? 1 : 0];
      chosen = (look.bold ? A_BOLD : A_NORMAL) | (look.reverse ? A_REVERSE : A_NORMAL) |
               (look.underline ? A_UNDERLINE : A_NORMAL);
      if (colors == Colors::kNone) continue;
      ::init_pair(++pair, look.foreground, look.background);
      chosen |= static_cast<attr_t>(COLOR_PAIR(pair));
    }
  }
  return attributes;
}

tl::unexpected<Error> cannot_draw() {
  const char* const term = std::getenv("TERM");
  return fail(
      fmt::format("cannot draw on a terminal of type '{}': set TERM to what it is, or print "
                  "plain frames with `wsbpf top -b`",
                  term == nullptr ? "" : printable(term)));
}

// Of a terminal that is left in a hurry: what endwin() would have written.
std::string farewell() {
  std::string text = kExtrasOff;
  for (const char* name : {"sgr0", "cnorm", "rmcup"}) {
    const char* const sequence = ::tigetstr(name);
    if (sequence != nullptr && sequence != reinterpret_cast<const char*>(-1)) text += sequence;
  }
  return text;
}

void tell_terminal(const char* sequence) {
  std::fputs(sequence, stdout);
  std::fflush(stdout);
}

}  // namespace

std::optional<TerminalSize> terminal_size() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return std::nullopt;
  if (size.ws_col == 0 || size.ws_row == 0) return std::nullopt;
  return TerminalSize{size.ws_row, size.ws_col};
}

void use_utf8_locale() {
  ::setlocale(LC_CTYPE, "");
  if (!locale_is_utf8()) ::setlocale(LC_CTYPE, "C.UTF-8");
}

int batch_width() {
  if (const char* columns = std::getenv("COLUMNS")) {
    int width = 0;
    std::from_chars(columns, columns + std::strlen(columns), width);
    if (width > 0) return std::min(width, kMostColumns);
  }
  const auto size = terminal_size();
  return size ? size->columns : kPipeWidth;
}

struct Screen::Curses {
  SCREEN* screen = nullptr;
  Attributes attributes{};
  Keyboard keyboard;
  std::optional<StalledTerminal> stalled;

  attr_t of(const Span& span) const {
    return attributes[static_cast<std::size_t>(span.style)][span.selected ? 1 : 0];
  }
};

Result<std::unique_ptr<Screen>> Screen::open(bool color) {
  if (!can_be_drawn_on()) return cannot_draw();
  auto curses = std::make_unique<Curses>();
  // Not initscr(), which ends the process when it fails.
  curses->screen = ::newterm(nullptr, stdout, stdin);
  if (curses->screen == nullptr) return cannot_draw();
  curses->stalled.emplace(farewell());
  curses->attributes = choose_attributes(colors_of_terminal(color));
  ::cbreak();
  ::noecho();
  ::nonl();
  ::keypad(stdscr, true);
  ::nodelay(stdscr, true);
  ::set_escdelay(kEscapeDelay_ms);
  ::curs_set(0);
  define_keys();
  auto screen = std::unique_ptr<Screen>(new Screen(std::move(curses)));
  screen->take_size();
  tell_terminal(kExtrasOn);
  return screen;
}

Screen::Screen(std::unique_ptr<Curses> curses) : curses_(std::move(curses)) {}

Screen::~Screen() {
  if (!takes_output()) end_even_if_stalled();
  tell_terminal(kExtrasOff);
  ::endwin();
  ::delscreen(curses_->screen);
}

int Screen::width() const { return ::getmaxx(stdscr); }

int Screen::height() const { return ::getmaxy(stdscr); }

void Screen::take_size() {
  const auto size = terminal_size();
  if (!size) return;
  const int lines = std::min<int>(size->lines, kMostLines);
  const int columns = std::min<int>(size->columns, kMostColumns);
  if (lines != height() || columns != width()) ::resizeterm(lines, columns);
}

void Screen::suspend() {
  tell_terminal(kExtrasOff);
  ::endwin();
}

void Screen::resume() {
  tell_terminal(kExtrasOn);
  take_size();
  ::clearok(stdscr, true);
}

void Screen::draw(const Frame& frame) {
  ::werase(stdscr);
  const int lines = std::min(static_cast<int>(frame.lines.size()), height());
  for (int y = 0; y < lines; ++y) {
    ::wmove(stdscr, y, 0);
    for (const Span& span : frame.lines[static_cast<std::size_t>(y)]) {
      ::wattrset(stdscr, static_cast<int>(curses_->of(span)));
      // Fails in the last cell of the screen, where the cursor cannot move on; the text is there.
      ::waddnstr(stdscr, span.text.c_str(), static_cast<int>(span.text.size()));
    }
  }
  ::wattrset(stdscr, A_NORMAL);
  ::curs_set(frame.cursor ? 1 : 0);
  if (frame.cursor) ::wmove(stdscr, frame.cursor->y, frame.cursor->x);
  ::wrefresh(stdscr);
}

std::optional<Input> Screen::next_input() { return curses_->keyboard.next(); }

}  // namespace wsbpf::top
