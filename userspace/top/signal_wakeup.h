// Signals as something to wait for: neither restoring nor resizing the terminal is work for a
// signal handler.
#pragma once

#include <signal.h>

#include <initializer_list>
#include <utility>
#include <vector>

#include "top/wakeup.h"

namespace wsbpf::top {

inline constexpr std::initializer_list<int> kStopSignals = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

// While it lives, each of the signals makes fd() readable, interrupts what blocks, and does nothing
// else; the earlier handlers come back with its end. A signal that is ignored stays so, as nohup
// wants it. A signal can belong to one of these at a time.
class SignalWakeup {
 public:
  explicit SignalWakeup(std::initializer_list<int> signals);
  ~SignalWakeup();
  SignalWakeup(const SignalWakeup&) = delete;
  SignalWakeup& operator=(const SignalWakeup&) = delete;

  // Lets the kernel do what it does on a signal that nobody handles, and returns when the process
  // goes on.
  void raise_default(int signal_number);

  void clear() { wakeup_.clear(); }
  int fd() const { return wakeup_.fd(); }

 private:
  Wakeup wakeup_;
  std::vector<std::pair<int, struct sigaction>> earlier_;
};

}  // namespace wsbpf::top
