// What an alert is, and the machine that carries each one from pending to resolved.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/listener.h"

namespace wsbpf {

enum class Severity : uint8_t { kWarning, kCritical };
enum class AlertState : uint8_t { kPending, kFiring, kResolved };

constexpr std::string_view severity_name(Severity severity) {
  return severity == Severity::kWarning ? "warning" : "critical";
}

constexpr std::string_view alert_state_name(AlertState state) {
  switch (state) {
    case AlertState::kPending:
      return "pending";
    case AlertState::kFiring:
      return "firing";
    case AlertState::kResolved:
      return "resolved";
  }
  return "";
}

// What a rule finds for one listener now.
struct Finding {
  enum class Level : uint8_t { kInBounds, kPending, kFiring };

  std::string_view alert;  // the rule's name, of static storage
  ListenerKey listener;
  std::string comm;
  Place place;
  Level level = Level::kInBounds;
  Severity severity = Severity::kWarning;
  double value = 0;
  double threshold = 0;
  std::string summary;  // one sentence for a person
};

struct Alert {
  Finding finding;  // severity: as of the last evaluation that was out of bounds
  AlertState state = AlertState::kPending;
  uint64_t since_ns = 0;  // CLOCK_BOOTTIME: when it entered this state
};

// Documentation of the alert, named in every report of it.
std::string runbook_of(std::string_view alert);

// Who a listener is of, for a summary: "node[4121] and 2 more in pod shop/chat-7f".
std::string owners_text(const ListenerSummary& listener);

// An alert that is out of bounds stays until it has been back in bounds for this long.
inline constexpr uint64_t kResolveAfter_ns = 10ull * 1'000'000'000;

class AlertMachine {
 public:
  // Takes what every rule finds at `now_ns`, and returns the alerts that changed: became pending
  // or firing, changed their severity, or were resolved. An alert whose finding is missing is in
  // bounds. One that was only ever pending leaves without a word.
  std::vector<Alert> update(uint64_t now_ns, const std::vector<Finding>& findings);

  // What is pending or firing now.
  std::vector<Alert> active() const;

 private:
  struct Entry {
    Alert alert;
    uint64_t in_bounds_since_ns = 0;  // 0: out of bounds
    uint64_t milder_since_ns = 0;     // 0: as severe as it is said to be
  };

  static Severity settled_severity(Entry& entry, Severity found, uint64_t now_ns);

  std::map<std::pair<std::string_view, ListenerKey>, Entry> entries_;
};

}  // namespace wsbpf
