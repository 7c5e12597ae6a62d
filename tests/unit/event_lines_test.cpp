// What happens, as lines of JSON.
#include "serve/event_lines.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "observed_builder.h"
#include "serve/json.h"

namespace wsbpf {
namespace {

using nlohmann::json;
using Keys = std::set<std::string>;

Keys keys_of(const json& object) {
  Keys keys;
  for (const auto& [key, value] : object.items()) keys.insert(key);
  return keys;
}

class EventLinesTest : public testing::Test {
 protected:
  EventLinesTest() {
    scene_.observed.status.reset_reasons = {{14, "tcp_state"}};
    context_.observed = &scene_.observed;
    context_.node_json = json_string("node-a");
    connection_.cookie = 7;
    connection_.local_port = 8080;
    connection_.remote_port = 40000;
    connection_.family = AF_INET;
    connection_.local_address = address_of("10.0.0.1");
    connection_.remote_address = address_of("10.0.3.7");
    connection_.state = TcpState::kClose;
    connection_.opened_ns = 10_s;
    connection_.state_since_ns = 90_s;
    connection_.last_event_ns = 90_s;
    connection_.sampled = true;
    connection_.sampled_ns = 90_s;
    connection_.netns = 1;
    scene_.apply(listening(1_s, listen_sock(9), 4121), accepted(10_s, Sock{}));
    connection_.listener = summary_of(scene_.table).index;

    evidence_.left_to = TcpState::kCloseWait;
    evidence_.left_ns = 80_s;
    evidence_.at_departure = Counters{
        .unread_bytes = 11, .unacked_bytes = 5, .unsent_bytes = 6, .flags = WSBPF_SOCK_DONE};
    evidence_.at_departure.received_ms_ago = 30'000;
    evidence_.at_departure.sent_ms_ago = 1'500;
    evidence_.at_departure.heard_ms_ago = 1'400;
    evidence_.at_close = Counters{.zero_window_ms = 2'000};
    evidence_.closer = closer(4121);
    evidence_.own_close_ns = 90_s;
    evidence_.close_wait_ns = 10_s;
    evidence_.closed_from = TcpState::kLastAck;
    evidence_.closed_ns = 90_s;
    evidence_.longest_silence_ms = 45'000;
    judgement_ = {Verdict::kServerStall, Initiator::kRemote, Mechanism::kFin, {}, 0.85};
  }

  json closed() {
    return json::parse(closed_line(context_, connection_, owner(), evidence_, judgement_));
  }
  const Process* owner() const { return scene_.table.owner_of(connection_); }
  const ListenerKey& listener() const { return scene_.table.listener(connection_.listener).key; }
  json evidence() { return closed().at("evidence"); }

  Scene scene_;
  EventContext context_;
  Connection connection_;
  Evidence evidence_;
  Judgement judgement_;
};

TEST_F(EventLinesTest, EachIsOneLine) {
  connection_.state = TcpState::kEstablished;
  const std::string lines[] = {
      opened_line(context_, connection_, owner()),
      closed_line(context_, connection_, owner(), evidence_, judgement_),
      half_open_line(context_, connection_, owner(), nullptr),
      race_line(context_, Race::kLateReset, {7, 90_s, 0, connection_.listener}, listener(), 95_s),
      lost_line(context_, "ring_buffer", 3, 100_s),
  };
  const char* types[] = {"opened", "closed", "half_open", "race", "lost"};
  for (size_t i = 0; i < std::size(lines); ++i) {
    EXPECT_EQ(lines[i].find('\n'), std::string::npos);
    const json line = json::parse(lines[i]);
    EXPECT_EQ(line["type"], types[i]);
    EXPECT_EQ(line["node"], "node-a");
    EXPECT_TRUE(line["time"].is_string());
  }
}

TEST_F(EventLinesTest, AClosedEventHasEveryField) {
  const json line = closed();
  EXPECT_EQ(keys_of(line), (Keys{"type", "time", "node", "connection", "verdict", "initiator",
                                 "mechanism", "race", "confidence", "evidence"}));
  EXPECT_EQ(line["time"], rfc3339(90_s, scene_.observed.wall_clock_offset_ns));
  EXPECT_EQ(line["verdict"], "server_stall");
  EXPECT_EQ(line["initiator"], "remote");
  EXPECT_EQ(line["mechanism"], "fin");
  EXPECT_EQ(line["race"], nullptr);
  EXPECT_EQ(line["confidence"], 0.85);
  const json& c = line["connection"];
  EXPECT_EQ(c["id"], "7");
  EXPECT_EQ(c["state"], "close");
  EXPECT_EQ(c["local"], json::parse(R"({"address": "10.0.0.1", "port": 8080})"));
  EXPECT_EQ(c["remote"], json::parse(R"({"address": "10.0.3.7", "port": 40000})"));
  EXPECT_EQ(c["age_seconds"], 80.0);
}

TEST_F(EventLinesTest, TheEvidenceHasEveryField) {
  const json e = evidence();
  EXPECT_EQ(keys_of(e), (Keys{"complete",
                              "first_fin",
                              "closed_from",
                              "error",
                              "idle_received_seconds",
                              "idle_sent_seconds",
                              "last_heard_seconds",
                              "longest_silence_seconds",
                              "unread_bytes",
                              "unacked_bytes",
                              "unsent_bytes",
                              "zero_window_seconds",
                              "close_wait_seconds",
                              "retransmit_streak",
                              "reset_sent",
                              "reset_received",
                              "data_after_end_seconds",
                              "closed_by",
                              "abort",
                              "fd_still_open",
                              "websocket"}));
  EXPECT_EQ(e["complete"], true);
  EXPECT_EQ(e["first_fin"], "remote");
  EXPECT_EQ(e["closed_from"], "last_ack");
  EXPECT_EQ(e["idle_received_seconds"], 30.0);
  EXPECT_EQ(e["idle_sent_seconds"], 1.5);
  EXPECT_EQ(e["last_heard_seconds"], 1.4);
  EXPECT_EQ(e["longest_silence_seconds"], 45.0);
  EXPECT_EQ(e["unread_bytes"], 10) << "without the FIN";
  EXPECT_EQ(e["unacked_bytes"], 5);
  EXPECT_EQ(e["unsent_bytes"], 6);
  EXPECT_EQ(e["zero_window_seconds"], 2.0);
  EXPECT_EQ(e["close_wait_seconds"], 10.0);
  EXPECT_EQ(e["closed_by"], json::parse(R"({"pid": 4121, "exiting": false})"));
  EXPECT_EQ(e["fd_still_open"], false);
}

TEST_F(EventLinesTest, TheWebSocketIsPartOfTheEvidence) {
  EXPECT_EQ(evidence()["websocket"], nullptr);
  WebSocketRecords records((Sock()));
  WebSocket websocket;
  for (const wsbpf_websocket& record :
       {records.requested(11_s), records.answered(12_s), records.message(20_s, WSBPF_IN, 5),
        records.message(21_s, WSBPF_IN, 5), records.message(23'500_ms, WSBPF_IN, 5),
        records.message(30_s, WSBPF_OUT, 5), records.ping(70_s, WSBPF_OUT),
        records.close(79_s, WSBPF_IN, 1001), records.ended(90_s)}) {
    take_websocket(websocket, record);
  }
  evidence_.websocket = websocket;
  EXPECT_EQ(evidence()["websocket"], json::parse(R"({
      "first_close": "remote", "close_code_received": 1001, "close_code_sent": null,
      "closes_crossed": false, "read_to_the_end": true, "fin_without_close": false,
      "close_without_fin": false, "upgrade_status": 101, "upgrade_stripped": false,
      "violations": 0, "missed_bytes": 0, "gaps_received_seconds": [1.0, 2.5],
      "gaps_sent_seconds": [], "seconds_since_message_received": 66.5,
      "seconds_since_message_sent": 60.0, "ping_unanswered_seconds": 20.0})"));
  evidence_.left_to = TcpState::kFinWait1;
  EXPECT_EQ(evidence()["websocket"]["fin_without_close"], true);
  evidence_.left_to = TcpState::kClose;
  EXPECT_EQ(evidence()["websocket"]["close_without_fin"], true);
}

TEST_F(EventLinesTest, ARequestThatWasRefusedIsPartOfTheEvidence) {
  WebSocketRecords records((Sock()));
  WebSocket websocket;
  take_websocket(websocket, records.requested(11_s, WSBPF_WEBSOCKET_KEY));
  take_websocket(websocket, records.answered(12_s, 400));
  evidence_.websocket = websocket;
  const json told = evidence()["websocket"];
  EXPECT_EQ(told["upgrade_status"], 400);
  EXPECT_EQ(told["upgrade_stripped"], true);
  EXPECT_EQ(told["first_close"], nullptr);
  EXPECT_EQ(told["read_to_the_end"], false) << "it has no frames";
  evidence_.websocket->state.bits &= ~uint32_t{WSBPF_WEBSOCKET_REQUEST};
  EXPECT_EQ(evidence()["websocket"], nullptr) << "plain HTTP";
}

TEST_F(EventLinesTest, WhatDidNotHappenIsNull) {
  evidence_.left_to = TcpState::kFinWait1;
  evidence_.closer = {};
  const json e = evidence();
  for (const char* key : {"error", "close_wait_seconds", "retransmit_streak", "reset_sent",
                          "reset_received", "closed_by", "abort"}) {
    EXPECT_EQ(e[key], nullptr) << key;
  }
  EXPECT_EQ(e["first_fin"], "local");
  evidence_.left_to = TcpState::kClose;
  EXPECT_EQ(evidence()["first_fin"], nullptr);
}

TEST_F(EventLinesTest, AnEndThatNobodySawHasNoEvidence) {
  evidence_ = {};
  judgement_ = {};
  const json line = closed();
  EXPECT_EQ(line["evidence"], json::parse(R"({"complete": false})"));
  EXPECT_EQ(line["verdict"], "unknown");
  EXPECT_EQ(line["initiator"], "unknown");
  EXPECT_EQ(line["mechanism"], "unknown");
  EXPECT_EQ(line["confidence"], 0.0);
  EXPECT_EQ(line["time"], rfc3339(90_s, scene_.observed.wall_clock_offset_ns))
      << "when it was found out";
}

TEST_F(EventLinesTest, AnExitHasAStatusOrASignal) {
  evidence_.closer = closer(4121, 3 << 8);
  EXPECT_EQ(
      evidence()["closed_by"],
      json::parse(R"({"pid": 4121, "exiting": true, "exit_status": 3, "exit_signal": null})"));
  evidence_.closer = closer(4121, 0);
  EXPECT_EQ(evidence()["closed_by"]["exit_status"], 0);
  evidence_.closer = closer(4121, SIGKILL);
  EXPECT_EQ(
      evidence()["closed_by"],
      json::parse(R"({"pid": 4121, "exiting": true, "exit_status": null, "exit_signal": 9})"));
  evidence_.closer = closer(4121, SIGSEGV | 0x80);  // with a core dump
  EXPECT_EQ(evidence()["closed_by"]["exit_signal"], SIGSEGV);
}

TEST_F(EventLinesTest, NamesErrorsAndReasons) {
  evidence_.error = ETIMEDOUT;
  evidence_.reset_sent = {90_s, TcpState::kEstablished, 14};
  evidence_.reset_received = {90_s, TcpState::kCloseWait, -1};
  const json e = evidence();
  EXPECT_EQ(e["error"], "ETIMEDOUT");
  EXPECT_EQ(e["reset_sent"], json::parse(R"({"state": "established", "reason": "tcp_state"})"));
  EXPECT_EQ(e["reset_received"], json::parse(R"({"state": "close_wait", "reason": null})"));
  evidence_.reset_sent.reason = 99;
  EXPECT_EQ(evidence()["reset_sent"]["reason"], nullptr) << "a reason that has no name";
}

TEST_F(EventLinesTest, DoesNotTellOfAResetReceivedThatWasOurs) {
  evidence_.reset_received = {90_s, TcpState::kFinWait2, -1};
  EXPECT_TRUE(evidence()["reset_received"].is_object());
  evidence_.reset_sent = {90_s, TcpState::kClose, 8};
  EXPECT_EQ(evidence()["reset_received"], nullptr);
  EXPECT_TRUE(evidence()["reset_sent"].is_object());
}

TEST_F(EventLinesTest, TellsOfAStreakAndAnAbort) {
  evidence_.streak = {.began_ns = 85_s,
                      .unacked_from = 7,
                      .segments = 4,
                      .silence_before_ms = 1'234,
                      .only_full_size = false};
  EXPECT_EQ(
      evidence()["retransmit_streak"],
      json::parse(R"({"segments": 4, "only_full_size": false, "silence_before_seconds": 1.234})"));
  evidence_.closed_from = TcpState::kEstablished;
  evidence_.reset_sent = {90_s, TcpState::kClose, 14};
  EXPECT_EQ(evidence()["abort"], "listener_closed");
  evidence_.at_close.flags = WSBPF_SOCK_SEND_SHUTDOWN;
  EXPECT_EQ(evidence()["abort"], "linger");
}

TEST_F(EventLinesTest, NamesTheRace) {
  judgement_.race = Race::kResetDuringClose;
  EXPECT_EQ(closed()["race"], "reset_during_close");
}

TEST_F(EventLinesTest, ALateRaceNamesWhatItIsOf) {
  const json line = json::parse(race_line(
      context_, Race::kDataAfterClose, {7, 90_s, 2, connection_.listener}, listener(), 92'500_ms));
  EXPECT_EQ(keys_of(line), (Keys{"type", "time", "node", "race", "connection_id",
                                 "seconds_after_end", "listener"}));
  EXPECT_EQ(line["race"], "data_after_close");
  EXPECT_EQ(line["connection_id"], "7.2");
  EXPECT_EQ(line["seconds_after_end"], 2.5);
  EXPECT_EQ(line["listener"], json::parse(R"({"netns": 1, "port": 8080, "role": "server"})"));
  EXPECT_EQ(line["time"], rfc3339(92'500_ms, scene_.observed.wall_clock_offset_ns));
}

TEST_F(EventLinesTest, ALossNamesItsReason) {
  const json line = json::parse(lost_line(context_, "ring_buffer", 3, 100_s));
  EXPECT_EQ(line["lost"], json::parse(R"({"reason": "ring_buffer", "count": 3})"));
}

TEST_F(EventLinesTest, AnAlertIsWhole) {
  scene_.fire(8080, Severity::kCritical);
  const json line = json::parse(alert_line(context_, scene_.observed.alerts[0]));
  EXPECT_EQ(line["type"], "alert");
  EXPECT_EQ(line["time"], rfc3339(kNow_ns - 10_s, scene_.observed.wall_clock_offset_ns));
  EXPECT_EQ(line["alert"]["name"], "CloseWaitAccumulation");
  EXPECT_EQ(line["alert"]["severity"], "critical");
}

// Whatever a process calls itself, and whatever the node is called.
TEST_F(EventLinesTest, HostileNamesStayInTheirStrings) {
  const std::string hostile = "\"},\n\x1b[2J\\\xff\u202e";
  Scene scene;
  scene.processes.run(666, hostile);
  scene.apply(listening(1_s, listen_sock(9), 666), accepted(10_s, Sock{.cookie = 3}));
  EventContext context{&scene.observed, json_string(hostile)};
  const Connection* const connection = find_connection(scene.table, 3);
  ASSERT_NE(connection, nullptr);
  const Process* const owner = scene.table.owner_of(*connection);
  Alert alert;
  alert.finding.alert = "EventsLost";
  alert.finding.comm = hostile;
  alert.finding.summary = hostile;
  for (const std::string& text :
       {opened_line(context, *connection, owner),
        closed_line(context, *connection, owner, evidence_, judgement_),
        half_open_line(context, *connection, owner, nullptr), alert_line(context, alert)}) {
    for (const char c : text) {
      EXPECT_GE(c, ' ');
      EXPECT_LT(static_cast<unsigned char>(c), 0x7f);
    }
    const json line = json::parse(text);
    EXPECT_EQ(line["node"], "\"},\n\x1b[2J\\\ufffd\u202e");
    if (line.contains("connection")) {
      EXPECT_EQ(line["connection"]["owner"]["comm"], "\"},\n\x1b[2J\\\ufffd\u202e");
    }
  }
}

}  // namespace
}  // namespace wsbpf
