// The JSON of connections, listeners, alerts and the status.
#include "serve/json.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "observed_builder.h"

namespace wsbpf {
namespace {

using nlohmann::json;

std::set<std::string> keys_of(const json& object) {
  std::set<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.insert(key);
  return keys;
}

using Keys = std::set<std::string>;

class JsonTest : public testing::Test {
 protected:
  std::string text_of(uint64_t cookie = 1, bool redact_peers = false) {
    const Connection* const connection = find_connection(scene_.table, cookie);
    EXPECT_NE(connection, nullptr);
    if (connection == nullptr) return "null";
    fmt::memory_buffer out;
    append_connection(out, *connection, scene_.table.owner_of(*connection),
                      scene_.table.websocket_of(*connection),
                      {.now_ns = kNow_ns,
                       .node_json = json_string(scene_.observed.status.node),
                       .redact_peers = redact_peers});
    return fmt::to_string(out);
  }

  json connection(uint64_t cookie = 1, bool redact_peers = false) {
    const auto parsed = json::parse(text_of(cookie, redact_peers), nullptr, false);
    EXPECT_FALSE(parsed.is_discarded()) << text_of(cookie);
    return parsed;
  }

  json listener() { return listener_json(scene_.observed, scene_.observed.listeners.at(0)); }

  Scene scene_;
  const Sock sock_;
};

TEST_F(JsonTest, AConnectionHasThePinnedFields) {
  scene_.apply(accepted(1_s, sock_));
  const json c = connection();
  EXPECT_EQ(keys_of(c), (Keys{"id",
                              "node",
                              "netns",
                              "role",
                              "local",
                              "remote",
                              "state",
                              "state_age_seconds",
                              "state_age_source",
                              "age_seconds",
                              "age_source",
                              "idle_seconds",
                              "bytes_received",
                              "bytes_sent",
                              "unread_bytes",
                              "unacked_bytes",
                              "unsent_bytes",
                              "retransmits",
                              "srtt_seconds",
                              "half_open",
                              "owner",
                              "websocket",
                              "websocket_unread"}));
  EXPECT_EQ(keys_of(c["local"]), (Keys{"address", "port"}));
  EXPECT_EQ(keys_of(c["remote"]), (Keys{"address", "port"}));
  EXPECT_EQ(keys_of(c["owner"]),
            (Keys{"pid", "comm", "cgroup", "container_id", "namespace", "pod", "container"}));
}

TEST_F(JsonTest, AConnectionSaysWhatIsKnown) {
  scene_.apply(accepted(10_s, sock_), entered(40_s, sock_, TcpState::kCloseWait));
  scene_.sweep({.started_ns = 90_s,
                .sockets = {sample(90_s, sock_, TcpState::kCloseWait, 4121,
                                   {.bytes_received = 101,
                                    .bytes_acked = 200,
                                    .unread_bytes = 1,
                                    .unacked_bytes = 2,
                                    .unsent_bytes = 5,
                                    .retransmits = 3,
                                    .srtt_us = 4500,
                                    .flags = WSBPF_SOCK_DONE})},
                .files = true});
  const json c = connection();
  EXPECT_EQ(c["id"], "1");
  EXPECT_EQ(c["node"], "node-a");
  EXPECT_EQ(c["netns"], 1);
  EXPECT_EQ(c["role"], "server");
  EXPECT_EQ(c["local"], json::parse(R"({"address": "10.0.0.1", "port": 8080})"));
  EXPECT_EQ(c["remote"], json::parse(R"({"address": "10.0.3.7", "port": 40000})"));
  EXPECT_EQ(c["state"], "close_wait");
  EXPECT_EQ(c["state_age_seconds"], 60.0);
  EXPECT_EQ(c["age_seconds"], 90.0);
  EXPECT_EQ(c["age_source"], "exact");
  EXPECT_EQ(c["bytes_received"], 100);
  EXPECT_EQ(c["bytes_sent"], 200);
  EXPECT_EQ(c["unread_bytes"], 1);
  EXPECT_EQ(c["unacked_bytes"], 2);
  EXPECT_EQ(c["unsent_bytes"], 5);
  EXPECT_EQ(c["retransmits"], 3);
  EXPECT_EQ(c["srtt_seconds"], 0.0045);
  EXPECT_EQ(c["owner"]["pid"], 4121);
  EXPECT_EQ(c["owner"]["comm"], "node");
}

// It was read ten seconds ago.
TEST_F(JsonTest, WhatWasSilentForLongIsTakenToBeSilentStill) {
  scene_.apply(accepted(10_s, sock_));
  const auto idle_seconds = [&](uint32_t idle_ms) {
    scene_.sweep(
        {.started_ns = 90_s,
         .sockets = {sample(90_s, sock_, TcpState::kEstablished, 0, {.idle_ms = idle_ms})}});
    return connection()["idle_seconds"].get<double>();
  };
  EXPECT_EQ(idle_seconds(51'250), 61.25);
  EXPECT_EQ(idle_seconds(250), 0.25);  // busy then, and so, for all we know, now
}

TEST_F(JsonTest, WhatHasClosedKeepsTheIdleTimeItClosedWith) {
  scene_.apply(accepted(10_s, sock_),
               closed(50_s, sock_, TcpState::kEstablished, {.idle_ms = 40'000}));
  EXPECT_EQ(connection()["idle_seconds"], 40.0);
}

TEST_F(JsonTest, WhatIsNotKnownIsNull) {
  scene_.apply(accepted(10_s, sock_));
  const json c = connection();
  for (const char* const field :
       {"idle_seconds", "bytes_received", "bytes_sent", "unread_bytes", "unacked_bytes",
        "unsent_bytes", "srtt_seconds", "half_open", "websocket_unread"}) {
    EXPECT_TRUE(c[field].is_null()) << field;
  }
  for (const auto& [field, value] : c["owner"].items()) EXPECT_TRUE(value.is_null()) << field;
}

TEST_F(JsonTest, TellsWhereTheOwnerRuns) {
  scene_.processes.run(4121, "node", 1, {"/docker/0a", "0a", "shop", "chat-7f", "server"});
  scene_.apply(listening(1_s, listen_sock(9), 4121), accepted(10_s, sock_));
  const json owner = json::parse(R"({"pid": 4121, "comm": "node", "cgroup": "/docker/0a",
      "container_id": "0a", "namespace": "shop", "pod": "chat-7f", "container": "server"})");
  EXPECT_EQ(connection()["owner"], owner);
  EXPECT_EQ(listener()["owners"], json::array({owner}));
  EXPECT_EQ(listener()["namespace"], "shop");
  EXPECT_EQ(listener()["pod"], "chat-7f");
  EXPECT_EQ(listener()["container"], "server");
}

TEST_F(JsonTest, OutsideKubernetesAContainerHasNoPod) {
  scene_.processes.run(4121, "node", 1, {.cgroup = "/docker/0a", .container_id = "0a"});
  scene_.apply(listening(1_s, listen_sock(9), 4121), accepted(10_s, sock_));
  const json owner = connection()["owner"];
  EXPECT_EQ(owner["container_id"], "0a");
  for (const char* const field : {"namespace", "pod", "container"}) {
    EXPECT_TRUE(owner[field].is_null()) << field;
    EXPECT_TRUE(listener()[field].is_null()) << field;
  }
}

TEST_F(JsonTest, AnRttThatWasNotMeasuredIsNull) {
  scene_.apply(accepted(10_s, sock_));
  scene_.sweep({.started_ns = 20_s, .sockets = {sample(20_s, sock_, TcpState::kEstablished)}});
  EXPECT_TRUE(connection()["srtt_seconds"].is_null());
  EXPECT_EQ(connection()["bytes_received"], 0);
}

TEST_F(JsonTest, IdsAreStringsWithTheirGeneration) {
  const Sock sock = client_sock(0xffffffffffffffff);
  scene_.apply(connecting(1_s, sock), closed(2_s, sock, TcpState::kSynSent), connecting(3_s, sock));
  EXPECT_EQ(connection(sock.cookie)["id"], "18446744073709551615.1");
}

TEST_F(JsonTest, AnAgeFromBeforeTheStartIsALowerBound) {
  scene_.sweep({.started_ns = 40_s,
                .sockets = {sample(40_s, sock_, TcpState::kEstablished)},
                .adopt = true});
  EXPECT_EQ(connection()["age_source"], "lower_bound");
  EXPECT_EQ(connection()["state_age_source"], "lower_bound");
  EXPECT_EQ(connection()["age_seconds"], 60.0);
}

TEST_F(JsonTest, NoAgeIsNegative) {
  scene_.apply(accepted(kNow_ns + 1_s, sock_));
  EXPECT_EQ(connection()["age_seconds"], 0.0);
  EXPECT_EQ(connection()["state_age_seconds"], 0.0);
}

TEST_F(JsonTest, PeersCanBeRedacted) {
  scene_.apply(accepted(1_s, sock_));
  EXPECT_EQ(connection(1, true)["remote"]["address"], "10.0.3.0");
  EXPECT_EQ(connection(1, true)["local"]["address"], "10.0.0.1");
  EXPECT_EQ(connection(1, false)["remote"]["address"], "10.0.3.7");
}

TEST_F(JsonTest, IsOneLineWhateverTheNames) {
  Sock sock;
  for (const char* const comm : {"a\"b\\c", "\n\r\t\x1b[2J", "\xff\xfe", "\u202e", "größe"}) {
    ++sock.cookie;
    scene_.processes.run(4121, comm, 1, {comm, comm, comm, comm, comm});
    scene_.observed.status.node = comm;
    scene_.apply(accepted(1_s, sock), entered(2_s, sock, TcpState::kFinWait1, 4121));
    const std::string text = text_of(sock.cookie);
    EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; }))
        << text;
    for (const auto& [field, value] : connection(sock.cookie)["owner"].items()) {
      EXPECT_EQ(value.is_string(), field != "pid") << field;
    }
  }
  EXPECT_EQ(connection(sock.cookie)["owner"]["comm"], "größe");
}

TEST(JsonString, IsAsciiWhateverTheBytes) {
  EXPECT_EQ(json_string("node"), "\"node\"");
  EXPECT_EQ(json_string("a\"\n"), "\"a\\\"\\n\"");
  EXPECT_EQ(json_string("\xff"), "\"\\ufffd\"");
  EXPECT_EQ(json_string("\u202e"), "\"\\u202e\"");
}

TEST(Rfc3339, HasMillisecondsAndIsUtc) {
  const auto text = [](int64_t milliseconds) { return rfc3339(0, milliseconds * 1'000'000); };
  EXPECT_EQ(text(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(text(1'700'000'000'007), "2023-11-14T22:13:20.007Z");
}

TEST_F(JsonTest, TurnsBootTimeIntoWallTime) {
  const int64_t offset_ns = scene_.observed.wall_clock_offset_ns;
  EXPECT_EQ(rfc3339(kNow_ns, offset_ns), "2023-11-14T22:13:20.250Z");
  EXPECT_EQ(rfc3339(kNow_ns - 1_s, offset_ns), "2023-11-14T22:13:19.250Z");
  EXPECT_EQ(rfc3339(kNow_ns + 1_s, offset_ns), "2023-11-14T22:13:21.250Z");
}

TEST_F(JsonTest, AListenerSaysWhatIsKnown) {
  scene_.apply(listening(1_s, listen_sock(9), 4121), accepted(10_s, sock_),
               entered(40_s, sock_, TcpState::kCloseWait));
  scene_.sweep({.started_ns = 50_s,
                .sockets = {sample(50_s, listen_sock(9), TcpState::kListen, 0,
                                   {.unread_bytes = 3, .unacked_bytes = 511}),
                            sample(50_s, sock_, TcpState::kCloseWait)},
                .minisocks = {minisock(50_s, sock_, TcpState::kSynRecv)}});
  scene_.observed.owner_rss_bytes[4121] = 12345;
  scene_.observed.rates[{1, 8080, Role::kServer}] = {1.23456, 0.5};
  const json l = listener();
  EXPECT_EQ(l["netns"], 1);
  EXPECT_EQ(l["port"], 8080);
  EXPECT_EQ(l["role"], "server");
  EXPECT_EQ(l["comm"], "node");
  EXPECT_EQ(l["owners"], json::parse(R"([{"pid": 4121, "comm": "node", "cgroup": null,
      "container_id": null, "namespace": null, "pod": null, "container": null}])"));
  EXPECT_EQ(l["listening"], true);
  EXPECT_EQ(l["states"]["close_wait"], 1);
  EXPECT_EQ(l["states"]["established"], 0);
  EXPECT_FALSE(l["states"].contains("listen"));
  EXPECT_EQ(l["half_open"]["syn_recv"], 1);
  EXPECT_EQ(l["accept_queue"],
            json::parse(R"({"length": 3, "limit": 511, "full": false, "drops_total": 0})"));
  EXPECT_EQ(l["opens_per_second"], 1.235);
  EXPECT_EQ(l["closes_per_second"], 0.5);
  EXPECT_EQ(l["opened_total"], 1);
  EXPECT_EQ(l["close_wait_stuck"], 1);
  EXPECT_EQ(l["oldest_close_wait_seconds"], 60.0);
  EXPECT_EQ(l["owner_rss_bytes"], 12345);
}

TEST_F(JsonTest, OfAListenerTooWhatIsNotKnownIsNull) {
  scene_.apply(accepted(10_s, sock_));
  const json l = listener();
  for (const char* const field :
       {"comm", "namespace", "pod", "container", "owner_rss_bytes", "oldest_close_wait_seconds"}) {
    EXPECT_TRUE(l[field].is_null()) << field;
  }
  EXPECT_EQ(l["listening"], false);
  EXPECT_TRUE(l["owners"].empty());
}

TEST_F(JsonTest, AnAlertHasThePinnedFields) {
  scene_.fire(8080, Severity::kCritical);
  const json a = alert_json(scene_.observed.alerts[0], scene_.observed.wall_clock_offset_ns);
  EXPECT_EQ(keys_of(a), (Keys{"name", "severity", "state", "listener", "value", "threshold",
                              "since", "summary", "runbook", "findings"}));
  EXPECT_EQ(keys_of(a["listener"]),
            (Keys{"netns", "port", "role", "namespace", "pod", "container", "comm"}));
  EXPECT_EQ(a["name"], "CloseWaitAccumulation");
  EXPECT_EQ(a["severity"], "critical");
  EXPECT_EQ(a["state"], "firing");
  EXPECT_EQ(a["listener"]["port"], 8080);
  EXPECT_EQ(a["value"], 63);
  EXPECT_EQ(a["threshold"], 50);
  EXPECT_EQ(a["since"], "2023-11-14T22:13:10.250Z");
  EXPECT_TRUE(a["findings"].is_array());
}

TEST_F(JsonTest, TheStatusIsOkUntilThereAreReasons) {
  EXPECT_EQ(status_json(scene_.observed)["ready"], "ok");
  scene_.observed.status.reasons = {"3 events were lost"};
  scene_.observed.status.full_coverage = false;
  const json s = status_json(scene_.observed);
  EXPECT_EQ(s["ready"], "degraded");
  EXPECT_EQ(s["reasons"], json::parse(R"(["3 events were lost"])"));
  EXPECT_EQ(s["coverage"], "partial");
}

TEST_F(JsonTest, TheStatusTellsWhatIsDiscovered) {
  const json before = status_json(scene_.observed);
  EXPECT_EQ(before["discovery"], false);
  EXPECT_EQ(before["discovered_ports"], json::array());
  scene_.observed.status.discovery = true;
  scene_.observed.status.discovered_ports.set(9090).set(1).set(65535);
  const json s = status_json(scene_.observed);
  EXPECT_EQ(s["ports"], "8080,9090,auto");
  EXPECT_EQ(s["discovery"], true);
  EXPECT_EQ(s["discovered_ports"], json::parse("[1, 9090, 65535]"));
}

TEST_F(JsonTest, TheStatusTellsWhyWebSocketsAreNotRead) {
  EXPECT_EQ(status_json(scene_.observed)["websocket"],
            json::parse(R"({"enabled": true, "reason": null})"));
  Watch watch = watch_of({8080});
  watch.websocket = false;
  Scene off(watch);
  EXPECT_EQ(status_json(off.observed)["websocket"],
            json::parse(R"({"enabled": false, "reason": "off: --no-websocket"})"));
  off.observed.status.websocket_trouble = "no cgroup";
  EXPECT_EQ(status_json(off.observed)["websocket"],
            json::parse(R"({"enabled": false, "reason": "no cgroup"})"));
}

TEST_F(JsonTest, TheStatusSumsUp) {
  scene_.apply(accepted(10_s, sock_), accepted(10_s, Sock{.cookie = 2, .local_port = 9090}));
  scene_.fire(8080, Severity::kWarning);
  scene_.observed.alerts.push_back({});
  scene_.observed.status.lost.ring_buffer = {{"set_state", 3}, {"destroy", 4}};
  scene_.observed.rates[{1, 8080, Role::kServer}] = {1, 2};
  scene_.observed.rates[{1, 9090, Role::kServer}] = {3, 4};
  const json s = status_json(scene_.observed);
  EXPECT_EQ(s["connections"], 2);
  EXPECT_EQ(s["listeners"], 2);
  EXPECT_EQ(s["alerts"], json::parse(R"({"pending": 1, "firing": 1})"));
  EXPECT_EQ(s["lost"]["ring_buffer"], 7);
  EXPECT_EQ(s["opens_per_second"], 4.0);
  EXPECT_EQ(s["closes_per_second"], 6.0);
  EXPECT_EQ(s["ports"], "8080,9090");
  EXPECT_EQ(s["role"], "both");
  EXPECT_EQ(s["uptime_seconds"], 60.0);
  EXPECT_EQ(s["corrections"], json::parse(R"({"opened": 0, "ended": 0, "state": 0})"));
}

}  // namespace
}  // namespace wsbpf
