// Half-open connections: what the counters say, and what the table makes of it.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/connection_record.h"
#include "core/connection_table.h"
#include "kernel_records.h"

namespace wsbpf {
namespace {

constexpr auto kEstablished = TcpState::kEstablished;

struct Case {
  const char* name;
  Counters counters;
  TcpState state;
  HalfOpen kind;
};

TEST(HalfOpenOf, EachKindAndItsNeighbours) {
  constexpr uint32_t kMinute_ms = 60'000;
  const Case cases[] = {
      {"nothing is amiss", {}, kEstablished, HalfOpen::kNo},

      {"unacked",
       {.unacked_bytes = 1, .heard_ms = 3'000, .timeouts = 1},
       kEstablished,
       HalfOpen::kUnacked},
      {"heard a moment ago",
       {.unacked_bytes = 1, .heard_ms = 2'999, .timeouts = 1},
       kEstablished,
       HalfOpen::kNo},
      {"all was acknowledged",
       {.unacked_bytes = 0, .heard_ms = 3'000, .timeouts = 1},
       kEstablished,
       HalfOpen::kNo},
      {"not sent again yet",
       {.unacked_bytes = 1, .heard_ms = 3'000, .timeouts = 0},
       kEstablished,
       HalfOpen::kNo},
      {"our FIN is not acknowledged",
       {.unacked_bytes = 1, .heard_ms = 3'000, .timeouts = 1},
       TcpState::kFinWait1,
       HalfOpen::kUnacked},
      {"in CLOSE_WAIT",
       {.unacked_bytes = 1, .heard_ms = 3'000, .timeouts = 1},
       TcpState::kCloseWait,
       HalfOpen::kUnacked},
      {"a handshake of ours",
       {.unacked_bytes = 1, .heard_ms = 3'000, .timeouts = 1},
       TcpState::kSynSent,
       HalfOpen::kNo},
      {"it has ended",
       {.unacked_bytes = 1, .heard_ms = 3'000, .timeouts = 1},
       TcpState::kClose,
       HalfOpen::kNo},

      {"probing", {.heard_ms = 3'000, .probes = 2}, kEstablished, HalfOpen::kProbing},
      {"the first probe may be under way",
       {.heard_ms = 3'000, .probes = 1},
       kEstablished,
       HalfOpen::kNo},
      {"a probe was answered a moment ago",
       {.heard_ms = 2'999, .probes = 2},
       kEstablished,
       HalfOpen::kNo},
      {"unacked comes before probing",
       {.unacked_bytes = 1, .heard_ms = 3'000, .timeouts = 1, .probes = 2},
       kEstablished,
       HalfOpen::kUnacked},

      {"silent", {.heard_ms = kMinute_ms}, kEstablished, HalfOpen::kSilent},
      {"not yet silent", {.heard_ms = kMinute_ms - 1}, kEstablished, HalfOpen::kNo},
      {"keepalive would tell",
       {.heard_ms = kMinute_ms, .flags = WSBPF_SOCK_KEEPALIVE},
       kEstablished,
       HalfOpen::kNo},
      {"a user timeout would tell",
       {.heard_ms = kMinute_ms, .user_timeout_ms = 1},
       kEstablished,
       HalfOpen::kNo},
      {"what waits for a closed window would tell",
       {.unsent_bytes = 1, .heard_ms = kMinute_ms, .zero_window_ms = kMinute_ms},
       kEstablished,
       HalfOpen::kNo},
      {"in CLOSE_WAIT silence is no wonder",
       {.heard_ms = kMinute_ms},
       TcpState::kCloseWait,
       HalfOpen::kNo},
      {"probing comes before silent",
       {.heard_ms = kMinute_ms, .probes = 2},
       kEstablished,
       HalfOpen::kProbing},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(half_open_name(half_open_of(c.counters, c.state)), half_open_name(c.kind)) << c.name;
  }
}

class HalfOpenTest : public testing::Test {
 protected:
  HalfOpenTest() : table_(watch_of({8080}), processes_) {
    TableHooks hooks;
    hooks.on_half_open = [this](const Connection& connection, HalfOpen) {
      notices_.push_back(connection_id(connection) + ' ' +
                         std::string(half_open_name(connection.half_open)));
    };
    table_.set_hooks(hooks);
  }

  template <typename... Records>
  void apply(const Records&... records) {
    (table_.apply(Event(records)), ...);
  }

  void see(uint64_t time_ns, const Counters& counters, uint64_t cookie = 1,
           TcpState state = kEstablished) {
    apply_sweep(table_, {.started_ns = time_ns,
                         .sockets = {sample(time_ns, Sock{.cookie = cookie}, state, 0, counters)},
                         .complete_netns = {}});
  }

  uint32_t count(HalfOpen kind) { return summary_of(table_).half_open[static_cast<size_t>(kind)]; }

  FakeProcesses processes_;
  ConnectionTable table_;
  std::vector<std::string> notices_;
};

using Notices = std::vector<std::string>;

constexpr Counters unacked(uint32_t heard_ms) {
  return {.unacked_bytes = 10, .heard_ms = heard_ms, .timeouts = 3};
}

TEST_F(HalfOpenTest, IsToldWhenItBeginsChangesAndEnds) {
  apply(accepted(1_s, Sock{}));
  see(5_s, {});
  EXPECT_EQ(notices_, Notices{});
  see(10_s, {.heard_ms = 5'000, .probes = 2});
  see(15_s, {.heard_ms = 10'000, .probes = 3});
  see(20_s, unacked(15'000));
  see(25_s, {.heard_ms = 10});
  see(30_s, {.heard_ms = 10});
  EXPECT_EQ(notices_, (Notices{"1 probing", "1 unacked", "1 "}));
}

TEST_F(HalfOpenTest, ThatItEndedIsTheVerdictsToTell) {
  apply(accepted(1_s, Sock{}));
  see(10_s, unacked(5'000));
  apply(closed(20_s, Sock{}, kEstablished, unacked(15'000), ETIMEDOUT));
  EXPECT_EQ(notices_, Notices{"1 unacked"});
  EXPECT_EQ(count(HalfOpen::kUnacked), 0u);
  EXPECT_EQ(summary_of(table_).half_open_stuck, 0u);
}

TEST_F(HalfOpenTest, IsCountedByKind) {
  for (uint64_t cookie = 1; cookie <= 6; ++cookie) apply(accepted(1_s, Sock{.cookie = cookie}));
  see(90_s, unacked(5'000), 1);
  see(90_s, unacked(15'000), 2);
  see(90_s, {.heard_ms = 14'999, .probes = 2}, 3);
  see(90_s, {.heard_ms = 20'000, .probes = 9}, 4);
  see(90_s, {.heard_ms = 70'000}, 5);
  EXPECT_EQ(count(HalfOpen::kUnacked), 2u);
  EXPECT_EQ(count(HalfOpen::kProbing), 2u);
  EXPECT_EQ(count(HalfOpen::kSilent), 1u);
  EXPECT_EQ(count(HalfOpen::kNo), 1u);
  EXPECT_EQ(summary_of(table_).half_open_stuck, 2u) << "unheard of for 15 s, but not silent ones";
}

TEST_F(HalfOpenTest, AdoptedSoItIsToldAtOnce) {
  apply_sweep(table_, {.started_ns = 90_s,
                       .sockets = {sample(90_s, Sock{}, kEstablished, 0, unacked(20'000))},
                       .adopt = true});
  EXPECT_EQ(count(HalfOpen::kUnacked), 1u);
}

TEST_F(HalfOpenTest, HandshakesThatHangAreThoseAskedAgain) {
  apply(listening(1_s, listen_sock(9)));
  wsbpf_minisock again = minisock(5_s, Sock{}, TcpState::kSynRecv);
  again.retransmits = 1;
  apply_sweep(table_, {.started_ns = 5_s,
                       .sockets = {sample(5_s, listen_sock(9), TcpState::kListen)},
                       .minisocks = {again, again, minisock(5_s, Sock{}, TcpState::kSynRecv),
                                     minisock(5_s, Sock{}, TcpState::kTimeWait)}});
  const ListenerSummary summary = summary_of(table_);
  EXPECT_EQ(summary.stuck_handshakes, 2u);
  EXPECT_EQ(summary.states[static_cast<size_t>(TcpState::kSynRecv)], 3u);
  apply_sweep(table_,
              {.started_ns = 10_s, .sockets = {sample(10_s, listen_sock(9), TcpState::kListen)}});
  EXPECT_EQ(summary_of(table_).stuck_handshakes, 0u);
}

TEST_F(HalfOpenTest, SynAcksThatAreSentAgainAreCounted) {
  apply(listening(1_s, listen_sock(9)), synack(2_s, listen_sock(9)), synack(3_s, listen_sock(9)),
        synack(3_s, listen_sock(99)));
  EXPECT_EQ(table_.listener(summary_of(table_).index).synacks_retransmitted_total, 2u);
}

// --- the accept queue ----------------------------------------------------------------------------

TEST_F(HalfOpenTest, TheAcceptQueueIsFullWhenNoMoreFitsIn) {
  apply(listening(1_s, listen_sock(9)), listening(1_s, listen_sock(10)));
  const auto see_queue = [&](uint32_t length) {
    apply_sweep(table_, {.started_ns = 5_s,
                         .sockets = {sample(5_s, listen_sock(9), TcpState::kListen, 0,
                                            {.unread_bytes = length, .unacked_bytes = 16}),
                                     sample(5_s, listen_sock(10), TcpState::kListen, 0,
                                            {.unread_bytes = 0, .unacked_bytes = 16})}});
    return summary_of(table_).accept_queue_full;
  };
  EXPECT_FALSE(see_queue(16)) << "one more than the limit fits in";
  EXPECT_TRUE(see_queue(17)) << "though the other's is empty";
}

TEST_F(HalfOpenTest, DropsAreCountedFromTheBeginningOfAListener) {
  apply(listening(1_s, listen_sock(9)));
  apply_sweep(table_, {.started_ns = 5_s,
                       .sockets = {sample(5_s, listen_sock(9), TcpState::kListen, 0,
                                          {.unacked_bytes = 3, .retransmits = 4})}});
  EXPECT_EQ(summary_of(table_).accept_drops_total, 4u);
}

TEST_F(HalfOpenTest, DropsOfAnOlderListenerAreCountedSinceTheyWereFirstRead) {
  const auto see_drops = [&](uint64_t time_ns, uint32_t drops) {
    apply_sweep(table_, {.started_ns = time_ns,
                         .sockets = {sample(time_ns, listen_sock(9), TcpState::kListen, 0,
                                            {.unacked_bytes = 16, .retransmits = drops})}});
    return summary_of(table_).accept_drops_total;
  };
  EXPECT_EQ(see_drops(5_s, 1'000), 0u) << "from before us";
  EXPECT_EQ(see_drops(10_s, 1'000), 0u);
  EXPECT_EQ(see_drops(15_s, 1'007), 7u);
  EXPECT_EQ(see_drops(20_s, 1'010), 10u);
}

// --- silences that were survived -----------------------------------------------------------------

class SilenceTest : public HalfOpenTest {
 protected:
  uint32_t longest() { return find_connection(table_, 1)->longest_silence_ms; }
};

TEST_F(SilenceTest, IsSurvivedOnceSomethingIsHeardAgain) {
  apply(accepted(1_s, Sock{}));
  see(10_s, {.heard_ms = 5'000});
  see(15_s, {.heard_ms = 10'000});
  EXPECT_EQ(longest(), 0u) << "it goes on";
  see(20_s, {.heard_ms = 100});
  EXPECT_EQ(longest(), 10'000u);
}

TEST_F(SilenceTest, TheLongestCounts) {
  apply(accepted(1_s, Sock{}));
  for (const auto& [time_ns, heard_ms] :
       {std::pair(10_s, 8'000u), {15_s, 10u}, {20_s, 4'000u}, {25_s, 10u}}) {
    see(time_ns, {.heard_ms = heard_ms});
  }
  EXPECT_EQ(longest(), 8'000u);
}

TEST_F(SilenceTest, AtTheEndIsOfNoUse) {
  apply(accepted(1_s, Sock{}));
  see(10_s, {.heard_ms = 5'000});
  apply(closed(20_s, Sock{}, kEstablished, {.heard_ms = 15'000}, ETIMEDOUT));
  EXPECT_EQ(longest(), 0u) << "it was not survived";
}

}  // namespace
}  // namespace wsbpf
