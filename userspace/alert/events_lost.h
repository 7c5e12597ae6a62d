// EventsLost: something happened in the kernel that wsbpf was not told of.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "alert/alert.h"

namespace wsbpf {

inline constexpr std::string_view kEventsLost = "EventsLost";
inline constexpr uint64_t kLossHeld_ns = 15ull * 60 * 1'000'000'000;

// What no counter told, and sweeps had to put right, is forgiven up to this in 15 minutes: there
// are machines on which the kernel runs no program for some of its timers.
inline constexpr uint64_t kUnseenForgiven = 10;

class EventsLostRule {
 public:
  // Takes the totals by reason at `now_ns`. Returns one finding, which is of no listener: firing
  // while anything was lost in the last 15 minutes. Its value is how much.
  Finding evaluate(uint64_t now_ns, const std::map<std::string, uint64_t>& lost);

 private:
  struct Loss {
    uint64_t time_ns;
    uint64_t count;
  };

  std::map<std::string, uint64_t> totals_;
  std::map<std::string, std::deque<Loss>> losses_;  // of the last 15 minutes, oldest first
};

}  // namespace wsbpf
