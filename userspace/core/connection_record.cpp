#include "core/connection_record.h"

#include <algorithm>
#include <cstring>

namespace wsbpf {
namespace {

// A FIN takes a sequence number, and so counts as a byte received (RFC 9293 section 3.4).
bool has_received_fin(TcpState state) {
  return state == TcpState::kCloseWait || state == TcpState::kLastAck ||
         state == TcpState::kClosing || state == TcpState::kTimeWait;
}

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
  const uint64_t sequenced_in = has_received_fin(state) ? 1 : 0;
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
  connection.retransmits = counters.retransmits;
  connection.srtt_us = counters.srtt_us;
  connection.idle_ms = counters.idle_ms;
  connection.sampled = connection.established;
  connection.sampled_ns = time_ns;
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
