// The routes of the HTTP interface, apart from sockets: a request's target in, an answer out.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "serve/journal.h"
#include "serve/observed.h"
#include "serve/response.h"

namespace wsbpf {

// Who asks, which decides what is answered.
enum class Audience : uint8_t {
  kLocal,    // the Unix socket: everything, complete
  kPage,     // --listen: everything; peers redacted unless exposed
  kMetrics,  // --metrics-listen: metrics and health only
};

// What the API asks of the observer.
struct ApiSources {
  // What is observed now; the reference holds until the next call.
  std::function<const Observed&()> observe;
  // What happened lately; lives as long as the observer.
  std::function<const Journal&()> journal;
  // Begins a recording; returns what hands it over in pieces, as Response::next_piece does.
  std::function<std::function<std::optional<std::string>()>()> record;
};

class Api {
 public:
  Api(ApiSources sources, bool expose_peers)
      : sources_(std::move(sources)), expose_peers_(expose_peers) {}

  // Answers GET `target` ("/api/connections?limit=10").
  Response get(std::string_view target, Audience audience) const;

 private:
  ApiSources sources_;
  bool expose_peers_;
};

// An answer that says what is wrong: {"error":"…"}.
Response error_response(unsigned status, std::string_view message);

}  // namespace wsbpf
