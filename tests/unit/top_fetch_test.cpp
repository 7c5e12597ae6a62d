// A round of questions: what is asked, what becomes of the answers.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "top/fetch.h"
#include "top/parse.h"

namespace wsbpf::top {
namespace {

// Answers from a map and remembers what it was asked.
struct FakeDaemon {
  std::map<std::string, std::string> answers = {
      {"/api/status", "{}"},
      {"/api/listeners", R"({"listeners":[],"total":0,"next_cursor":null})"},
      {"/api/alerts", R"({"alerts":[],"total":0,"next_cursor":null})"},
      {"/api/connections?sort=-age&limit=24",
       R"({"connections":[{"state":"established"}],"total":70,"next_cursor":null})"},
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

const Query kQuery = {.sort = "-age", .max_rows = 24};

TEST(TopFetch, AsksOnceForEachPart) {
  FakeDaemon daemon;
  const auto model = fetch_model(daemon.fetch(), kQuery);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(daemon.asked, (std::vector<std::string>{"/api/status", "/api/listeners", "/api/alerts",
                                                    "/api/connections?sort=-age&limit=24"}));
  EXPECT_EQ(model->connections.size(), 1u);
  EXPECT_EQ(model->connections_total, 70u);
}

TEST(TopFetch, ReturnsTheErrorOfAFailedQuestionAsItIs) {
  FakeDaemon daemon;
  daemon.answers.erase("/api/alerts");
  const auto model = fetch_model(daemon.fetch(), kQuery);
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().message, "no answer to /api/alerts");
  EXPECT_EQ(model.error().exit_code, ExitCode::kUnsupported);
}

TEST(TopFetch, NamesTheTargetWhoseAnswerIsNoJson) {
  for (const char* body : {"", "<html>", "[]", "{", "\"text\"", "{\"node\":\"\xff\"}"}) {
    FakeDaemon daemon;
    daemon.answers["/api/status"] = body;
    const auto model = fetch_model(daemon.fetch(), kQuery);
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
  const auto model = fetch_model(daemon.fetch(), {.sort = "state", .max_rows = kAllRows});
  ASSERT_TRUE(model) << model.error().message;
  ASSERT_EQ(model->connections.size(), 2u);
  EXPECT_EQ(model->connections[1].state, "established");
}

TEST(TopFetch, AsksForNoMoreRowsThanWanted) {
  FakeDaemon daemon;
  daemon.answers["/api/connections?sort=-age&limit=1"] =
      R"({"connections":[{"state":"close_wait"}],"total":2,"next_cursor":"more"})";
  const auto model = fetch_model(daemon.fetch(), {.sort = "-age", .max_rows = 1});
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->connections.size(), 1u);
  EXPECT_EQ(model->connections_total, 2u);
}

TEST(TopFetch, ACursorThatLeadsNowhereEndsTheList) {
  FakeDaemon daemon;
  daemon.answers["/api/listeners"] = R"({"listeners":[],"total":9,"next_cursor":"again"})";
  EXPECT_TRUE(fetch_model(daemon.fetch(), kQuery));
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
  EXPECT_EQ(listener.port, 8080);
  EXPECT_EQ(listener.workload.pod, "chat-7f");
  EXPECT_EQ(listener.owners.size(), 1u);
  EXPECT_EQ(listener.states.close_wait, 51);
  EXPECT_EQ(listener.states.fin_wait, 3);
  EXPECT_EQ(listener.states.other, 2);
  EXPECT_EQ(listener.close_wait_stuck, 50);
  EXPECT_EQ(listener.accept_queue->length, 4);
  EXPECT_FALSE(listener.closes_per_second);
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

}  // namespace
}  // namespace wsbpf::top
