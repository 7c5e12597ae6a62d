#include "top/signal_wakeup.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>

#include "top/stalled_terminal.h"

namespace wsbpf::top {
namespace {

using Slot = std::atomic<Wakeup*>;
static_assert(Slot::is_always_lock_free, "a signal handler must not lock");

// A handler is told nothing but the number of its signal, so it finds its way through a global.
Slot& slot(int signal_number) {
  static constinit std::array<Slot, NSIG> slots{};
  return slots[static_cast<std::size_t>(signal_number)];
}

bool is_stop_signal(int signal_number) {
  return std::find(kStopSignals.begin(), kStopSignals.end(), signal_number) != kStopSignals.end();
}

void on_signal(int signal_number) {
  if (is_stop_signal(signal_number)) end_even_if_stalled();
  if (Wakeup* wakeup = slot(signal_number).load()) wakeup->wake();
}

}  // namespace

SignalWakeup::SignalWakeup(std::initializer_list<int> signals) {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = 0;
  ::sigemptyset(&action.sa_mask);
  for (const int number : signals) {
    struct sigaction earlier {};
    ::sigaction(number, nullptr, &earlier);
    if (earlier.sa_handler == SIG_IGN) continue;
    slot(number) = &wakeup_;
    ::sigaction(number, &action, nullptr);
    earlier_.emplace_back(number, earlier);
  }
}

void SignalWakeup::raise_default(int signal_number) {
  struct sigaction ours {};
  struct sigaction unhandled {};
  unhandled.sa_handler = SIG_DFL;
  ::sigemptyset(&unhandled.sa_mask);
  ::sigaction(signal_number, &unhandled, &ours);
  ::raise(signal_number);
  ::sigaction(signal_number, &ours, nullptr);
}

SignalWakeup::~SignalWakeup() {
  for (const auto& [number, earlier] : earlier_) {
    ::sigaction(number, &earlier, nullptr);
    slot(number) = nullptr;
  }
}

}  // namespace wsbpf::top
