// Everything that decisions are made from, in the order in which it came: from the kernel, or from
// a recording of it. What takes the same facts comes to the same conclusions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>

#include "core/connection_table.h"

namespace wsbpf {

// Whole records of the kernel's stream.
struct KernelRecords {
  std::span<const std::byte> bytes;
};

struct SweepBegan {
  uint64_t started_ns = 0;
  bool adopt = false;
};

// Whole records of an iterator.
struct SweptRecords {
  std::span<const std::byte> bytes;
};

struct SweepEnded {
  SweepResult result;
};

// Who a pid is, told before what names it; nothing: it cannot be known.
struct ProcessSeen {
  uint32_t pid = 0;
  std::optional<Process> process;
};

// Everything that happened until `now_ns` has been told; `lost`: but some of it was lost.
struct CaughtUp {
  uint64_t now_ns = 0;
  bool lost = false;
};

// The rules are to be evaluated.
struct EvaluationDue {
  uint64_t now_ns = 0;
  int64_t wall_clock_offset_ns = 0;      // from CLOCK_BOOTTIME to the time since the epoch
  std::map<std::string, uint64_t> lost;  // records lost since the start, by reason
};

// Other ports or thresholds from now on.
struct SettingsChanged {
  PortSet ports;
  uint32_t close_wait_threshold = 0;
  uint64_t close_wait_for_ns = 0;
};

// The ages of connections that an earlier observation of this boot knew: a state file.
struct StateRemembered {
  std::string text;
  std::string boot_id;
};

using Fact = std::variant<KernelRecords, SweepBegan, SweptRecords, SweepEnded, ProcessSeen,
                          CaughtUp, EvaluationDue, SettingsChanged, StateRemembered>;

}  // namespace wsbpf
