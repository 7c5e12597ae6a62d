// Holds many established loopback connections, and other file descriptors, until told to go.
//
// Both ends live here. Every kConnectionsPerAddress connections use another address of
// 127.0.0.0/8, the same at both ends, so that ephemeral ports never run out. Several holders share
// a port by different --group numbers, each of which stands for 127.GROUP.0.0/16.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "arguments.h"
#include "exchange.h"

namespace {

constexpr unsigned kConnectionsPerAddress = 1'000;
constexpr unsigned kMaxGroup = 255;

struct Options {
  unsigned port = 18080;
  unsigned connections = 1'000;
  unsigned extra_fds = 0;
  unsigned group = 0;
  unsigned websocket = 0;
};

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "hold: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

constexpr char kUsage[] =
    "usage: hold [--port P] [--connections N] [--extra-fds N] [--group 0..255]\n"
    "            [--websocket 0|1]\n"
    "Opens and accepts N connections on 127.GROUP.x.x:P, each with the opening handshake of a\n"
    "WebSocket where that is asked for, opens N other file descriptors, prints 'ready', and keeps\n"
    "all of them until stdin ends or SIGTERM or SIGINT comes.\n";

Options parse_options(int argc, char** argv) {
  Options options;
  const std::array flags{
      Flag{"--port", &options.port, 1, UINT16_MAX}, Flag{"--connections", &options.connections},
      Flag{"--extra-fds", &options.extra_fds}, Flag{"--group", &options.group, 0, kMaxGroup},
      Flag{"--websocket", &options.websocket, 0, 1}};
  parse_arguments(argc, argv, kUsage, flags);
  return options;
}

// 127.GROUP.x.1, x counting from 0.
sockaddr_in address_of(unsigned group, unsigned index, unsigned port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl((127U << 24) | (group << 16) | (index << 8) | 1U);
  return address;
}

int tcp_socket() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  return fd;
}

void bind_to(int fd, const sockaddr_in& address) {
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) die("bind");
}

int listen_on(const sockaddr_in& address) {
  const int fd = tcp_socket();
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  bind_to(fd, address);
  if (listen(fd, 128) != 0) die("listen");
  return fd;
}

// The client end resets when it is closed, so that no TIME_WAIT stays behind.
int connect_from_and_to(sockaddr_in address) {
  const int fd = tcp_socket();
  const linger abort{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  const int on = 1;
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  sockaddr_in source = address;
  source.sin_port = 0;
  bind_to(fd, source);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    die("connect");
  }
  return fd;
}

void open_connections(const Options& options) {
  int listener = -1;
  sockaddr_in address{};
  for (unsigned i = 0; i < options.connections; ++i) {
    if (i % kConnectionsPerAddress == 0) {
      address = address_of(options.group, i / kConnectionsPerAddress, options.port);
      listener = listen_on(address);
    }
    const int client = connect_from_and_to(address);
    const int server = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (server < 0) die("accept");
    if (options.websocket == 1) upgrade(client, server);
  }
}

void open_extra_fds(unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    if (eventfd(0, EFD_CLOEXEC) < 0) die("eventfd");
  }
}

void raise_fd_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) die("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) die("setrlimit");
}

int block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const int fd = signalfd(-1, &signals, SFD_CLOEXEC);
  if (fd < 0) die("signalfd");
  return fd;
}

void wait_for_the_end(int signals) {
  std::array<pollfd, 2> waiting{{{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                                 {.fd = signals, .events = POLLIN, .revents = 0}}};
  for (;;) {
    if (poll(waiting.data(), waiting.size(), -1) < 0) {
      if (errno == EINTR) continue;
      die("poll");
    }
    if (waiting[1].revents != 0) return;
    std::array<char, 256> ignored;
    if (waiting[0].revents != 0 && read(STDIN_FILENO, ignored.data(), ignored.size()) <= 0) return;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  const int signals = block_signals();
  raise_fd_limit();
  open_connections(options);
  open_extra_fds(options.extra_fds);
  std::puts("ready");
  std::fflush(stdout);
  wait_for_the_end(signals);
}
