// Every verdict, and everything that a living connection may hang in, explained.
#include "diagnose/explanation.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "diagnose/condition.h"
#include "diagnose/evidence_meaning.h"
#include "explained_builder.h"
#include "observed_builder.h"
#include "serve/event_lines.h"

namespace wsbpf {
namespace {

using testing::AnyOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSubsetOf;
using testing::Not;

std::vector<Scenario> all() {
  std::vector<Scenario> scenarios = ends();
  scenarios.insert(scenarios.end(), lives().begin(), lives().end());
  return scenarios;
}

Explained named(std::string_view name) {
  for (const Scenario& scenario : all()) {
    if (name == scenario.name) return scenario.explained;
  }
  ADD_FAILURE() << "no scenario " << name;
  return {};
}

std::vector<std::string_view> words_of(const Explanation& explanation) {
  std::vector<std::string_view> words;
  for (const TimelineEntry& entry : explanation.timeline) words.push_back(entry.what);
  return words;
}

const TimelineEntry& entry_of(const Explanation& explanation, std::string_view what) {
  for (const TimelineEntry& entry : explanation.timeline) {
    if (entry.what == what) return entry;
  }
  static const TimelineEntry kNothing;
  ADD_FAILURE() << "no " << what;
  return kNothing;
}

TEST(Explanation, TheScenariosCoverEveryVerdictAndCondition) {
  std::set<Verdict> verdicts;
  for (const Scenario& end : ends()) verdicts.insert(end.explained.judgement->verdict);
  EXPECT_EQ(verdicts.size(), kVerdictNames.size());
  std::set<Condition> conditions;
  for (const Scenario& life : lives()) {
    Explained explained = life.explained;
    explained.explanation();
    conditions.insert(condition_of(Case(explained.subject)));
  }
  EXPECT_EQ(conditions.size(), kConditionCount);
}

TEST(Explanation, TheSummaryIsOneSentence) {
  for (Scenario& scenario : all()) {
    const std::string summary = scenario.explained.explanation().summary;
    EXPECT_EQ(summary.find(". "), std::string::npos) << summary;
    EXPECT_EQ(summary.back(), '.') << summary;
    EXPECT_EQ(summary.find("  "), std::string::npos) << summary;
    EXPECT_TRUE(summary.front() >= 'A' && summary.front() <= 'Z') << summary;
    EXPECT_THAT(summary, HasSubstr("10.0.3.7:51234"));
  }
}

TEST(Explanation, TheTimelineIsInOrderAndWithinTheLife) {
  const std::set<std::string_view> known = {"opened",
                                            "last_received",
                                            "last_sent",
                                            "last_heard",
                                            "last_data",
                                            "peer_fin",
                                            "own_fin",
                                            "own_close",
                                            "reset_sent",
                                            "reset_received",
                                            "closed",
                                            "half_open",
                                            "late_reset",
                                            "data_after_close",
                                            "upgrade_requested",
                                            "upgrade_answered",
                                            "last_message_received",
                                            "last_message_sent",
                                            "close_received",
                                            "close_sent",
                                            "ping_sent",
                                            "zero_window_began",
                                            "retransmissions_began"};
  for (Scenario& scenario : all()) {
    const Explanation explanation = scenario.explained.explanation();
    EXPECT_EQ(explanation.timeline.front().what, "opened") << scenario.name;
    EXPECT_TRUE(std::is_sorted(
        explanation.timeline.begin(), explanation.timeline.end(),
        [](const TimelineEntry& a, const TimelineEntry& b) { return a.time_ns < b.time_ns; }))
        << scenario.name;
    for (const TimelineEntry& entry : explanation.timeline) {
      EXPECT_TRUE(known.contains(entry.what)) << entry.what;
      EXPECT_LE(entry.time_ns, scenario.explained.subject.now_ns) << scenario.name;
      EXPECT_FALSE(entry.text.empty());
    }
  }
}

TEST(Explanation, SomethingIsAdvisedOrNothingNeedsDoing) {
  for (Scenario& scenario : all()) {
    const Explanation explanation = scenario.explained.explanation();
    ASSERT_FALSE(explanation.advice.empty()) << scenario.name;
    for (const std::string& advice : explanation.advice) EXPECT_EQ(advice.back(), '.') << advice;
  }
  for (const char* name : {"closed", "closed by the peer", "exited", "simultaneous", "healthy"}) {
    EXPECT_THAT(named(name).explanation().advice.front(), HasSubstr("Nothing needs doing")) << name;
  }
  for (const char* name : {"killed", "vanished", "leak", "stuck", "leaking", "unread",
                           "written to, and does not read"}) {
    EXPECT_THAT(named(name).explanation().advice.front(), Not(HasSubstr("Nothing needs"))) << name;
  }
}

// What is explained is what the event says, under the same names.
TEST(Explanation, TheEvidenceIsThatOfTheEvent) {
  EXPECT_TRUE(verdict_evidence_is_whole());
  EXPECT_TRUE(condition_evidence_is_whole());
  Scene scene;
  scene.observed.status.reset_reasons = kReasons;
  EventContext context;
  context.observed = &scene.observed;
  context.node_json = "\"node-a\"";
  for (Scenario scenario : ends()) {
    Explained& explained = scenario.explained;
    const Explanation explanation = explained.explanation();
    const auto event = nlohmann::ordered_json::parse(closed_line(
        context, explained.connection, &kOwner, *explained.evidence, *explained.judgement));
    // Null where there is none; missing where nobody saw the end.
    const auto websocket = event["evidence"].value("websocket", nlohmann::ordered_json());
    std::vector<std::string_view> names;
    for (const EvidenceItem& item : explanation.evidence) {
      SCOPED_TRACE(fmt::format("{}: {}", scenario.name, item.name));
      names.push_back(item.name);
      const std::string name(item.name);
      if (name == "close_code") continue;  // the connection's
      const auto& value = websocket.contains(name) ? websocket[name] : event["evidence"][name];
      if (item.name == "first_fin" && item.value == "none") {
        EXPECT_TRUE(value.is_null());
        continue;
      }
      EXPECT_FALSE(value.is_null());
      if (value.is_string()) {
        EXPECT_EQ(item.value, value);
      } else if (value.is_number()) {
        EXPECT_EQ(std::stod(item.value), value.get<double>());
      } else if (value.is_boolean()) {
        EXPECT_EQ(item.value, value.dump());
      }
      EXPECT_FALSE(item.meaning.empty());
    }
    for (const auto& [name, value] : event["evidence"].items()) {
      if (value.is_null() || name == "websocket") continue;
      EXPECT_THAT(names, Contains(name)) << scenario.name;
    }
    // What is false, none or 0 there is not told.
    for (const auto& [name, value] : websocket.items()) {
      if (value.is_null() || value == false || value == 0 || value.empty()) continue;
      EXPECT_THAT(names, Contains(name)) << scenario.name;
    }
    EXPECT_THAT(names, IsSubsetOf(evidence_names()));
  }
}

TEST(Explanation, WhatTheVerdictRestsOnComesFirst) {
  EXPECT_EQ(named("leak").explanation().evidence[0].name, "close_wait_seconds");
  EXPECT_EQ(named("vanished").explanation().evidence[0].name, "last_heard_seconds");
  EXPECT_EQ(named("unread").explanation().evidence[0].name, "unread_bytes");
  EXPECT_EQ(named("stuck").explanation().evidence[0].name, "unread_bytes");
  EXPECT_EQ(named("unacked").explanation().evidence[0].name, "half_open");
}

TEST(Explanation, NamesWhereToReadOn) {
  EXPECT_EQ(named("vanished").explanation().documentation, "docs/verdicts.md#peer_vanished");
  EXPECT_EQ(named("stuck").explanation().documentation, "docs/alerts.md#CloseWaitAccumulation");
  EXPECT_EQ(named("healthy").explanation().documentation, "");
}

TEST(Explanation, ARedactedPeerIsNowhereInFull) {
  for (Scenario& scenario : all()) {
    scenario.explained.subject.redact_peer = true;
    const std::string text = text_of(scenario.explained.explanation());
    EXPECT_THAT(text, Not(HasSubstr("10.0.3.7"))) << scenario.name;
    EXPECT_THAT(text, HasSubstr("10.0.3.0:51234")) << scenario.name;
  }
}

TEST(Explanation, AHostileNameIsEscaped) {
  const Process hostile = {kPid, 77, "\x1b[2J\u202e"};
  for (Scenario& scenario : all()) {
    scenario.explained.subject.owner = &hostile;
    const std::string text = text_of(scenario.explained.explanation());
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(text.find("\u202e"), std::string::npos);
  }
}

TEST(Explanation, AnUnknownOwnerIsNotNamed) {
  for (Scenario& scenario : all()) {
    scenario.explained.subject.owner = nullptr;
    EXPECT_THAT(text_of(scenario.explained.explanation()), Not(HasSubstr("node[")));
  }
}

TEST(ExplanationTimeline, TellsOfTrafficOnlyWhereThereWasAny) {
  Explained quiet = named("peer reset when idle");
  EXPECT_THAT(words_of(quiet.explanation()),
              ElementsAre("opened", "last_heard", "reset_received", "closed"))
      << "its counters have no bytes";
  quiet.evidence->at_close.bytes_received = 10;
  quiet.evidence->at_close.bytes_acked = 10;
  quiet.evidence->at_close.received_ms_ago = 40'000;
  quiet.evidence->at_close.sent_ms_ago = 30'000;
  quiet.evidence->at_close.heard_ms_ago = 20'000;
  const Explanation explanation = quiet.explanation();
  EXPECT_THAT(words_of(explanation), ElementsAre("opened", "last_received", "last_sent",
                                                 "last_heard", "reset_received", "closed"));
  EXPECT_EQ(entry_of(explanation, "last_received").time_ns, 60_s);
  EXPECT_EQ(entry_of(explanation, "last_sent").time_ns, 70_s);
  EXPECT_EQ(entry_of(explanation, "last_heard").time_ns, 80_s);
}

TEST(Explanation, APeerThatDoesNotReadIsTold) {
  Explained blocked = named("written to, and does not read");
  const Explanation explanation = blocked.explanation();
  EXPECT_EQ(explanation.summary,
            "The peer (10.0.3.7:51234) does not read: its receive window has been closed for 40 s, "
            "and 3782144 bytes wait to be sent.");
  EXPECT_EQ(explanation.evidence[0].name, "zero_window_seconds");
  EXPECT_EQ(explanation.evidence[1].name, "unsent_bytes");
  EXPECT_EQ(explanation.documentation, "docs/verdicts.md#slow_consumer");
  EXPECT_EQ(entry_of(explanation, "zero_window_began").time_ns, 59_s);
  EXPECT_THAT(text_of(explanation), Not(HasSubstr("acknowledged all")));
  blocked.connection.zero_window_ms = kZeroWindowLimit_ms - 1;
  EXPECT_THAT(blocked.explanation().summary, HasSubstr("is healthy"));
  EXPECT_THAT(text_of(blocked.explanation()), Not(HasSubstr("acknowledged all")));
}

TEST(Explanation, AStallGoesOnWhileTheApplicationSends) {
  Explained stalled = named("stalled");
  stalled.connection.idle_ms = 0;
  stalled.connection.received_ms = 35'000;
  EXPECT_THAT(stalled.explanation().summary, HasSubstr("has not read 10 bytes"));
  EXPECT_THAT(stalled.explanation().summary, HasSubstr("came 36 s ago"));
  stalled.connection.received_ms = kStallLimit_ms - 1;
  stalled.connection.idle_ms = 35'000;
  EXPECT_THAT(stalled.explanation().summary, HasSubstr("is healthy"));
}

// CLOSE came 40 s after the FIN.
TEST(Explanation, TheLifeIsCountedToTheFin) {
  const auto summary_of = [](Evidence evidence) {
    evidence.left_ns = 45_s;
    evidence.own_close_ns = evidence.left_to == TcpState::kFinWait1 ? 45_s : 85_s;
    evidence.closed_ns = 85_s;
    if (evidence.left_to == TcpState::kCloseWait) evidence.close_wait_ns = 40_s;
    return ended(evidence).explanation();
  };
  EXPECT_THAT(summary_of(peer_fin()).summary,
              HasSubstr("closed the connection after 2.0 s, and our end closed 40 s later"));
  EXPECT_THAT(summary_of(own_fin()).summary, HasSubstr("10.0.3.7:51234 after 2.0 s, and nothing"));
  EXPECT_THAT(summary_of(data_in(TcpState::kFinWait2)).summary, HasSubstr("at the age of 2.0 s"));
  EXPECT_THAT(summary_of(crossed_fins()).summary, HasSubstr("at the same time after 2.0 s"));
  EXPECT_THAT(text_of(summary_of(peer_fin())), Not(HasSubstr("in time")));
  EXPECT_THAT(text_of(summary_of(peer_fin())), HasSubstr("slow to close"));
  EXPECT_THAT(text_of(named("closed by the peer").explanation()), HasSubstr("in time"));
}

TEST(Explanation, ALeakIsSaidToBeOneAfterAMinute) {
  const auto summary_at = [](uint64_t age_ns, AgeSource source, uint32_t heard_ms) {
    Explained explained = in_state(TcpState::kCloseWait, age_ns);
    explained.connection.opened_ns = 1_s;
    explained.connection.state_age_source = source;
    explained.connection.heard_ms = heard_ms;
    return explained.explanation().summary;
  };
  using enum AgeSource;
  EXPECT_THAT(summary_at(59'999_ms, kExact, 0), Not(HasSubstr("leak")));
  EXPECT_THAT(summary_at(59'999_ms, kExact, 0),
              HasSubstr("closed its end 59 s ago, and the application (node[4121]) has read the "
                        "end of file and not closed its own yet"));
  EXPECT_THAT(summary_at(60_s, kExact, 0), HasSubstr("leaks"));
  EXPECT_THAT(summary_at(0, kLowerBound, 0), HasSubstr("has yet to close its own"));
  EXPECT_THAT(summary_at(0, kLowerBound, 35'000), HasSubstr("at least 35 s ago"))
      << "whatever was heard last is the FIN, or came later";
  EXPECT_THAT(summary_at(0, kLowerBound, 60'000), HasSubstr("leaks"));
  Explained just_seen = in_state(TcpState::kCloseWait, 0);  // after "now" was taken
  just_seen.connection.state_age_source = kLowerBound;
  just_seen.connection.sampled_ns += 6_ms;
  just_seen.connection.heard_ms = 10'000;
  EXPECT_EQ(entry_of(just_seen.explanation(), "peer_fin").time_ns,
            entry_of(just_seen.explanation(), "last_heard").time_ns);
  EXPECT_THAT(summary_at(50_s, kLowerBound, 35'000), HasSubstr("at least 50 s ago"));
}

TEST(Explanation, WhereNoDataPassedNoneIsSpokenOf) {
  Explained reset = named("peer reset");
  EXPECT_THAT(reset.explanation().summary, HasSubstr("after the last data"));
  reset.connection.bytes_received = reset.connection.bytes_sent = 0;
  EXPECT_THAT(reset.explanation().summary, HasSubstr("after 57 s, before any data had passed"));
  reset.evidence->at_close.unacked_bytes = 1;
  EXPECT_THAT(reset.explanation().summary, HasSubstr("after the last data"));
  reset.evidence->at_close.retransmits = 1;
  EXPECT_THAT(reset.explanation().summary, HasSubstr("was sent again"));
}

TEST(Explanation, WhatIsSentAgainCountsAsPassed) {
  Explained healthy = named("healthy");
  EXPECT_EQ(entry_of(healthy.explanation(), "last_data").text,
            "data last passed, or was sent again");
  EXPECT_THAT(healthy.explanation().summary, Not(HasSubstr("again")));
  healthy.connection.retransmits = 1;
  EXPECT_THAT(healthy.explanation().summary, HasSubstr("or was sent again, 2.5 s ago"));
  EXPECT_THAT(text_of(named("no data yet").explanation()),
              Not(HasSubstr("since data last passed")));
}

TEST(Explanation, AHandshakeThatFailedIsAdvisedAboutByItsStatus) {
  const auto advice_for = [](WebSocket websocket) {
    return fmt::format("{}", fmt::join(ended(of(websocket, own_fin())).explanation().advice, "\n"));
  };
  constexpr uint32_t kWhole = WebSocketRecords::kWholeRequest;
  for (const uint16_t status : std::initializer_list<uint16_t>{401, 403, 404, 429, 503}) {
    EXPECT_THAT(advice_for(refused(status)), HasSubstr("The application's own answer")) << status;
    EXPECT_THAT(advice_for(refused(status)), Not(HasSubstr("nginx"))) << status;
    for (const uint32_t bits :
         {kWhole & ~uint32_t{WSBPF_WEBSOCKET_UPGRADE}, kWhole | WSBPF_WEBSOCKET_HTTP_1_0,
          kWhole & ~uint32_t{WSBPF_WEBSOCKET_CONNECTION}}) {
      EXPECT_THAT(advice_for(refused(status, bits)), HasSubstr("proxy_http_version 1.1"));
      EXPECT_THAT(advice_for(refused(status, bits)), Not(HasSubstr("own answer")));
    }
  }
  EXPECT_THAT(advice_for(refused(502)), HasSubstr("keepAliveTimeout"));
  EXPECT_THAT(advice_for(refused(426)), HasSubstr("Sec-WebSocket-Version"));
  EXPECT_THAT(advice_for(refused(200)), HasSubstr("plain HTTP"));
  EXPECT_THAT(advice_for(unanswered()), HasSubstr("had not read the request"));
  for (uint16_t status = 102; status < 600; ++status) {
    EXPECT_FALSE(advice_for(refused(status)).empty()) << status;
  }
}

TEST(Explanation, ACloseIsAdvisedAboutByItsCode) {
  const auto advice_for = [](uint16_t code) {
    return ended(of(closed_both_ways(WSBPF_IN, code), own_fin())).explanation().advice;
  };
  for (const uint16_t code : std::initializer_list<uint16_t>{1000, 1001, 1005, 1012}) {
    EXPECT_THAT(advice_for(code), ElementsAre(HasSubstr("Nothing needs doing"))) << code;
  }
  EXPECT_THAT(advice_for(1009), ElementsAre(HasSubstr("maxPayload")));
  EXPECT_THAT(advice_for(1011), ElementsAre(HasSubstr("see its log")));
  EXPECT_THAT(advice_for(4001), ElementsAre(HasSubstr("application's own")));
  for (const uint16_t code :
       std::initializer_list<uint16_t>{1, 999, 1004, 1006, 1015, 1016, 2999, 5000, 65535}) {
    EXPECT_THAT(advice_for(code), ElementsAre(HasSubstr("No Close frame may bear"))) << code;
  }
}

TEST(Explanation, AnEndWithoutACloseFrameIsSaidToBe1006) {
  for (const char* name :
       {"no Close frame", "no Close frame of the peer", "reset without a Close frame"}) {
    Explained abnormal = named(name);
    EXPECT_THAT(abnormal.explanation().summary, HasSubstr("without a Close frame (1006)")) << name;
    EXPECT_THAT(text_of(abnormal.explanation()), HasSubstr("onclose says 1006")) << name;
    abnormal.evidence->websocket->behind[WSBPF_OUT] = 1;
    EXPECT_THAT(text_of(abnormal.explanation()), Not(HasSubstr("1006"))) << "not all was read";
  }
}

TEST(Explanation, AWebSocketThatWaitsIsTold) {
  const auto summary_at = [](const char* name, uint64_t now_ns) {
    Explained explained = named(name);
    explained.subject.now_ns = now_ns;
    return explained.explanation().summary;
  };
  EXPECT_THAT(summary_at("upgrade awaited", 46'010_ms), HasSubstr("has not answered"));
  EXPECT_THAT(summary_at("upgrade awaited", 46'009_ms), HasSubstr("is healthy"));
  EXPECT_THAT(summary_at("Close frame unanswered", 102_s),
              HasSubstr("sent Close 1001 (going away) 3.0 s ago, and"));
  EXPECT_THAT(summary_at("Close frame unanswered", 101'999_ms), HasSubstr("is healthy"));
  EXPECT_THAT(summary_at("Close frames, and no FIN", 102_s), HasSubstr("neither has closed TCP"));
  EXPECT_THAT(summary_at("ping unanswered", 101_s), HasSubstr("our ping of 10 s ago"));
  EXPECT_THAT(summary_at("ping unanswered", 100'999_ms), HasSubstr("is healthy"));
  EXPECT_THAT(named("WebSocket out of step").explanation().summary, HasSubstr("40 bytes of its"));
  EXPECT_THAT(named("talking").explanation().summary, HasSubstr("is healthy"));
}

TEST(Explanation, WhereNoPongWouldBeSeenNoneIsMissed) {
  Explained pinged = live_websocket(talked([](WebSocket& websocket, WebSocketRecords& records) {
    take_websocket(websocket, records.ping(50_s, WSBPF_OUT));
    records.state.directions[WSBPF_IN].reading = WSBPF_READING_NOTHING;
    take_websocket(websocket, records.swept(51_s));
  }));
  EXPECT_THAT(pinged.explanation().summary, HasSubstr("is healthy"));
}

TEST(Explanation, WhatIsSimultaneousKeepsItsOrder) {
  Explained closed = live_websocket(talked([](WebSocket& websocket, WebSocketRecords& records) {
    take_websocket(websocket, records.message(99_s, WSBPF_IN, 5));
    take_websocket(websocket, records.message(99_s, WSBPF_OUT, 5));
    take_websocket(websocket, records.close(99_s, WSBPF_OUT));
    take_websocket(websocket, records.close(99_s, WSBPF_IN));
  }));
  std::vector<std::string> told;
  for (const TimelineEntry& entry : closed.explanation().timeline) {
    if (entry.time_ns == 99_s) told.emplace_back(entry.what);
  }
  EXPECT_EQ(told, (std::vector<std::string>{"last_message_received", "last_message_sent",
                                            "close_sent", "close_received"}));
}

TEST(Explanation, ThePeersPingThatWaitsIsNotOurs) {
  Explained pinged = live_websocket(talked([](WebSocket& websocket, WebSocketRecords& records) {
    take_websocket(websocket, records.ping(50_s, WSBPF_IN));
  }));
  EXPECT_THAT(pinged.explanation().summary, HasSubstr("is healthy"));
}

TEST(Explanation, TheLastFramesAreThere) {
  const std::vector<Frame> frames = named("closed cleanly").explanation().frames;
  ASSERT_EQ(frames.size(), 5);
  EXPECT_EQ(frames[0].time_ns, 50_s);
  EXPECT_EQ(opcode_name(frames[0].opcode), "text");
  EXPECT_EQ(frames[1].length, 70'000);
  EXPECT_EQ(frames[1].direction, WSBPF_OUT);
  EXPECT_EQ(frames[4].time_ns, 99'500_ms);
  EXPECT_THAT(named("closed").explanation().frames, IsEmpty());
}

TEST(ExplanationTimeline, DataThatMetATimewaitSocketIsTold) {
  const Explanation explanation = named("data into timewait").explanation();
  EXPECT_EQ(entry_of(explanation, "data_after_close").time_ns, 101'300_ms);
  EXPECT_EQ(explanation.evidence[1].name, "data_after_end_seconds");
  EXPECT_EQ(explanation.evidence[1].value, "0.300");
}

TEST(ExplanationTimeline, WhatShowsItToBeOlderComesNoSoonerThanItsBeginning) {
  Explained older = named("older than the daemon");
  older.connection.opened_ns = 97'510_ms;  // the last data, a tick later
  const Explanation explanation = older.explanation();
  EXPECT_EQ(explanation.timeline[0].what, "opened");
  EXPECT_TRUE(explanation.timeline[0].at_least);
  EXPECT_EQ(explanation.timeline[0].text, "was there already, with 10.0.3.7:51234");
  EXPECT_EQ(explanation.timeline[0].time_ns, entry_of(explanation, "last_data").time_ns);
}

TEST(ExplanationTimeline, OneMomentIsToldOnce) {
  Explained closing = in_state(TcpState::kCloseWait, 20_s);
  closing.evidence = Evidence();
  closing.evidence->left_to = TcpState::kCloseWait;
  closing.evidence->left_ns = 80_s;
  closing.evidence->at_departure = Counters{.bytes_received = 10, .flags = WSBPF_SOCK_DONE};
  closing.connection.idle_ms = 19'999;  // by a tick
  EXPECT_THAT(words_of(closing.explanation()), Contains("last_received"));
  EXPECT_THAT(words_of(closing.explanation()), Not(Contains("last_data")));
}

TEST(ExplanationTimeline, APeersFinIsNoData) {
  Explained closed = named("closed by the peer");
  closed.evidence->at_departure.bytes_received = 1;
  closed.evidence->at_departure.received_ms_ago = 5'000;
  EXPECT_THAT(words_of(closed.explanation()), Not(Contains("last_received")));
  closed.evidence->at_departure.bytes_received = 2;
  EXPECT_THAT(words_of(closed.explanation()), Contains("last_received"));
}

TEST(ExplanationTimeline, NothingLiesBeforeTheBeginning) {
  Explained reset = named("peer reset when idle");
  reset.evidence->at_close.heard_ms_ago = 57'003;  // a tick more than it is old
  EXPECT_EQ(entry_of(reset.explanation(), "last_heard").time_ns, 43_s);
  reset.connection.age_source = AgeSource::kLowerBound;
  EXPECT_LT(entry_of(reset.explanation(), "last_heard").time_ns, 43_s);
  EXPECT_TRUE(entry_of(reset.explanation(), "opened").at_least);
}

TEST(ExplanationTimeline, WhatWasThereBeforeUsIsALowerBound) {
  Explained stuck = named("stuck");
  EXPECT_FALSE(entry_of(stuck.explanation(), "peer_fin").at_least);
  stuck.connection.state_age_source = AgeSource::kLowerBound;
  EXPECT_TRUE(entry_of(stuck.explanation(), "peer_fin").at_least);
  EXPECT_THAT(stuck.explanation().summary, HasSubstr("at least 20 s"));
  EXPECT_TRUE(entry_of(named("unseen").explanation(), "closed").at_least);
}

TEST(ExplanationTimeline, RemembersHalfOpenAndLateRaces) {
  Explained vanished = named("vanished");
  vanished.subject.half_open = {{75_s, HalfOpen::kUnacked}};
  vanished.subject.late_races = {{120_s, Race::kLateReset}};
  const Explanation explanation = vanished.explanation();
  EXPECT_EQ(entry_of(explanation, "half_open").time_ns, 75_s);
  EXPECT_EQ(explanation.timeline.back().what, "late_reset");
  EXPECT_EQ(explanation.timeline.back().time_ns, 120_s);
}

TEST(ExplanationTimeline, AResetThatWasNoneIsNotTold) {
  EXPECT_THAT(words_of(named("data after close").explanation()), Contains("reset_sent"));
  EXPECT_THAT(words_of(named("data after close").explanation()), Not(Contains("reset_received")));
  EXPECT_THAT(words_of(named("reset during close").explanation()), Contains("reset_received"));
}

TEST(ExplanationEvidence, AStreakOfLongAgoIsNotOfToday) {
  Explained healthy = named("healthy");
  healthy.evidence = Evidence();
  healthy.evidence->streak.began_ns = 50_s;
  healthy.evidence->streak.segments = 3;
  const auto names = [&healthy] {
    std::vector<std::string_view> all;
    for (const EvidenceItem& item : healthy.explanation().evidence) all.push_back(item.name);
    return all;
  };
  healthy.connection.unacked_bytes = 5;
  EXPECT_THAT(names(), Not(Contains("retransmit_streak"))) << "the peer was heard since";
  healthy.connection.heard_ms = 55'000;
  EXPECT_THAT(names(), Contains("retransmit_streak"));
}

TEST(ExplanationEvidence, WhetherTheEndOfFileWasReadShowsAfterIt) {
  const auto names = [](Explained explained) {
    std::vector<std::string_view> all;
    for (const EvidenceItem& item : explained.explanation().evidence) all.push_back(item.name);
    return all;
  };
  EXPECT_THAT(names(named("leaking")), Contains("unread_bytes"));
  EXPECT_THAT(names(named("in CLOSE_WAIT, not looked at since")), Not(Contains("unread_bytes")));
}

}  // namespace
}  // namespace wsbpf
