// HTTP from end to end: our server and our client over a Unix socket, and what other clients send.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "core/filter.h"
#include "serve/http_client.h"
#include "serve/http_server.h"

namespace wsbpf {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// A server on a thread of its own, so that the client may wait for it.
class RunningServer {
 public:
  RunningServer() : server_(std::make_unique<HttpServer>(loop_)) {}
  ~RunningServer() { stop(); }

  HttpServer& server() { return *server_; }
  void run() {
    thread_ = std::thread([this] { loop_.run(); });
  }
  void stop() {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
    server_.reset();
  }

 private:
  boost::asio::io_context loop_;
  std::unique_ptr<HttpServer> server_;
  std::thread thread_;
};

class HttpTest : public testing::Test {
 protected:
  HttpTest() {
    std::string folder = testing::TempDir() + "wsbpf_http_test.XXXXXX";
    folder_ = mkdtemp(folder.data());
    path_ = folder_ + "/run/wsbpf.sock";
  }
  ~HttpTest() override {
    running_.stop();
    std::filesystem::remove_all(folder_);
  }

  static Response answer(std::string_view target) {
    Response response;
    response.content_type = "text/plain";
    if (target == "/long") {
      response.next_piece = [left = 100]() mutable {
        return left-- > 0 ? std::optional(std::string(10'000, 'x')) : std::nullopt;
      };
    } else if (target == "/halting") {  // an empty piece: no more for now
      response.next_piece = [left = 6]() mutable {
        return left-- > 0 ? std::optional(std::string(left % 3 == 0 ? "x" : "")) : std::nullopt;
      };
    } else if (target == "/nothing") {
      response.next_piece = [] { return std::nullopt; };
    } else if (target == "/refused") {
      response.status = 400;
      response.body = R"({"error":"not like this"})";
    } else if (target == "/missing") {
      response.status = 404;
      response.body = "no JSON";
    } else {
      response.body = "you asked for " + std::string(target);
    }
    return response;
  }

  void serve() {
    const auto listening = running_.server().listen_unix(path_, answer);
    ASSERT_TRUE(listening.has_value()) << listening.error().message;
    running_.run();
  }

  Result<std::string> get(const std::string& target) {
    std::string body;
    auto got = http_get(path_, target, [&](std::string_view piece) {
      body += piece;
      return true;
    });
    if (!got) return tl::unexpected(got.error());
    return body;
  }

  // Sends `request` as it is, and returns all that comes back until the server closes.
  static std::string exchange(int fd, const std::string& request) {
    EXPECT_EQ(send(fd, request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    std::string reply;
    char piece[4096];
    for (ssize_t n = read(fd, piece, sizeof(piece)); n > 0; n = read(fd, piece, sizeof(piece))) {
      reply.append(piece, static_cast<size_t>(n));
    }
    close(fd);
    return reply;
  }

  std::string exchange(const std::string& request) const {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return exchange(fd, request);
  }

  // Leaves a socket file behind as a daemon does that was killed.
  void leave_stale_socket() {
    std::filesystem::create_directories(folder_ + "/run");
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    close(fd);
  }

  std::string folder_;
  std::string path_;
  RunningServer running_;
};

TEST_F(HttpTest, AnswersWhatIsAsked) {
  serve();
  EXPECT_EQ(get("/api/status?x=1").value(), "you asked for /api/status?x=1");
  EXPECT_EQ(get("/again").value(), "you asked for /again");
  EXPECT_TRUE(daemon_answers(path_));
}

TEST_F(HttpTest, LongAnswersComeWhole) {
  serve();
  EXPECT_EQ(get("/long").value(), std::string(1'000'000, 'x'));
  EXPECT_EQ(get("/nothing").value(), "");
  EXPECT_EQ(get("/halting").value(), "xx");
}

TEST_F(HttpTest, ARefusalCarriesTheDaemonsWords) {
  serve();
  const auto refused = get("/refused");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message, "not like this");
  EXPECT_EQ(refused.error().exit_code, ExitCode::kUsage);
}

TEST_F(HttpTest, ARefusalWithoutWordsHasItsStatus) {
  serve();
  const auto missing = get("/missing");
  ASSERT_FALSE(missing.has_value());
  EXPECT_THAT(missing.error().message, HasSubstr("404"));
  EXPECT_EQ(missing.error().exit_code, ExitCode::kFailure);
}

TEST_F(HttpTest, WithoutADaemonTheErrorNamesTheSocket) {
  const auto got = get("/");
  ASSERT_FALSE(got.has_value());
  EXPECT_THAT(got.error().message, HasSubstr(path_));
  EXPECT_FALSE(daemon_answers(path_));
}

TEST_F(HttpTest, APathThatIsTooLongIsAnErrorThatNamesIt) {
  path_ = folder_ + '/' + std::string(200, 'x');
  EXPECT_FALSE(daemon_answers(path_));
  const auto got = get("/");
  ASSERT_FALSE(got.has_value());
  EXPECT_THAT(got.error().message, HasSubstr(path_));
  EXPECT_FALSE(running_.server().listen_unix(path_, answer));
  EXPECT_FALSE(running_.server().listen_unix("", answer));
}

// --- the socket file
// ------------------------------------------------------------------------------

TEST_F(HttpTest, TheSocketIsForItsOwnerAndGroup) {
  serve();
  struct stat status {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 0777u, 0660u);
}

TEST_F(HttpTest, TheSocketGoesWithTheServer) {
  serve();
  running_.stop();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(HttpTest, AStaleSocketIsReplaced) {
  leave_stale_socket();
  ASSERT_TRUE(std::filesystem::exists(path_));
  EXPECT_FALSE(daemon_answers(path_));
  serve();
  EXPECT_EQ(get("/x").value(), "you asked for /x");
}

TEST_F(HttpTest, ASecondServerDoesNotTakeTheSocket) {
  serve();
  RunningServer second;
  const auto listening = second.server().listen_unix(path_, answer);
  ASSERT_FALSE(listening.has_value());
  EXPECT_THAT(listening.error().message, HasSubstr(path_));
  second.stop();
  EXPECT_EQ(get("/x").value(), "you asked for /x");
}

TEST_F(HttpTest, AFileThatIsNoSocketIsLeftAlone) {
  path_ = folder_ + "/precious";
  std::ofstream(path_) << "data";
  EXPECT_FALSE(running_.server().listen_unix(path_, answer));
  EXPECT_EQ(std::filesystem::file_size(path_), 4u);
}

// --- what other clients send
// ------------------------------------------------------------------------

TEST_F(HttpTest, LongAnswersAreChunked) {
  serve();
  EXPECT_THAT(exchange("GET /long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("Transfer-Encoding: chunked"),
                    HasSubstr("\r\n2710\r\n"), EndsWith("\r\n0\r\n\r\n")));
}

TEST_F(HttpTest, OldClientsReadToTheEnd) {
  serve();
  const std::string reply = exchange("GET /long HTTP/1.0\r\n\r\n");
  EXPECT_THAT(reply, AllOf(StartsWith("HTTP/1.0 200 OK\r\n"), Not(HasSubstr("chunked"))));
  EXPECT_EQ(reply.size() - reply.find("\r\n\r\n") - 4, 1'000'000u);
}

TEST_F(HttpTest, OneConnectionTakesSeveralRequests) {
  serve();
  EXPECT_THAT(exchange("GET /one HTTP/1.1\r\nHost: x\r\n\r\n"
                       "GET /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              AllOf(HasSubstr("you asked for /one"), EndsWith("you asked for /two")));
}

TEST_F(HttpTest, HeadHasNoBody) {
  serve();
  EXPECT_THAT(exchange("HEAD /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("Content-Length: 16\r\n"),
                    EndsWith("\r\n\r\n")));
}

TEST_F(HttpTest, OnlyGetIsAllowed) {
  serve();
  for (const std::string method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"}) {
    EXPECT_THAT(
        exchange(method + " /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr(R"({"error":)"), Not(HasSubstr("you asked"))));
  }
}

TEST_F(HttpTest, APostWithABodyIsNotAllowedEither) {
  serve();
  EXPECT_THAT(exchange("POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                       "Content-Length: 5\r\n\r\nhello"),
              StartsWith("HTTP/1.1 405 "));
}

TEST_F(HttpTest, AGetWithABodyIsMalformed) {
  serve();
  EXPECT_THAT(exchange("GET /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"),
              StartsWith("HTTP/1.1 400 "));
}

TEST_F(HttpTest, AnOversizedHeaderIsRefusedAndOthersAreServed) {
  serve();
  EXPECT_THAT(exchange("GET /x HTTP/1.1\r\nHost: x\r\nCookie: " + std::string(100'000, 'x')),
              StartsWith("HTTP/1.1 4"));
  EXPECT_EQ(get("/x").value(), "you asked for /x");
}

TEST_F(HttpTest, TheLongestFilterFits) {
  serve();
  std::string target = "/api/connections?filter=";
  for (size_t i = 0; i < Filter::kMostBytes; ++i) target += "%20";
  EXPECT_EQ(get(target).value(), "you asked for " + target);
}

TEST_F(HttpTest, GarbageIsRefusedAndOthersAreServed) {
  serve();
  for (const char* const garbage :
       {"\x16\x03\x01 hello\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n"}) {
    EXPECT_THAT(exchange(garbage), StartsWith("HTTP/1.1 400 ")) << garbage;
  }
  EXPECT_EQ(get("/x").value(), "you asked for /x");
}

TEST_F(HttpTest, AnswersAreNeverCachedOrGuessedAt) {
  serve();
  EXPECT_THAT(exchange("GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              AllOf(HasSubstr("Cache-Control: no-store\r\n"),
                    HasSubstr("X-Content-Type-Options: nosniff\r\n"),
                    HasSubstr("Content-Type: text/plain\r\n")));
}

// --- TCP
// ------------------------------------------------------------------------------------------

// The loopback port that this process listens on.
uint16_t listening_port() {
  for (int fd = 3; fd < 256; ++fd) {
    int listens = 0;
    socklen_t size = sizeof(listens);
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0) continue;
    sockaddr_in address{};
    size = sizeof(address);
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) continue;
    if (address.sin_family == AF_INET) return ntohs(address.sin_port);
  }
  return 0;
}

TEST_F(HttpTest, ListensOnTcpToo) {
  const auto listening = running_.server().listen_tcp("127.0.0.1:0", answer);
  if (!listening) GTEST_SKIP() << listening.error().message;
  const uint16_t port = listening_port();
  ASSERT_NE(port, 0);
  running_.run();

  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_THAT(exchange(fd, "GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              EndsWith("you asked for /x"));
}

TEST_F(HttpTest, ATcpPortThatIsTakenIsNamed) {
  const auto listening = running_.server().listen_tcp("127.0.0.1:0", answer);
  if (!listening) GTEST_SKIP() << listening.error().message;
  const std::string where = "127.0.0.1:" + std::to_string(listening_port());
  const auto second = running_.server().listen_tcp(where, answer);
  ASSERT_FALSE(second.has_value());
  EXPECT_THAT(second.error().message, HasSubstr(where));
}

TEST_F(HttpTest, RefusesWhatIsNoAddressToListenOn) {
  for (const char* const address :
       {"", "8080", ":8080", "localhost:8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x",
        "127.0.0.1:65536", "127.0.0.1:-1", "[]:80", "[::1:80", "1.2.3:80"}) {
    const auto listening = running_.server().listen_tcp(address, answer);
    ASSERT_FALSE(listening.has_value()) << address;
    EXPECT_EQ(listening.error().exit_code, ExitCode::kUsage) << address;
  }
}

TEST(ParseHostPort, SplitsAddressAndPort) {
  EXPECT_EQ(parse_host_port("127.0.0.1:19435")->address, "127.0.0.1");
  EXPECT_EQ(parse_host_port("127.0.0.1:19435")->port, 19435);
  EXPECT_EQ(parse_host_port("[::1]:0")->address, "::1");
  EXPECT_EQ(parse_host_port("[::1]:0")->port, 0);
  EXPECT_EQ(parse_host_port("0.0.0.0:65535")->port, 65535);
}

}  // namespace
}  // namespace wsbpf
