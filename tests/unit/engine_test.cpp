// Facts in, conclusions out.
#include "cli/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/state_file.h"
#include "kernel_records.h"
#include "serve/json.h"

namespace wsbpf {
namespace {

using nlohmann::json;
using testing::ElementsAre;

constexpr char kBoot[] = "2f6c1f5e-8a44-4b5e-9a36-0d5c9a1f7f10";

// Facts, and the bytes that they are about.
class Facts {
 public:
  template <typename... Records>
  Facts& events(const Records&... records) {
    facts_.emplace_back(KernelRecords{bytes_of({Event(records)...})});
    return *this;
  }

  Facts& sweep(uint64_t started_ns, const std::vector<wsbpf_socket>& sockets, bool adopt = false) {
    facts_.emplace_back(SweepBegan{started_ns, adopt});
    facts_.emplace_back(SweptRecords{bytes_of({sockets.begin(), sockets.end()})});
    facts_.emplace_back(SweepEnded{{{1}, true}});
    return *this;
  }

  Facts& caught_up(uint64_t now_ns, bool lost = false) {
    facts_.emplace_back(CaughtUp{now_ns, lost});
    return *this;
  }

  Facts& evaluate(uint64_t now_ns, std::map<std::string, uint64_t> lost = {}) {
    facts_.emplace_back(EvaluationDue{now_ns, 0, std::move(lost)});
    return *this;
  }

  Facts& add(Fact fact) {
    facts_.push_back(std::move(fact));
    return *this;
  }

  const std::vector<Fact>& all() const { return facts_; }

 private:
  std::span<const std::byte> bytes_of(const std::vector<Event>& events) {
    std::vector<std::byte>& bytes = bytes_.emplace_back();
    for (const Event& event : events) {
      std::visit(
          [&](const auto& record) {
            const auto* const begin = reinterpret_cast<const std::byte*>(&record);
            bytes.insert(bytes.end(), begin, begin + sizeof(record));
          },
          event);
    }
    return bytes;
  }

  std::deque<std::vector<std::byte>> bytes_;
  std::vector<Fact> facts_;
};

// An engine whose hooks make lines.
class Lines {
 public:
  explicit Lines(const CloseWaitSettings& settings = {})
      : engine_(watch_of({8080}), settings, processes_,
                line_hooks(context_, [this](const std::string& line) { lines_.push_back(line); })) {
    processes_.run(4121, "node");
    context_.observed = &engine_.observed();
    context_.node_json = json_string("node-a");
  }

  Lines& take(const Facts& facts) {
    for (const Fact& fact : facts.all()) {
      const auto taken = engine_.take(fact);
      EXPECT_TRUE(taken) << taken.error().message;
    }
    return *this;
  }

  Engine& engine() { return engine_; }
  const std::vector<std::string>& lines() const { return lines_; }

  // "type" and what is said of it.
  std::vector<std::string> told() const {
    std::vector<std::string> told;
    for (const std::string& text : lines_) {
      const json line = json::parse(text);
      std::string words = line["type"];
      if (line.contains("verdict")) words += ' ' + line["verdict"].get<std::string>();
      if (line.contains("alert")) {
        words += ' ' + line["alert"]["name"].get<std::string>() + ' ' +
                 line["alert"]["state"].get<std::string>();
      }
      if (line.contains("lost")) {
        words +=
            ' ' + line["lost"]["reason"].get<std::string>() + ' ' + line["lost"]["count"].dump();
      }
      if (line.contains("race") && line["type"] == "race") {
        words += ' ' + line["race"].get<std::string>();
      }
      told.push_back(words);
    }
    return told;
  }

 private:
  FakeProcesses processes_;
  EventContext context_;
  std::vector<std::string> lines_;
  Engine engine_;
};

void one_life(Facts& facts, uint64_t begins_ns, uint64_t cookie) {
  const Sock sock{.cookie = cookie};
  facts
      .events(accepted(begins_ns, sock), left(begins_ns + 1_s, sock, TcpState::kCloseWait),
              entered_from(begins_ns + 2_s, sock, TcpState::kCloseWait, TcpState::kLastAck,
                           closer(4121)),
              closed(begins_ns + 2_s, sock, TcpState::kLastAck), destroyed(begins_ns + 2_s, sock))
      .caught_up(begins_ns + 2_s);
}

TEST(Engine, TellsOfALife) {
  Facts facts;
  one_life(facts, 10_s, 1);
  EXPECT_THAT(Lines().take(facts).told(), ElementsAre("opened", "closed remote_close"));
}

TEST(Engine, GivesNoVerdictBeforeItHasCaughtUp) {
  Facts facts;
  facts.events(accepted(1_s, Sock{}), closed(2_s, Sock{}, TcpState::kEstablished, {}, ECONNRESET));
  Lines lines;
  EXPECT_THAT(lines.take(facts).told(), ElementsAre("opened"));
  Facts later;
  later.caught_up(3_s);
  EXPECT_THAT(lines.take(later).told(), ElementsAre("opened", "closed peer_reset"));
}

TEST(Engine, KnowsThatALossMakesVerdictsUncertain) {
  Facts facts;
  facts
      .events(accepted(1_s, Sock{}), closed(2_s, Sock{}, TcpState::kEstablished, {}, ECONNRESET),
              destroyed(2_s, Sock{}))
      .caught_up(2_s, true);
  EXPECT_THAT(Lines().take(facts).told(), ElementsAre("opened", "closed unknown"));
}

TEST(Engine, SweepsRepairTheTable) {
  Facts facts;
  facts.events(accepted(1_s, Sock{})).sweep(10_s, {}).caught_up(10_s);
  Lines lines;
  EXPECT_THAT(lines.take(facts).told(), ElementsAre("opened", "closed unknown"));
  EXPECT_EQ(lines.engine().table().corrections()[static_cast<size_t>(Correction::kEnded)], 1u);
}

TEST(Engine, CountsRecordsByType) {
  Facts facts;
  one_life(facts, 10_s, 1);
  facts.sweep(20_s, {sample(20_s, listen_sock(9), TcpState::kListen)});
  Lines lines;
  lines.take(facts);
  const auto& events = lines.engine().events();
  EXPECT_EQ(events[Event(wsbpf_opened{}).index()], 1u);
  EXPECT_EQ(events[Event(wsbpf_left{}).index()], 1u);
  EXPECT_EQ(events[Event(wsbpf_state{}).index()], 1u);
  EXPECT_EQ(events[Event(wsbpf_closed{}).index()], 1u);
  EXPECT_EQ(events[Event(wsbpf_destroyed{}).index()], 1u);
  EXPECT_EQ(events[Event(wsbpf_socket{}).index()], 1u);
  EXPECT_EQ(events[Event(wsbpf_reset{}).index()], 0u);
}

TEST(Engine, FiresAndResolvesAlerts) {
  Facts facts;
  for (uint64_t cookie = 1; cookie <= 3; ++cookie) {
    facts.events(accepted(1_s, Sock{.cookie = cookie}),
                 left(2_s, Sock{.cookie = cookie}, TcpState::kCloseWait));
  }
  facts.caught_up(2_s).evaluate(2_s).evaluate(5_s).evaluate(6_s);
  for (uint64_t cookie = 1; cookie <= 3; ++cookie) facts.events(destroyed(7_s, {.cookie = cookie}));
  facts.caught_up(7_s).evaluate(7_s).evaluate(17_s);
  Lines lines({.threshold = 2, .for_ns = 3_s});
  EXPECT_THAT(lines.take(facts).told(),
              ElementsAre("opened", "opened", "opened", "alert CloseWaitAccumulation pending",
                          "alert CloseWaitAccumulation firing", "closed unknown", "closed unknown",
                          "closed unknown", "alert CloseWaitAccumulation resolved"));
  EXPECT_TRUE(lines.engine().observed().alerts.empty());
}

TEST(Engine, TellsWhatWasLostOnceEach) {
  Facts facts;
  facts.evaluate(1_s, {{"recursion", 0}, {"ring_buffer", 0}})
      .evaluate(2_s, {{"recursion", 0}, {"ring_buffer", 5}})
      .evaluate(3_s, {{"recursion", 0}, {"ring_buffer", 5}})
      .evaluate(4_s, {{"recursion", 2}, {"ring_buffer", 6}});
  EXPECT_THAT(Lines().take(facts).told(),
              ElementsAre("lost ring_buffer 5", "alert EventsLost firing", "lost recursion 2",
                          "lost ring_buffer 1"));
}

TEST(Engine, ForgetsWhatIsNoLongerWatched) {
  Facts facts;
  PortSet ports;
  ports.set(9090);
  facts.events(accepted(1_s, Sock{})).add(SettingsChanged{ports, 7, 8_s}).caught_up(9_s);
  Lines lines;
  EXPECT_THAT(lines.take(facts).told(), ElementsAre("opened"));
  EXPECT_EQ(lines.engine().table().connections().size(), 0u);
  EXPECT_EQ(lines.engine().close_wait().threshold, 7u);
  EXPECT_EQ(lines.engine().close_wait().for_ns, 8_s);
}

// What was there before the port was found is no correction, and its end gets a verdict.
TEST(Engine, TakesADiscoveredPortUp) {
  const Sock sock{.local_port = 9090};
  wsbpf_discovered found{};
  found.header = accepted(1_s, sock).header;
  found.header.type = WSBPF_RECORD_DISCOVERED;
  found.port = 9090;
  PortSet ports;
  ports.set(8080).set(9090);
  Facts facts;
  facts.events(accepted(1_s, sock), found)
      .add(SettingsChanged{ports, 50, 3_s})
      .caught_up(2_s)
      .sweep(3_s, {sample(3_s, sock, TcpState::kEstablished)}, true);
  Lines lines;
  EXPECT_THAT(lines.take(facts).told(), ElementsAre());
  EXPECT_EQ(lines.engine().table().connections().size(), 1u);
  EXPECT_THAT(lines.engine().table().corrections(), testing::Each(0u));
}

TEST(Engine, RemembersAnEarlierRun) {
  Slab<Connection> before;
  Connection connection;
  connection.cookie = 1;
  connection.netns = 1;
  connection.opened_ns = 5_s;
  connection.state = TcpState::kEstablished;
  before.insert(connection);
  Facts facts;
  facts.add(StateRemembered{encode_state(before, kBoot), kBoot})
      .sweep(100_s, {sample(100_s, Sock{}, TcpState::kEstablished)}, true);
  Lines lines;
  lines.take(facts);
  ASSERT_NE(find_connection(lines.engine().table(), 1), nullptr);
  EXPECT_EQ(find_connection(lines.engine().table(), 1)->opened_ns, 5_s);
}

TEST(Engine, SaysWhyAStateCannotBeRemembered) {
  Lines lines;
  const auto taken = lines.engine().take(StateRemembered{encode_state({}, "another"), kBoot});
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().message, testing::HasSubstr("another boot"));
}

TEST(Engine, MeasuresRatesOverTheLastTenSeconds) {
  Facts facts;
  facts.evaluate(10_s);
  for (uint64_t cookie = 1; cookie <= 20; ++cookie) one_life(facts, 10_s, cookie);
  facts.evaluate(20_s);
  Lines lines;
  lines.take(facts);
  const Rates rates = lines.engine().observed().rates.at({1, 8080, Role::kServer});
  EXPECT_DOUBLE_EQ(rates.opens, 2);
  EXPECT_DOUBLE_EQ(rates.closes, 2);
}

// A replay comes to the same conclusions, to the byte.
TEST(Engine, TheSameFactsGiveTheSameLines) {
  Facts facts;
  facts.events(listening(1_s, listen_sock(9), 4121));
  for (uint64_t cookie = 1; cookie <= 200; ++cookie) {
    const Sock sock{.cookie = cookie, .remote_port = static_cast<uint16_t>(40000 + cookie)};
    const uint64_t time_ns = 10_s + cookie * 10_ms;
    facts.events(accepted(time_ns, sock));
    if (cookie % 4 == 0) one_life(facts, time_ns, 1'000 + cookie);
    if (cookie % 5 == 0) {
      facts.events(closed(time_ns + 1_ms, sock, TcpState::kEstablished, {}, ECONNRESET));
    }
    if (cookie % 7 == 0) facts.events(left(time_ns + 2_ms, sock, TcpState::kCloseWait));
    if (cookie % 50 == 0) {
      facts.caught_up(time_ns + 5_ms, cookie == 100).evaluate(time_ns + 5_ms, {{"unseen", cookie}});
    }
  }
  facts.sweep(30_s, {sample(30_s, listen_sock(9), TcpState::kListen)});
  facts.caught_up(31_s).evaluate(31_s, {{"unseen", 201}});
  facts.events(reset(32_s, Sock{.cookie = 0, .remote_port = 40001}, TcpState::kClose,
                     WSBPF_RESET_SENT, 1, 5));
  Lines first({.threshold = 10, .for_ns = 0});
  Lines second({.threshold = 10, .for_ns = 0});
  first.take(facts);
  second.take(facts);
  EXPECT_GT(first.lines().size(), 400u);
  EXPECT_EQ(first.lines(), second.lines());
  EXPECT_EQ(first.told().back(), "race late_reset");
  for (const std::string& line : first.lines()) EXPECT_TRUE(json::accept(line)) << line;
}

}  // namespace
}  // namespace wsbpf
