// Connections of every kind, living and ended, as they are given to be explained.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "diagnose/explanation.h"
#include "ends_builder.h"

namespace wsbpf {

inline const std::map<int, std::string> kReasons = {{8, "tcp_abort_on_data"},
                                                    {11, "tcp_abort_on_close"},
                                                    {14, "tcp_state"},
                                                    {15, "tcp_keepalive_timeout"}};

inline const Process kOwner = {kPid, 77, "node"};

// A connection that was established 43 s after boot, and its end, if that has come.
struct Explained {
  Connection connection;
  std::optional<Evidence> evidence;
  std::optional<Judgement> judgement;
  std::optional<WebSocket> websocket;  // of one that lives
  ExplanationSubject subject;

  Explained() {
    connection.cookie = 0x1a2b;
    connection.opened_ns = 43_s;
    connection.state_since_ns = 43_s;
    connection.sampled_ns = 99_s;
    connection.local_address = address_of("10.0.0.1");
    connection.remote_address = address_of("10.0.3.7");
    connection.family = AF_INET;
    connection.local_port = 8080;
    connection.remote_port = 51234;
    connection.state = TcpState::kEstablished;
    connection.age_source = AgeSource::kExact;
    connection.state_age_source = AgeSource::kExact;
    connection.established = connection.sampled = true;
    connection.bytes_received = 223;
    connection.bytes_sent = 147;
    connection.idle_ms = connection.received_ms = 1'500;
    connection.heard_ms = 1'400;
    subject.now_ns = 100_s;
    subject.owner = &kOwner;
    subject.reset_reasons = &kReasons;
  }

  Explanation explanation() {
    subject.connection = &connection;
    subject.evidence = evidence ? &*evidence : nullptr;
    subject.judgement = judgement ? &*judgement : nullptr;
    subject.websocket = websocket ? &*websocket : nullptr;
    return explain(subject);
  }
};

inline Explained ended(const Evidence& evidence) {
  Explained explained;
  explained.connection.state = TcpState::kClose;
  explained.connection.state_since_ns = evidence.closed_ns != 0 ? evidence.closed_ns : 100_s;
  explained.connection.judged = true;
  explained.subject.now_ns = 130_s;
  explained.evidence = evidence;
  explained.judgement = judge(evidence);
  return explained;
}

inline std::string text_of(const Explanation& explanation) {
  std::string text = explanation.summary + '\n';
  for (const TimelineEntry& entry : explanation.timeline) {
    text += fmt::format("{}{}.{:03} {}: {}\n", entry.at_least ? "<=" : "",
                        entry.time_ns / 1'000'000'000, entry.time_ns / 1'000'000 % 1'000,
                        entry.what, entry.text);
  }
  for (const EvidenceItem& item : explanation.evidence) {
    text += fmt::format("{}={}: {}\n", item.name, item.value, item.meaning);
  }
  for (const std::string& advice : explanation.advice) text += fmt::format("- {}\n", advice);
  for (const Frame& frame : explanation.frames) {
    text += fmt::format("{}.{:03} {} {} {}{}\n", frame.time_ns / 1'000'000'000,
                        frame.time_ns / 1'000'000 % 1'000,
                        frame.direction == WSBPF_IN ? "received" : "sent",
                        opcode_name(frame.opcode), frame.length, frame.final ? "" : " …");
  }
  return text + explanation.documentation + '\n';
}

// --- one of each
// ------------------------------------------------------------------------------------

struct Scenario {
  const char* name;
  Explained explained;
};

inline Explained living(const std::function<void(Explained&)>& change) {
  Explained explained;
  change(explained);
  return explained;
}

inline Explained in_state(TcpState state, uint64_t age_ns, uint32_t unread_bytes = 0) {
  Explained explained;
  explained.connection.state = state;
  explained.connection.state_since_ns = explained.subject.now_ns - age_ns;
  explained.connection.unread_bytes = unread_bytes;
  explained.connection.sampled_ns = explained.subject.now_ns;
  return explained;
}

// Established, at that time.
inline Explained live_websocket(WebSocket websocket, uint64_t now_ns = 102_s) {
  Explained explained;
  websocket.ended = false;
  explained.websocket = websocket;
  explained.connection.sampled_ns = explained.subject.now_ns = now_ns;
  return explained;
}

inline Explained half_open(HalfOpen kind) {
  Explained explained;
  explained.connection.half_open = kind;
  explained.connection.heard_ms = 20'000;
  explained.connection.idle_ms = explained.connection.received_ms = 19'000;
  explained.connection.unacked_bytes = 6;
  explained.connection.retransmits = 4;
  return explained;
}

inline const std::vector<Scenario>& ends() {
  static const std::vector<Scenario> kEnds = {
      {"destroyed", ended(socket_destroyed())},
      {"killed", ended(process_exit())},
      {"exited", ended(with(own_fin(), [](Evidence& e) { e.closer = closer(kPid, 0); }))},
      {"exited with 3",
       ended(with(own_fin(), [](Evidence& e) { e.closer = closer(kPid, 3 << 8); }))},
      {"crashed over a leak",
       ended(with(leak(), [](Evidence& e) { e.closer = closer(kPid, SIGSEGV); }))},
      {"unreachable", ended(with(timed_out(), [](Evidence& e) { e.error = EHOSTUNREACH; }))},
      {"blackhole", ended(blackhole())},
      {"likely blackhole", ended(first_large_message_lost())},
      {"keepalive", ended(keepalive_gave_up())},
      {"user timeout", ended(user_timeout())},
      {"user timeout with a closed window",
       ended(with(user_timeout(), [](Evidence& e) { e.at_close.zero_window_ms = 31'000; }))},
      {"nat", ended(send_after_silence())},
      {"nat reset", ended(reset_after_silence())},
      {"vanished", ended(timed_out())},
      {"vanished after our close",
       ended(with(own_fin(),
                  [](Evidence& e) {
                    e.error = ETIMEDOUT;
                    e.closed_from = TcpState::kFinWait1;
                    e.at_close = Counters{.unacked_bytes = 1, .heard_ms = 30'000, .timeouts = 8};
                  }))},
      {"slow consumer", ended(own_fin_into_closed_window())},
      {"stall", ended(peer_fin_after_stall())},
      {"leak", ended(leak())},
      {"leak older than the daemon", ended(with(leak(),
                                                [](Evidence& e) {
                                                  e.left_to = {};
                                                  e.left_ns = 0;
                                                }))},
      {"unread", ended(own_abort(10))},
      {"data after close", ended(data_in(TcpState::kFinWait2))},
      {"data into timewait",
       ended(with(own_fin(), [](Evidence& e) { e.data_after_end_ns = 101_s + 300'000'000; }))},
      {"reset in close_wait", ended(reset_in_close_wait())},
      {"reset in last_ack",
       ended(with(reset_in_last_ack(), [](Evidence& e) { e.at_close.unacked_bytes = 40; }))},
      {"simultaneous", ended(crossed_fins())},
      {"linger", ended(own_abort(0))},
      {"never accepted", ended(with(own_abort(0), [](Evidence& e) { e.at_close.flags = 0; }))},
      {"dissolved", ended(with(own_abort(0),
                               [](Evidence& e) {
                                 e.at_close.flags = 0;
                                 e.fd_still_open = true;
                               }))},
      {"peer reset", ended(peer_reset())},
      {"peer reset when idle", ended(with(peer_reset(),
                                          [](Evidence& e) {
                                            e.at_close =
                                                Counters{.idle_ms = 60'004, .heard_ms = 60'004};
                                          }))},
      {"reset during close", ended(reset_in(TcpState::kFinWait1))},
      {"closed", ended(own_fin())},
      {"closed by the peer", ended(peer_fin())},
      {"closed by the peer when idle", ended(with(peer_fin(),
                                                  [](Evidence& e) {
                                                    e.at_departure.received_ms_ago =
                                                        e.at_departure.sent_ms_ago = 60'004;
                                                  }))},
      {"refused", ended(of(refused(403), own_fin()))},
      {"our request was refused",
       ended(of(refused(502, WebSocketRecords::kWholeRequest, true), peer_fin()))},
      {"stripped", ended(of(refused(404, WSBPF_WEBSOCKET_KEY | WSBPF_WEBSOCKET_VERSION_13 |
                                             WSBPF_WEBSOCKET_HTTP_1_0),
                            own_fin()))},
      {"unanswered", ended(of(unanswered(), peer_fin()))},
      {"closed cleanly", ended(of(closed_both_ways(WSBPF_IN, 1001), own_fin()))},
      {"closed cleanly by us", ended(of(closed_both_ways(WSBPF_OUT, 1011), peer_fin()))},
      {"Close frames crossed",
       ended(with(of(closed_both_ways(WSBPF_OUT), own_fin()),
                  [](Evidence& e) { e.websocket->state.bits |= WSBPF_WEBSOCKET_CLOSES_CROSSED; }))},
      {"no Close frame", ended(of(talked(), own_fin()))},
      {"no Close frame of the peer", ended(of(talked(), peer_fin()))},
      {"reset without a Close frame", ended(of(talked(), peer_reset()))},
      {"the peer's Close frame unanswered", ended(of(half_closed(WSBPF_IN), own_fin()))},
      {"our Close frame unanswered", ended(of(half_closed(WSBPF_OUT), peer_fin()))},
      {"reset after Close frames", ended(of(closed_both_ways(WSBPF_OUT), peer_reset()))},
      {"out of step", ended(with(of(half_closed(WSBPF_IN), peer_fin()),
                                 [](Evidence& e) {
                                   e.websocket->state.missed_bytes = 40;
                                   e.websocket->state.directions[WSBPF_OUT].reading =
                                       WSBPF_READING_LOST;
                                   e.websocket->state.directions[WSBPF_IN].violations = 1;
                                 }))},
      {"incomplete", ended(with(own_fin(), [](Evidence& e) { e.complete = false; }))},
      {"unseen", ended({})},
      {"contradictory", ended(with(own_abort(0), [](Evidence& e) { e.reset_sent = {}; }))},
  };
  return kEnds;
}

inline const std::vector<Scenario>& lives() {
  using S = TcpState;
  static const std::vector<Scenario> kLives = {
      {"healthy", Explained()},
      {"no data yet",
       living([](Explained& e) { e.connection.bytes_received = e.connection.bytes_sent = 0; })},
      {"older than the daemon", living([](Explained& e) {
         e.connection.age_source = e.connection.state_age_source = AgeSource::kLowerBound;
       })},
      {"new", living([](Explained& e) { e.connection.sampled = false; })},
      {"connecting", living([](Explained& e) {
         e.connection.state = S::kSynSent;
         e.connection.sampled = e.connection.established = false;
         e.connection.role = Role::kClient;
       })},
      {"stalled", living([](Explained& e) {
         e.connection.unread_bytes = 10;
         e.connection.received_ms = 5'000;
       })},
      {"upgrade refused", live_websocket(refused(400))},
      {"upgrade stripped", live_websocket(refused(400, WSBPF_WEBSOCKET_KEY))},
      {"upgrade awaited",
       [] {
         Explained explained = live_websocket(unanswered());
         explained.connection.bytes_sent = 0;
         return explained;
       }()},
      {"talking", live_websocket(talked())},
      {"Close frame unanswered", live_websocket(half_closed(WSBPF_IN, 1001), 105_s)},
      {"Close frames, and no FIN", live_websocket(closed_both_ways(WSBPF_OUT), 105_s)},
      {"ping unanswered", live_websocket(talked([](WebSocket& websocket, WebSocketRecords& r) {
                                           take_websocket(websocket, r.ping(91_s, WSBPF_OUT));
                                         }),
                                         105_s)},
      {"WebSocket out of step",
       live_websocket(talked([](WebSocket& websocket, WebSocketRecords& r) {
         take_websocket(websocket, r.lost(91_s, WSBPF_IN, 40));
       }))},
      {"unacked", half_open(HalfOpen::kUnacked)},
      {"probing", half_open(HalfOpen::kProbing)},
      {"silent", half_open(HalfOpen::kSilent)},
      {"just closed by the peer", in_state(S::kCloseWait, 1_s)},
      {"stuck", in_state(S::kCloseWait, 20_s, 1)},
      {"stuck with data", in_state(S::kCloseWait, 20_s, 11)},
      {"leaking",
       [] {
         Explained explained = in_state(S::kCloseWait, 60_s, 0);
         explained.connection.opened_ns = 20_s;
         return explained;
       }()},
      {"read, and not closed yet", in_state(S::kCloseWait, 20_s, 0)},
      {"written to, and does not read", living([](Explained& e) {
         e.connection.heard_ms = e.connection.idle_ms = 30'000;
         e.connection.unsent_bytes = 3'782'144;
         e.connection.zero_window_ms = 40'000;
       })},
      {"in CLOSE_WAIT, not looked at since", living([](Explained& e) {
         e.connection.state = S::kCloseWait;
         e.connection.state_since_ns = 95_s;
         e.connection.sampled_ns = 94_s;
       })},
      {"FIN_WAIT1", in_state(S::kFinWait1, 5_s)},
      {"FIN_WAIT2", in_state(S::kFinWait2, 5_s)},
      {"FIN_WAIT2 of nobody",
       [] {
         Explained explained = in_state(S::kFinWait2, 5_s);
         explained.subject.owner = nullptr;
         return explained;
       }()},
      {"LAST_ACK", in_state(S::kLastAck, 5_s)},
      {"CLOSING", in_state(S::kClosing, 5_s)},
      {"ended a moment ago", in_state(S::kClose, 100'000'000)},
      {"over, with its descriptor",
       [] {
         Explained explained = in_state(S::kClose, 5_s);
         explained.connection.judged = true;
         return explained;
       }()},
  };
  return kLives;
}

}  // namespace wsbpf
