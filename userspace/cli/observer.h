// The observer at work: source, table, sweeps and alerts, wired to one loop. `wsbpf run` puts HTTP
// and logs around it; the reading commands use one of their own where no daemon runs.
#pragma once

#include <absl/container/flat_hash_set.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/engine.h"
#include "cli/recordings.h"
#include "core/fact.h"
#include "core/result.h"
#include "core/watched_ports.h"
#include "serve/journal.h"
#include "serve/observed.h"
#include "source/bpf_source.h"
#include "source/procfs.h"
#include "source/sweeper.h"

namespace wsbpf {

// Tells of every pid that is asked for, once until forget().
class TellingLookup : public ProcessLookup {
 public:
  TellingLookup(ProcFs& procfs, std::function<void(const ProcessSeen&)> tell)
      : procfs_(procfs), tell_(std::move(tell)) {}

  std::optional<Process> find(uint32_t pid) override {
    auto process = procfs_.find(pid);
    if (told_.insert(pid).second) tell_({pid, process});
    return process;
  }

  void forget() {
    procfs_.forget();
    told_.clear();
  }

 private:
  ProcFs& procfs_;
  std::function<void(const ProcessSeen&)> tell_;
  absl::flat_hash_set<uint32_t> told_;
};

struct ObserverSettings {
  Watch watch;
  CloseWaitSettings close_wait;
  std::chrono::nanoseconds sweep_interval = std::chrono::seconds(5);
  std::string node;
  std::string state_file;                       // "": none
  std::string container_logs = kContainerLogs;  // "": none
  bool bpf_stats = false;
  uint32_t ring_bytes = BpfSource::kRingBytes;
};

// What the observer tells as it happens, on the loop's thread.
struct ObserverHooks {
  EngineHooks engine;
  std::function<void(const std::string&)> on_trouble;  // something could not be read or written
  std::function<void(const std::string&)> on_news;     // something was found
};

class Observer {
 public:
  // Attaches, and begins to sweep as soon as the loop runs. Errors say what is lacking (exit code:
  // unsupported).
  static Result<std::unique_ptr<Observer>> start(boost::asio::io_context& loop,
                                                 ObserverSettings settings, ObserverHooks hooks);
  ~Observer();

  // What is observed now, at most a quarter of a second old. Valid until the next call. While
  // somebody asks, sweeps come more often, so that counters are not five seconds old.
  const Observed& observe();

  // What was observed last, without looking again.
  const Observed& last() const { return engine_.observed(); }

  // What has happened lately.
  const Journal& journal() const { return journal_; }

  // Begins a recording of all that is seen from now on. Returns what hands over what was written
  // since the last call, or nothing once the recording has ended since nobody came for it.
  std::function<std::optional<std::string>()> record();

  // Takes new ports and thresholds while everything goes on. Ports that were discovered stay, as
  // long as more are to be.
  void change(const PortList& ports, const CloseWaitSettings& close_wait);

  // The first sweep is over: everything that was there at the start is in the table.
  bool is_complete() const { return engine_.observed().status.sweeps > 0; }

 private:
  Observer(boost::asio::io_context& loop, std::unique_ptr<BpfSource> source,
           ObserverSettings settings, ObserverHooks hooks);

  boost::asio::awaitable<void> keep_consuming();
  boost::asio::awaitable<void> keep_consuming_early();
  boost::asio::awaitable<void> keep_evaluating();
  boost::asio::awaitable<void> keep_sweeping();

  void feed(const Fact& fact);
  void note_discovered(std::span<const std::byte> record);
  void take_up_discovered();
  void watch_ports();
  void tell_programs();
  void tell(const std::function<void(const std::string&)>& hook, const std::string& what) const;
  void consume();
  void evaluate();
  void read_losses();
  void start_sweep();
  void on_sweep_records(std::span<const std::byte> records);
  void on_sweep_end(const SweepReport& report);
  void fill_status();
  void load_state();
  void save_state();

  ObserverSettings settings_;
  ObserverHooks hooks_;
  boost::asio::io_context& loop_;
  ProcFs procfs_;
  Recordings recordings_;
  TellingLookup lookup_;
  Engine engine_;
  Journal journal_;
  std::unique_ptr<BpfSource> source_;
  boost::asio::posix::stream_descriptor wakeup_;
  WatchedPorts ports_;
  std::vector<uint16_t> discovered_;  // and not taken up yet
  bool sweep_adopts_ = false;         // the one under way
  std::vector<std::string> sweep_errors_;
  uint64_t dropped_ = 0;         // records, when they were last counted
  uint64_t lost_in_stream_ = 0;  // of the ring buffer and of recursion, when last evaluated
  uint64_t files_due_ns_ = 0;    // no pass over file descriptors before this time
  uint64_t files_next_ns_ = 0;   // one at this time, though nothing asks for it
  uint64_t sweep_due_ns_ = 0;    // no sweep before this time, unless something was lost
  uint64_t last_sweep_ns_ = 0;
  uint64_t last_full_ns_ = 0;  // of every network namespace
  uint64_t last_saved_ns_ = 0;
  uint64_t saved_changes_ = UINT64_MAX;  // how much had happened when the state was last saved
  bool saving_failed_ = false;
  bool repair_wanted_ = false;  // something was lost or missing
  bool owners_wanted_ = false;  // by a recording, whatever file descriptors cost
  bool adopt_next_ = true;
  Sweeper sweeper_;  // last: its thread ends before anything else goes
};

}  // namespace wsbpf
