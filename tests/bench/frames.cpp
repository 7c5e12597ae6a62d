// Sends frames over WebSockets on loopback, one segment at a time, back and forth.
//
// A segment is read before the next one is sent, so that each is a packet of its own. Both ends
// share one thread, as in churn.cpp.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "arguments.h"
#include "exchange.h"

namespace {

struct Options {
  unsigned port = 18080;
  unsigned connections = 4;
  unsigned packets = 25'000;
  unsigned frame_bytes = 50;
  unsigned segment_bytes = 100;
};

constexpr char kUsage[] =
    "usage: frames [--port P] [--connections N] [--packets N] [--frame-bytes N]\n"
    "              [--segment-bytes 16..4096]\n"
    "Opens N WebSockets to 127.0.0.1:P one after the other, and sends N packets each way over "
    "each.\n"
    "A frame's payload is of --frame-bytes; it goes in segments of --segment-bytes, the last of\n"
    "which may be shorter. Prints the number of packets.\n";

Options parse_options(int argc, char** argv) {
  Options options;
  const std::array flags{
      Flag{"--port", &options.port, 1, UINT16_MAX}, Flag{"--connections", &options.connections, 1},
      Flag{"--packets", &options.packets, 1}, Flag{"--frame-bytes", &options.frame_bytes},
      Flag{"--segment-bytes", &options.segment_bytes, 16, 4096}};
  parse_arguments(argc, argv, kUsage, flags);
  return options;
}

// RFC 6455, section 5.2: a whole binary message.
std::string frame_header(std::uint64_t payload_bytes, bool is_masked) {
  constexpr unsigned kBinary = 0x82;
  constexpr std::string_view kMask = "\x37\xfa\x21\x3d";
  const unsigned mask_bit = is_masked ? 0x80 : 0;
  int length_bytes = 0;
  unsigned length = static_cast<unsigned>(std::min<std::uint64_t>(payload_bytes, 127));
  if (payload_bytes > UINT16_MAX) {
    length_bytes = 8;
  } else if (payload_bytes > 125) {
    length = 126;
    length_bytes = 2;
  }
  std::string header{static_cast<char>(kBinary), static_cast<char>(mask_bit | length)};
  for (int i = length_bytes - 1; i >= 0; --i) {
    header.push_back(static_cast<char>(payload_bytes >> (8 * i)));
  }
  if (is_masked) header += kMask;
  return header;
}

// What one end sends, cut into segments; a frame begins with a segment.
class Stream {
 public:
  Stream(const Options& options, bool is_masked)
      : header_(frame_header(options.frame_bytes, is_masked)),
        first_(header_ + std::string(options.segment_bytes - header_.size(), 'x')),
        others_(options.segment_bytes, 'x'),
        frame_bytes_(header_.size() + options.frame_bytes) {}

  std::string_view next_segment() {
    const std::string_view bytes = sent_ == 0 ? first_ : others_;
    const std::uint64_t size = std::min<std::uint64_t>(bytes.size(), frame_bytes_ - sent_);
    sent_ = (sent_ + size) % frame_bytes_;
    return bytes.substr(0, size);
  }

 private:
  std::string header_;
  std::string first_;
  std::string others_;
  std::uint64_t frame_bytes_;
  std::uint64_t sent_ = 0;  // of the frame, with its header
};

int tcp_socket() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) err(1, "socket");
  return fd;
}

int listen_on(const sockaddr_in& address) {
  const int fd = tcp_socket();
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) err(1, "bind");
  if (listen(fd, 128) != 0) err(1, "listen");
  return fd;
}

void one_connection(int listener, const sockaddr_in& address, const Options& options) {
  const int client = tcp_socket();
  if (connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    err(1, "connect");
  }
  const int server = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (server < 0) err(1, "accept");
  const int on = 1;
  setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);

  upgrade(client, server);
  Stream to_server(options, true);
  Stream to_client(options, false);
  for (unsigned i = 0; i < options.packets; ++i) {
    transfer(client, server, to_server.next_segment());
    transfer(server, client, to_client.next_segment());
  }
  close(client);
  close(server);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(options.port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int listener = listen_on(address);
  for (unsigned i = 0; i < options.connections; ++i) one_connection(listener, address, options);
  std::printf("%llu\n", 2ULL * options.connections * options.packets);
}
