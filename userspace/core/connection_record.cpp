#include "core/connection_record.h"

#include <algorithm>
#include <cstring>

namespace wsbpf {
namespace {

// Nothing has to be heard for this long before a connection is called half-open: a lost segment or
// a slow answer is no sign yet.
constexpr uint32_t kUnheard_ms = 3'000;
constexpr uint8_t kUnansweredProbes = 2;  // the first may still be under way

// A minute is the shortest idle timeout in wide use; nobody would notice the peer's absence.
constexpr uint32_t kSilent_ms = 60'000;

}  // namespace

Connection connection_from(const wsbpf_header& header, const wsbpf_endpoints& endpoints,
                           Role role) {
  Connection connection;
  connection.cookie = header.cookie;
  connection.opened_ns = header.time_ns;
  connection.netns = header.netns;
  connection.family = header.family;
  connection.role = role;
  std::memcpy(connection.local_address.data(), endpoints.local_address, sizeof(Address));
  std::memcpy(connection.remote_address.data(), endpoints.remote_address, sizeof(Address));
  connection.local_port = endpoints.local_port;
  connection.remote_port = endpoints.remote_port;
  return connection;
}

void take_counters(Connection& connection, const wsbpf_counters& counters, TcpState state,
                   uint64_t time_ns) {
  // A FIN takes a sequence number, and so counts as a byte received (RFC 9293 section 3.4).
  const uint64_t sequenced_in = counters.flags & WSBPF_SOCK_DONE ? 1 : 0;
  // What is outstanding in LAST_ACK and CLOSING is our FIN, or what comes before it.
  const bool fin_acked = state == TcpState::kFinWait2 ||
                         ((state == TcpState::kLastAck || state == TcpState::kClosing) &&
                          counters.unacked_bytes == 0 && counters.unsent_bytes == 0);
  const uint64_t sequenced_out = (connection.role == Role::kClient ? 1u : 0u) +  // the SYN
                                 (fin_acked ? 1u : 0u);
  connection.bytes_received =
      counters.bytes_received - std::min<uint64_t>(counters.bytes_received, sequenced_in);
  connection.bytes_sent =
      counters.bytes_acked - std::min<uint64_t>(counters.bytes_acked, sequenced_out);
  connection.unread_bytes = counters.unread_bytes;
  connection.unacked_bytes = counters.unacked_bytes;
  connection.unsent_bytes = counters.unsent_bytes;
  connection.zero_window_ms = counters.zero_window_ms;
  connection.retransmits = counters.retransmits;
  connection.srtt_us = counters.srtt_us;
  connection.idle_ms = idle_ms_of(counters);
  connection.received_ms = counters.received_ms_ago;
  const uint64_t unseen_ms = since(time_ns, connection.sampled_ns) / 1'000'000;
  if (connection.sampled && counters.heard_ms_ago < unseen_ms) {  // heard again since
    connection.longest_silence_ms = std::max(connection.longest_silence_ms, connection.heard_ms);
  }
  connection.heard_ms = counters.heard_ms_ago;
  connection.half_open = half_open_of(counters, connection.state);
  connection.sampled = connection.established;
  connection.sampled_ns = time_ns;
}

HalfOpen half_open_of(const wsbpf_counters& counters, TcpState state) {
  if (state == TcpState::kClose || state == TcpState::kSynSent) return HalfOpen::kNo;
  const bool unheard = counters.heard_ms_ago >= kUnheard_ms;
  if (unheard && counters.unacked_bytes > 0 && counters.timeouts > 0) return HalfOpen::kUnacked;
  if (unheard && counters.probes >= kUnansweredProbes) return HalfOpen::kProbing;
  // What waits to be sent is sent as soon as it may be, and a closed window is probed until then.
  const bool checked = counters.flags & WSBPF_SOCK_KEEPALIVE || counters.user_timeout_ms > 0 ||
                       counters.unsent_bytes > 0;
  if (state == TcpState::kEstablished && !checked && counters.heard_ms_ago >= kSilent_ms) {
    return HalfOpen::kSilent;
  }
  return HalfOpen::kNo;
}

void take_local_end(Connection& connection, const wsbpf_endpoints& endpoints) {
  std::memcpy(connection.local_address.data(), endpoints.local_address, sizeof(Address));
  connection.local_port = endpoints.local_port;
}

bool differs(const Connection& connection, const wsbpf_endpoints& endpoints) {
  const bool other_local = connection.local_port != 0 && endpoints.local_port != 0 &&
                           connection.local_port != endpoints.local_port;
  const bool other_remote =
      endpoints.remote_port != 0 && (connection.remote_port != endpoints.remote_port ||
                                     std::memcmp(connection.remote_address.data(),
                                                 endpoints.remote_address, sizeof(Address)) != 0);
  return other_local || other_remote;
}

}  // namespace wsbpf
