// What the kernel programs read of WebSockets, put into the table.
#include <algorithm>

#include "core/connection_record.h"
#include "core/connection_table.h"

namespace wsbpf {
namespace {

// As long as the handshake of npm's `ws` may take in most examples; browsers wait longer.
constexpr uint64_t kUpgradeTimeout_ns = 10'000'000'000;

// A state may be older than the one that was applied before it; counts never go down.
uint64_t growth(uint64_t now, uint64_t then) { return now > then ? now - then : 0; }

// Of a count of 32 bits, which may go round.
uint64_t growth_32(uint32_t now, uint32_t then) {
  const uint32_t grown = now - then;
  return grown <= INT32_MAX ? grown : 0;
}

}  // namespace

void ConnectionTable::apply_record(const wsbpf_websocket& record) {
  Connection* const connection = find(record.header.cookie);
  if (connection == nullptr || !watch_.websocket) return;
  if (connection->websocket == kNone) connection->websocket = websockets_.insert({});
  WebSocket& websocket = websockets_[connection->websocket];
  if (record.header.time_ns < websocket.read_ns) return;  // a sweep read it before an event
  const WebSocket before = websocket;
  take_websocket(websocket, record);
  // The kernel's tick may put the request a little too early.
  if (websocket.requested_ns != 0 && connection->age_source == AgeSource::kExact) {
    websocket.requested_ns = std::max(websocket.requested_ns, connection->opened_ns);
  }

  WebSocketTotals& totals = listeners_[connection->listener].websocket;
  for (int direction = 0; direction < WSBPF_DIRECTIONS; ++direction) {
    totals.messages[direction] +=
        growth_32(messages(websocket, direction), messages(before, direction));
    totals.message_bytes[direction] +=
        growth(message_bytes(websocket, direction), message_bytes(before, direction));
  }
  totals.violations += growth(violations(websocket), violations(before));
  totals.missed_bytes += growth_32(record.state.missed_bytes, before.state.missed_bytes);
  // How long our own pong takes says nothing of the peer.
  if (record.news & WSBPF_NEWS_PONG && !(record.state.bits & WSBPF_WEBSOCKET_PING_IN)) {
    totals.ping_rtt.observe(record.state.rtt_us / 1e6);
  }
  // An answer whose record was lost shows in the next one.
  const uint16_t status = upgrade_status(websocket);
  if (status != 0 && (record.news & WSBPF_NEWS_ANSWER || upgrade_status(before) != status)) {
    ++totals.upgrades[status];
    if (is_upgrade_stripped(websocket)) ++totals.stripped_upgrades;
  }
}

void ConnectionTable::apply_record(const wsbpf_unreadable& record) {
  Connection* const connection = find(record.header.cookie);
  if (connection == nullptr || !watch_.websocket) return;
  constexpr Unread kReasons[] = {Unread::kNo, Unread::kTls, Unread::kHttp2, Unread::kOther};
  if (record.reason < std::size(kReasons)) connection->websocket_unread = kReasons[record.reason];
}

// Bytes had come before the last sweep, and the kernel found nothing in them that it would follow:
// that it has said so was lost.
void ConnectionTable::note_unread(Connection& connection) const {
  const bool nothing_found = watch_.websocket && connection.websocket == kNone &&
                             connection.websocket_unread == Unread::kNo;
  if (!nothing_found || connection.age_source != AgeSource::kExact) return;
  if (connection.sampled && connection.bytes_received > 0) {
    connection.websocket_unread = Unread::kOther;
  }
}

void ConnectionTable::note_websocket_end(const Connection& connection, Evidence& evidence) {
  const WebSocket* const websocket = websocket_of(connection);
  if (websocket == nullptr) return;
  evidence.websocket = *websocket;
  if (phase_of(connection, websocket) != Phase::kUpgrading) return;
  const uint64_t waited_ns = since(evidence.closed_ns, websocket->requested_ns);
  WebSocketTotals& totals = listeners_[connection.listener].websocket;
  ++totals.upgrades[waited_ns < kUpgradeTimeout_ns ? kUpgradeUnanswered : kUpgradeTimedOut];
  if (is_upgrade_stripped(*websocket)) ++totals.stripped_upgrades;
}

}  // namespace wsbpf
