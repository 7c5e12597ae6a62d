#include "top/signal_wakeup.h"

#include <array>
#include <atomic>
#include <cstddef>

namespace wsbpf::top {
namespace {

using Slot = std::atomic<Wakeup*>;
static_assert(Slot::is_always_lock_free, "a signal handler must not lock");

// A handler is told nothing but the number of its signal, so it finds its way through a global.
Slot& slot(int signal_number) {
  static constinit std::array<Slot, NSIG> slots{};
  return slots[static_cast<std::size_t>(signal_number)];
}

void on_signal(int signal_number) {
  if (Wakeup* wakeup = slot(signal_number).load()) wakeup->wake();
}

}  // namespace

SignalWakeup::SignalWakeup(std::initializer_list<int> signals) {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
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

SignalWakeup::~SignalWakeup() {
  for (const auto& [number, earlier] : earlier_) {
    ::sigaction(number, &earlier, nullptr);
    slot(number) = nullptr;
  }
}

}  // namespace wsbpf::top
