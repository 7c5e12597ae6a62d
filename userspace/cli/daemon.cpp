#include "cli/daemon.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <csignal>

#include "cli/logging.h"
#include "core/ports.h"
#include "core/text.h"
#include "serve/event_lines.h"
#include "serve/json.h"
#include "source/bpf_features.h"

namespace wsbpf {

Daemon::Daemon(RunOptions options, Reload reload)
    : options_(std::move(options)),
      reload_(std::move(reload)),
      signals_(loop_, SIGINT, SIGTERM, SIGHUP),
      api_({[this]() -> const Observed& { return observer_->observe(); },
            [this]() -> const Journal& { return observer_->journal(); },
            [this] { return observer_->record(); }},
           options_.expose_peers),
      server_(loop_) {}

Result<void> Daemon::run() {
  std::signal(SIGPIPE, SIG_IGN);
  set_up_log(options_.log_level, options_.log_format);
  if (auto allowed = check_requirements(); !allowed) return allowed;
  if (auto listening = listen(); !listening) return listening;
  if (!options_.event_log.empty()) {
    auto opened = EventLog::open(options_.event_log);
    if (!opened) return tl::unexpected(opened.error());
    event_log_ = std::move(*opened);
  }
  if (auto observing = observe(); !observing) return observing;

  spdlog::info(
      "watching ports {} on node {}; socket {}, API {}, metrics {}",
      ports_text(options_.watch.ports, options_.watch.discover), printable(options_.node_name),
      printable(options_.socket), options_.listen.empty() ? "off" : "http://" + options_.listen,
      options_.metrics_listen.empty() ? "with the API" : "http://" + options_.metrics_listen);
  wait_for_signal();
  loop_.run();
  spdlog::info("ending");
  return {};
}

Result<void> Daemon::listen() {
  const auto for_audience = [this](Audience audience) {
    return [this, audience](std::string_view target) { return api_.get(target, audience); };
  };
  if (auto done = server_.listen_unix(options_.socket, for_audience(Audience::kLocal)); !done) {
    return done;
  }
  if (!options_.listen.empty()) {
    if (auto done = server_.listen_tcp(options_.listen, for_audience(Audience::kPage)); !done) {
      return wrap("--listen", done.error());
    }
  }
  if (!options_.metrics_listen.empty()) {
    const auto done = server_.listen_tcp(options_.metrics_listen, for_audience(Audience::kMetrics));
    if (!done) return wrap("--metrics-listen", done.error());
  }
  return {};
}

Result<void> Daemon::observe() {
  ObserverSettings settings;
  settings.watch = options_.watch;
  settings.close_wait = options_.close_wait;
  settings.sweep_interval = options_.sweep;
  settings.node = options_.node_name;
  settings.state_file = options_.state_file;
  settings.container_logs = options_.container_logs;
  settings.bpf_stats = options_.bpf_stats;
  settings.ring_bytes = options_.ring_bytes;
  ObserverHooks hooks;
  hooks.engine = event_hooks();
  hooks.on_trouble = [](const std::string& trouble) { spdlog::warn("{}", printable(trouble)); };
  hooks.on_news = [](const std::string& news) { spdlog::info("{}", printable(news)); };
  auto started = Observer::start(loop_, std::move(settings), std::move(hooks));
  if (!started) return tl::unexpected(started.error());
  observer_ = std::move(*started);
  event_context_.observed = &observer_->last();
  return {};
}

void Daemon::wait_for_signal() {
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    if (signal != SIGHUP) {
      loop_.stop();
      return;
    }
    on_hangup();
    wait_for_signal();
  });
}

void Daemon::on_hangup() {
  if (event_log_) {
    if (auto reopened = event_log_->reopen(); !reopened) spdlog::error(reopened.error().message);
  }
  const auto options = reload_();
  if (!options) {
    spdlog::error("reload: {}; everything stays as it was", options.error().message);
    return;
  }
  if (options->watch.websocket != options_.watch.websocket) {
    spdlog::warn("reload: no-websocket has changed, and holds after a restart only");
  }
  options_.watch.ports = options->watch.ports;
  options_.watch.discover = options->watch.discover;
  options_.close_wait = options->close_wait;
  options_.log_level = options->log_level;
  set_up_log(options_.log_level, options_.log_format);
  observer_->change({options_.watch.ports, options_.watch.discover}, options_.close_wait);
  spdlog::info(
      "reloaded: watching ports {}, CloseWaitAccumulation above {} for {} s, log level {}; other "
      "options change with a restart only",
      ports_text(options_.watch.ports, options_.watch.discover), options_.close_wait.threshold,
      static_cast<double>(options_.close_wait.for_ns) / 1e9, options_.log_level);
}

namespace {

void log_alert(const Alert& alert) {
  const Finding& finding = alert.finding;
  const auto level = alert.state == AlertState::kFiring ? spdlog::level::warn : spdlog::level::info;
  spdlog::log(level, "{} {} ({}): {}", finding.alert, alert_state_name(alert.state),
              severity_name(finding.severity), finding.summary);
}

void log_lost(std::string_view reason, uint64_t count) {
  // What a sweep has found is repaired by then.
  const auto level = reason == "unseen" ? spdlog::level::info : spdlog::level::warn;
  spdlog::log(level, "{} events were lost ({}); a sweep repairs the counts", count, reason);
}

}  // namespace

EngineHooks Daemon::event_hooks() {
  EngineHooks hooks;
  hooks.on_alert = log_alert;
  hooks.on_lost = log_lost;
  if (!event_log_) return hooks;
  event_context_.node_json = json_string(options_.node_name);
  return both(std::move(hooks),
              line_hooks(event_context_, [this](const std::string& line) { log_event(line); }));
}

void Daemon::log_event(std::string_view line) {
  const bool written = event_log_->write(line);
  if (!written && !event_log_failed_) spdlog::error("cannot write to the event log");
  event_log_failed_ = !written;
}

}  // namespace wsbpf
