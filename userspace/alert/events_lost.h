// EventsLost: something happened in the kernel that wsbpf was not told of.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "alert/alert.h"

namespace wsbpf {

inline constexpr std::string_view kEventsLost = "EventsLost";
inline constexpr uint64_t kLossHeld_ns = 15ull * 60 * 1'000'000'000;

class EventsLostRule {
 public:
  // Takes the totals by reason at `now_ns`. Returns one finding, which is of no listener: firing
  // from a loss on, until none has been for 15 minutes. Its value is how many were lost in all that
  // time.
  Finding evaluate(uint64_t now_ns, const std::map<std::string, uint64_t>& lost);

 private:
  std::map<std::string, uint64_t> before_;  // the firing began
  std::map<std::string, uint64_t> last_;
  uint64_t last_loss_ns_ = 0;  // 0: none
};

}  // namespace wsbpf
