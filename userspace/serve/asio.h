// What the HTTP server and client share of Boost.Asio.
#pragma once

#include <fmt/format.h>
#include <sys/un.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>
#include <string>

#include "core/result.h"
#include "core/text.h"

namespace wsbpf {

// The completion token of a coroutine that looks at its errors.
inline auto into(boost::system::error_code& error) {
  return boost::asio::redirect_error(boost::asio::use_awaitable, error);
}

// Fails for a path that no Unix socket can have (exit code: usage).
inline Result<void> check_socket_path(const std::string& path) {
  constexpr size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;
  if (!path.empty() && path.size() <= kLongest) return {};
  return fail(fmt::format("the socket path '{}' must have 1 to {} characters: choose another with "
                          "--socket",
                          printable(path), kLongest),
              ExitCode::kUsage);
}

}  // namespace wsbpf
