// What the kernel's records say of a connection, put into the table's terms.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/connection.h"
#include "core/event.h"
#include "core/verdict.h"

namespace wsbpf {

inline TcpState state_of(const wsbpf_header& header) { return static_cast<TcpState>(header.state); }

// A connection with the identity and the ends of the record, opened when it was written.
Connection connection_from(const wsbpf_header& header, const wsbpf_endpoints& endpoints, Role role);

// Takes the counters over, without what SYN and FIN add to them. `state` is the one before CLOSE
// when the connection has just entered that.
void take_counters(Connection& connection, const wsbpf_counters& counters, TcpState state,
                   uint64_t time_ns);

// What the counters say of a connection that is in `state`.
HalfOpen half_open_of(const wsbpf_counters& counters, TcpState state);

// When it ended; where nobody saw that, when it was found out.
inline uint64_t ended_ns(const Connection& connection, const Evidence& evidence) {
  return evidence.closed_ns != 0 ? evidence.closed_ns : connection.state_since_ns;
}

// How long no data had passed in either direction when the counters were read.
inline uint32_t idle_ms_of(const wsbpf_counters& counters) {
  return std::min(counters.received_ms_ago, counters.sent_ms_ago);
}

void take_local_end(Connection& connection, const wsbpf_endpoints& endpoints);

// Are these not the ends of `connection`? A port of 0 is one that is not known.
bool differs(const Connection& connection, const wsbpf_endpoints& endpoints);

inline double seconds(uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e9; }

// From `then_ns` to `now_ns`; 0 where the clocks of two CPUs put them the other way round.
inline uint64_t since(uint64_t now_ns, uint64_t then_ns) {
  return now_ns - std::min(now_ns, then_ns);
}

}  // namespace wsbpf
