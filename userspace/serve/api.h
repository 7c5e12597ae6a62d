// The routes of the HTTP interface, apart from sockets: a request's target in, an answer out.
#pragma once

#include <functional>
#include <string_view>

#include "serve/observed.h"
#include "serve/response.h"

namespace wsbpf {

// Who asks, which decides what is answered.
enum class Audience : uint8_t {
  kLocal,    // the Unix socket: everything, complete
  kPage,     // --listen: everything; peers redacted unless exposed
  kMetrics,  // --metrics-listen: metrics and health only
};

class Api {
 public:
  // `observe` returns what is observed now; the reference holds until the next call.
  Api(std::function<const Observed&()> observe, bool expose_peers)
      : observe_(std::move(observe)), expose_peers_(expose_peers) {}

  // Answers GET `target` ("/api/connections?limit=10").
  Response get(std::string_view target, Audience audience) const;

 private:
  std::function<const Observed&()> observe_;
  bool expose_peers_;
};

// An answer that says what is wrong: {"error":"…"}.
Response error_response(unsigned status, std::string_view message);

}  // namespace wsbpf
