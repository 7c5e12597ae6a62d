// How connections end, record by record: what the kernel says beside the point, and what may be
// missing.
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/connection_table.h"
#include "kernel_records.h"

namespace wsbpf {
namespace {

constexpr auto kEstablished = TcpState::kEstablished;
constexpr auto kFinWait1 = TcpState::kFinWait1;
constexpr auto kFinWait2 = TcpState::kFinWait2;
constexpr auto kCloseWait = TcpState::kCloseWait;
constexpr auto kLastAck = TcpState::kLastAck;
constexpr auto kClose = TcpState::kClose;

class EndingsTest : public testing::Test {
 protected:
  EndingsTest() { watch(watch_of({8080})); }

  void watch(const Watch& watch) {
    table_ = std::make_unique<ConnectionTable>(watch, processes_);
    TableHooks hooks;
    hooks.on_ended = [this](const Connection& connection, const Evidence& evidence,
                            const Judgement& judgement) {
      std::string line = connection_id(connection) + ' ' +
                         std::string(verdict_name(judgement.verdict)) + ' ' +
                         std::string(initiator_name(judgement.initiator)) + ' ' +
                         std::string(mechanism_name(judgement.mechanism));
      if (judgement.race) line += ' ' + std::string(race_name(*judgement.race));
      if (evidence.fd_still_open) line += " (fd open)";
      lines_.push_back(line);
      evidence_ = evidence;
      connection_ = connection;
    };
    hooks.on_race = [this](Race race, const Tombstone& tombstone, uint64_t time_ns) {
      lines_.push_back("race " + std::string(race_name(race)) + " of " +
                       std::to_string(tombstone.cookie) + " after " +
                       std::to_string((time_ns - tombstone.ended_ns) / 1'000'000) + " ms");
    };
    table_->set_hooks(hooks);
  }

  template <typename... Records>
  void apply(const Records&... records) {
    (table_->apply(Event(records)), ...);
  }

  // What has been told once the verdicts that are due at `now_ns` have fallen.
  const std::vector<std::string>& by(uint64_t now_ns) {
    table_->advance(now_ns);
    return lines_;
  }

  uint64_t disconnects(Verdict verdict, Initiator initiator) const {
    const auto& counts = table_->listener(summary_of(*table_).index).disconnects;
    const auto found = counts.find({verdict, initiator});
    return found == counts.end() ? 0 : found->second;
  }

  uint64_t races(Race race) const {
    return table_->listener(summary_of(*table_).index).races[static_cast<size_t>(race)];
  }

  // Opened at 1 s, and our FIN at 10 s.
  void close_first(const Sock& sock = {}) {
    apply(accepted(1_s, sock), left(10_s, sock, kFinWait1, {}, closer(4121)),
          entered_from(10_s, sock, kFinWait1, kFinWait2));
  }

  // Opened at 1 s, and the peer's FIN at 10 s.
  void peer_closes_first(const Sock& sock = {}) {
    apply(accepted(1_s, sock), left(10_s, sock, kCloseWait));
  }

  wsbpf_reset late_reset(uint64_t time_ns, TcpState state, uint32_t payload_bytes,
                         Sock sock = {}) const {
    sock.cookie = 0;
    return reset(time_ns, sock, state, WSBPF_RESET_SENT, 9, payload_bytes);
  }

  FakeProcesses processes_;
  std::unique_ptr<ConnectionTable> table_;
  std::vector<std::string> lines_;
  Evidence evidence_;      // of the last end that was told
  Connection connection_;  // which ended
  const Sock sock_;
};

using Lines = std::vector<std::string>;

// --- when the verdict falls ----------------------------------------------------------------------

TEST_F(EndingsTest, ARequestForAWebSocketThatWasRefused) {
  const Sock sock{.cookie = 7};
  WebSocketRecords records(sock);
  apply(accepted(10_s, sock));
  apply(records.requested(11_s));
  apply(records.answered(12_s, 403));
  apply(left(20_s, sock, kFinWait1, {}, closer(4121)), entered(20_s, sock, kFinWait2));
  apply(records.ended(21_s));
  apply(closed(21_s, sock, kFinWait2), destroyed(21_s, sock));
  EXPECT_EQ(by(23_s), std::vector<std::string>{"7 upgrade_failed local fin"});
  EXPECT_EQ(disconnects(Verdict::kUpgradeFailed, Initiator::kLocal), 1);
}

TEST_F(EndingsTest, WhoSentTheFirstCloseFrameBegan) {
  const Sock sock{.cookie = 7};
  WebSocketRecords records(sock);
  apply(accepted(10_s, sock));
  apply(records.requested(11_s));
  apply(records.answered(12_s));
  apply(records.close(19_s, WSBPF_IN, 1001));
  apply(records.close(20_s, WSBPF_OUT, 1001));
  apply(left(20_s, sock, kFinWait1, {}, closer(4121)), entered(20_s, sock, kFinWait2));
  apply(records.ended(21_s));
  apply(closed(21_s, sock, kFinWait2), destroyed(21_s, sock));
  EXPECT_EQ(by(23_s), std::vector<std::string>{"7 clean remote fin"});
  EXPECT_EQ(disconnects(Verdict::kClean, Initiator::kRemote), 1);
}

TEST_F(EndingsTest, TheVerdictFallsOnceTheSocketIsDestroyed) {
  peer_closes_first();
  apply(entered_from(11_s, sock_, kCloseWait, kLastAck, closer(4121)),
        closed(11_s, sock_, kLastAck));
  EXPECT_EQ(by(11_s), Lines{});
  apply(destroyed(11_s, sock_));
  EXPECT_EQ(by(11_s), Lines{"1 remote_close remote fin"});
  EXPECT_EQ(by(60_s).size(), 1u);
}

TEST_F(EndingsTest, OrASecondAfterCloseThoughTheFdIsOpen) {
  apply(accepted(1_s, sock_), reset(10_s, sock_, kEstablished, WSBPF_RESET_RECEIVED),
        closed(10_s, sock_, kEstablished, {}, ECONNRESET));
  EXPECT_EQ(by(11_s - 1), Lines{});
  EXPECT_EQ(by(11_s), Lines{"1 peer_reset remote rst (fd open)"});
  const Connection* const kept = find_connection(*table_, 1);
  ASSERT_NE(kept, nullptr);
  EXPECT_EQ(kept->state, kClose);
  EXPECT_EQ(kept->state_since_ns, 10_s);

  apply(destroyed(700_s, sock_));
  EXPECT_EQ(by(702_s).size(), 1u) << "no second verdict";
  EXPECT_EQ(find_connection(*table_, 1), nullptr);
  EXPECT_EQ(disconnects_of(*table_), 1u);
}

TEST_F(EndingsTest, AFdThatIsClosedWithinTheSecondIsNotOpen) {
  apply(accepted(1_s, sock_), reset(10_s, sock_, kEstablished, WSBPF_RESET_RECEIVED),
        closed(10_s, sock_, kEstablished, {}, ECONNRESET), destroyed(10'900_ms, sock_));
  EXPECT_EQ(by(10'900_ms), Lines{"1 peer_reset remote rst"});
  EXPECT_EQ(by(20_s).size(), 1u);
}

TEST_F(EndingsTest, AConnectThatFailedHasNoVerdict) {
  watch(watch_of({8080}, false, true));
  apply(connecting(1_s, client_sock(1)),
        closed(2_s, client_sock(1), TcpState::kSynSent, {}, ECONNREFUSED));
  EXPECT_EQ(by(5_s), Lines{});
  apply(destroyed(6_s, client_sock(1)));
  EXPECT_EQ(by(9_s), Lines{});
  EXPECT_EQ(disconnects_of(*table_), 0u);
}

TEST_F(EndingsTest, AnotherWatchGivesTheVerdictsThatWait) {
  close_first();
  apply(closed(10_s, sock_, kFinWait2), destroyed(10_s, sock_));
  table_->set_watch(watch_of({9090}));
  EXPECT_EQ(by(10_s), Lines{"1 local_close local fin"});
}

TEST_F(EndingsTest, AnotherWatchLeavesWhatItStillWatches) {
  close_first();
  apply(closed(10_s, sock_, kFinWait2), destroyed(10_s, sock_));
  table_->set_watch(watch_of({8080, 9090}));
  EXPECT_EQ(by(10_s), Lines{});
  EXPECT_EQ(by(11_s), Lines{"1 local_close local fin"});
}

// --- what the kernel says beside the point -------------------------------------------------------

// Data that meets a socket after its FIN is reported as a reset received.
TEST_F(EndingsTest, AResetReceivedThatWasNone) {
  close_first();
  apply(reset(20_s, sock_, kFinWait2, WSBPF_RESET_RECEIVED),
        closed(20_s, sock_, kFinWait2, {}, ECONNRESET),
        reset(20_s, sock_, kClose, WSBPF_RESET_SENT, 8), destroyed(20_s, sock_));
  EXPECT_EQ(by(20_s), Lines{"1 data_after_close local rst data_after_close"});
  EXPECT_EQ(races(Race::kDataAfterClose), 1u);
}

TEST_F(EndingsTest, AResetReceivedThatWasOne) {
  close_first();
  apply(reset(20_s, sock_, kFinWait2, WSBPF_RESET_RECEIVED),
        closed(20_s, sock_, kFinWait2, {}, ECONNRESET), destroyed(20_s, sock_));
  EXPECT_EQ(by(20_s), Lines{}) << "ours may follow";
  EXPECT_EQ(by(21_s), Lines{"1 peer_reset local rst reset_during_close"});
}

// Data that comes with the ACK of our FIN: only the reset that answers it tells.
TEST_F(EndingsTest, DataWithTheAckOfOurFin) {
  apply(accepted(1_s, sock_), left(10_s, sock_, kFinWait1, {}, closer(4121)),
        closed(20_s, sock_, kFinWait1, {.flags = WSBPF_SOCK_DEAD}), destroyed(20_s, sock_),
        reset(20_s, sock_, kClose, WSBPF_RESET_SENT, 8, 20));
  EXPECT_EQ(by(21_s), Lines{"1 data_after_close local rst data_after_close"});
}

TEST_F(EndingsTest, TheSocketIsDestroyedBeforeItsResetIsTold) {
  close_first();
  apply(reset(20_s, sock_, kFinWait2, WSBPF_RESET_RECEIVED),
        closed(20_s, sock_, kFinWait2, {}, ECONNRESET), destroyed(20_s, sock_));
  EXPECT_EQ(by(20_s), Lines{});
  apply(reset(20_s, sock_, kClose, WSBPF_RESET_SENT, 8));
  EXPECT_EQ(by(21_s), Lines{"1 data_after_close local rst data_after_close"});
}

// SO_LINGER 0 wipes addresses and counters before DESTROY.
TEST_F(EndingsTest, AnAbortKeepsTheAddressesAndCountersThatItHad) {
  apply(accepted(1_s, sock_), closed(10_s, sock_, kEstablished,
                                     {.bytes_received = 100,
                                      .bytes_acked = 200,
                                      .flags = WSBPF_SOCK_RCV_SHUTDOWN | WSBPF_SOCK_SEND_SHUTDOWN},
                                     0, closer(4121)));
  Sock wiped;
  wiped.remote_port = 0;
  wiped.remote_address = "0.0.0.0";
  apply(reset(10_s, wiped, kClose, WSBPF_RESET_SENT, 14), destroyed(10_s, wiped));
  EXPECT_EQ(by(10_s), Lines{"1 local_abort local rst"});
  EXPECT_EQ(connection_.remote_port, 40000);
  EXPECT_EQ(address_text(connection_.remote_address, AF_INET), "10.0.3.7");
  EXPECT_EQ(connection_.bytes_received, 100u);
  EXPECT_EQ(connection_.bytes_sent, 200u);
  EXPECT_EQ(abort_cause(evidence_), "linger");
}

TEST_F(EndingsTest, WhatNobodyAcceptedEndsWithItsListener) {
  apply(accepted(1_s, sock_), closed(10_s, sock_, kEstablished, {}, 0, closer(4121)),
        reset(10_s, sock_, kClose, WSBPF_RESET_SENT, 14), destroyed(10_s, sock_));
  EXPECT_EQ(by(10_s), Lines{"1 local_abort local rst"});
  EXPECT_EQ(abort_cause(evidence_), "listener_closed");
}

TEST_F(EndingsTest, TheErrorAfterAFinIsABrokenPipe) {
  peer_closes_first();
  apply(reset(12_s, sock_, kCloseWait, WSBPF_RESET_RECEIVED),
        closed(12_s, sock_, kCloseWait, {}, EPIPE), destroyed(12_s, sock_));
  EXPECT_EQ(by(12_s), Lines{"1 reset_after_fin remote rst reset_after_fin"});
}

TEST_F(EndingsTest, BothClosedAtOnce) {
  apply(accepted(1_s, sock_), left(10_s, sock_, kFinWait1, {}, closer(4121)),
        entered_from(10_s, sock_, kFinWait1, TcpState::kClosing),
        closed(10_s, sock_, TcpState::kClosing), destroyed(10_s, sock_));
  EXPECT_EQ(by(10_s), Lines{"1 simultaneous_close local fin simultaneous_close"});
}

// SEND_RESET comes before CLOSE, and the running task is the killer's.
TEST_F(EndingsTest, SocketDestroyedByAnAdministrator) {
  apply(accepted(1_s, sock_), reset(10_s, sock_, kEstablished, WSBPF_RESET_SENT, 14),
        closed(10_s, sock_, kEstablished, {}, ECONNABORTED));
  EXPECT_EQ(by(11_s), Lines{"1 socket_destroyed local destroyed (fd open)"});
}

TEST_F(EndingsTest, AProcessExitsWithAStatus) {
  apply(accepted(1_s, sock_), left(10_s, sock_, kFinWait1, {}, closer(4121, 3 << 8)),
        entered_from(10_s, sock_, kFinWait1, kFinWait2), closed(10_s, sock_, kFinWait2),
        destroyed(10_s, sock_));
  EXPECT_EQ(by(11_s), Lines{"1 process_exit local fin"});
  EXPECT_EQ(evidence_.closer.pid, 4121u);
  EXPECT_EQ(evidence_.closer.exit_code, 3 << 8);
  EXPECT_EQ(evidence_.own_close_ns, 10_s);
}

TEST_F(EndingsTest, AProcessIsKilledWhileItLeaks) {
  peer_closes_first();
  apply(entered_from(100_s, sock_, kCloseWait, kLastAck, closer(4121, SIGKILL)),
        closed(100_s, sock_, kLastAck), destroyed(100_s, sock_));
  EXPECT_EQ(by(100_s), Lines{"1 process_exit remote fin"});
  EXPECT_EQ(evidence_.closer.exit_code, SIGKILL);
  EXPECT_EQ(evidence_.close_wait_ns, 90_s);
}

TEST_F(EndingsTest, AfterAMinuteInCloseWaitItLeaked) {
  for (const auto& [close_ns, expected] :
       {std::pair(70_s, "1 close_wait_leak remote fin"), {70_s - 1, "1 remote_close remote fin"}}) {
    watch(watch_of({8080}));
    lines_.clear();
    peer_closes_first();
    apply(entered_from(close_ns, sock_, kCloseWait, kLastAck, closer(4121)),
          closed(close_ns, sock_, kLastAck), destroyed(close_ns, sock_));
    EXPECT_EQ(by(80_s), Lines{expected});
  }
}

// --- a timewait socket is left behind ------------------------------------------------------------

TEST_F(EndingsTest, AHandOverToTimewaitIsAnOrdinaryClose) {
  close_first();
  apply(closed(10_s, sock_, kFinWait2), destroyed(10_s, sock_));
  EXPECT_EQ(by(11_s - 1), Lines{}) << "data may still come";
  EXPECT_EQ(by(11_s), Lines{"1 local_close local fin"});
  EXPECT_FALSE(evidence_.fd_still_open);
}

TEST_F(EndingsTest, DataWithinTheSecondCameAfterTheClose) {
  close_first();
  apply(closed(10_s, sock_, kFinWait2), destroyed(10_s, sock_));
  EXPECT_EQ(by(10'300_ms), Lines{});
  apply(late_reset(10'400_ms, TcpState::kTimeWait, 20));
  EXPECT_EQ(by(11_s), Lines{"1 data_after_close local rst data_after_close"});
  EXPECT_EQ(evidence_.data_after_end_ns, 10'400_ms);
  EXPECT_EQ(disconnects(Verdict::kDataAfterClose, Initiator::kLocal), 1u);
  EXPECT_EQ(races(Race::kDataAfterClose), 1u);
}

TEST_F(EndingsTest, DataAfterTheVerdictIsARaceAndRewritesNothing) {
  close_first();
  apply(closed(10_s, sock_, kFinWait2), destroyed(10_s, sock_));
  by(11_s);
  apply(late_reset(25_s, TcpState::kTimeWait, 20));
  EXPECT_EQ(by(30_s),
            (Lines{"1 local_close local fin", "race data_after_close of 1 after 15000 ms"}));
  EXPECT_EQ(disconnects(Verdict::kLocalClose, Initiator::kLocal), 1u);
  EXPECT_EQ(disconnects_of(*table_), 1u);
  EXPECT_EQ(races(Race::kDataAfterClose), 1u);
}

TEST_F(EndingsTest, ASegmentWithoutDataWithinTheSecondIsALateReset) {
  close_first();
  apply(closed(10_s, sock_, kFinWait2), destroyed(10_s, sock_),
        late_reset(10'400_ms, TcpState::kTimeWait, 0));
  EXPECT_EQ(by(11_s), (Lines{"race late_reset of 1 after 400 ms", "1 local_close local fin"}));
}

// --- late resets ---------------------------------------------------------------------------------

TEST_F(EndingsTest, AResetOfNoSocketIsLate) {
  close_first();
  apply(closed(10_s, sock_, kFinWait2), destroyed(10_s, sock_));
  by(11_s);
  apply(late_reset(40_s, kClose, 20));
  EXPECT_EQ(by(40_s), (Lines{"1 local_close local fin", "race late_reset of 1 after 30000 ms"}));
  EXPECT_EQ(races(Race::kLateReset), 1u);
}

TEST_F(EndingsTest, OneLateResetIsTold) {
  close_first();
  apply(closed(10_s, sock_, kFinWait2), destroyed(10_s, sock_));
  by(11_s);
  apply(late_reset(40_s, kClose, 20), late_reset(41_s, kClose, 20));
  EXPECT_EQ(by(41_s).size(), 2u);
}

TEST_F(EndingsTest, AfterAMinuteNobodyKnowsWhoseResetItIs) {
  close_first();
  apply(closed(10_s, sock_, kFinWait2), destroyed(10_s, sock_));
  by(11_s);
  apply(late_reset(70_s + 1, kClose, 20));
  EXPECT_EQ(by(71_s).size(), 1u);
  EXPECT_EQ(resets_of(*table_, WSBPF_RESET_SENT, 9), 1u) << "it is counted all the same";
}

TEST_F(EndingsTest, AResetOfOtherEndsIsNotOurs) {
  close_first();
  apply(closed(10_s, sock_, kFinWait2), destroyed(10_s, sock_));
  by(11_s);
  Sock other;
  other.remote_port = 40001;
  apply(late_reset(40_s, kClose, 20, other));
  other = {};
  other.netns = 2;
  apply(late_reset(40_s, kClose, 20, other));
  other = {};
  other.remote_address = "10.0.3.8";
  apply(late_reset(40_s, kClose, 20, other));
  EXPECT_EQ(by(41_s).size(), 1u);
}

TEST_F(EndingsTest, EndsThatAreUsedAgainAreTheNewConnections) {
  const Sock again{.cookie = 2};
  close_first();
  apply(closed(10_s, sock_, kFinWait2), destroyed(10_s, sock_));
  by(11_s);
  apply(accepted(20_s, again), left(30_s, again, kFinWait1, {}, closer(4121)),
        entered_from(30_s, again, kFinWait1, kFinWait2), closed(30_s, again, kFinWait2),
        destroyed(30_s, again));
  by(31_s);
  apply(late_reset(33_s, TcpState::kTimeWait, 5));
  EXPECT_EQ(by(33_s).back(), "race data_after_close of 2 after 3000 ms");
}

// --- connect() again on the same socket ----------------------------------------------------------

TEST_F(EndingsTest, ConnectingAgainGivesTheFormerConnectionItsVerdict) {
  watch(watch_of({8080}, false, true));
  const Sock sock = client_sock(1);
  apply(connecting(1_s, sock), connected(1_s, sock),
        reset(5_s, sock, kEstablished, WSBPF_RESET_RECEIVED),
        closed(5_s, sock, kEstablished, {}, ECONNRESET), connecting(5'100_ms, sock),
        connected(5'200_ms, sock));
  EXPECT_EQ(by(5'200_ms), Lines{"1 peer_reset remote rst"});
  apply(left(8_s, sock, kCloseWait), entered_from(9_s, sock, kCloseWait, kLastAck, closer(77)),
        closed(9_s, sock, kLastAck), destroyed(9_s, sock));
  EXPECT_EQ(by(9_s), (Lines{"1 peer_reset remote rst", "1.1 remote_close remote fin"}));
}

TEST_F(EndingsTest, ConnectingAgainAfterTheVerdictGivesNoSecond) {
  watch(watch_of({8080}, false, true));
  const Sock sock = client_sock(1);
  apply(connecting(1_s, sock), connected(1_s, sock),
        reset(5_s, sock, kEstablished, WSBPF_RESET_RECEIVED),
        closed(5_s, sock, kEstablished, {}, ECONNRESET));
  EXPECT_EQ(by(6_s), Lines{"1 peer_reset remote rst (fd open)"});
  apply(connecting(7_s, sock), connected(7_s, sock));
  EXPECT_EQ(by(60_s).size(), 1u);
  const Connection* const again = find_connection(*table_, 1);
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(connection_id(*again), "1.1");
  EXPECT_FALSE(again->judged);
}

// --- what was lost -------------------------------------------------------------------------------

TEST_F(EndingsTest, WithoutItsCloseTheVerdictIsUnknown) {
  peer_closes_first();
  apply(entered_from(11_s, sock_, kCloseWait, kLastAck, closer(4121)), destroyed(11_s, sock_));
  EXPECT_EQ(by(11_s), Lines{"1 unknown unknown unknown"});
  EXPECT_FALSE(evidence_.complete);
}

TEST_F(EndingsTest, WithoutTheDepartureTheVerdictIsUnknown) {
  apply(accepted(1_s, sock_), entered_from(11_s, sock_, kCloseWait, kLastAck, closer(4121)),
        closed(11_s, sock_, kLastAck), destroyed(11_s, sock_));
  EXPECT_EQ(by(11_s), Lines{"1 unknown unknown unknown"});
}

TEST_F(EndingsTest, WithoutTheCallThatClosedTheVerdictIsUnknown) {
  peer_closes_first();
  apply(closed(11_s, sock_, kLastAck), destroyed(11_s, sock_));
  EXPECT_EQ(by(11_s), Lines{"1 unknown unknown unknown"});
}

TEST_F(EndingsTest, WithoutTheResetThatWasSentTheVerdictIsUnknown) {
  apply(accepted(1_s, sock_), closed(10_s, sock_, kEstablished, {}, 0, closer(4121)),
        destroyed(10_s, sock_));
  table_->note_loss(10'050_ms);
  EXPECT_EQ(by(10'050_ms), Lines{"1 unknown unknown unknown"});
}

// Nobody noticed, but a close() that sent neither FIN nor reset is none.
TEST_F(EndingsTest, WithoutTheResetThatWasSentTheVerdictIsUnknownThoughNoLossWasNoted) {
  apply(accepted(1_s, sock_), closed(10_s, sock_, kEstablished, {}, 0, closer(4121)),
        destroyed(10_s, sock_));
  EXPECT_EQ(by(10_s), Lines{"1 unknown local unknown"});
}

// close() destroys what it aborts; that nothing says so is a loss, and no descriptor.
TEST_F(EndingsTest, WithoutTheDestructionOfAnOrphanItEndsAllTheSame) {
  apply(accepted(1_s, sock_),
        closed(10_s, sock_, kEstablished,
               {.flags = WSBPF_SOCK_RCV_SHUTDOWN | WSBPF_SOCK_SEND_SHUTDOWN}, 0, closer(4121)),
        reset(10_s, sock_, kClose, WSBPF_RESET_SENT, 14));
  EXPECT_EQ(by(11_s), Lines{"1 local_abort local rst"});
  EXPECT_EQ(find_connection(*table_, 1), nullptr);
  EXPECT_EQ(corrections_of(*table_, Correction::kEnded), 1u);
  EXPECT_EQ(disconnects_of(*table_), 1u);
  EXPECT_EQ(by(60_s).size(), 1u);
}

TEST_F(EndingsTest, ALossBeforeTheEndTouchesNothing) {
  peer_closes_first();
  table_->note_loss(10'500_ms);
  apply(entered_from(11_s, sock_, kCloseWait, kLastAck, closer(4121)),
        closed(11_s, sock_, kLastAck), destroyed(11_s, sock_));
  EXPECT_EQ(by(11_s), Lines{"1 remote_close remote fin"});
}

TEST_F(EndingsTest, ALossAfterTheEndMayHaveBeenItsEvidence) {
  peer_closes_first();
  apply(entered_from(11_s, sock_, kCloseWait, kLastAck, closer(4121)),
        closed(11_s, sock_, kLastAck), destroyed(11_s, sock_));
  table_->note_loss(11_s);
  EXPECT_EQ(by(11_s), Lines{"1 unknown unknown unknown"});
}

TEST_F(EndingsTest, ALossWithinAStreakMayHaveBeenOneOfItsSegments) {
  wsbpf_retransmit record = retransmitted(10_s, sock_, 1);
  record.bytes = record.mss_bytes = 1448;
  apply(accepted(1_s, sock_), record);
  table_->note_loss(12_s);
  record.header.time_ns = 13_s;
  apply(record,
        closed(30_s, sock_, kEstablished,
               {.bytes_acked = 100, .unacked_bytes = 3'000, .heard_ms = 25'000, .timeouts = 8},
               ETIMEDOUT));
  EXPECT_EQ(by(31_s), Lines{"1 unknown unknown unknown (fd open)"});
}

TEST_F(EndingsTest, WhatASweepFindsGoneEndedUnseen) {
  apply(accepted(1_s, sock_));
  apply_sweep(*table_, {.started_ns = 10_s});
  EXPECT_EQ(by(10_s), Lines{"1 unknown unknown unknown"});
  EXPECT_EQ(evidence_.closed_ns, 0u);
}

TEST_F(EndingsTest, AStateThatASweepCorrectedIsNoEvidence) {
  apply(accepted(1_s, sock_));
  apply_sweep(*table_, {.started_ns = 10_s, .sockets = {sample(10_s, sock_, kCloseWait)}});
  apply(entered_from(11_s, sock_, kCloseWait, kLastAck, closer(4121)),
        closed(11_s, sock_, kLastAck), destroyed(11_s, sock_));
  EXPECT_EQ(by(11_s), Lines{"1 unknown unknown unknown"});
}

// --- what was there before us --------------------------------------------------------------------

TEST_F(EndingsTest, AdoptedWhileEstablishedAllIsSeen) {
  apply_sweep(*table_,
              {.started_ns = 1_s, .sockets = {sample(1_s, sock_, kEstablished)}, .adopt = true});
  apply(left(10_s, sock_, kCloseWait), entered_from(11_s, sock_, kCloseWait, kLastAck, closer(1)),
        closed(11_s, sock_, kLastAck), destroyed(11_s, sock_));
  EXPECT_EQ(by(11_s), Lines{"1 remote_close remote fin"});
}

TEST_F(EndingsTest, AdoptedInCloseWaitThePeersFinCameFirst) {
  apply_sweep(*table_,
              {.started_ns = 1_s, .sockets = {sample(1_s, sock_, kCloseWait)}, .adopt = true});
  apply(entered_from(11_s, sock_, kCloseWait, kLastAck, closer(4121)),
        closed(11_s, sock_, kLastAck), destroyed(11_s, sock_));
  EXPECT_EQ(by(11_s), Lines{"1 remote_close remote fin"});
}

TEST_F(EndingsTest, AdoptedInCloseWaitItLeakedForAsLongAsWasSeen) {
  apply_sweep(*table_,
              {.started_ns = 1_s, .sockets = {sample(1_s, sock_, kCloseWait)}, .adopt = true});
  apply(entered_from(61_s, sock_, kCloseWait, kLastAck, closer(4121)),
        closed(61_s, sock_, kLastAck), destroyed(61_s, sock_));
  EXPECT_EQ(by(61_s), Lines{"1 close_wait_leak remote fin"});
}

TEST_F(EndingsTest, AdoptedInFinWait2NobodySawWhatBeganTheEnd) {
  apply_sweep(*table_,
              {.started_ns = 1_s, .sockets = {sample(1_s, sock_, kFinWait2)}, .adopt = true});
  apply(closed(11_s, sock_, kFinWait2), destroyed(11_s, sock_));
  EXPECT_EQ(by(12_s), Lines{"1 unknown unknown unknown"});
}

TEST_F(EndingsTest, AdoptedInCloseItHadEndedBefore) {
  apply_sweep(*table_, {.started_ns = 1_s,
                        .sockets = {sample(1_s, sock_, kClose, 4121)},
                        .files = true,
                        .adopt = true});
  apply(destroyed(11_s, sock_));
  EXPECT_EQ(by(12_s), Lines{});
  EXPECT_EQ(disconnects_of(*table_), 0u);
}

// --- silence and retransmissions -----------------------------------------------------------------

class StreakTest : public EndingsTest {
 protected:
  // Opened at 1 s; sent again at 100 s, when nothing has been heard for `heard_ms`; given up.
  void send_in_vain(uint32_t heard_ms, uint8_t timeouts = 1, uint32_t rto_ms = 200) {
    wsbpf_retransmit record = retransmitted(100_s, sock_, 1);
    record.unacked_from = 7;
    record.bytes = 100;
    record.mss_bytes = 1448;
    record.heard_ms_ago = heard_ms;
    record.rto_ms = rto_ms;
    record.timeouts = timeouts;
    apply(record, closed(120_s, sock_, kEstablished,
                         {.bytes_acked = 100'000,
                          .unacked_bytes = 100,
                          .heard_ms = heard_ms + 20'000,
                          .timeouts = 8},
                         ETIMEDOUT));
  }
};

TEST_F(StreakTest, TheFirstSendAfterALongSilenceMetNothing) {
  apply(accepted(1_s, sock_));
  send_in_vain(60'000);
  EXPECT_EQ(by(121_s), Lines{"1 nat_expired kernel timeout (fd open)"});
  EXPECT_EQ(evidence_.streak.silence_before_ms, 59'800u);
}

TEST_F(StreakTest, AmidTalkThePeerVanished) {
  apply(accepted(1_s, sock_));
  send_in_vain(300);
  EXPECT_EQ(by(121_s), Lines{"1 peer_vanished kernel timeout (fd open)"});
}

// The time in which segments were sent again in vain is no silence before the first of them.
TEST_F(StreakTest, AStreakThatWasUnderWayWhenWeCameIsNoSilence) {
  apply_sweep(*table_,
              {.started_ns = 90_s, .sockets = {sample(90_s, sock_, kEstablished)}, .adopt = true});
  send_in_vain(25'500, 7, 12'800);
  EXPECT_EQ(by(121_s), Lines{"1 peer_vanished kernel timeout (fd open)"});
}

TEST_F(StreakTest, ASilenceThatWasSurvivedBeforeIsNoSign) {
  apply(accepted(1_s, sock_));
  for (const auto& [time_ns, heard_ms] : {std::pair(10_s, 1u), {59_s, 49'000u}, {70_s, 5u}}) {
    apply_sweep(*table_,
                {.started_ns = time_ns,
                 .sockets = {sample(time_ns, sock_, kEstablished, 0, {.heard_ms = heard_ms})}});
  }
  send_in_vain(30'000);
  EXPECT_EQ(by(121_s), Lines{"1 peer_vanished kernel timeout (fd open)"});
  EXPECT_EQ(evidence_.longest_silence_ms, 49'000u);
}

TEST_F(StreakTest, ProgressBeginsAnother) {
  apply(accepted(1_s, sock_));
  wsbpf_retransmit record = retransmitted(10_s, sock_, 1);
  record.unacked_from = 7;
  record.bytes = 100;
  record.mss_bytes = 1448;
  apply(record);
  record.header.time_ns = 20_s;
  record.unacked_from = 107;
  record.bytes = 1448;
  apply(record, record,
        closed(30_s, sock_, kEstablished,
               {.bytes_acked = 100'000, .unacked_bytes = 1448, .heard_ms = 5'000, .timeouts = 2},
               ETIMEDOUT));
  EXPECT_EQ(by(31_s), Lines{"1 mtu_blackhole kernel timeout (fd open)"});
  EXPECT_EQ(evidence_.streak.began_ns, 20_s);
  EXPECT_EQ(evidence_.streak.segments, 2u);
}

// --- counts --------------------------------------------------------------------------------------

TEST_F(EndingsTest, EveryEndIsCountedOnce) {
  for (uint64_t cookie = 1; cookie <= 30; ++cookie) {
    const Sock sock{.cookie = cookie, .remote_port = static_cast<uint16_t>(40000 + cookie)};
    const uint64_t time_ns = 10_s + cookie * 1_ms;
    apply(accepted(1_s, sock));
    if (cookie % 3 == 0) {
      apply(left(time_ns, sock, kFinWait1, {}, closer(4121)), closed(time_ns, sock, kFinWait1));
    } else if (cookie % 3 == 1) {
      apply(closed(time_ns, sock, kEstablished, {}, ECONNRESET));
    }
    if (cookie % 2 == 0) apply(destroyed(time_ns, sock));
  }
  by(20_s);
  apply_sweep(*table_, {.started_ns = 30_s, .files = true});
  by(40_s);
  EXPECT_EQ(summary_of(*table_).closed_total, 30u);
  EXPECT_EQ(disconnects_of(*table_), 30u);
  EXPECT_EQ(lines_.size(), 30u);
  EXPECT_EQ(table_->connections().size(), 0u);
}

}  // namespace
}  // namespace wsbpf
