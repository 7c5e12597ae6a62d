// What is known of WebSockets, in the JSON of connections, listeners and events.
#include "serve/websocket_json.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "observed_builder.h"
#include "serve/event_lines.h"
#include "serve/json.h"

namespace wsbpf {
namespace {

using nlohmann::json;

class WebSocketJsonTest : public testing::Test {
 protected:
  explicit WebSocketJsonTest(const Watch& watch = watch_of({8080})) : scene_(watch) {}

  json connection() {
    const Connection* const connection = find_connection(scene_.table, sock_.cookie);
    EXPECT_NE(connection, nullptr);
    if (connection == nullptr) return {};
    fmt::memory_buffer out;
    append_connection(out, *connection, nullptr, scene_.table.websocket_of(*connection),
                      {.now_ns = kNow_ns, .node_json = "\"node-a\""});
    return json::parse(fmt::to_string(out));
  }

  json websocket() { return connection()["websocket"]; }
  json unread() { return connection()["websocket_unread"]; }

  json of_listener() {
    return listener_json(scene_.observed, scene_.observed.listeners.at(0))["websocket"];
  }

  // All but the phase is null.
  void expect_only_phase(const std::string& phase) {
    const json w = websocket();
    EXPECT_EQ(w["phase"], phase);
    for (const auto& [name, value] : w.items()) EXPECT_EQ(value.is_null(), name != "phase") << name;
  }

  Scene scene_;
  const Sock sock_;
  WebSocketRecords records_{sock_};
};

class NoWebSocketJsonTest : public WebSocketJsonTest {
 protected:
  static Watch watch() {
    Watch watch = watch_of({8080});
    watch.websocket = false;
    return watch;
  }
  NoWebSocketJsonTest() : WebSocketJsonTest(watch()) {}
};

TEST_F(WebSocketJsonTest, HasTheSameFieldsWhateverIsKnown) {
  const std::set<std::string> fields = {"phase",
                                        "messages_received",
                                        "messages_sent",
                                        "last_message_gap_seconds",
                                        "average_message_bytes",
                                        "last_ping_seconds",
                                        "ping_rtt_seconds",
                                        "close_code",
                                        "close_code_received",
                                        "close_code_sent",
                                        "upgrade_status",
                                        "upgrade_stripped",
                                        "message_bytes_received",
                                        "message_bytes_sent",
                                        "last_message_received_seconds",
                                        "last_message_sent_seconds",
                                        "last_ping_received_seconds",
                                        "last_ping_sent_seconds",
                                        "pong_delay_seconds",
                                        "violations",
                                        "missed_bytes",
                                        "counts_at_least"};
  const auto names = [this] {
    std::set<std::string> all;
    const json w = websocket();
    for (const auto& [name, value] : w.items()) all.insert(name);
    return all;
  };
  scene_.apply(accepted(10_s, sock_));
  EXPECT_EQ(names(), fields);
  scene_.apply({records_.requested(11_s), records_.answered(11_s)});
  EXPECT_EQ(names(), fields);
}

TEST_F(WebSocketJsonTest, BeforeARequestThereIsOnlyAPhase) {
  scene_.apply(accepted(10_s, sock_));
  expect_only_phase("none");
  EXPECT_EQ(unread(), nullptr) << "nothing speaks against it yet";
}

TEST_F(WebSocketJsonTest, WhatIsOlderIsUnknownUntilProven) {
  scene_.sweep({.started_ns = 10_s,
                .sockets = {sample(10_s, sock_, TcpState::kEstablished)},
                .adopt = true});
  expect_only_phase("unknown");
  EXPECT_EQ(unread(), nullptr);
  scene_.apply({records_.proven(20_s)});
  EXPECT_EQ(websocket()["phase"], "open");
  EXPECT_EQ(websocket()["upgrade_status"], nullptr);
  EXPECT_EQ(websocket()["upgrade_stripped"], nullptr) << "nobody saw the request";
  EXPECT_EQ(websocket()["messages_received"], 0);
  EXPECT_EQ(websocket()["counts_at_least"], true) << "there may have been messages before";
}

TEST_F(WebSocketJsonTest, WhatCannotBeReadIsNullWithAReason) {
  scene_.apply(accepted(10_s, sock_));
  const std::pair<wsbpf_unreadable_reason, const char*> reasons[] = {
      {WSBPF_UNREADABLE_TLS, "tls"},
      {WSBPF_UNREADABLE_HTTP2, "http2"},
      {WSBPF_UNREADABLE_OTHER, "other"}};
  for (const auto& [reason, name] : reasons) {
    scene_.apply(unreadable(11_s, sock_, reason));
    EXPECT_EQ(websocket(), nullptr) << name;
    EXPECT_EQ(unread(), name);
    EXPECT_EQ(of_listener()["unread"][name], 1);
    EXPECT_EQ(of_listener()["phases"]["none"], 0);
  }
}

TEST_F(WebSocketJsonTest, TellsWhatWasCounted) {
  scene_.apply({accepted(10_s, sock_), records_.requested(11_s), records_.answered(12_s),
                records_.message(20_s, WSBPF_IN, 100), records_.message(50_s, WSBPF_OUT, 11),
                records_.message(80_s, WSBPF_OUT, 40), records_.ping(81_s, WSBPF_OUT),
                records_.pong(81'012_ms, WSBPF_IN), records_.ping(90_s, WSBPF_IN),
                records_.pong(90'001_ms, WSBPF_OUT), records_.swept(95_s)});
  EXPECT_EQ(websocket(), json::parse(R"({"phase": "open",
      "messages_received": 1, "messages_sent": 2, "last_message_gap_seconds": 30.0,
      "average_message_bytes": 50, "last_ping_seconds": 10.0, "ping_rtt_seconds": 0.012,
      "close_code": null, "close_code_received": null, "close_code_sent": null,
      "upgrade_status": 101, "upgrade_stripped": false,
      "message_bytes_received": 100, "message_bytes_sent": 51,
      "last_message_received_seconds": 80.0, "last_message_sent_seconds": 20.0,
      "last_ping_received_seconds": 10.0, "last_ping_sent_seconds": 19.0,
      "pong_delay_seconds": 0.001, "violations": 0, "missed_bytes": 0,
      "counts_at_least": false})"));
  EXPECT_EQ(unread(), nullptr);
}

TEST_F(WebSocketJsonTest, WhatHasNotHappenedIsNull) {
  scene_.apply({accepted(10_s, sock_), records_.requested(11_s), records_.answered(12_s)});
  const json w = websocket();
  for (const char* const name :
       {"last_message_gap_seconds", "average_message_bytes", "last_ping_seconds",
        "ping_rtt_seconds", "close_code", "close_code_received", "close_code_sent",
        "last_message_received_seconds", "last_message_sent_seconds", "last_ping_received_seconds",
        "last_ping_sent_seconds", "pong_delay_seconds"}) {
    EXPECT_EQ(w[name], nullptr) << name;
  }
  EXPECT_EQ(w["messages_sent"], 0);
  scene_.apply({records_.message(20_s, WSBPF_IN, 5)});
  EXPECT_EQ(websocket()["last_message_gap_seconds"], nullptr) << "there was one message only";
}

TEST_F(WebSocketJsonTest, HandshakesHaveAPhaseOfTheirOwn) {
  scene_.apply({accepted(10_s, sock_), records_.requested(11_s)});
  EXPECT_EQ(websocket()["phase"], "upgrading");
  EXPECT_EQ(websocket()["upgrade_status"], nullptr);
  scene_.apply({records_.answered(12_s, 403)});
  EXPECT_EQ(websocket()["phase"], "rejected");
  EXPECT_EQ(websocket()["upgrade_status"], 403);
  EXPECT_EQ(of_listener()["phases"]["rejected"], 1);
  EXPECT_EQ(of_listener()["upgrades"], json::parse(R"({"403": 1})"));
}

TEST_F(WebSocketJsonTest, SaysWhereAProxyHasNotPassedTheUpgradeOn) {
  scene_.apply({accepted(10_s, sock_), records_.requested(11_s, WSBPF_WEBSOCKET_KEY)});
  EXPECT_EQ(websocket()["upgrade_stripped"], true);
  scene_.apply({records_.answered(12_s, 400)});
  EXPECT_EQ(websocket()["upgrade_stripped"], true);
  EXPECT_EQ(of_listener()["stripped_upgrades"], 1);
}

TEST_F(WebSocketJsonTest, OutOfStepTheCountsAreTheLeast) {
  scene_.apply({accepted(10_s, sock_), records_.requested(11_s), records_.answered(12_s),
                records_.message(20_s, WSBPF_IN, 100), records_.lost(30_s, WSBPF_IN, 4096)});
  EXPECT_EQ(unread(), "desynced");
  EXPECT_EQ(websocket()["phase"], "open");
  EXPECT_EQ(websocket()["messages_received"], 1);
  EXPECT_EQ(websocket()["missed_bytes"], 4096);
  EXPECT_EQ(of_listener()["unread"]["desynced"], 1);
  EXPECT_EQ(of_listener()["phases"]["open"], 1) << "it is in a phase all the same";
  EXPECT_EQ(of_listener()["missed_bytes"], 4096);
}

TEST_F(WebSocketJsonTest, TellsTheCloseCodesOfBothSides) {
  scene_.apply({accepted(10_s, sock_), records_.requested(11_s), records_.answered(12_s),
                records_.close(20_s, WSBPF_IN, 1001)});
  EXPECT_EQ(websocket()["phase"], "closing");
  EXPECT_EQ(websocket()["close_code"], 1001);
  EXPECT_EQ(websocket()["close_code_received"], 1001);
  EXPECT_EQ(websocket()["close_code_sent"], nullptr);
  scene_.apply({records_.close(21_s, WSBPF_OUT, 1000)});
  EXPECT_EQ(websocket()["close_code"], 1001) << "the first one";
  EXPECT_EQ(websocket()["close_code_sent"], 1000);
}

TEST_F(WebSocketJsonTest, AnEndWithoutACloseFrameIs1006WhereAllWasRead) {
  scene_.apply({accepted(10_s, sock_), records_.requested(11_s), records_.answered(12_s),
                records_.ended(20_s), closed(20_s, sock_, TcpState::kEstablished)});
  EXPECT_EQ(websocket()["phase"], "ended");
  EXPECT_EQ(websocket()["close_code"], 1006);
  EXPECT_EQ(websocket()["close_code_received"], nullptr);
}

TEST_F(WebSocketJsonTest, ButNotWhereTheLastBytesWereMissed) {
  scene_.apply({accepted(10_s, sock_), records_.requested(11_s), records_.answered(12_s),
                records_.ended(20_s, {4, 0}), closed(20_s, sock_, TcpState::kEstablished)});
  EXPECT_EQ(websocket()["close_code"], nullptr);
}

TEST_F(WebSocketJsonTest, AClosedEventTellsWhatWasKnownAtTheEnd) {
  std::string line;
  EventContext context{&scene_.observed, "\"node-a\""};
  TableHooks hooks;
  hooks.on_ended = [&](const Connection& connection, const Evidence& evidence,
                       const Judgement& judgement) {
    line = closed_line(context, connection, nullptr, evidence, judgement);
  };
  scene_.table.set_hooks(hooks);
  scene_.apply({accepted(10_s, sock_), records_.requested(11_s), records_.answered(12_s),
                records_.message(15_s, WSBPF_IN, 100), records_.close(16_s, WSBPF_IN, 1001),
                records_.ended(20_s), closed(20_s, sock_, TcpState::kEstablished),
                destroyed(20_s, sock_)});
  scene_.table.advance(30_s);
  const json connection = json::parse(line)["connection"];
  EXPECT_EQ(connection["websocket"]["phase"], "ended");
  EXPECT_EQ(connection["websocket"]["close_code"], 1001);
  EXPECT_EQ(connection["websocket"]["last_message_received_seconds"], 5.0);
  EXPECT_EQ(connection["websocket_unread"], nullptr);
}

TEST_F(WebSocketJsonTest, AListenerCountsTheMessagesOfAll) {
  Sock other = sock_;
  other.cookie = 2;
  WebSocketRecords second{other};
  scene_.apply({accepted(10_s, sock_), records_.requested(11_s), records_.answered(12_s),
                records_.message(20_s, WSBPF_IN, 1), records_.message(21_s, WSBPF_OUT, 1),
                accepted(10_s, other), second.requested(11_s), second.answered(12_s),
                second.message(20_s, WSBPF_IN, 1)});
  const json w = of_listener();
  EXPECT_EQ(w["phases"], json::parse(R"({"none": 0, "upgrading": 0, "open": 2, "closing": 0,
                                         "ended": 0, "rejected": 0, "unknown": 0})"));
  EXPECT_EQ(w["unread"],
            json::parse(R"({"tls": 0, "http2": 0, "other": 0, "desynced": 0, "off": 0})"));
  EXPECT_EQ(w["upgrades"], json::parse(R"({"101": 2})"));
  EXPECT_EQ(w["messages_received"], 2);
  EXPECT_EQ(w["messages_sent"], 1);
  EXPECT_EQ(w["violations"], 0);
}

TEST_F(WebSocketJsonTest, ARequestWithoutAnAnswerIsCountedByItsWait) {
  Sock other = sock_;
  other.cookie = 2;
  WebSocketRecords second{other};
  scene_.apply({accepted(10_s, sock_), records_.requested(11_s), records_.ended(12_s),
                closed(12_s, sock_, TcpState::kEstablished), accepted(10_s, other),
                second.requested(11_s), second.ended(31_s),
                closed(31_s, other, TcpState::kEstablished)});
  EXPECT_EQ(of_listener()["upgrades"], json::parse(R"({"no_response": 1, "timeout": 1})"));
}

TEST_F(NoWebSocketJsonTest, SwitchedOffNothingIsSaidButThat) {
  scene_.apply(accepted(10_s, sock_));
  EXPECT_EQ(websocket(), nullptr);
  EXPECT_EQ(unread(), "off");
  const json w = of_listener();
  EXPECT_EQ(w["unread"]["off"], 1);
  for (const auto& [name, value] : w.items()) EXPECT_EQ(value.is_null(), name != "unread") << name;
}

}  // namespace
}  // namespace wsbpf
