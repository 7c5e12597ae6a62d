#include "sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <random>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace wsbpf::kernel_test {
namespace {

// Ports for listeners, and ports that the kernel gives to clients, never meet.
constexpr uint16_t kFirstFreePort = 10000;
constexpr uint16_t kFirstEphemeralPort = 40000;

constexpr const char* kOwnNamespace = "/proc/thread-self/ns/net";

template <typename Integer>
Integer check(Integer result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

sockaddr* address_of(Endpoint& endpoint) { return reinterpret_cast<sockaddr*>(&endpoint.storage); }

const sockaddr* address_of(const Endpoint& endpoint) {
  return reinterpret_cast<const sockaddr*>(&endpoint.storage);
}

// As in linux/ipv6.h, which cannot be included beside netinet/in.h.
struct in6_ifreq {
  in6_addr ifr6_addr;
  uint32_t ifr6_prefixlen;
  int ifr6_ifindex;
};

void raise_loopback() {
  const Fd control(check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  check(ioctl(control.get(), SIOCSIFFLAGS, &request), "raise the loopback device");

  const Fd control6(check(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
  in6_ifreq second{};
  inet_pton(AF_INET6, kSecondLoopback6, &second.ifr6_addr);
  second.ifr6_prefixlen = 128;
  second.ifr6_ifindex = static_cast<int>(if_nametoindex("lo"));
  check(ioctl(control6.get(), SIOCSIFADDR, &second), "add an address to the loopback device");
}

}  // namespace

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = other.release();
  }
  return *this;
}

int Fd::release() { return std::exchange(fd_, -1); }

void Fd::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

NetworkNamespaceScope::NetworkNamespaceScope()
    : before_(check(open(kOwnNamespace, O_RDONLY | O_CLOEXEC), kOwnNamespace)) {
  check(unshare(CLONE_NEWNET), "unshare(CLONE_NEWNET)");
  raise_loopback();
  set_sysctl("net/ipv4/tcp_congestion_control", "reno");  // paces nothing by timers
  set_sysctl("net/ipv4/ip_local_port_range", std::to_string(kFirstEphemeralPort) + " 60999");
  struct stat status {};
  check(stat(kOwnNamespace, &status), kOwnNamespace);
  inode_ = static_cast<uint32_t>(status.st_ino);
}

NetworkNamespaceScope::~NetworkNamespaceScope() { setns(before_.get(), CLONE_NEWNET); }

uint16_t Endpoint::port() const {
  return ntohs(family() == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(storage).sin6_port
                                    : reinterpret_cast<const sockaddr_in&>(storage).sin_port);
}

std::array<uint8_t, 16> Endpoint::address() const {
  std::array<uint8_t, 16> bytes{};
  if (family() == AF_INET6) {
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr, 16);
  } else {
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in&>(storage).sin_addr, 4);
  }
  return bytes;
}

Endpoint ipv4(std::string_view address, uint16_t port) {
  Endpoint endpoint;
  auto& in = reinterpret_cast<sockaddr_in&>(endpoint.storage);
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  if (inet_pton(AF_INET, std::string(address).c_str(), &in.sin_addr) != 1) {
    throw std::invalid_argument("not an IPv4 address");
  }
  endpoint.length = sizeof(in);
  return endpoint;
}

Endpoint ipv6(std::string_view address, uint16_t port) {
  Endpoint endpoint;
  auto& in = reinterpret_cast<sockaddr_in6&>(endpoint.storage);
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(port);
  if (inet_pton(AF_INET6, std::string(address).c_str(), &in.sin6_addr) != 1) {
    throw std::invalid_argument("not an IPv6 address");
  }
  endpoint.length = sizeof(in);
  return endpoint;
}

Socket::Socket(int family)
    : fd_(check(socket(family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP), "socket")) {
  limit_waits();
  if (family == AF_INET6) set(IPPROTO_IPV6, IPV6_V6ONLY, 0);
}

Socket::Socket(Fd fd) : fd_(std::move(fd)) { limit_waits(); }

void Socket::limit_waits() {
  const timeval limit{kDeadline.count(), 0};
  check(setsockopt(fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), "SO_RCVTIMEO");
  check(setsockopt(fd(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)), "SO_SNDTIMEO");
}

uint64_t Socket::cookie() const {
  uint64_t cookie = 0;
  socklen_t length = sizeof(cookie);
  check(getsockopt(fd(), SOL_SOCKET, SO_COOKIE, &cookie, &length), "SO_COOKIE");
  return cookie;
}

Endpoint Socket::local() const {
  Endpoint endpoint;
  check(getsockname(fd(), address_of(endpoint), &endpoint.length), "getsockname");
  return endpoint;
}

Endpoint Socket::remote() const {
  Endpoint endpoint;
  check(getpeername(fd(), address_of(endpoint), &endpoint.length), "getpeername");
  return endpoint;
}

tcp_info Socket::info() const {
  tcp_info info{};
  socklen_t length = sizeof(info);
  check(getsockopt(fd(), IPPROTO_TCP, TCP_INFO, &info, &length), "TCP_INFO");
  return info;
}

void Socket::set(int level, int option, int value) {
  check(setsockopt(fd(), level, option, &value, sizeof(value)), "setsockopt");
}

void Socket::bind(const Endpoint& endpoint) {
  check(::bind(fd(), address_of(endpoint), endpoint.length), "bind");
}

void Socket::listen(int backlog) { check(::listen(fd(), backlog), "listen"); }

int Socket::connect(const Endpoint& endpoint) {
  return ::connect(fd(), address_of(endpoint), endpoint.length) == 0 ? 0 : errno;
}

Socket Socket::accept() const {
  return Socket(Fd(check(accept4(fd(), nullptr, nullptr, SOCK_CLOEXEC), "accept")));
}

void Socket::send(size_t bytes) { send(std::string(bytes, 'x')); }

void Socket::send(std::string_view data) {
  while (!data.empty()) {
    data.remove_prefix(
        static_cast<size_t>(check(::send(fd(), data.data(), data.size(), MSG_NOSIGNAL), "send")));
  }
}

void Socket::receive(size_t bytes) {
  std::vector<char> data(bytes);
  const ssize_t received = check(recv(fd(), data.data(), bytes, MSG_WAITALL), "recv");
  if (static_cast<size_t>(received) != bytes) throw std::runtime_error("recv: too little");
}

bool Socket::receives_end() {
  char byte = 0;
  return check(recv(fd(), &byte, 1, 0), "recv") == 0;
}

int Socket::receive_error() {
  char byte = 0;
  return recv(fd(), &byte, 1, 0) < 0 ? errno : 0;
}

void Socket::acknowledge() { set(IPPROTO_TCP, TCP_QUICKACK, 1); }

void Socket::shutdown(int how) { check(::shutdown(fd(), how), "shutdown"); }

void Socket::abort() {
  const linger none{1, 0};
  check(setsockopt(fd(), SOL_SOCKET, SO_LINGER, &none, sizeof(none)), "SO_LINGER");
  close();
}

void Socket::disconnect() {
  sockaddr nowhere{};
  nowhere.sa_family = AF_UNSPEC;
  check(::connect(fd(), &nowhere, sizeof(nowhere)), "disconnect");
}

void Socket::drop_input() {
  sock_filter accept_nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
  const sock_fprog program{1, accept_nothing};
  check(setsockopt(fd(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)), "filter");
}

void Socket::drop_input_above(uint32_t bytes) {
  sock_filter accept_small[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, bytes, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, UINT32_MAX), BPF_STMT(BPF_RET | BPF_K, 0)};
  const sock_fprog program{4, accept_small};
  check(setsockopt(fd(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)), "filter");
}

void Socket::restore_input() {
  const int unused = 0;
  check(setsockopt(fd(), SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused)), "filter");
}

Socket listen_on(const Endpoint& address, int backlog) {
  Socket listener(address.family());
  listener.bind(address);
  listener.listen(backlog);
  return listener;
}

Socket connect_to(const Endpoint& endpoint) {
  Socket client(endpoint.family());
  if (const int error = client.connect(endpoint)) {
    throw std::system_error(error, std::generic_category(), "connect");
  }
  return client;
}

uint16_t free_port() {
  static std::random_device device;
  static uint16_t next =
      std::uniform_int_distribution<uint16_t>(kFirstFreePort, kFirstEphemeralPort - 1000)(device);
  while (true) {
    if (++next >= kFirstEphemeralPort) next = kFirstFreePort;
    Socket probe;
    try {
      probe.bind(ipv4("0.0.0.0", next));
      return next;
    } catch (const std::system_error& error) {
      if (error.code() != std::errc::address_in_use) throw;
    }
  }
}

Pair connect_pair(const Socket& listener) {
  Socket client = connect_to(listener.local());
  return {std::move(client), listener.accept()};
}

Child::Child(const std::function<void()>& body) {
  int ends[2];
  check(pipe2(ends, O_CLOEXEC), "pipe");
  Fd gate(ends[0]);
  gate_ = Fd(ends[1]);
  const pid_t parent = getpid();
  pid_ = check(fork(), "fork");
  if (pid_ > 0) return;

  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  gate_.close();
  char token = 0;
  const bool told = read(gate.get(), &token, 1) == 1;
  try {
    if (told) body();
  } catch (const std::exception& error) {
    dprintf(STDERR_FILENO, "in a child: %s\n", error.what());
    _exit(1);
  }
  _exit(0);
}

Child::~Child() {
  if (pid_ > 0) join(SIGKILL);
}

void Child::go() { check(write(gate_.get(), "g", 1), "start the child"); }

void Child::join(int signal) {
  if (signal != 0) kill(pid_, signal);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

void wait_to_be_killed() {
  while (true) pause();
}

void set_sysctl(const std::string& name, std::string_view value) {
  std::ofstream file("/proc/sys/" + name);
  file << value << std::flush;
  if (!file) throw std::runtime_error("cannot write the sysctl " + name);
}

}  // namespace wsbpf::kernel_test
