// All that decides, fed with facts: the same for the daemon, for a command that observes by itself,
// and for a recording. It reads no clock and no file.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "alert/alert.h"
#include "alert/close_wait.h"
#include "alert/events_lost.h"
#include "core/connection_table.h"
#include "core/fact.h"
#include "core/result.h"
#include "serve/event_lines.h"
#include "serve/journal.h"
#include "serve/observed.h"

namespace wsbpf {

struct EngineHooks {
  TableHooks table;
  std::function<void(const Alert&)> on_alert;
  std::function<void(std::string_view reason, uint64_t count)> on_lost;
};

// Hooks that make a line of everything, as serve/event_lines.h has it, and hand it to `write`.
// `context` must outlive them.
EngineHooks line_hooks(const EventContext& context,
                       std::function<void(const std::string& line)> write);

// Hooks that keep everything in `journal`. It and `observed` must outlive them.
EngineHooks journal_hooks(Journal& journal, const Observed& observed);

// Hooks that call those of `first`, then those of `second`.
EngineHooks both(EngineHooks first, EngineHooks second);

class Engine {
 public:
  Engine(Watch watch, CloseWaitSettings close_wait, ProcessLookup& lookup, EngineHooks hooks);

  // To be called after those that there are.
  void add_hooks(EngineHooks hooks);

  // Errors: a state that cannot be remembered.
  Result<void> take(const Fact& fact);

  // What the facts have come to: the Status in it is the caller's.
  Observed& observed() { return observed_; }
  const Observed& observed() const { return observed_; }
  const ConnectionTable& table() const { return table_; }
  const CloseWaitSettings& close_wait() const { return close_wait_; }

  // Records taken, by their place in Event; the last two come from sweeps.
  using EventCounts = std::array<uint64_t, std::variant_size_v<Event>>;
  const EventCounts& events() const { return events_; }

  // Looks at the listeners as they are at `now_ns`.
  void summarize(uint64_t now_ns);

 private:
  Result<void> take_fact(const KernelRecords& fact);
  Result<void> take_fact(const SweepBegan& fact);
  Result<void> take_fact(const SweptRecords& fact);
  Result<void> take_fact(const SweepEnded& fact);
  Result<void> take_fact(const ProcessSeen&) { return {}; }  // answered by the lookup
  Result<void> take_fact(const CaughtUp& fact);
  Result<void> take_fact(const EvaluationDue& fact);
  Result<void> take_fact(const SettingsChanged& fact);
  Result<void> take_fact(const StateRemembered& fact);
  void note_losses(const EvaluationDue& fact);
  void note_rates();

  CloseWaitSettings close_wait_;
  EngineHooks hooks_;
  ConnectionTable table_;
  CloseWaitRule close_wait_rule_;
  EventsLostRule events_lost_rule_;
  AlertMachine alerts_;
  Observed observed_;
  EventCounts events_{};
  std::vector<Event> swept_;                   // room for one piece of a sweep
  std::map<std::string, uint64_t> lost_told_;  // by reason
  struct RateSample {
    uint64_t time_ns;
    std::map<ListenerKey, std::pair<uint64_t, uint64_t>> totals;  // opened, closed
  };
  std::deque<RateSample> rate_samples_;
};

}  // namespace wsbpf
