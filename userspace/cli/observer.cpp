#include "cli/observer.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <iterator>
#include <numeric>

#include "core/state_file.h"
#include "source/bpf_features.h"
#include "source/files.h"
#include "source/kernel_clock.h"

namespace wsbpf {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr auto kConsumeEvery = milliseconds(100);
constexpr auto kEvaluateEvery = milliseconds(500);
constexpr char kNoDiscovery[] = "no ports can be discovered: WebSockets are not read";
constexpr uint64_t kFreshFor_ns = 250'000'000;

// What observing may cost: sweeps a twenty-fifth of a core, passes over all file descriptors of the
// host, the costliest thing we do, a fiftieth. They come less often where they would take more.
constexpr uint64_t kSweepShare = 25;
constexpr uint64_t kFilesShare = 50;

// Without a special reason, the network namespaces that held nothing of interest are looked at once
// a minute; so are file descriptors, and more often, up to each sweep, where that takes no more
// than a two-hundredth of a core: sockets change hands without a word.
constexpr uint64_t kEverythingEvery_ns = 60'000'000'000;
constexpr uint64_t kFilesUnaskedShare = 200;

constexpr uint64_t kAskedSweepEvery_ns = 1'000'000'000;  // while somebody looks

constexpr uint64_t kSaveEvery_ns = 5'000'000'000;

// Names of the records, by their place in Event; the last two come from sweeps.
constexpr std::array<std::string_view, std::variant_size_v<Event>> kEventNames = {
    "opened",        "state",      "closed",     "destroyed",
    "retransmit",    "reset",      "left",       "synack_retransmit",
    "websocket",     "unreadable", "discovered", "swept_socket",
    "swept_minisock"};

constexpr size_t kStreamEvents = kEventNames.size() - 2;

uint64_t corrections_total(const ConnectionTable& table) {
  return std::accumulate(table.corrections().begin(), table.corrections().end(), uint64_t{0});
}

std::string kernel_release() {
  utsname name{};
  uname(&name);
  return name.release;
}

std::string unread_text(const std::string& trouble) {
  return fmt::format("WebSockets are not read (no phases, messages or close codes): {}", trouble);
}

// From CLOCK_BOOTTIME to the time since the epoch, as the clocks are now.
int64_t wall_clock_offset_ns() {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<nanoseconds>(wall).count() -
         static_cast<int64_t>(boot_time_ns());
}

// Runs `task` every `period`, until the loop ends.
template <typename Task>
asio::awaitable<void> every(nanoseconds period, Task task) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  boost::system::error_code error;
  while (!error) {
    task();
    timer.expires_after(period);
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
  }
}

}  // namespace

Result<std::unique_ptr<Observer>> Observer::start(asio::io_context& loop, ObserverSettings settings,
                                                  ObserverHooks hooks) {
  auto source = BpfSource::open(settings.watch, settings.ring_bytes);
  if (!source) return tl::unexpected(source.error());
  if (!(*source)->websocket_trouble().empty()) settings.watch.websocket = false;
  if (settings.bpf_stats) {
    if (auto enabled = (*source)->enable_statistics(); !enabled) {
      return tl::unexpected(enabled.error());
    }
  }
  std::unique_ptr<Observer> observer(
      new Observer(loop, std::move(*source), std::move(settings), std::move(hooks)));
  asio::co_spawn(loop, observer->keep_sweeping(), asio::detached);
  asio::co_spawn(loop, observer->keep_consuming(), asio::detached);
  asio::co_spawn(loop, observer->keep_consuming_early(), asio::detached);
  asio::co_spawn(loop, observer->keep_evaluating(), asio::detached);
  return observer;
}

Observer::Observer(asio::io_context& loop, std::unique_ptr<BpfSource> source,
                   ObserverSettings settings, ObserverHooks hooks)
    : settings_(std::move(settings)),
      hooks_(std::move(hooks)),
      loop_(loop),
      procfs_(settings_.container_logs),
      lookup_(procfs_, [this](const ProcessSeen& seen) { recordings_.take(seen); }),
      engine_(settings_.watch, settings_.close_wait, lookup_, hooks_.engine),
      source_(std::move(source)),
      wakeup_(loop, dup(source_->wakeup_fd())),
      ports_({settings_.watch.ports, settings_.watch.discover}),
      sweeper_(*source_, loop,
               {[this](uint64_t started_ns) {
                  lookup_.forget();
                  feed(SweepBegan{started_ns, sweep_adopts_});
                },
                [this](std::span<const std::byte> records) { on_sweep_records(records); },
                [this](const SweepReport& report) { on_sweep_end(report); }}) {
  engine_.add_hooks(journal_hooks(journal_, engine_.observed()));
  Status& status = engine_.observed().status;
  status.version = WSBPF_VERSION;
  status.node = settings_.node;
  status.kernel = kernel_release();
  status.pid = static_cast<uint32_t>(getpid());
  status.started_ns = boot_time_ns();
  status.reset_reasons = reset_reasons();
  status.usage.start_time_seconds =
      static_cast<double>(static_cast<int64_t>(status.started_ns) + wall_clock_offset_ns()) / 1e9;
  engine_.observed().wall_clock_offset_ns = wall_clock_offset_ns();
  tell_programs();
  status.websocket_trouble = source_->websocket_trouble();
  if (!status.websocket_trouble.empty()) {
    tell(hooks_.on_trouble, unread_text(status.websocket_trouble));
  }
  if (settings_.watch.discover && !settings_.watch.websocket) {
    tell(hooks_.on_trouble, kNoDiscovery);
  }
  load_state();
}

void Observer::tell(const std::function<void(const std::string&)>& hook,
                    const std::string& what) const {
  if (hook) hook(what);
}

void Observer::feed(const Fact& fact) {
  if (auto taken = engine_.take(fact); !taken) tell(hooks_.on_trouble, taken.error().message);
  recordings_.take(fact);  // whom the engine has asked for meanwhile comes first
}

std::function<std::optional<std::string>()> Observer::record() {
  RecordingHeader header;
  header.version = WSBPF_VERSION;
  header.node = settings_.node;
  header.kernel = last().status.kernel;
  header.boot_id = boot_id();
  header.watch = settings_.watch;
  header.close_wait_threshold = settings_.close_wait.threshold;
  header.close_wait_for_ns = settings_.close_wait.for_ns;
  header.wall_clock_offset_ns = last().wall_clock_offset_ns;
  header.reset_reasons = last().status.reset_reasons;

  consume();
  auto recording = recordings_.begin(
      header, encode_state(engine_.table().connections(), header.boot_id), last().status.lost);
  lookup_.forget();
  repair_wanted_ = true;
  owners_wanted_ = true;
  start_sweep();
  return recording;
}

Observer::~Observer() {
  if (is_complete()) save_state();
}

asio::awaitable<void> Observer::keep_consuming() {
  return every(kConsumeEvery, [this] { consume(); });
}

asio::awaitable<void> Observer::keep_evaluating() {
  return every(kEvaluateEvery, [this] { evaluate(); });
}

asio::awaitable<void> Observer::keep_sweeping() {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  boost::system::error_code error;
  while (!error) {
    start_sweep();
    timer.expires_after(settings_.sweep_interval);
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
    const uint64_t now_ns = boot_time_ns();
    if (error || now_ns >= sweep_due_ns_) continue;
    timer.expires_after(nanoseconds(sweep_due_ns_ - now_ns));
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
  }
}

// The kernel wakes us once when the ring buffer passes half full.
asio::awaitable<void> Observer::keep_consuming_early() {
  boost::system::error_code error;
  while (!error) {
    co_await wakeup_.async_wait(asio::posix::stream_descriptor::wait_read,
                                asio::redirect_error(asio::use_awaitable, error));
    if (!error) consume();
  }
}

void Observer::consume() {
  const uint64_t now_ns = boot_time_ns();
  source_->consume([this](std::span<const std::byte> record) {
    feed(KernelRecords{record});
    note_discovered(record);
  });
  take_up_discovered();
  const auto drops = source_->drops();
  const uint64_t dropped = std::accumulate(drops.begin(), drops.end(), uint64_t{0});
  feed(CaughtUp{now_ns, std::exchange(dropped_, dropped) != dropped});
}

void Observer::note_discovered(std::span<const std::byte> record) {
  if (record.empty() || static_cast<uint8_t>(record.front()) != WSBPF_RECORD_DISCOVERED) return;
  const auto event = decode(record);
  const auto* found = event ? std::get_if<wsbpf_discovered>(&*event) : nullptr;
  if (found != nullptr) discovered_.push_back(static_cast<uint16_t>(found->port));
}

void Observer::take_up_discovered() {
  if (discovered_.empty()) return;
  const size_t left_before = ports_.left();
  for (const uint16_t port : std::exchange(discovered_, {})) {
    if (!ports_.discover(port)) continue;
    tell(hooks_.on_news,
         fmt::format("watching port {}: a listener there answers WebSocket upgrades", port));
  }
  if (left_before > 0 && ports_.left() == 0) {
    tell(hooks_.on_trouble,
         fmt::format("{} ports were discovered, and no more will be: name those to watch with "
                     "--port",
                     WatchedPorts::kMostDiscovered));
  }
  watch_ports();
}

// The programs take up by themselves what they discover. Whatever of it is not wanted any more, or
// was told by a record that was lost, is taken back by this, and may be discovered again.
void Observer::tell_programs() {
  source_->set_discoveries_left(settings_.watch.websocket ? ports_.left() : 0);
  source_->set_ports(ports_.all());
}

void Observer::watch_ports() {
  tell_programs();
  const PortSet ports = ports_.all();
  const bool changed = std::exchange(settings_.watch.ports, ports) != ports;
  feed(SettingsChanged{ports, settings_.close_wait.threshold, settings_.close_wait.for_ns});
  if (!changed) return;
  adopt_next_ = true;  // what is there already is found by a sweep
  repair_wanted_ = true;
  start_sweep();
}

const Observed& Observer::observe() {
  const uint64_t now_ns = boot_time_ns();
  consume();  // what was told a moment ago counts
  if (now_ns - last().now_ns > kFreshFor_ns) engine_.summarize(now_ns);
  if (now_ns > std::max(sweep_due_ns_, last_sweep_ns_ + kAskedSweepEvery_ns)) start_sweep();
  fill_status();
  return last();
}

void Observer::evaluate() {
  consume();
  source_->follow_clock();
  if (is_complete() && boot_time_ns() - last_saved_ns_ > kSaveEvery_ns) save_state();
  read_losses();
  const uint64_t now_ns = boot_time_ns();
  const LostEvents& lost = last().status.lost;
  feed(EvaluationDue{now_ns, wall_clock_offset_ns(), lost.by_reason()});
  // What an iterator could not read, and what a sweep has repaired, the next sweep sees to.
  const uint64_t in_stream = lost.total() - lost.iterator - lost.unseen;
  if (std::exchange(lost_in_stream_, in_stream) == in_stream) return;
  tell_programs();
  repair_wanted_ = true;
  start_sweep();
}

void Observer::read_losses() {
  LostEvents& lost = engine_.observed().status.lost;
  const auto drops = source_->drops();
  for (size_t i = 0; i < drops.size(); ++i) {
    lost.ring_buffer[std::string(kProgramNames[i])] = drops[i];
  }
  lost.recursion = source_->recursion_misses();
  lost.unseen = corrections_total(engine_.table());
}

void Observer::change(const PortList& ports, const CloseWaitSettings& close_wait) {
  consume();
  settings_.close_wait = close_wait;
  settings_.watch.discover = ports.discover;
  if (ports.discover && !settings_.watch.websocket) tell(hooks_.on_trouble, kNoDiscovery);
  ports_.ask(ports);
  watch_ports();
}

void Observer::start_sweep() {
  const uint64_t now_ns = boot_time_ns();
  SweepRequest request;
  request.every_namespace =
      !is_complete() || repair_wanted_ || now_ns - last_full_ns_ > kEverythingEvery_ns;
  if (!request.every_namespace) request.namespaces = engine_.table().namespaces();
  const bool files_wanted =
      repair_wanted_ || engine_.table().has_unconfirmed_owners() || now_ns >= files_next_ns_;
  request.with_files =
      !is_complete() || owners_wanted_ || (files_wanted && now_ns >= files_due_ns_);
  const bool everywhere = request.every_namespace;
  const bool repairs = everywhere && request.with_files;
  if (!sweeper_.start(std::move(request))) return;
  sweep_adopts_ = everywhere && std::exchange(adopt_next_, false);
  if (!repairs) return;
  repair_wanted_ = false;
  owners_wanted_ = false;
}

void Observer::on_sweep_records(std::span<const std::byte> records) {
  consume();  // what happened before these sockets were read comes first
  feed(SweptRecords{records});
}

void Observer::on_sweep_end(const SweepReport& report) {
  consume();
  const uint64_t corrections = corrections_total(engine_.table());
  feed(SweepEnded{report.result});
  if (corrections_total(engine_.table()) != corrections) repair_wanted_ = true;

  Status& status = engine_.observed().status;
  // The first answers are of everything that was there, and not of a summary from before.
  if (status.sweeps++ == 0) engine_.summarize(boot_time_ns());
  status.last_sweep_seconds = std::chrono::duration<double>(report.duration).count();
  status.namespaces = report.namespaces;
  status.full_coverage = report.errors.empty();
  status.lost.iterator += report.errors.size();
  last_sweep_ns_ = boot_time_ns();
  const auto cpu_ns = static_cast<uint64_t>(report.cpu_time.count());
  sweep_due_ns_ = last_sweep_ns_ + (report.request.with_files ? 0 : kSweepShare * cpu_ns);
  if (report.request.every_namespace) last_full_ns_ = last_sweep_ns_;
  if (report.request.with_files) {
    files_due_ns_ = last_sweep_ns_ + kFilesShare * cpu_ns;
    files_next_ns_ = last_sweep_ns_ + std::min(kEverythingEvery_ns, kFilesUnaskedShare * cpu_ns);
  }
  if (report.errors != sweep_errors_) {
    for (const std::string& error : report.errors) tell(hooks_.on_trouble, error);
  }
  sweep_errors_ = report.errors;
}

void Observer::load_state() {
  if (settings_.state_file.empty()) return;
  const auto complain = [this](const Error& error) {
    tell(hooks_.on_trouble, fmt::format("the state file {}: {}; ages begin anew",
                                        settings_.state_file, error.message));
  };
  const auto text = read_file(settings_.state_file);
  if (!text) return complain(text.error());
  if (!*text) return;  // the first run
  const auto remembered = engine_.take(StateRemembered{**text, boot_id()});
  if (!remembered) complain(remembered.error());
}

void Observer::save_state() {
  last_saved_ns_ = boot_time_ns();
  const uint64_t changes =
      std::accumulate(engine_.events().begin(), engine_.events().begin() + kStreamEvents,
                      corrections_total(engine_.table()));
  if (settings_.state_file.empty() || saved_changes_ == changes) return;
  const auto written =
      replace_file(settings_.state_file, encode_state(engine_.table().connections(), boot_id()));
  if (!written && !saving_failed_) tell(hooks_.on_trouble, written.error().message);
  saving_failed_ = !written;
  if (written) saved_changes_ = changes;
}

void Observer::fill_status() {
  Observed& observed = engine_.observed();
  Status& status = observed.status;
  status.discovery = settings_.watch.discover;
  status.discovered_ports = ports_.discovered();
  status.sweep_interval_seconds = std::chrono::duration<double>(settings_.sweep_interval).count();
  status.close_wait_threshold = settings_.close_wait.threshold;
  status.close_wait_for_seconds = static_cast<double>(settings_.close_wait.for_ns) / 1e9;
  for (size_t i = 0; i < kEventNames.size(); ++i) {
    status.events[std::string(kEventNames[i])] = engine_.events()[i];
  }

  status.reasons.clear();
  if (!procfs_.sees_host_pids()) {
    status.reasons.push_back("not in the host's pid namespace: no owner can be known");
  }
  if (!status.websocket_trouble.empty()) {
    status.reasons.push_back(unread_text(status.websocket_trouble));
  }
  if (settings_.watch.discover && !settings_.watch.websocket) {
    status.reasons.push_back(kNoDiscovery);
  }
  for (const std::string& error : sweep_errors_) {
    status.reasons.push_back("not everything could be read: " + error);
  }
  for (const Alert& alert : observed.alerts) {
    if (alert.finding.alert == kEventsLost) status.reasons.push_back(alert.finding.summary);
  }
  if (settings_.bpf_stats) {
    status.programs.clear();
    for (const auto& runs : source_->program_runs()) {
      status.programs.push_back({std::string(runs.program), runs.runs, runs.run_ns});
    }
  }
  const SelfUsage usage = self_usage();
  status.usage.cpu_seconds = usage.cpu_seconds;
  status.usage.resident_bytes = usage.resident_bytes;
  status.usage.virtual_bytes = usage.virtual_bytes;
  status.usage.open_fds = usage.open_fds;

  observed.owner_rss_bytes.clear();
  for (const ListenerSummary& listener : observed.listeners) {
    for (const Process& owner : listener.owners) {
      if (const auto rss = resident_bytes(owner.pid)) observed.owner_rss_bytes[owner.pid] = *rss;
    }
  }
}

}  // namespace wsbpf
