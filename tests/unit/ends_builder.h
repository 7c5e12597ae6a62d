// How connections end, as the kernel tells of them: evidence for tests.
#pragma once

#include <cerrno>
#include <csignal>
#include <functional>
#include <initializer_list>

#include "core/verdict.h"
#include "kernel_records.h"

namespace wsbpf {

inline constexpr int kTcpState = 14;  // as the kernel numbers its reasons for resets
inline constexpr int kAbortOnClose = 11;
inline constexpr int kAbortOnData = 8;
inline constexpr int kKeepalive = 15;
inline constexpr uint32_t kPid = 4121;

// The peer's FIN, and then ours.
inline Evidence peer_fin() {
  Evidence e;
  e.left_to = TcpState::kCloseWait;
  e.left_ns = 100_s;
  e.at_departure = Counters{.unread_bytes = 1, .flags = WSBPF_SOCK_DONE};
  e.closer = closer(kPid);
  e.own_close_ns = 101_s;
  e.close_wait_ns = 1_s;
  e.closed_from = TcpState::kLastAck;
  e.closed_ns = 101_s;
  e.at_close = Counters{.flags = WSBPF_SOCK_DONE};
  return e;
}

// Our FIN, and a timewait socket takes over.
inline Evidence own_fin() {
  Evidence e;
  e.left_to = TcpState::kFinWait1;
  e.left_ns = 100_s;
  e.closer = closer(kPid);
  e.own_close_ns = 100_s;
  e.closed_from = TcpState::kFinWait2;
  e.closed_ns = 101_s;
  return e;
}

// Both FINs were under way at once.
inline Evidence crossed_fins() {
  Evidence e = own_fin();
  e.closed_from = TcpState::kClosing;
  e.crossed = true;
  return e;
}

// Out of ESTABLISHED at once, without a FIN.
inline Evidence at_once(int32_t error) {
  Evidence e;
  e.left_to = TcpState::kClose;
  e.closed_from = TcpState::kEstablished;
  e.closed_ns = 100_s;
  e.error = error;
  return e;
}

inline Evidence peer_reset() {
  Evidence e = at_once(ECONNRESET);
  e.reset_received = {100_s, TcpState::kEstablished, -1};
  return e;
}

// The peer's FIN, then its reset, before we closed.
inline Evidence reset_in_close_wait() {
  Evidence e = peer_fin();
  e.closed_from = TcpState::kCloseWait;
  e.closer = {};
  e.own_close_ns = 0;
  e.error = EPIPE;
  e.reset_received = {101_s, TcpState::kCloseWait, -1};
  return e;
}

// The peer's reset after both FINs.
inline Evidence reset_in_last_ack() {
  Evidence e = peer_fin();
  e.error = ECONNRESET;
  e.reset_received = {101_s, TcpState::kLastAck, -1};
  return e;
}

// The peer's reset while our own FIN was under way.
inline Evidence reset_in(TcpState state) {
  Evidence e = own_fin();
  e.closed_from = state;
  e.error = ECONNRESET;
  e.reset_received = {101_s, state, -1};
  return e;
}

// Data from the peer met a socket that had sent its FIN: reported as a reset received, first.
inline Evidence data_in(TcpState state) {
  Evidence e = reset_in(state);
  e.reset_sent = {101_s, TcpState::kClose, kAbortOnData};
  return e;
}

// close() with SO_LINGER 0, or with data unread.
inline Evidence own_abort(uint32_t unread_bytes) {
  Evidence e = at_once(0);
  e.closer = closer(kPid);
  e.own_close_ns = 100_s;
  e.reset_sent = {100_s, TcpState::kClose, unread_bytes > 0 ? kAbortOnClose : kTcpState};
  e.at_close = Counters{.unread_bytes = unread_bytes,
                        .flags = WSBPF_SOCK_RCV_SHUTDOWN | WSBPF_SOCK_SEND_SHUTDOWN};
  return e;
}

// Large traffic went to and fro; then something was sent, and sent again, and nothing was heard.
inline Evidence timed_out() {
  Evidence e = at_once(ETIMEDOUT);
  e.at_close = Counters{.bytes_received = 100'000,
                        .bytes_acked = 100'000,
                        .unacked_bytes = 100,
                        .retransmits = 8,
                        .idle_ms = 500,
                        .heard_ms = 30'000,
                        .timeouts = 8};
  e.streak = {.began_ns = 71_s,
              .unacked_from = 7,
              .segments = 8,
              .silence_before_ms = 500,
              .only_full_size = false};
  return e;
}

// Only full-size segments are lost, and the peer was heard in between.
inline Evidence blackhole() {
  Evidence e = timed_out();
  e.streak.only_full_size = true;
  e.at_close.heard_ms_ago = 2'000;
  return e;
}

// The first large message of all, and nothing heard since.
inline Evidence first_large_message_lost() {
  Evidence e = timed_out();
  e.streak.only_full_size = true;
  e.at_close.bytes_acked = 400;
  return e;
}

inline Evidence keepalive_gave_up() {
  Evidence e = at_once(ETIMEDOUT);
  e.at_close =
      Counters{.idle_ms = 90'000, .heard_ms = 90'000, .probes = 5, .flags = WSBPF_SOCK_KEEPALIVE};
  e.reset_sent = {100_s, TcpState::kEstablished, kKeepalive};
  return e;
}

inline Evidence user_timeout() {
  Evidence e = timed_out();
  e.at_close.user_timeout_ms = 30'000;
  return e;
}

// Nothing was heard for a minute; then something was sent, in vain.
inline Evidence send_after_silence() {
  Evidence e = timed_out();
  e.streak.silence_before_ms = 60'000;
  return e;
}

inline Evidence reset_after_silence() {
  Evidence e = peer_reset();
  e.at_close = Counters{.unacked_bytes = 50, .heard_ms = 60'030};
  e.at_close.received_ms_ago = 60'030;
  e.at_close.sent_ms_ago = 30;
  return e;
}

inline Evidence own_fin_into_closed_window() {
  Evidence e = own_fin();
  e.at_departure.zero_window_ms = kZeroWindowLimit_ms;
  return e;
}

// The peer gave up while what it had sent lay unread.
inline Evidence peer_fin_after_stall() {
  Evidence e = peer_fin();
  e.at_departure.unread_bytes = 11;  // ten bytes and the FIN
  e.at_departure.received_ms_ago = kStallLimit_ms;
  return e;
}

inline Evidence leak() {
  Evidence e = peer_fin();
  e.close_wait_ns = kCloseWaitLeak_ns;
  return e;
}

inline Evidence socket_destroyed() {
  Evidence e = at_once(ECONNABORTED);
  e.reset_sent = {100_s, TcpState::kEstablished, kTcpState};
  return e;
}

inline Evidence process_exit() {
  Evidence e = own_fin();
  e.closer = closer(kPid, SIGKILL);
  return e;
}

// --- WebSockets of a connection that was established 43 s after boot
// -----------------------------------------------------------------------------------------------

// As the table has one after these records.
inline WebSocket taken(std::initializer_list<wsbpf_websocket> records) {
  WebSocket websocket;
  for (const wsbpf_websocket& record : records) take_websocket(websocket, record);
  return websocket;
}

inline WebSocket refused(uint16_t status, uint32_t bits = WebSocketRecords::kWholeRequest,
                         bool is_client = false) {
  WebSocketRecords records(Sock{}, is_client);
  return taken({records.requested(43'010_ms, bits), records.answered(43'022_ms, status),
                records.ended(101_s)});
}

inline WebSocket unanswered(bool is_client = false) {
  WebSocketRecords records(Sock{}, is_client);
  // Before a direction has been read, what lies behind says nothing.
  return taken({records.requested(43'010_ms), records.ended(101_s, {7'000, 7'000})});
}

// Two messages came, and one was sent, before whatever `end` adds.
inline WebSocket talked(const std::function<void(WebSocket&, WebSocketRecords&)>& end = {}) {
  WebSocketRecords records((Sock()));
  WebSocket websocket =
      taken({records.requested(43'010_ms), records.answered(43'022_ms),
             records.message(50_s, WSBPF_IN, 123), records.message(80_s, WSBPF_OUT, 70'000, 2),
             records.message(90_s, WSBPF_IN, 5)});
  if (end) end(websocket, records);
  take_websocket(websocket, records.ended(101_s));
  return websocket;
}

// By a Close frame in one direction.
inline WebSocket half_closed(int direction, uint16_t code = 1000) {
  return talked([&](WebSocket& websocket, WebSocketRecords& records) {
    take_websocket(websocket, records.close(99_s, direction, code));
  });
}

// By Close frames both ways, the first of them in that direction.
inline WebSocket closed_both_ways(int first, uint16_t code = 1000) {
  return talked([&](WebSocket& websocket, WebSocketRecords& records) {
    take_websocket(websocket, records.close(99_s, first, code));
    take_websocket(websocket, records.close(99'500_ms, !first, code));
  });
}

// The bytes of the last segment were not read.
inline WebSocket not_read_to_the_end(WebSocket websocket) {
  websocket.behind[WSBPF_IN] = 10;
  return websocket;
}

inline Evidence of(WebSocket websocket, Evidence evidence) {
  evidence.websocket = websocket;
  return evidence;
}

inline Evidence with(Evidence evidence, const std::function<void(Evidence&)>& change) {
  change(evidence);
  return evidence;
}

}  // namespace wsbpf
