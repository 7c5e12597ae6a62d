#include "serve/http_server.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <chrono>
#include <cstring>
#include <filesystem>

#include "core/filter.h"
#include "core/text.h"
#include "serve/api.h"
#include "serve/asio.h"

namespace wsbpf {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using Local = asio::local::stream_protocol;

constexpr auto kPatience =
    std::chrono::seconds(30);  // for the next request, or a piece of an answer
constexpr auto kFirstPatience = std::chrono::seconds(5);  // for the first request
// The longest filter with each of its bytes as %XX, and what else a head holds.
constexpr uint32_t kHeaderLimit = 3 * Filter::kMostBytes + (8 << 10);
constexpr size_t kMostConnections = 512;  // on one address; more are closed at once

constexpr auto kPieceEvery = std::chrono::milliseconds(100);  // of an answer that follows

template <typename Protocol>
using Stream = beast::basic_stream<Protocol>;

// Who follows, and has gone, would be noticed by the next piece only, which may never come.
bool has_left(int socket) {
  pollfd gone{socket, POLLRDHUP, 0};
  return poll(&gone, 1, 0) > 0;
}

template <typename Protocol>
asio::awaitable<void> write_pieces(Stream<Protocol>& stream, http::response<http::empty_body> head,
                                   const Response& answer, beast::error_code& error) {
  asio::steady_timer pause(stream.get_executor());
  const bool chunked = head.version() >= 11;
  head.chunked(chunked);
  http::response_serializer<http::empty_body> serializer(head);
  co_await http::async_write_header(stream, serializer, into(error));
  while (!error) {
    if (answer.may_stall) {
      stream.expires_never();
    } else {
      stream.expires_after(kPatience);
    }
    const auto piece = answer.next_piece();
    if (!piece) break;
    if (piece->empty()) {
      if (has_left(stream.socket().native_handle())) break;
      pause.expires_after(kPieceEvery);
      co_await pause.async_wait(into(error));
      continue;
    }
    if (chunked) {
      co_await asio::async_write(stream, http::make_chunk(asio::buffer(*piece)), into(error));
    } else {
      co_await asio::async_write(stream, asio::buffer(*piece), into(error));
    }
  }
  if (!error && chunked) co_await asio::async_write(stream, http::make_chunk_last(), into(error));
}

template <typename Protocol>
asio::awaitable<void> write_response(Stream<Protocol>& stream, Response answer, unsigned version,
                                     bool keep_alive, bool head_only, beast::error_code& error) {
  const auto fill = [&](auto& message) {
    message.result(answer.status);
    message.version(version);
    message.keep_alive(keep_alive);
    message.set(http::field::content_type, answer.content_type);
    message.set(http::field::cache_control, "no-store");
    message.set("X-Content-Type-Options", "nosniff");
    for (const auto& [name, value] : answer.headers) message.set(name, value);
  };
  if (answer.next_piece && !head_only) {
    http::response<http::empty_body> head;
    fill(head);
    co_await write_pieces(stream, std::move(head), answer, error);
    co_return;
  }
  http::response<http::string_body> message;
  fill(message);
  const size_t length = answer.body.size();
  if (!head_only) message.body() = std::move(answer.body);
  if (!answer.next_piece) message.content_length(length);
  co_await http::async_write(stream, message, into(error));
}

// A request that came, but cannot be understood; not one that never came whole.
bool is_malformed(const beast::error_code& error) {
  return error.category() == beast::error_code(http::error::bad_method).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

template <typename Protocol>
asio::awaitable<void> serve(typename Protocol::socket socket, HttpHandler handler,
                            std::shared_ptr<size_t> open) {
  // The count goes down however the coroutine ends.
  const std::shared_ptr<void> leave(nullptr, [open](void*) { --*open; });
  Stream<Protocol> stream(std::move(socket));
  beast::flat_buffer buffer;
  beast::error_code error;
  auto patience = kFirstPatience;  // who only connects does not keep others out for long
  while (!error) {
    http::request_parser<http::empty_body> parser;
    parser.header_limit(kHeaderLimit);
    parser.body_limit(0);
    stream.expires_after(std::exchange(patience, kPatience));
    co_await http::async_read(stream, buffer, parser, into(error));
    if (error && !is_malformed(error)) break;
    const bool malformed = bool(error);
    const bool oversized = error == http::error::header_limit;
    error = {};
    const auto& request = parser.get();
    const bool head_only = request.method() == http::verb::head;
    const bool keep_alive = !malformed && request.keep_alive();
    Response answer;
    const bool get = request.method() == http::verb::get || head_only;
    if (oversized) {
      answer = error_response(431, "the request's head is too long");
    } else if (!get && (!malformed || request.method() != http::verb::unknown)) {
      answer = error_response(405, "only GET is answered here");
    } else if (malformed) {
      answer =
          error_response(400, "this is no HTTP that is understood here: only GET without a body");
    } else {
      answer = handler({request.target().data(), request.target().size()});
    }
    stream.expires_after(kPatience);
    const bool in_pieces_of_old =
        answer.next_piece != nullptr && request.version() < 11;  // ends with the connection
    co_await write_response(stream, std::move(answer), request.version(),
                            keep_alive && !in_pieces_of_old, head_only, error);
    if (!keep_alive || in_pieces_of_old) break;
  }
  beast::error_code ignored;
  stream.socket().shutdown(Protocol::socket::shutdown_send, ignored);
}

template <typename Protocol>
asio::awaitable<void> accept_all(std::shared_ptr<typename Protocol::acceptor> acceptor,
                                 HttpHandler handler) {
  const auto open = std::make_shared<size_t>(0);
  while (acceptor->is_open()) {
    beast::error_code error;
    typename Protocol::socket socket = co_await acceptor->async_accept(into(error));
    if (error == asio::error::operation_aborted) break;
    if (error) {  // out of descriptors, say: let the others finish
      asio::steady_timer pause(acceptor->get_executor(), std::chrono::milliseconds(100));
      co_await pause.async_wait(into(error));
      continue;
    }
    if (*open >= kMostConnections) continue;
    ++*open;
    asio::co_spawn(acceptor->get_executor(), serve<Protocol>(std::move(socket), handler, open),
                   asio::detached);
  }
}

// Does somebody answer on this socket file?
bool is_alive(asio::io_context& loop, const std::string& path) {
  Local::socket socket(loop);
  beast::error_code error;
  socket.connect(Local::endpoint(path), error);
  return !error;
}

tl::unexpected<Error> cannot_listen(std::string_view where, const beast::error_code& error,
                                    std::string_view advice) {
  return fail(
      fmt::format("cannot listen on {}: {}; {}", printable(where), error.message(), advice));
}

}  // namespace

HttpServer::HttpServer(asio::io_context& loop) : loop_(loop) {}

HttpServer::~HttpServer() {
  for (const auto& close : close_) close();
}

Result<void> HttpServer::listen_tcp(const std::string& address, HttpHandler handler) {
  const auto host = parse_host_port(address);
  if (!host) return tl::unexpected(host.error());
  beast::error_code error;
  const auto ip = asio::ip::make_address(host->address, error);
  if (error) {
    return fail(fmt::format("'{}' is no IP address: write ADDRESS:PORT, such as 127.0.0.1:19435",
                            printable(host->address)),
                ExitCode::kUsage);
  }
  const tcp::endpoint endpoint(ip, host->port);
  auto acceptor = std::make_shared<tcp::acceptor>(loop_);
  acceptor->open(endpoint.protocol(), error);
  if (!error) acceptor->set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor->bind(endpoint, error);
  if (!error) acceptor->listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    return cannot_listen(address, error,
                         "choose another address, or end what uses this one (ss -ltnp shows it)");
  }
  asio::co_spawn(loop_, accept_all<tcp>(acceptor, std::move(handler)), asio::detached);
  close_.emplace_back([acceptor] {
    beast::error_code ignored;
    acceptor->close(ignored);
  });
  return {};
}

Result<void> HttpServer::listen_unix(const std::string& path, HttpHandler handler) {
  if (auto checked = check_socket_path(path); !checked) return checked;
  std::error_code ignored;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, ignored);
  struct stat status {};
  if (stat(path.c_str(), &status) == 0) {
    if (!S_ISSOCK(status.st_mode)) {
      return fail(fmt::format("{} exists and is no socket: choose another path with --socket",
                              printable(path)));
    }
    if (is_alive(loop_, path)) {
      return fail(
          fmt::format("another wsbpf already answers on {}: end it first, or choose "
                      "another path with --socket",
                      printable(path)));
    }
    unlink(path.c_str());
  }

  beast::error_code error;
  auto acceptor = std::make_shared<Local::acceptor>(loop_);
  acceptor->open(Local{}, error);
  const mode_t mask = umask(0117);
  if (!error) acceptor->bind(Local::endpoint(path), error);
  umask(mask);
  if (!error) acceptor->listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    return cannot_listen(path, error, "choose a path in a writable folder with --socket");
  }
  asio::co_spawn(loop_, accept_all<Local>(acceptor, std::move(handler)), asio::detached);
  close_.emplace_back([acceptor, path] {
    beast::error_code ignored_error;
    acceptor->close(ignored_error);
    unlink(path.c_str());
  });
  return {};
}

Result<HostPort> parse_host_port(std::string_view text) {
  const size_t colon = text.rfind(':');
  HostPort result;
  if (colon != std::string_view::npos) {
    std::string_view address = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    if (address.size() > 2 && address.front() == '[' && address.back() == ']') {
      address = address.substr(1, address.size() - 2);
    }
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), result.port);
    if (error == std::errc{} && end == port.data() + port.size() && !address.empty()) {
      result.address = address;
      return result;
    }
  }
  return fail(fmt::format("'{}' is no address to listen on: write ADDRESS:PORT, such as "
                          "127.0.0.1:19435 or [::1]:19435",
                          printable(text)),
              ExitCode::kUsage);
}

}  // namespace wsbpf
