#include "top/keyboard.h"

#include <climits>
#include <cstdio>
#include <cwchar>
#include <utility>

#define NCURSES_NOMACROS  // its macros are named like half of the standard library
#include <ncurses.h>

namespace wsbpf::top {
namespace {

constexpr int kMouseCode = KEY_MAX + 1;
constexpr int kPasteCode = KEY_MAX + 2;
constexpr int kPasteEndCode = KEY_MAX + 3;
constexpr int kHomeCode = KEY_MAX + 4;
constexpr int kEndCode = KEY_MAX + 5;

constexpr int kRestDelay_ms = 100;           // for what has begun to arrive
constexpr int kPasteDelay_ms = 1000;         // for the next piece of a paste
constexpr std::size_t kMostPaste = 1 << 20;  // bytes of a paste that are kept
constexpr auto kDoubleClick = std::chrono::milliseconds(400);

constexpr wchar_t control(char letter) { return letter & 0x1f; }

constexpr std::pair<int, Key> kCodes[] = {
    {KEY_UP, Key::kUp},
    {KEY_DOWN, Key::kDown},
    {KEY_LEFT, Key::kLeft},
    {KEY_RIGHT, Key::kRight},
    {KEY_PPAGE, Key::kPageUp},
    {KEY_NPAGE, Key::kPageDown},
    {KEY_HOME, Key::kHome},
    {kHomeCode, Key::kHome},
    {KEY_END, Key::kEnd},
    {kEndCode, Key::kEnd},
    {KEY_ENTER, Key::kEnter},
    {KEY_BTAB, Key::kBackTab},
    {KEY_BACKSPACE, Key::kBackspace},
    {KEY_DC, Key::kDelete},
};

constexpr std::pair<wchar_t, Key> kControls[] = {
    {L'\r', Key::kEnter},
    {L'\n', Key::kEnter},
    {L'\t', Key::kTab},
    {L'\033', Key::kEscape},
    {0x7f, Key::kBackspace},
    {control('H'), Key::kBackspace},
    {control('D'), Key::kDelete},
    {control('A'), Key::kHome},
    {control('E'), Key::kEnd},
    {control('B'), Key::kPageUp},
    {control('F'), Key::kPageDown},
    {control('W'), Key::kEraseWord},
    {control('U'), Key::kEraseToBegin},
    {control('K'), Key::kEraseToEnd},
};

template <typename Code, std::size_t kCount>
Key key_of(const std::pair<Code, Key> (&keys)[kCount], Code code) {
  for (const auto& [known, key] : keys) {
    if (known == code) return key;
  }
  return Key::kOther;
}

std::string utf8(wint_t character) {
  char bytes[MB_LEN_MAX];
  std::mbstate_t state{};
  const std::size_t length = std::wcrtomb(bytes, static_cast<wchar_t>(character), &state);
  return length == static_cast<std::size_t>(-1) ? "" : std::string(bytes, length);
}

// A sequence that is no longer taken apart for its parts to be taken for keys.
class Waiting {
 public:
  explicit Waiting(int ms) { ::wtimeout(stdscr, ms); }
  ~Waiting() { ::wtimeout(stdscr, 0); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
};

Input key(int result, wint_t code) {
  if (result == KEY_CODE_YES) {
    if (static_cast<int>(code) == KEY_F(1)) return {.key = Key::kText, .text = "?"};
    return {.key = key_of(kCodes, static_cast<int>(code))};
  }
  if (code == control('L')) {
    ::clearok(stdscr, true);  // draws over what another program has written
    return {};
  }
  const Key named = key_of(kControls, static_cast<wchar_t>(code));
  if (named != Key::kOther) return {.key = named};
  if (code < 0x20) return {};
  return {.key = Key::kText, .text = utf8(code)};
}

}  // namespace

void define_keys() {
  ::define_key("\033[<", kMouseCode);
  ::define_key("\033[200~", kPasteCode);
  ::define_key("\033[201~", kPasteEndCode);
  // As terminals send them whose terminfo says otherwise.
  ::define_key("\033[1~", kHomeCode);
  ::define_key("\033[H", kHomeCode);
  ::define_key("\033[4~", kEndCode);
  ::define_key("\033[F", kEndCode);
}

std::optional<Input> Keyboard::next() {
  wint_t code = 0;
  const int result = ::wget_wch(stdscr, &code);
  if (result == ERR) return std::nullopt;
  if (result == KEY_CODE_YES && code == kMouseCode) return mouse();
  if (result == KEY_CODE_YES && code == kPasteCode) return paste();
  return key(result, code);
}

// The rest of ESC [ < button ; x ; y M (a press) or m (a release).
Input Keyboard::mouse() {
  const Waiting waiting(kRestDelay_ms);
  std::string rest;
  wint_t code = 0;
  while (rest.size() < 32 && ::wget_wch(stdscr, &code) == OK && code < 0x80) {
    rest += static_cast<char>(code);
    if (code == 'M' || code == 'm') break;
  }
  int button = 0;
  int x = 0;
  int y = 0;
  char end = 0;
  if (std::sscanf(rest.c_str(), "%5d;%5d;%5d%c", &button, &x, &y, &end) != 4) return {};
  constexpr int kLeft = 0;
  constexpr int kWheelUp = 64;
  constexpr int kWheelDown = 65;
  Input input{.x = x - 1, .y = y - 1};
  if (end != 'M') return input;
  if (button == kWheelUp) input.key = Key::kWheelUp;
  if (button == kWheelDown) input.key = Key::kWheelDown;
  if (button == kLeft) {
    input.key = is_second_click(input.x, input.y) ? Key::kDoubleClick : Key::kClick;
  }
  return input;
}

bool Keyboard::is_second_click(int x, int y) {
  const auto now = std::chrono::steady_clock::now();
  const bool second = x == clicked_x_ && y == clicked_y_ && now - clicked_at_ <= kDoubleClick;
  clicked_at_ = now;
  clicked_x_ = second ? -1 : x;  // a third click begins anew
  clicked_y_ = y;
  return second;
}

Input Keyboard::paste() {
  const Waiting waiting(kPasteDelay_ms);
  Input input{.key = Key::kPaste};
  while (true) {
    wint_t code = 0;
    const int result = ::wget_wch(stdscr, &code);
    if (result == ERR || (result == KEY_CODE_YES && code == kPasteEndCode)) return input;
    if (result == OK && input.text.size() < kMostPaste) input.text += utf8(code);
  }
}

}  // namespace wsbpf::top
