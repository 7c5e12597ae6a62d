// What happened lately, and who reads of it.
#include "serve/journal.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "cli/engine.h"
#include "observed_builder.h"
#include "serve/event_stream.h"
#include "serve/filter_subjects.h"
#include "serve/json.h"

namespace wsbpf {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

class JournalTest : public testing::Test {
 protected:
  JournalTest() { scene_.apply(listening(1_s, listen_sock(9), 4121)); }

  Connection connection(uint64_t cookie) {
    Connection connection;
    connection.cookie = cookie;
    connection.family = AF_INET;
    connection.remote_address = address_of("10.0.3.7");
    connection.local_port = 8080;
    return connection;
  }

  void open(uint64_t cookie, uint64_t time_ns) {
    journal_.add(time_ns, JournalEntry::Opened{{connection(cookie), nullptr}});
  }

  void close(uint64_t cookie, uint64_t time_ns, Verdict verdict, uint32_t generation = 0) {
    JournalEntry::End end;
    end.connection = connection(cookie);
    end.connection.generation = generation;
    end.connection.state_since_ns = time_ns;
    end.judgement.verdict = verdict;
    journal_.add(time_ns, std::make_shared<const JournalEntry::End>(std::move(end)));
  }

  EventContext context(bool redact_peers = false) {
    return {&scene_.observed, json_string("node-a"), redact_peers};
  }

  static std::vector<json> lines_of(const std::string& text) {
    std::vector<json> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
    return lines;
  }

  std::vector<json> ended_stream(const EventQuery& query) {
    const Response response = stream_events(query, journal_, context());
    std::string text;
    while (const auto piece = response.next_piece()) text += *piece;
    return lines_of(text);
  }

  json disconnects(const DisconnectQuery& query = {}, bool redact_peers = false) {
    return json::parse(list_disconnects(query, journal_, context(redact_peers)).body);
  }

  Scene scene_;
  Journal journal_{4};
};

TEST_F(JournalTest, IsBoundedAndKeepsItsNumbers) {
  for (uint64_t cookie = 1; cookie <= 6; ++cookie) open(cookie, cookie * 1_s);
  EXPECT_EQ(journal_.first(), 2u);
  EXPECT_EQ(journal_.end(), 6u);
  EXPECT_EQ(journal_[2].seen()->connection.cookie, 3u);
}

TEST_F(JournalTest, FindsHowAConnectionEnded) {
  close(7, 1_s, Verdict::kPeerReset);
  close(7, 2_s, Verdict::kLocalClose, 1);
  open(7, 3_s);
  EXPECT_EQ(journal_.end_of(7, 0)->judgement.verdict, Verdict::kPeerReset);
  EXPECT_EQ(journal_.end_of(7, 1)->judgement.verdict, Verdict::kLocalClose);
  EXPECT_EQ(journal_.end_of(7, 2), nullptr);
  EXPECT_EQ(journal_.end_of(8, 0), nullptr);
}

// A thousand connections that open, or fall silent, do not make the ends forgotten.
TEST_F(JournalTest, EndsOutlastWhatElseHappens) {
  close(1, 1_s, Verdict::kPeerReset);
  for (uint64_t cookie = 2; cookie <= 9; ++cookie) open(cookie, 2_s);
  EXPECT_NE(journal_.end_of(1, 0), nullptr);
  EXPECT_EQ(disconnects()["total"], 1);

  Journal few(4, 2);
  for (uint64_t cookie = 1; cookie <= 3; ++cookie) {
    JournalEntry::End end;
    end.connection.cookie = cookie;
    few.add(1_s, std::make_shared<const JournalEntry::End>(std::move(end)));
  }
  EXPECT_EQ(few.end_of(1, 0), nullptr);
  EXPECT_NE(few.end_of(2, 0), nullptr);
}

TEST_F(JournalTest, SilenceIsNotKept) {
  Journal journal;
  const EngineHooks hooks = journal_hooks(journal, scene_.observed);
  Connection quiet = connection(3);
  quiet.half_open = HalfOpen::kSilent;
  hooks.table.on_half_open(quiet, HalfOpen::kNo);
  quiet.half_open = HalfOpen::kNo;
  hooks.table.on_half_open(quiet, HalfOpen::kSilent);
  EXPECT_EQ(journal.end(), 0u);
  hooks.table.on_half_open(quiet, HalfOpen::kUnacked);
  EXPECT_EQ(journal.end(), 1u);
}

TEST_F(JournalTest, KeepsAnOwnerOnceAndAsItWas) {
  Process node{4121, 1, "node"};
  const auto first = journal_.keep(&node);
  EXPECT_EQ(journal_.keep(&node), first);
  node.comm = "renamed";
  EXPECT_EQ(journal_.keep(&node)->comm, "renamed");
  EXPECT_EQ(first->comm, "node");
  EXPECT_EQ(journal_.keep(nullptr), nullptr);
}

TEST_F(JournalTest, TellsWhatHappenedSince) {
  open(1, 10_s);
  close(1, 95_s, Verdict::kRemoteClose);
  open(2, 96_s);
  const auto lines = ended_stream({.since = 10s, .follow = false});
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["type"], "closed");
  EXPECT_EQ(lines[0]["verdict"], "remote_close");
  EXPECT_EQ(lines[1]["type"], "opened");
  EXPECT_EQ(lines[1]["connection"]["id"], "2");
}

TEST_F(JournalTest, SaysThatMoreWasAskedForThanIsRemembered) {
  for (uint64_t cookie = 1; cookie <= 5; ++cookie) open(cookie, 90_s);
  const auto lines = ended_stream({.since = 60s, .follow = false});
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[0]["type"], "missed");
  EXPECT_TRUE(lines[0]["count"].is_null());
  EXPECT_EQ(lines[1]["connection"]["id"], "2");
}

TEST_F(JournalTest, WithoutAPastItBeginsWithWhatComes) {
  open(1, 99_s);
  const Response response = stream_events({}, journal_, context());
  EXPECT_EQ(*response.next_piece(), "");
  open(2, 100_s);
  const auto lines = lines_of(*response.next_piece());
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["connection"]["id"], "2");
  EXPECT_EQ(*response.next_piece(), "") << "it follows until its reader leaves";
}

TEST_F(JournalTest, ASlowReaderIsToldHowManyItMissed) {
  const Response response = stream_events({}, journal_, context());
  for (uint64_t cookie = 1; cookie <= 7; ++cookie) open(cookie, 100_s);
  const auto lines = lines_of(*response.next_piece());
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[0]["type"], "missed");
  EXPECT_EQ(lines[0]["count"], 3);
  EXPECT_EQ(lines[1]["connection"]["id"], "4");
}

TEST_F(JournalTest, WithoutFollowingItEndsWithWhatThereWas) {
  open(1, 99_s);
  const Response response = stream_events({.since = 10s, .follow = false}, journal_, context());
  open(2, 100_s);
  EXPECT_EQ(lines_of(*response.next_piece()).size(), 1u);
  EXPECT_FALSE(response.next_piece());
}

TEST_F(JournalTest, DisconnectsComeNewestFirst) {
  close(1, 1_s, Verdict::kPeerReset);
  close(2, 2_s, Verdict::kRemoteClose);
  open(3, 3_s);
  close(3, 4_s, Verdict::kPeerReset);
  const json all = disconnects();
  ASSERT_EQ(all["disconnects"].size(), 3u);
  EXPECT_EQ(all["disconnects"][0]["connection"]["id"], "3");
  EXPECT_EQ(all["total"], 3);
  EXPECT_EQ(all["by_verdict"], json::parse(R"({"peer_reset": 2, "remote_close": 1})"));
  EXPECT_EQ(all["since"], rfc3339(1_s, scene_.observed.wall_clock_offset_ns));

  const json second = disconnects({.limit = 1, .offset = 1});
  ASSERT_EQ(second["disconnects"].size(), 1u);
  EXPECT_EQ(second["disconnects"][0]["connection"]["id"], "2");
  EXPECT_EQ(second["total"], 3);
}

TEST_F(JournalTest, FiltersChooseWhatIsTold) {
  open(1, 90_s);
  close(1, 91_s, Verdict::kPeerReset);
  close(2, 92_s, Verdict::kRemoteClose);
  journal_.add(93_s, JournalEntry::Lost{"ring_buffer", 2});
  const auto told = [this](const char* filter) {
    std::vector<std::string> types;
    for (const json& line :
         ended_stream({.since = 60s, .follow = false, .filter = *Filter::parse(filter)})) {
      types.push_back(line["type"]);
    }
    return types;
  };
  using Types = std::vector<std::string>;
  EXPECT_EQ(told("id 1"), (Types{"opened", "closed", "lost"}));
  EXPECT_EQ(told("verdict remote_close"), (Types{"closed", "lost"}));
  EXPECT_EQ(told("race"), (Types{"lost"})) << "a loss is told whatever one asks for";
}

TEST_F(JournalTest, KeepsWhatWasReadOfAWebSocket) {
  const EngineHooks hooks = journal_hooks(journal_, scene_.observed);
  const Sock sock{.cookie = 3};
  WebSocketRecords records{sock};
  scene_.apply({accepted(90_s, sock), records.requested(90_s), records.answered(90_s),
                records.message(91_s, WSBPF_IN, 5)});
  Connection unanswered = *find_connection(scene_.table, 3);
  unanswered.half_open = HalfOpen::kUnacked;
  unanswered.sampled_ns = 92_s;
  hooks.table.on_half_open(unanswered, HalfOpen::kNo);
  scene_.table.set_hooks(hooks.table);
  scene_.apply({records.close(93_s, WSBPF_OUT), records.ended(94_s),
                closed(94_s, sock, TcpState::kEstablished), destroyed(94_s, sock)});
  scene_.table.advance(95_s);
  const auto told = [this](const char* filter) {
    std::vector<std::string> phases;
    for (const json& line :
         ended_stream({.since = 60s, .follow = false, .filter = *Filter::parse(filter)})) {
      phases.push_back(line["connection"]["websocket"]["phase"]);
    }
    return phases;
  };
  using Phases = std::vector<std::string>;
  EXPECT_EQ(told("id 3"), (Phases{"open", "ended"}));
  EXPECT_EQ(told("phase open"), (Phases{"open"}));
  EXPECT_EQ(told("phase ended"), (Phases{"ended"}));
  EXPECT_EQ(disconnects({.filter = *Filter::parse("phase ended")})["total"], 1);
  EXPECT_EQ(disconnects({.filter = *Filter::parse("phase open")})["total"], 0);
}

TEST_F(JournalTest, FiltersKnowLateRacesAndAlertsByTheirListener) {
  const ListenerKey listener{.netns = 1, .port = 8080, .role = Role::kServer};
  const JournalEntry race{.time_ns = 1_s,
                          .what = JournalEntry::LateRace{Race::kLateReset, {}, listener, 1_s}};
  const FilterSubject of_race = subject_of(race, scene_.observed, true);
  EXPECT_TRUE(Filter::parse("race late_reset sport 8080")->matches(of_race));
  EXPECT_FALSE(Filter::parse("sport 9090")->matches(of_race));

  Alert alert;
  alert.finding.listener = listener;
  const JournalEntry fired{.time_ns = 1_s, .what = alert};
  const FilterSubject of_alert = subject_of(fired, scene_.observed, true);
  EXPECT_TRUE(Filter::parse("sport 8080 pid 4121 comm node")->matches(of_alert));
  EXPECT_FALSE(Filter::parse("pid 1")->matches(of_alert));

  const JournalEntry of_none{.time_ns = 1_s, .what = Alert{}};
  EXPECT_FALSE(Filter::parse("sport ge 0")->matches(subject_of(of_none, scene_.observed, false)));
}

TEST_F(JournalTest, DisconnectsAreCountedBehindTheFilter) {
  close(1, 1_s, Verdict::kPeerReset);
  close(2, 2_s, Verdict::kRemoteClose);
  close(3, 3_s, Verdict::kPeerReset);
  const json page = disconnects({.limit = 1, .filter = *Filter::parse("verdict peer_reset")});
  EXPECT_EQ(page["disconnects"][0]["connection"]["id"], "3");
  EXPECT_EQ(page["total"], 2);
  EXPECT_EQ(page["by_verdict"], json::parse(R"({"peer_reset": 2})"));
  const Filter peer = *Filter::parse("dst 10.0.3.7");
  EXPECT_EQ(disconnects({.filter = peer})["total"], 3);
  EXPECT_EQ(disconnects({.filter = peer}, true)["total"], 0) << "redacted";
}

TEST_F(JournalTest, AnEmptyOneHasNoDisconnects) {
  EXPECT_EQ(disconnects(), json::parse(R"({"disconnects": [], "total": 0, "next_cursor": null,
                                           "by_verdict": {}, "since": null})"));
}

TEST_F(JournalTest, PeersAreRedactedForThePage) {
  close(1, 1_s, Verdict::kPeerReset);
  const json row = disconnects({}, true)["disconnects"][0];
  EXPECT_EQ(row["connection"]["remote"]["address"], "10.0.3.0");
}

// All that the engine tells, by way of its hooks.
TEST_F(JournalTest, HoldsWhatTheEngineTells) {
  Journal journal;
  const EngineHooks hooks = journal_hooks(journal, scene_.observed);
  scene_.apply(accepted(10_s, Sock{.cookie = 3}));
  const Connection& connection = *find_connection(scene_.table, 3);
  hooks.table.on_opened(connection);
  Connection unanswered = connection;
  unanswered.half_open = HalfOpen::kUnacked;
  hooks.table.on_half_open(unanswered, HalfOpen::kNo);
  hooks.table.on_ended(connection, Evidence{}, Judgement{});
  hooks.table.on_race(Race::kLateReset, {3, 10_s, 0, connection.listener}, 11_s);
  hooks.on_alert(Alert{});
  hooks.on_lost("ring_buffer", 2);
  std::vector<std::string> types;
  for (uint64_t i = 0; i < journal.end(); ++i) {
    types.push_back(json::parse(journal_line(context(), journal[i]))["type"]);
  }
  EXPECT_EQ(types,
            (std::vector<std::string>{"opened", "half_open", "closed", "race", "alert", "lost"}));
  EXPECT_EQ(journal[0].seen()->owner->pid, 4121u);
}

}  // namespace
}  // namespace wsbpf
