#include "top/stalled_terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>

namespace wsbpf::top {
namespace {

// For the signal handler, which finds its way through globals alone.
struct LastWords {
  termios modes{};
  std::array<char, 256> farewell{};
  std::size_t length = 0;
};
LastWords last_words;
std::atomic<bool> armed = false;
std::atomic<bool> asked = false;
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler must not lock");

constexpr unsigned kPatience_seconds = 1;

void say_farewell() {
  const int flags = ::fcntl(STDOUT_FILENO, F_GETFL);
  if (flags < 0 || ::fcntl(STDOUT_FILENO, F_SETFL, flags | O_NONBLOCK) != 0) return;
  [[maybe_unused]] const auto written =
      ::write(STDOUT_FILENO, last_words.farewell.data(), last_words.length);
  ::fcntl(STDOUT_FILENO, F_SETFL, flags);  // the shell shares it
}

void end_now(int) {
  ::tcsetattr(STDIN_FILENO, TCSANOW, &last_words.modes);
  say_farewell();
  ::_exit(0);
}

}  // namespace

StalledTerminal::StalledTerminal(const std::string& farewell) {
  ::tcgetattr(STDIN_FILENO, &last_words.modes);
  last_words.length = std::min(farewell.size(), last_words.farewell.size());
  std::copy_n(farewell.begin(), last_words.length, last_words.farewell.begin());
  struct sigaction action {};
  action.sa_handler = end_now;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGALRM, &action, nullptr);
  asked = false;
  armed = true;
}

StalledTerminal::~StalledTerminal() {
  armed = false;
  ::alarm(0);
  ::signal(SIGALRM, SIG_DFL);
}

void end_even_if_stalled() noexcept {
  if (!armed) return;
  if (asked.exchange(true)) return end_now(0);
  ::alarm(kPatience_seconds);
}

bool takes_output() {
  pollfd out = {STDOUT_FILENO, POLLOUT, 0};
  return ::poll(&out, 1, 0) == 1;  // an error is for the writer to find
}

}  // namespace wsbpf::top
