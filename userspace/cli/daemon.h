// The daemon: the observer, with logs, event log, HTTP and signals around it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <functional>
#include <memory>
#include <utility>

#include "cli/observer.h"
#include "cli/run_options.h"
#include "core/result.h"
#include "serve/api.h"
#include "serve/event_log.h"
#include "serve/http_server.h"

namespace wsbpf {

class Daemon {
 public:
  // Reads the options again, for SIGHUP.
  using Reload = std::function<Result<RunOptions>()>;

  Daemon(RunOptions options, Reload reload);

  // Runs until SIGTERM or SIGINT.
  Result<void> run();

 private:
  Result<void> listen();
  Result<void> observe();
  void wait_for_signal();
  void on_hangup();
  EngineHooks event_hooks();
  void log_event(std::string_view line);

  RunOptions options_;
  Reload reload_;
  boost::asio::io_context loop_;
  boost::asio::signal_set signals_;
  std::unique_ptr<EventLog> event_log_;
  bool event_log_failed_ = false;
  EventContext event_context_;
  std::unique_ptr<Observer> observer_;
  Api api_;
  HttpServer server_;
};

}  // namespace wsbpf
