#include "serve/http_client.h"

#include <fmt/format.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "core/text.h"
#include "serve/asio.h"

namespace wsbpf {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Local = asio::local::stream_protocol;

constexpr auto kPatience = std::chrono::seconds(10);
constexpr size_t kPieceBytes = 256 << 10;

struct Fetched {
  unsigned status = 0;  // 0: there is no answer yet
  std::string error_body;
  beast::error_code error;
};

asio::awaitable<void> fetch(const std::string& path, const std::string& target,
                            const std::function<bool(std::string_view)>& sink, Patience patience,
                            Fetched& fetched) {
  beast::error_code& error = fetched.error;
  beast::basic_stream<Local> stream(co_await asio::this_coro::executor);
  stream.expires_after(kPatience);
  co_await stream.async_connect(Local::endpoint(path), into(error));
  if (error) co_return;

  http::request<http::empty_body> request(http::verb::get, target, 11);
  request.set(http::field::host, "wsbpf");
  request.set(http::field::connection, "close");
  co_await http::async_write(stream, request, into(error));
  if (error) co_return;

  beast::flat_buffer buffer;
  buffer.reserve(kPieceBytes);  // else it is read half a kilobyte at a time
  http::response_parser<http::buffer_body> parser;
  parser.body_limit(std::numeric_limits<uint64_t>::max());
  co_await http::async_read_header(stream, buffer, parser, into(error));
  if (error) co_return;
  fetched.status = parser.get().result_int();
  std::vector<char> piece(kPieceBytes);
  while (!parser.is_done()) {
    if (patience == Patience::kForEver) {
      stream.expires_never();
    } else {
      stream.expires_after(kPatience);
    }
    parser.get().body().data = piece.data();
    parser.get().body().size = piece.size();
    co_await http::async_read_some(stream, buffer, parser, into(error));
    if (error == http::error::need_buffer) error = {};
    if (error) co_return;
    const std::string_view text(piece.data(), piece.size() - parser.get().body().size);
    if (fetched.status == 200) {
      if (!sink(text)) co_return;
    } else {
      fetched.error_body += text;
    }
  }
}

}  // namespace

Result<void> http_get(const std::string& socket_path, const std::string& target,
                      const std::function<bool(std::string_view)>& sink, Patience patience) {
  if (auto checked = check_socket_path(socket_path); !checked) return checked;
  asio::io_context loop;
  Fetched fetched;
  asio::co_spawn(loop, fetch(socket_path, target, sink, patience, fetched), asio::detached);
  loop.run();
  if (fetched.error) {
    const bool left = fetched.status != 0 && (fetched.error == http::error::partial_message ||
                                              fetched.error == asio::error::connection_reset);
    return fail(left ? fmt::format("the daemon on {} has ended", printable(socket_path))
                     : fmt::format("the daemon on {} does not answer: {}", printable(socket_path),
                                   fetched.error.message()));
  }
  if (fetched.status != 200) {
    const auto body = nlohmann::json::parse(fetched.error_body, nullptr, false);
    const bool explained = body.is_object() && body.contains("error");
    return fail(explained ? body["error"].get<std::string>()
                          : fmt::format("the daemon answered with status {}", fetched.status),
                fetched.status == 400 ? ExitCode::kUsage : ExitCode::kFailure);
  }
  return {};
}

bool daemon_answers(const std::string& socket_path) {
  asio::io_context loop;
  Local::socket socket(loop);
  beast::error_code error;
  if (!check_socket_path(socket_path)) return false;
  socket.connect(Local::endpoint(socket_path), error);
  return !error;
}

}  // namespace wsbpf
