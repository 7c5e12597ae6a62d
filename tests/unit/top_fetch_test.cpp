// A round of questions: what is asked, what becomes of the answers.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "top/fetch.h"
#include "top/json_fields.h"
#include "top/parse.h"

namespace wsbpf::top {
namespace {

// Answers from a map and remembers what it was asked.
struct FakeDaemon {
  std::map<std::string, std::string> answers = {
      {"/api/status", "{}"},
      {"/api/listeners", R"({"listeners":[{"port":8080}],"total":1,"next_cursor":null})"},
      {"/api/history?seconds=60", R"({"history":[{"port":8080,"close_wait_stuck":[null,3]}]})"},
      {"/api/alerts", R"({"alerts":[{"name":"EventsLost"}],"total":1,"next_cursor":null})"},
      {"/api/connections?sort=-age&limit=24",
       R"({"connections":[{"state":"established"}],"total":70,"next_cursor":null})"},
      {"/api/disconnects?limit=24",
       R"({"disconnects":[{"verdict":"clean"}],"total":3,"by_verdict":{"clean":1,"unknown":2}})"},
      {"/api/explain?id=7.2", R"({"id":"7.2","live":true,"summary":"all is well"})"},
  };
  std::vector<std::string> asked;

  Fetch fetch() {
    return [this](const std::string& target) -> Result<std::string> {
      asked.push_back(target);
      const auto found = answers.find(target);
      if (found == answers.end()) return fail("no answer to " + target, ExitCode::kUnsupported);
      return found->second;
    };
  }
};

using Targets = std::vector<std::string>;

const Query kConnections{.topic = Topic::kConnections, .sort = "-age", .max_rows = 24};

TEST(TopFetch, AsksForWhatTheConnectionsNeed) {
  FakeDaemon daemon;
  Query query = kConnections;
  query.history = true;
  const auto model = fetch_model(daemon.fetch(), query);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(daemon.asked, (Targets{"/api/status", "/api/listeners", "/api/history?seconds=60",
                                   "/api/connections?sort=-age&limit=24"}));
  EXPECT_EQ(model->connections.rows.size(), 1u);
  EXPECT_EQ(model->connections.total, 70u);
  EXPECT_TRUE(model->connections.loaded);
  EXPECT_EQ(model->connections.question, (Question{.sort = "-age", .filter = ""}));
  EXPECT_FALSE(model->disconnects.list.loaded);
  ASSERT_EQ(model->history.size(), 1u);
  EXPECT_EQ(model->history[0].listener, model->listeners.rows[0].key);
  EXPECT_EQ(model->history[0].close_wait_stuck.back(), 3);
}

TEST(TopFetch, AsksForNothingThatIsNotShown) {
  FakeDaemon daemon;
  ASSERT_TRUE(fetch_model(daemon.fetch(), {.topic = Topic::kDisconnects, .max_rows = 24}));
  EXPECT_EQ(daemon.asked, (Targets{"/api/status", "/api/disconnects?limit=24"}));
  daemon.asked.clear();
  ASSERT_TRUE(fetch_model(daemon.fetch(), {.topic = Topic::kAlerts}));
  EXPECT_EQ(daemon.asked, (Targets{"/api/status", "/api/alerts"}));
  daemon.asked.clear();
  ASSERT_TRUE(fetch_model(daemon.fetch(), {.topic = Topic::kListeners}));
  EXPECT_EQ(daemon.asked, (Targets{"/api/status", "/api/listeners"}));
  daemon.asked.clear();
  const auto model = fetch_model(daemon.fetch(), {.topic = Topic::kExplanation, .id = "7.2"});
  EXPECT_EQ(daemon.asked, (Targets{"/api/status", "/api/explain?id=7.2"}));
  EXPECT_EQ(model->explanation->summary, "all is well");
}

TEST(TopFetch, AsksForAlertsWhereThereAreSome) {
  FakeDaemon daemon;
  daemon.answers["/api/status"] = R"({"alerts":{"pending":0,"firing":1}})";
  const auto model = fetch_model(daemon.fetch(), kConnections);
  ASSERT_TRUE(model);
  EXPECT_EQ(model->alerts.rows.size(), 1u);
}

TEST(TopFetch, SkipsAndFilters) {
  FakeDaemon daemon;
  const Query query{
      .topic = Topic::kDisconnects, .filter = "pid = 7 & x", .first = 40, .max_rows = 24};
  (void)fetch_model(daemon.fetch(), query);
  EXPECT_EQ(daemon.asked.back(),
            "/api/disconnects?limit=24&offset=40&filter=pid%20%3D%207%20%26%20x");
  Query connections = kConnections;
  connections.filter = "pid = 7";
  connections.first = 99'976;
  (void)fetch_model(daemon.fetch(), connections);
  EXPECT_EQ(daemon.asked.back(),
            "/api/connections?sort=-age&limit=24&offset=99976&filter=pid%20%3D%207");
}

TEST(TopFetch, KnowsWhereItsRowsBegin) {
  FakeDaemon daemon;
  daemon.answers["/api/disconnects?limit=24&offset=40"] =
      R"({"disconnects":[{"verdict":"clean"}],"total":41})";
  const auto model =
      fetch_model(daemon.fetch(), {.topic = Topic::kDisconnects, .first = 40, .max_rows = 24});
  ASSERT_TRUE(model);
  EXPECT_EQ(model->disconnects.list.first, 40u);
  EXPECT_EQ(model->disconnects.list.total, 41u);
}

TEST(TopFetch, ReturnsTheErrorOfAFailedQuestionAsItIs) {
  for (const char* target : {"/api/status", "/api/listeners"}) {
    FakeDaemon daemon;
    daemon.answers.erase(target);
    const auto model = fetch_model(daemon.fetch(), kConnections);
    ASSERT_FALSE(model);
    EXPECT_EQ(model.error().message, std::string("no answer to ") + target);
    EXPECT_EQ(model.error().exit_code, ExitCode::kUnsupported);
  }
}

TEST(TopFetch, AnErrorInThePlaceOfTheRowsIsPartOfTheAnswer) {
  FakeDaemon daemon;
  for (const Topic topic : {Topic::kConnections, Topic::kDisconnects, Topic::kExplanation}) {
    const auto model = fetch_model(daemon.fetch(), {.topic = topic, .sort = "bogus", .id = "0"});
    ASSERT_TRUE(model);
    ASSERT_TRUE(model->refused);
    EXPECT_TRUE(model->refused->message.starts_with("no answer to "));
    EXPECT_FALSE(model->connections.loaded);
  }
}

TEST(TopFetch, ADaemonWithoutHistoryIsShownWithoutIt) {
  FakeDaemon daemon;
  daemon.answers.erase("/api/history?seconds=60");
  Query query = kConnections;
  query.history = true;
  const auto model = fetch_model(daemon.fetch(), query);
  ASSERT_TRUE(model);
  EXPECT_FALSE(model->refused);
  EXPECT_TRUE(model->history.empty());
}

TEST(TopFetch, NamesTheTargetWhoseAnswerIsNoJson) {
  for (const char* body : {"", "<html>", "[]", "{", "\"text\"", "{\"node\":\"\xff\"}"}) {
    FakeDaemon daemon;
    daemon.answers["/api/status"] = body;
    const auto model = fetch_model(daemon.fetch(), kConnections);
    ASSERT_FALSE(model) << body;
    EXPECT_TRUE(model.error().message.starts_with("/api/status: ")) << model.error().message;
  }
}

TEST(TopFetch, FollowsCursorsToTheEndWhenAllRowsAreWanted) {
  FakeDaemon daemon;
  daemon.answers["/api/connections?sort=state&limit=1000"] =
      R"({"connections":[{"state":"close_wait"}],"total":2,"next_cursor":"a/b="})";
  daemon.answers["/api/connections?sort=state&limit=1000&cursor=a%2Fb%3D"] =
      R"({"connections":[{"state":"established"}],"total":2,"next_cursor":null})";
  const auto model = fetch_model(daemon.fetch(), {.sort = "state"});
  ASSERT_TRUE(model) << model.error().message;
  ASSERT_EQ(model->connections.rows.size(), 2u);
  EXPECT_EQ(model->connections.rows[1].state, "established");
}

TEST(TopFetch, AsksForNoMoreRowsThanWanted) {
  FakeDaemon daemon;
  daemon.answers["/api/connections?sort=-age&limit=1"] =
      R"({"connections":[{"state":"close_wait"}],"total":2,"next_cursor":"more"})";
  const auto model = fetch_model(daemon.fetch(), {.sort = "-age", .max_rows = 1});
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->connections.rows.size(), 1u);
  EXPECT_EQ(model->connections.total, 2u);
}

TEST(TopFetch, ACursorThatLeadsNowhereEndsTheList) {
  FakeDaemon daemon;
  daemon.answers["/api/listeners"] = R"({"listeners":[],"total":9,"next_cursor":"again"})";
  EXPECT_TRUE(fetch_model(daemon.fetch(), kConnections));
}

TEST(TopFetch, WhatWasNotAskedForIsKept) {
  Model kept;
  kept.connections = {.rows = {Connection{}}, .first = 0, .total = 1, .loaded = true};
  kept.alerts = {.rows = {Alert{}}, .first = 0, .total = 1, .loaded = true};
  kept.refused = Error{"no", ExitCode::kUsage};
  Model answer;
  answer.status.node = "web-1";
  answer.alerts.loaded = true;
  answer.disconnects.list.loaded = true;
  const Model model = merged(kept, answer);
  EXPECT_EQ(model.status.node, "web-1");
  EXPECT_EQ(model.connections.rows.size(), 1u);
  EXPECT_TRUE(model.disconnects.list.loaded);
  EXPECT_TRUE(model.alerts.rows.empty());
  EXPECT_FALSE(model.refused);
}

TEST(TopParse, Status) {
  const auto status = parse_status(R"({"version":"0.1.0","node":"web-1","kernel":"6.12.8",
      "ports":"443,8080","role":"server","uptime_seconds":11533.2,"ready":"degraded",
      "reasons":["no procfs"],"coverage":"partial","connections":212,"opens_per_second":12.4,
      "closes_per_second":0,"lost":{"ring_buffer":12,"decode":0},
      "alerts":{"pending":1,"firing":2},"close_wait_threshold":50,"close_wait_for_seconds":3})");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->node, "web-1");
  EXPECT_EQ(status->connections, 212);
  EXPECT_EQ(status->closes_per_second, 0.0);
  EXPECT_TRUE(status->degraded);
  EXPECT_TRUE(status->coverage_partial);
  EXPECT_EQ(status->reasons, std::vector<std::string>{"no procfs"});
  ASSERT_EQ(status->lost.size(), 1u);
  EXPECT_EQ(status->lost[0].first, "ring_buffer");
  EXPECT_EQ(status->alerts_firing, 2);
  EXPECT_EQ(status->close_wait_for_seconds, 3.0);
}

TEST(TopParse, Listener) {
  const auto page = parse_listeners(R"({"listeners":[{"port":8080,"role":"server",
      "namespace":"shop","pod":"chat-7f","comm":"node","owners":[{"pid":1,"comm":"node"}],
      "states":{"established":3,"syn_recv":1,"fin_wait1":1,"fin_wait2":2,"close_wait":51,
      "closing":1},"accept_queue":{"length":4,"limit":511},"opens_per_second":0.5,
      "close_wait_stuck":50}],"total":1,"next_cursor":null})");
  ASSERT_TRUE(page);
  ASSERT_EQ(page->rows.size(), 1u);
  const Listener& listener = page->rows[0];
  EXPECT_EQ(listener.key.port, 8080);
  EXPECT_EQ(listener.workload.pod, "chat-7f");
  EXPECT_EQ(listener.owners.size(), 1u);
  EXPECT_EQ(listener.states.close_wait, 51);
  EXPECT_EQ(listener.states.fin_wait, 3);
  EXPECT_EQ(listener.states.other, 2);
  EXPECT_EQ(listener.close_wait_stuck, 50);
  EXPECT_EQ(listener.accept_queue->length, 4);
  EXPECT_FALSE(listener.closes_per_second);
}

TEST(TopParse, ListenersInTrouble) {
  const auto page = parse_listeners(R"({"listeners":[{"netns":7,"port":8080,"role":"server",
      "half_open":{"syn_recv":9,"unacked":2,"probing":3,"silent":40},"half_open_stuck":4,
      "stuck_handshakes":5,"accept_queue":{"length":3,"limit":2,"full":true},
      "websocket":{"phases":{"none":1,"upgrading":2,"open":30,"closing":400,"ended":5}}}]})");
  ASSERT_TRUE(page);
  const Listener& listener = page->rows[0];
  EXPECT_EQ(listener.half_open, 5);
  EXPECT_EQ(listener.half_open_stuck, 4);
  EXPECT_EQ(listener.stuck_handshakes, 5);
  EXPECT_TRUE(listener.accept_queue->full);
  EXPECT_EQ(listener.websockets, 432);
  EXPECT_EQ(listener.key, (ListenerKey{.netns = 7, .port = 8080, .role = "server"}));
}

TEST(TopParse, Connections) {
  const auto page = parse_connections(R"({"connections":[{"id":"7.2","state_age_seconds":3,
      "state_age_source":"lower_bound","age_source":"exact","half_open":"unacked",
      "unacked_bytes":10,"unsent_bytes":32,"websocket":{"phase":"open","messages_received":3,
      "messages_sent":4,"ping_rtt_seconds":0.5,"close_code":1000,
      "counts_at_least":true},"websocket_unread":"desynced"}]})");
  ASSERT_TRUE(page);
  const Connection& connection = page->rows[0];
  EXPECT_EQ(connection.id, "7.2");
  EXPECT_TRUE(connection.state_age_is_lower_bound);
  EXPECT_FALSE(connection.age_is_lower_bound);
  EXPECT_EQ(connection.half_open, "unacked");
  EXPECT_EQ(connection.websocket.phase, "open");
  EXPECT_EQ(connection.websocket.unread, "desynced");
  EXPECT_TRUE(connection.websocket.counts_at_least);
  EXPECT_EQ(connection.websocket.messages_received, 3);
  EXPECT_EQ(connection.websocket.messages_sent, 4);
  EXPECT_EQ(connection.websocket.ping_rtt_seconds, 0.5);
  EXPECT_EQ(connection.websocket.close_code, 1000);
  EXPECT_EQ(connection.send_queue_bytes, 42) << "as ss(8) counts";
}

TEST(TopParse, Disconnects) {
  const auto disconnects = parse_disconnects(R"({"disconnects":[{"type":"closed",
      "time":"2026-11-22T12:19:57.500Z","verdict":"peer_reset","initiator":"remote",
      "mechanism":"rst","race":null,"confidence":0.9,"connection":{"id":"7"}}],"total":12,
      "by_verdict":{"clean":1,"peer_reset":11,"unknown":0},"since":"2026-11-22T09:00:00.000Z"})");
  ASSERT_TRUE(disconnects);
  EXPECT_EQ(disconnects->list.total, 12u);
  const Disconnect& disconnect = disconnects->list.rows[0];
  EXPECT_EQ(disconnect.ending.verdict, "peer_reset");
  EXPECT_EQ(disconnect.ending.race, "");
  EXPECT_EQ(disconnect.ending.confidence, 0.9);
  EXPECT_EQ(disconnect.connection.id, "7");
  EXPECT_DOUBLE_EQ(*disconnect.ended_unix_seconds, 1795349997.5);
  using Counts = std::vector<std::pair<std::string, std::int64_t>>;
  EXPECT_EQ(disconnects->by_verdict, (Counts{{"peer_reset", 11}, {"clean", 1}}));
}

TEST(TopParse, Alerts) {
  const auto page = parse_alerts(R"({"alerts":[{"name":"CloseWaitAccumulation",
      "severity":"critical","state":"firing","listener":{"netns":7,"port":8080,"role":"server",
      "pod":"chat","namespace":"shop","comm":"node"},"value":63,"threshold":50,
      "since":"2026-11-22T12:17:30.000Z","summary":"63","runbook":"https://x"},
      {"name":"EventsLost","severity":"warning","state":"pending","listener":null}]})");
  ASSERT_TRUE(page);
  const Alert& alert = page->rows[0];
  EXPECT_TRUE(alert.critical);
  EXPECT_EQ(alert.state, "firing");
  EXPECT_EQ(alert.listener->port, 8080);
  EXPECT_EQ(alert.workload.pod, "chat");
  EXPECT_EQ(alert.value, 63);
  EXPECT_DOUBLE_EQ(*alert.since_unix_seconds, 1795349850);
  EXPECT_FALSE(page->rows[1].listener);
}

TEST(TopParse, Explanation) {
  const auto explanation = parse_explanation(R"({"id":"7","live":false,
      "connection":{"state":"close"},"verdict":"peer_vanished","initiator":"kernel",
      "mechanism":"timeout","race":null,"confidence":0.9,"summary":"It is gone.",
      "timeline":[{"time":"2026-11-22T12:00:00.000Z","seconds_ago":1.5,"what":"opened",
      "at_least":true,"text":"opened"}],"evidence":[{"name":"unread_bytes","value":"1",
      "meaning":"the end"},{"name":"n","value":17,"meaning":""}],"advice":["ping"],
      "frames":[{"time":"2026-11-22T12:00:00.000Z","seconds_ago":2.5,"direction":"sent",
      "opcode":"text","final":true,"length":5,"length_at_least":false},{"length":null}],
      "documentation":"docs/verdicts.md#peer_vanished"})");
  ASSERT_TRUE(explanation);
  EXPECT_FALSE(explanation->live);
  EXPECT_EQ(explanation->ending.verdict, "peer_vanished");
  EXPECT_TRUE(explanation->timeline.at(0).at_least);
  EXPECT_EQ(explanation->timeline[0].seconds_ago, 1.5);
  EXPECT_EQ(explanation->evidence.at(1).value, "17");
  EXPECT_EQ(explanation->advice.at(0), "ping");
  ASSERT_EQ(explanation->frames.size(), 2);
  EXPECT_EQ(explanation->frames[0].seconds_ago, 2.5);
  EXPECT_EQ(explanation->frames[0].direction, "sent");
  EXPECT_EQ(explanation->frames[0].opcode, "text");
  EXPECT_EQ(explanation->frames[0].length, 5);
  EXPECT_TRUE(explanation->frames[0].final);
  EXPECT_FALSE(explanation->frames[1].length);
}

TEST(TopParse, Times) {
  EXPECT_DOUBLE_EQ(*unix_seconds("1970-01-01T00:00:00.000Z"), 0);
  EXPECT_DOUBLE_EQ(*unix_seconds("2026-11-22T12:19:57.5Z"), 1795349997.5);
  for (const char* bad :
       {"", "yesterday", "2026-13-22T12:19:57Z", "2026-11-22T12:19:57", "2026-02-30T00:00:00Z"}) {
    EXPECT_FALSE(unix_seconds(bad)) << bad;
  }
}

TEST(TopParse, WhatIsNullOrOfAnotherTypeIsUnknown) {
  const auto page = parse_connections(R"({"connections":[
      {"state":null,"age_seconds":"old","unread_bytes":null,"owner":null,"local":[1]},17,null],
      "total":-3})");
  ASSERT_TRUE(page);
  ASSERT_EQ(page->rows.size(), 3u);
  EXPECT_EQ(page->total, 3u);
  EXPECT_EQ(page->rows[0].state, "");
  EXPECT_FALSE(page->rows[0].age_seconds);
  EXPECT_FALSE(page->rows[0].unread_bytes);
  EXPECT_FALSE(page->rows[0].owner.pid);
}

TEST(TopParse, EveryTextIsMadePrintable) {
  const auto status =
      parse_status(R"({"node":"\u001b]0;x\u0007","reasons":["a\nb"],"lost":{"\u202e":1}})");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->node, "\\x1b]0;x\\x07");
  EXPECT_EQ(status->reasons[0], "a\\nb");
  EXPECT_EQ(status->lost[0].first, "\\u202e");
}

// A daemon that has been up for so long at that time, which knows of this many ends.
Model known(double uptime_seconds, double unix_seconds, std::size_t ended) {
  Model model;
  model.status.uptime_seconds = uptime_seconds;
  model.disconnects.list.loaded = ended > 0;
  model.disconnects.list.total = ended;
  set_taken(model, unix_seconds);
  return model;
}

TEST(TopFetch, ListsKeepTheTimeOfTheirAnswer) {
  const Model model = merged(known(100, 5000, 7), known(146.2, 5046, 0));
  EXPECT_EQ(model.disconnects.list.total, 7u);
  EXPECT_EQ(model.disconnects.list.taken_unix_seconds, 5000);
  EXPECT_EQ(model.taken_unix_seconds, 5046);
}

TEST(TopFetch, WhatAnotherDaemonKnewIsNotKept) {
  EXPECT_FALSE(merged(known(100, 5000, 7), known(3, 5046, 0)).disconnects.list.loaded);
  EXPECT_FALSE(merged(known(3, 5000, 7), known(10, 5046, 0)).disconnects.list.loaded);
  Model kept = known(3, 5000, 7);
  Model answer = known(2, 5003, 0);
  EXPECT_TRUE(merged(kept, answer).disconnects.list.loaded);
  kept.status.pid = 7;
  answer.status.pid = 8;
  EXPECT_FALSE(merged(kept, answer).disconnects.list.loaded);
}

}  // namespace
}  // namespace wsbpf::top
