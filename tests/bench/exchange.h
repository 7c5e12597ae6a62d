// Bytes from one end of a loopback connection to the other, both of which are in this thread.
#pragma once

#include <err.h>
#include <sys/socket.h>

#include <array>
#include <string_view>

// What opens a WebSocket, as in RFC 6455, section 1.3, and as long as what browsers send.
constexpr std::string_view kUpgradeRequest =
    "GET /chat HTTP/1.1\r\n"
    "Host: server.example.com:18080\r\n"
    "Connection: Upgrade\r\n"
    "Pragma: no-cache\r\n"
    "Cache-Control: no-cache\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/120.0.0.0 Safari/537.36\r\n"
    "Upgrade: websocket\r\n"
    "Origin: http://server.example.com:18080\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "Accept-Encoding: gzip, deflate\r\n"
    "Accept-Language: en-US,en;q=0.9\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "\r\n";
constexpr std::string_view kUpgradeResponse =
    "HTTP/1.1 101 Switching Protocols\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    "\r\n";

// One segment, provided that TCP_NODELAY is set or nothing is in flight: it has been received when
// this returns.
inline void transfer(int from, int to, std::string_view bytes) {
  std::array<char, 4096> buffer;
  const auto size = static_cast<ssize_t>(bytes.size());
  if (bytes.size() > buffer.size()) errx(1, "a segment of more than %zu bytes", buffer.size());
  if (send(from, bytes.data(), bytes.size(), MSG_NOSIGNAL) != size) err(1, "send");
  if (recv(to, buffer.data(), bytes.size(), MSG_WAITALL) != size) err(1, "recv");
}

inline void upgrade(int client, int server) {
  transfer(client, server, kUpgradeRequest);
  transfer(server, client, kUpgradeResponse);
}
