// Whom a reading command asks: the daemon, or an observer of its own where none runs.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"
#include "serve/http_client.h"

namespace wsbpf {

class Backend {
 public:
  virtual ~Backend() = default;
  // GETs a target of the API and hands its body over in pieces, until `sink` returns false. May be
  // called from any thread, by one at a time.
  virtual Result<void> get(const std::string& target,
                           const std::function<bool(std::string_view)>& sink,
                           Patience patience = Patience::kTenSeconds) = 0;
};

struct BackendSettings {
  std::string socket;
  std::string ports;             // what to watch when observing by itself
  bool no_websocket = false;     // and its packets are not to be read
  bool may_observe = true;       // else a daemon is needed
  bool wait_for_alerts = false;  // observe for as long as an alert needs to fire
};

// Says on stderr when no daemon answers and it observes by itself. Errors tell what is lacking for
// either (exit code: failure, usage or unsupported).
Result<std::shared_ptr<Backend>> open_backend(const BackendSettings& settings);

// The whole body of an answer.
Result<std::string> get_text(Backend& backend, const std::string& target);

}  // namespace wsbpf
