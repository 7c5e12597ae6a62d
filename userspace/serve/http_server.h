// HTTP over TCP and over a Unix socket, on the caller's loop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "serve/response.h"

namespace wsbpf {

// Answers GET of a target.
using HttpHandler = std::function<Response(std::string_view target)>;

class HttpServer {
 public:
  explicit HttpServer(boost::asio::io_context& loop);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Listens on "ADDRESS:PORT" ("127.0.0.1:19435", "[::1]:0"). Errors say what to do.
  Result<void> listen_tcp(const std::string& address, HttpHandler handler);

  // Listens on a socket file of mode 0660, made with its folder where that is missing. A file that
  // a daemon left behind is replaced; one that a daemon still listens on is an error. The file is
  // removed with the server.
  Result<void> listen_unix(const std::string& path, HttpHandler handler);

 private:
  boost::asio::io_context& loop_;
  std::vector<std::function<void()>> close_;
};

// Splits "ADDRESS:PORT"; IPv6 addresses stand in brackets. Errors say how it is written (exit code:
// usage).
struct HostPort {
  std::string address;
  uint16_t port = 0;
};
Result<HostPort> parse_host_port(std::string_view text);

}  // namespace wsbpf
