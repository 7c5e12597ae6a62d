// Opens, uses and closes loopback connections one at a time and prints what one costs.
//
// Client and server share one thread, so that no context switch is measured: on loopback the
// handshake and the data are already with the peer when the system call returns.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>

#include "arguments.h"
#include "exchange.h"

namespace {

constexpr std::string_view kBytesEachWay = "fifty bytes that are neither a request nor answers";

struct Options {
  unsigned port = 18080;
  unsigned count = 10'000;
  unsigned warmup = 500;  // not measured: page faults, slab caches, the first ports
  unsigned websocket = 0;
};

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "churn: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

constexpr char kUsage[] =
    "usage: churn [--port P] [--count N] [--warmup N] [--websocket 0|1]\n"
    "Opens N connections to 127.0.0.1:P one after the other, sends 50 bytes each way, or the "
    "opening\n"
    "handshake of a WebSocket, and closes them, half by FIN and half by RST. Prints nanoseconds a\n"
    "connection: wall clock, CPU time.\n";

Options parse_options(int argc, char** argv) {
  Options options;
  const std::array flags{Flag{"--port", &options.port, 1, UINT16_MAX},
                         Flag{"--count", &options.count, 1}, Flag{"--warmup", &options.warmup},
                         Flag{"--websocket", &options.websocket, 0, 1}};
  parse_arguments(argc, argv, kUsage, flags);
  return options;
}

sockaddr_in loopback(unsigned port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int listen_on(const sockaddr_in& address) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) die("bind");
  if (listen(fd, 128) != 0) die("listen");
  return fd;
}

void one_connection(int listener, const sockaddr_in& address, bool is_websocket, bool reset) {
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (client < 0) die("socket");
  if (connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    die("connect");
  }
  const int server = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (server < 0) die("accept");

  if (is_websocket) {
    upgrade(client, server);
  } else {
    transfer(client, server, kBytesEachWay);
    transfer(server, client, kBytesEachWay);
  }

  if (reset) {
    const linger abort{.l_onoff = 1, .l_linger = 0};
    setsockopt(client, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  }
  close(client);
  close(server);
}

void churn(int listener, const sockaddr_in& address, bool is_websocket, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    one_connection(listener, address, is_websocket, i % 2 == 1);
  }
}

double now_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  const sockaddr_in address = loopback(options.port);
  const int listener = listen_on(address);
  churn(listener, address, options.websocket == 1, options.warmup);

  const double wall_ns = now_ns(CLOCK_MONOTONIC);
  const double cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
  churn(listener, address, options.websocket == 1, options.count);
  std::printf("%.0f %.0f\n", (now_ns(CLOCK_MONOTONIC) - wall_ns) / options.count,
              (now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns) / options.count);
}
