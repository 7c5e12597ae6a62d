// Real TCP sockets, network namespaces and processes that a test can make and that go with it.
// What the system refuses is thrown: a test cannot go on without it.
#pragma once

#include <linux/tcp.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/tcp_state.h"

namespace wsbpf::kernel_test {

// How long anything may take before a test fails; nothing waits this long when all is well.
inline constexpr std::chrono::seconds kDeadline{30};

// Asks `condition` again and again until it holds or the deadline has passed.
bool eventually(const std::function<bool()>& condition);

// A descriptor that is closed with its owner.
class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() { close(); }
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;

  int get() const { return fd_; }
  int release();
  void close();

 private:
  int fd_;
};

// What a NetworkNamespaceScope's loopback device has besides ::1 and 127.0.0.0/8.
inline constexpr const char* kSecondLoopback6 = "fd00::1";

// Puts the calling thread into a new network namespace, with only a loopback device, for as long as
// this lives. Its processes and threads to be are in it too.
class NetworkNamespaceScope {
 public:
  NetworkNamespaceScope();
  ~NetworkNamespaceScope();
  NetworkNamespaceScope(const NetworkNamespaceScope&) = delete;
  NetworkNamespaceScope& operator=(const NetworkNamespaceScope&) = delete;

  uint32_t inode() const { return inode_; }

 private:
  Fd before_;
  uint32_t inode_ = 0;
};

// An address and port as the socket calls take it.
struct Endpoint {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);

  int family() const { return storage.ss_family; }
  uint16_t port() const;
  // As on the wire, IPv4 in the first four bytes.
  std::array<uint8_t, 16> address() const;
};

Endpoint ipv4(std::string_view address, uint16_t port = 0);
Endpoint ipv6(std::string_view address, uint16_t port = 0);

// A blocking TCP socket on which no call takes longer than the deadline.
class Socket {
 public:
  explicit Socket(int family = AF_INET);

  int fd() const { return fd_.get(); }
  uint64_t cookie() const;
  Endpoint local() const;
  Endpoint remote() const;
  uint16_t port() const { return local().port(); }
  tcp_info info() const;
  TcpState state() const { return static_cast<TcpState>(info().tcpi_state); }

  void set(int level, int option, int value);
  void bind(const Endpoint& endpoint);
  void listen(int backlog = 16);
  // Returns 0 or errno.
  int connect(const Endpoint& endpoint);
  Socket accept() const;

  void send(size_t bytes);
  void send(std::string_view data);
  void receive(size_t bytes);
  // Whether the next thing to be read is the end of the stream.
  bool receives_end();
  // The errno that the next read gives; 0 when it gives none.
  int receive_error();
  // Sends the acknowledgement that the kernel would hold back for a while. All has to be read.
  void acknowledge();
  void shutdown(int how);
  void close() { fd_.close(); }
  // close() that sends a reset (SO_LINGER 0).
  void abort();
  // Gives the connection up by a reset; the socket may connect once more.
  void disconnect();

  // From now on every segment that arrives for this socket is lost, until restore_input(). On a
  // listener: also those for its handshakes.
  void drop_input();
  // Likewise, but only segments with more than `bytes`, their TCP header included.
  void drop_input_above(uint32_t bytes);
  void restore_input();

 private:
  explicit Socket(Fd fd);
  void limit_waits();

  Fd fd_;
};

// A listener on a free port of `address`.
Socket listen_on(const Endpoint& address, int backlog = 16);
Socket connect_to(const Endpoint& endpoint);
// A port of a NetworkNamespaceScope that nothing uses, and that no client will be given: another
// one each time.
uint16_t free_port();

// Both ends of one connection over loopback.
struct Pair {
  Socket client;
  Socket server;
};
Pair connect_pair(const Socket& listener);

// A forked process. It waits until it is told to go, runs `body` and exits; it dies with its owner.
class Child {
 public:
  explicit Child(const std::function<void()>& body);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  uint32_t pid() const { return static_cast<uint32_t>(pid_); }
  void go();
  // Waits until it is gone; with a signal, sends that first.
  void join(int signal = 0);

 private:
  pid_t pid_ = -1;
  Fd gate_{-1};
};

// What a child does that is to do nothing more.
void wait_to_be_killed();

// Writes a file below /proc/sys.
void set_sysctl(const std::string& name, std::string_view value);

}  // namespace wsbpf::kernel_test
