// Asks a running daemon over its Unix socket.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace wsbpf {

// How long to wait for each piece of an answer.
enum class Patience : uint8_t {
  kTenSeconds,
  kForEver,  // of one that follows, where nothing may happen for hours
};

// GETs `target` and hands the body over in pieces as it arrives. An answer other than 200 is an
// error that carries the daemon's own words.
Result<void> http_get(const std::string& socket_path, const std::string& target,
                      const std::function<bool(std::string_view)>& sink,
                      Patience patience = Patience::kTenSeconds);

// Is there a daemon on that socket?
bool daemon_answers(const std::string& socket_path);

}  // namespace wsbpf
