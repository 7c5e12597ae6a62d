// One connection explained to a person: what happened, in which order, what shows that, and what to
// do about it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/connection.h"
#include "core/verdict.h"
#include "core/websocket.h"

namespace wsbpf {

// A sweep found the connection half-open, or in another way, or no more.
struct HalfOpenMoment {
  uint64_t time_ns = 0;
  HalfOpen kind{};
};

// What came for a connection whose verdict had been given.
struct LateRace {
  uint64_t time_ns = 0;
  Race race{};
};

// What is known of one connection. Times are nanoseconds of CLOCK_BOOTTIME.
struct ExplanationSubject {
  const Connection* connection = nullptr;  // as it is, or was when it ended
  const Process* owner = nullptr;          // nullptr: not known
  const Evidence* evidence = nullptr;      // of its end, as far as that has come
  const Judgement* judgement = nullptr;    // nullptr: it lives, or no verdict has been given yet
  const WebSocket* websocket = nullptr;    // of one that lives; of another the evidence has it
  uint64_t now_ns = 0;
  const std::map<int, std::string>* reset_reasons = nullptr;  // the kernel's names
  std::vector<HalfOpenMoment> half_open;                      // as far as they are remembered
  std::vector<LateRace> late_races;
  bool redact_peer = false;  // the peer's address is cut in every text
};

struct TimelineEntry {
  uint64_t time_ns = 0;
  std::string_view what;  // a stable word: docs/explain.md
  std::string text;
  bool at_least = false;  // it was so at that time, and may have begun earlier
};

struct EvidenceItem {
  std::string_view name;  // as in docs/api.md
  std::string value;
  std::string meaning;  // for this connection
};

struct Explanation {
  std::string summary;                  // one sentence
  std::vector<TimelineEntry> timeline;  // oldest first
  std::vector<Frame> frames;            // the last of a WebSocket, oldest first
  std::vector<EvidenceItem> evidence;   // what matters for the verdict comes first
  std::vector<std::string> advice;      // never empty: where all is well, it says so
  std::string documentation;            // where to read on; "": nowhere
};

Explanation explain(const ExplanationSubject& subject);

// Every name that an item of the evidence may have, of connections that have ended.
std::vector<std::string_view> evidence_names();

}  // namespace wsbpf
