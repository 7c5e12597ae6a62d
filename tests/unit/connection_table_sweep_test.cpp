// How sweeps repair the table, and how what they show is weighed against events.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/connection_table.h"
#include "kernel_records.h"

namespace wsbpf {
namespace {

class SweepTest : public testing::Test {
 protected:
  SweepTest() : table_(watch_of({8080}, true, true), processes_) {
    processes_.run(4121, "node");
    table_.set_hooks(lines_into(changes_));
  }

  template <typename... Records>
  void apply(const Records&... records) {
    (table_.apply(Event(records)), ...);
  }

  void sweep(const Sweep& sweep) { apply_sweep(table_, sweep); }

  const Connection& connection(uint64_t cookie = 1) {
    const Connection* const found = find_connection(table_, cookie);
    static const Connection kMissing;
    EXPECT_NE(found, nullptr) << "no connection " << cookie;
    return found != nullptr ? *found : kMissing;
  }

  size_t size() const { return table_.connections().size(); }

  // What the table has told once the verdicts that are due at `now_ns` have fallen.
  const std::vector<std::string>& changes_by(uint64_t now_ns) {
    table_.advance(now_ns);
    return changes_;
  }

  uint64_t corrections(Correction correction) const { return corrections_of(table_, correction); }

  FakeProcesses processes_;
  ConnectionTable table_;
  std::vector<std::string> changes_;
  const Sock sock_;
};

using Changes = std::vector<std::string>;

// --- at the start -----------------------------------------------------------------------------

TEST_F(SweepTest, AtTheStartAgesAreLowerBounds) {
  sweep({.started_ns = 100_s,
         .sockets = {sample(100_s, sock_, TcpState::kCloseWait, 0, {.idle_ms = 30'000})},
         .adopt = true});
  EXPECT_EQ(connection().age_source, AgeSource::kLowerBound);
  EXPECT_EQ(connection().opened_ns, 70_s);  // as old as its silence, at least
  EXPECT_EQ(connection().state, TcpState::kCloseWait);
  EXPECT_EQ(connection().state_since_ns, 100_s);
  EXPECT_TRUE(connection().sampled);
}

// It answers what comes rarely: neither silence can have begun before the handshake.
TEST_F(SweepTest, AtTheStartTheLongerSilenceTellsTheAge) {
  wsbpf_socket seen = sample(100_s, sock_, TcpState::kEstablished, 0, {.idle_ms = 1'000});
  seen.counters.received_ms_ago = 30'000;
  sweep({.started_ns = 100_s, .sockets = {seen}, .adopt = true});
  EXPECT_EQ(connection().opened_ns, 70_s);
}

TEST_F(SweepTest, AtTheStartNothingIsACorrectionOrAnOpen) {
  sweep({.started_ns = 100_s,
         .sockets = {sample(100_s, listen_sock(9), TcpState::kListen),
                     sample(100_s, sock_, TcpState::kEstablished)},
         .adopt = true});
  EXPECT_EQ(all_corrections(table_), 0u);
  EXPECT_TRUE(changes_.empty());
  EXPECT_EQ(summary_of(table_).opened_total, 0u);
  apply(destroyed(101_s, sock_));
  EXPECT_EQ(changes_by(101_s), Changes{"closed 1"});
}

TEST_F(SweepTest, WhoeverHasTheListenerIsTheServer) {
  Sock server{.cookie = 1, .local_port = 8080, .remote_port = 40000};
  sweep({.started_ns = 1_s,
         .sockets = {sample(1_s, listen_sock(9), TcpState::kListen),
                     sample(1_s, server, TcpState::kEstablished),
                     sample(1_s, client_sock(2), TcpState::kEstablished)},
         .adopt = true});
  EXPECT_EQ(connection(1).role, Role::kServer);
  EXPECT_EQ(connection(2).role, Role::kClient);
}

TEST_F(SweepTest, WithoutAListenerTheWatchedPortIsTheServers) {
  sweep({.started_ns = 1_s,
         .sockets = {sample(1_s, sock_, TcpState::kCloseWait),
                     sample(1_s, client_sock(2), TcpState::kEstablished)},
         .adopt = true});
  EXPECT_EQ(connection(1).role, Role::kServer);
  EXPECT_EQ(connection(2).role, Role::kClient);
}

TEST_F(SweepTest, ASocketThatConnectsIsTheClients) {
  const Sock sock{.cookie = 3, .local_port = 8080, .remote_port = 8080};
  sweep({.started_ns = 1_s, .sockets = {sample(1_s, sock, TcpState::kSynSent)}, .adopt = true});
  EXPECT_EQ(connection(3).role, Role::kClient);
  EXPECT_FALSE(connection(3).sampled);
}

TEST_F(SweepTest, SocketsThatAreOnlyBoundAreNoConnections) {
  sweep({.started_ns = 1_s,
         .sockets = {sample(1_s, listen_sock(5), TcpState::kClose, 4121)},
         .files = true,
         .adopt = true});
  EXPECT_EQ(size(), 0u);
}

TEST_F(SweepTest, ALeftoverInCloseIsFoundByItsFd) {
  sweep({.started_ns = 1_s,
         .sockets = {sample(2_s, sock_, TcpState::kClose, 4121)},
         .files = true,
         .adopt = true});
  EXPECT_EQ(connection().state, TcpState::kClose);
  apply(destroyed(3_s, sock_));
  EXPECT_EQ(size(), 0u);
}

TEST_F(SweepTest, IPv6IsAdoptedAsIs) {
  const Sock mapped{
      .family = AF_INET6, .local_address = "::ffff:10.0.0.1", .remote_address = "::ffff:10.0.3.7"};
  sweep(
      {.started_ns = 1_s, .sockets = {sample(1_s, mapped, TcpState::kEstablished)}, .adopt = true});
  EXPECT_EQ(address_text(connection().remote_address, connection().family), "::ffff:10.0.3.7");
}

TEST_F(SweepTest, AtTheStartItRecallsWhatAnEarlierRunKnew) {
  table_.remember({{1,
                    {.generation = 2,
                     .opened_ns = 10_s,
                     .netns = 1,
                     .state = TcpState::kCloseWait,
                     .state_since_ns = 40_s,
                     .age_source = AgeSource::kExact}}});
  sweep({.started_ns = 100_s,
         .sockets = {sample(100_s, sock_, TcpState::kCloseWait)},
         .adopt = true});
  EXPECT_EQ(connection_id(connection()), "1.2");
  EXPECT_EQ(connection().opened_ns, 10_s);
  EXPECT_EQ(connection().age_source, AgeSource::kExact);
  EXPECT_EQ(connection().state_since_ns, 40_s);
}

TEST_F(SweepTest, AtTheStartAStateThatHasChangedSinceIsAsOldAsItIsKnown) {
  table_.remember(
      {{1,
        {.opened_ns = 10_s, .netns = 1, .state = TcpState::kEstablished, .state_since_ns = 10_s}}});
  sweep({.started_ns = 100_s,
         .sockets = {sample(100_s, sock_, TcpState::kCloseWait)},
         .adopt = true});
  EXPECT_EQ(connection().opened_ns, 10_s);
  EXPECT_EQ(connection().state_since_ns, 100_s);
}

TEST_F(SweepTest, WhatAnEarlierRunKnewIsForgottenAfterTheStart) {
  table_.remember({{1, {.opened_ns = 10_s, .netns = 1}}});
  sweep({.started_ns = 100_s, .adopt = true});
  sweep({.started_ns = 105_s, .sockets = {sample(105_s, sock_, TcpState::kEstablished)}});
  EXPECT_EQ(connection().opened_ns, 105_s);
}

TEST_F(SweepTest, AtTheStartAnotherNamespaceHasOtherSockets) {
  table_.remember({{1, {.opened_ns = 10_s, .netns = 2, .state = TcpState::kEstablished}}});
  sweep({.started_ns = 100_s,
         .sockets = {sample(100_s, sock_, TcpState::kEstablished)},
         .adopt = true});
  EXPECT_EQ(connection().opened_ns, 100_s);
}

// A socket that connected again while nobody watched counts from 0.
TEST_F(SweepTest, AtTheStartASocketThatHasCountedLessIsAnotherConnection) {
  struct Case {
    uint64_t received;
    uint64_t sent;
    bool recalled;
  };
  for (const Case& c : {Case{100, 50, true}, {101, 51, true}, {99, 50, false}, {100, 49, false}}) {
    ConnectionTable table(watch_of({8080}), processes_);
    table.remember({{1,
                     {.opened_ns = 10_s,
                      .netns = 1,
                      .state = TcpState::kEstablished,
                      .bytes_received = 100,
                      .bytes_sent = 50,
                      .longest_silence_ms = 7'000}}});
    apply_sweep(table, {.started_ns = 100_s,
                        .sockets = {sample(100_s, sock_, TcpState::kEstablished, 0,
                                           {.bytes_received = c.received, .bytes_acked = c.sent})},
                        .adopt = true});
    const Connection* const found = find_connection(table, 1);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->opened_ns, c.recalled ? 10_s : 100_s) << c.received << ' ' << c.sent;
    EXPECT_EQ(found->longest_silence_ms, c.recalled ? 7'000u : 0u);
  }
}

// --- counters -----------------------------------------------------------------------------------

TEST_F(SweepTest, RefreshesCounters) {
  apply(accepted(1_s, sock_));
  sweep({.started_ns = 2_s,
         .sockets = {sample(2_s, sock_, TcpState::kEstablished, 0,
                            {.bytes_received = 10, .bytes_acked = 20, .idle_ms = 700})}});
  EXPECT_TRUE(connection().sampled);
  EXPECT_EQ(connection().bytes_received, 10u);
  EXPECT_EQ(connection().bytes_sent, 20u);
  EXPECT_EQ(connection().idle_ms, 700u);
}

TEST_F(SweepTest, KeepsWhatWaitsToBeSentAndHowLongNothingCame) {
  apply(accepted(1_s, sock_));
  wsbpf_socket seen =
      sample(50_s, sock_, TcpState::kEstablished, 0,
             {.unacked_bytes = 3, .unsent_bytes = 9'000, .idle_ms = 10, .zero_window_ms = 4'000});
  seen.counters.received_ms_ago = 35'000;
  sweep({.started_ns = 50_s, .sockets = {seen}});
  EXPECT_EQ(send_queue_bytes(connection()), 9'003u);
  EXPECT_EQ(connection().zero_window_ms, 4'000u);
  EXPECT_EQ(connection().idle_ms, 10u);
  EXPECT_EQ(received_ms_at(connection(), 60_s), 45'000u);
}

TEST_F(SweepTest, TakesSequenceNumbersOfSynAndFinOff) {
  apply(accepted(1_s, sock_), entered(1_s, sock_, TcpState::kCloseWait),
        connected(1_s, client_sock(2)), entered(1_s, client_sock(2), TcpState::kFinWait2));
  sweep({.started_ns = 2_s,
         .sockets = {sample(2_s, sock_, TcpState::kCloseWait, 0,
                            {.bytes_received = 101, .flags = WSBPF_SOCK_DONE}),
                     sample(2_s, client_sock(2), TcpState::kFinWait2, 0, {.bytes_acked = 102})}});
  EXPECT_EQ(connection(1).bytes_received, 100u);
  EXPECT_EQ(connection(2).bytes_sent, 100u);
}

TEST_F(SweepTest, AConnectUnderWayHasNoCounters) {
  apply(connecting(1_s, client_sock(2)));
  sweep({.started_ns = 2_s, .sockets = {sample(2_s, client_sock(2), TcpState::kSynSent)}});
  EXPECT_FALSE(connection(2).sampled);
}

TEST_F(SweepTest, ASampleFromBeforeTheCloseDoesNotReplaceItsCounters) {
  apply(accepted(1_s, sock_));
  table_.begin_sweep(2_s, false);
  const auto earlier = sample(2_s, sock_, TcpState::kEstablished, 0, {.bytes_received = 10});
  apply(closed(3_s, sock_, TcpState::kEstablished, {.bytes_received = 50, .unread_bytes = 7}));
  table_.observe(earlier);
  table_.end_sweep({{1}, false});
  EXPECT_EQ(connection().state, TcpState::kClose);
  EXPECT_EQ(connection().bytes_received, 50u);
  EXPECT_EQ(connection().unread_bytes, 7u);
}

// --- events and samples of one sweep ------------------------------------------------------------

TEST_F(SweepTest, ASocketThatOpenedWhileTheSweepRanIsNotTakenForGone) {
  table_.begin_sweep(2_s, false);
  apply(accepted(3_s, sock_));
  table_.end_sweep({{1}, true});
  EXPECT_EQ(size(), 1u);
  EXPECT_EQ(all_corrections(table_), 0u);
}

TEST_F(SweepTest, ASocketBothSeenAndToldOfIsOne) {
  table_.begin_sweep(2_s, false);
  apply(accepted(3_s, sock_));
  table_.observe(sample(3_s, sock_, TcpState::kEstablished));
  table_.observe(sample(4_s, sock_, TcpState::kEstablished, 4121));
  table_.end_sweep({{1}, true});
  EXPECT_EQ(size(), 1u);
  EXPECT_EQ(changes_, Changes{"opened 1"});
  EXPECT_EQ(all_corrections(table_), 0u);
}

TEST_F(SweepTest, ANewerEventBeatsTheSample) {
  apply(accepted(1_s, sock_));
  table_.begin_sweep(2_s, false);
  apply(entered(3_s, sock_, TcpState::kCloseWait));
  table_.observe(sample(2_s, sock_, TcpState::kEstablished));
  table_.end_sweep({{1}, false});
  EXPECT_EQ(connection().state, TcpState::kCloseWait);
  EXPECT_EQ(connection().state_since_ns, 3_s);
  EXPECT_EQ(all_corrections(table_), 0u);
}

TEST_F(SweepTest, TheSampleBeatsAnOlderEvent) {
  apply(accepted(1_s, sock_));
  sweep({.started_ns = 2_s, .sockets = {sample(3_s, sock_, TcpState::kCloseWait)}});
  EXPECT_EQ(connection().state, TcpState::kCloseWait);
  EXPECT_EQ(connection().state_since_ns, 3_s);
  EXPECT_EQ(connection().state_age_source, AgeSource::kLowerBound);
  EXPECT_EQ(corrections(Correction::kState), 1u);
}

TEST_F(SweepTest, ASocketDestroyedWhileTheSweepRanDoesNotComeBack) {
  apply(accepted(1_s, sock_));
  table_.begin_sweep(2_s, false);
  apply(closed(3_s, sock_, TcpState::kLastAck), destroyed(3_s, sock_));
  table_.observe(sample(2_s, sock_, TcpState::kLastAck));
  table_.end_sweep({{1}, false});
  EXPECT_EQ(size(), 0u);
  EXPECT_EQ(all_corrections(table_), 0u);
}

TEST_F(SweepTest, AtTheStartASocketDestroyedSinceIsNotAdopted) {
  table_.begin_sweep(2_s, true);
  apply(closed(3_s, sock_, TcpState::kLastAck), destroyed(3_s, sock_));
  table_.observe(sample(2_s, sock_, TcpState::kLastAck));
  table_.end_sweep({{1}, true});
  EXPECT_EQ(size(), 0u);
}

TEST_F(SweepTest, AtTheStartANewerEventBeatsTheSample) {
  table_.begin_sweep(2_s, true);
  apply(entered(3_s, sock_, TcpState::kCloseWait));
  table_.observe(sample(2_s, sock_, TcpState::kEstablished));
  table_.end_sweep({{1}, false});
  EXPECT_EQ(connection().state, TcpState::kCloseWait);
  EXPECT_EQ(connection().state_since_ns, 3_s);
  EXPECT_EQ(all_corrections(table_), 0u);
}

TEST_F(SweepTest, AnAdoptedSocketThatHasClosedSinceIsClosed) {
  table_.begin_sweep(2_s, false);
  apply(closed(3_s, sock_, TcpState::kEstablished));
  table_.observe(sample(2_s, sock_, TcpState::kEstablished));
  table_.end_sweep({{1}, false});
  EXPECT_EQ(connection().state, TcpState::kClose);
  EXPECT_EQ(changes_by(4_s), (Changes{"opened 1", "closed 1"}));
  EXPECT_EQ(corrections(Correction::kOpened), 1u);
  EXPECT_EQ(corrections(Correction::kState), 0u);
}

TEST_F(SweepTest, AListenSocketClosedWhileTheSweepRanDoesNotComeBack) {
  apply(listening(1_s, listen_sock(9)));
  table_.begin_sweep(2_s, false);
  apply(closed(3_s, listen_sock(9), TcpState::kListen), destroyed(3_s, listen_sock(9)));
  table_.observe(sample(2_s, listen_sock(9), TcpState::kListen));
  table_.end_sweep({{1}, false});
  EXPECT_FALSE(summary_of(table_).listening);
  EXPECT_EQ(all_corrections(table_), 0u);
}

TEST_F(SweepTest, WhatDepartedBeforeTheSweepDoesNotHideWhatIsThere) {
  apply(closed(1_s, sock_, TcpState::kSynSent));
  sweep({.started_ns = 2_s, .sockets = {sample(3_s, sock_, TcpState::kEstablished)}});
  EXPECT_EQ(connection().state, TcpState::kEstablished);
}

TEST_F(SweepTest, ARecordThatComesAfterItsSampleMakesTheAgeExact) {
  table_.begin_sweep(2_s, true);
  table_.observe(sample(3_s, sock_, TcpState::kEstablished));
  apply(accepted(3_s, sock_));
  table_.end_sweep({{1}, false});
  EXPECT_EQ(size(), 1u);
  EXPECT_EQ(connection().age_source, AgeSource::kExact);
  EXPECT_EQ(connection().opened_ns, 3_s);
}

// --- lost events --------------------------------------------------------------------------------

TEST_F(SweepTest, ALostOpenIsMadeGood) {
  sweep({.started_ns = 2_s, .sockets = {sample(2_s, sock_, TcpState::kEstablished)}});
  EXPECT_EQ(connection().age_source, AgeSource::kLowerBound);
  EXPECT_EQ(corrections(Correction::kOpened), 1u);
  EXPECT_EQ(changes_, Changes{"opened 1"});
  EXPECT_EQ(summary_of(table_).opened_total, 1u);
  sweep({.started_ns = 7_s, .sockets = {sample(7_s, sock_, TcpState::kEstablished)}});
  EXPECT_EQ(all_corrections(table_), 1u);
}

TEST_F(SweepTest, ALostOpenOfWhatIsAlreadyClosedKeepsTheTotalsInStep) {
  sweep(
      {.started_ns = 2_s, .sockets = {sample(2_s, sock_, TcpState::kClose, 4121)}, .files = true});
  apply(destroyed(3_s, sock_));
  const ListenerSummary summary = summary_of(table_);
  EXPECT_EQ(summary.opened_total, summary.closed_total);
  EXPECT_EQ(corrections(Correction::kOpened), 1u);
}

TEST_F(SweepTest, ALostConnectIsNotYetOpen) {
  sweep({.started_ns = 2_s, .sockets = {sample(2_s, client_sock(2), TcpState::kSynSent)}});
  EXPECT_EQ(corrections(Correction::kOpened), 1u);
  EXPECT_TRUE(changes_.empty());
  apply(connected(3_s, client_sock(2)));
  EXPECT_EQ(changes_, Changes{"opened 2"});
}

TEST_F(SweepTest, ALostHandshakeIsMadeGoodWithTheLocalEnd) {
  apply(connecting(1_s, client_sock(2)));
  sweep({.started_ns = 2_s, .sockets = {sample(2_s, client_sock(2), TcpState::kEstablished)}});
  EXPECT_EQ(connection(2).state, TcpState::kEstablished);
  EXPECT_EQ(connection(2).local_port, 40000);
  EXPECT_EQ(address_text(connection(2).local_address, AF_INET), "10.0.3.7");
  EXPECT_EQ(corrections(Correction::kState), 1u);
  EXPECT_EQ(changes_, Changes{"opened 2"});
}

TEST_F(SweepTest, ALostCloseIsMadeGood) {
  apply(accepted(1_s, sock_));
  sweep({.started_ns = 2_s});
  EXPECT_EQ(size(), 0u);
  EXPECT_EQ(corrections(Correction::kEnded), 1u);
  EXPECT_EQ(changes_by(2_s), (Changes{"opened 1", "closed 1"}));
  EXPECT_EQ(summary_of(table_).closed_total, 1u);
}

TEST_F(SweepTest, ANamespaceThatWasNotReadToTheEndEndsNothing) {
  apply(accepted(1_s, sock_));
  sweep({.started_ns = 2_s, .files = true, .complete_netns = {2}});
  EXPECT_EQ(size(), 1u);
  EXPECT_EQ(all_corrections(table_), 0u);
}

TEST_F(SweepTest, AConnectAgainThatWasLostIsAnotherConnection) {
  Sock sock = client_sock(2);
  apply(connecting(1_s, sock), connected(1_s, sock), closed(2_s, sock, TcpState::kEstablished));
  sock.remote_address = "10.0.0.2";
  sock.local_port = 40001;
  sweep({.started_ns = 3_s, .sockets = {sample(3_s, sock, TcpState::kEstablished)}});
  EXPECT_EQ(connection(2).state, TcpState::kEstablished);
  EXPECT_EQ(address_text(connection(2).remote_address, AF_INET), "10.0.0.2");
  EXPECT_EQ(connection(2).local_port, 40001);
  EXPECT_EQ(changes_by(3_s), (Changes{"opened 2", "opened 2.1", "closed 2"}));
}

TEST_F(SweepTest, ALostListenerIsFoundAndALostEndIsToo) {
  sweep({.started_ns = 2_s, .sockets = {sample(2_s, listen_sock(9), TcpState::kListen)}});
  EXPECT_TRUE(summary_of(table_).listening);
  EXPECT_EQ(corrections(Correction::kOpened), 1u);
  sweep({.started_ns = 7_s});
  EXPECT_FALSE(summary_of(table_).listening);
  EXPECT_EQ(corrections(Correction::kEnded), 1u);
}

TEST_F(SweepTest, AListenSocketOfAnUnreadNamespaceStays) {
  apply(listening(1_s, listen_sock(9)));
  sweep({.started_ns = 2_s, .complete_netns = {}});
  EXPECT_TRUE(summary_of(table_).listening);
}

// --- in CLOSE -----------------------------------------------------------------------------------

TEST_F(SweepTest, InCloseASocketIsNotMissedAmongTheConnected) {
  apply(accepted(1_s, sock_), closed(2_s, sock_, TcpState::kEstablished));
  sweep({.started_ns = 3_s});
  EXPECT_EQ(size(), 1u);
}

TEST_F(SweepTest, InCloseAnOpenFdKeepsIt) {
  apply(accepted(1_s, sock_), closed(2_s, sock_, TcpState::kEstablished));
  sweep(
      {.started_ns = 3_s, .sockets = {sample(3_s, sock_, TcpState::kClose, 4121)}, .files = true});
  EXPECT_EQ(connection().state, TcpState::kClose);
  EXPECT_EQ(all_corrections(table_), 0u);
}

TEST_F(SweepTest, InCloseAPassOverTheFilesProvesItGone) {
  apply(listening(1_s, listen_sock(9)), accepted(1_s, sock_));
  sweep({.started_ns = 2_s,
         .sockets = {sample(2_s, listen_sock(9), TcpState::kListen),
                     sample(2_s, sock_, TcpState::kEstablished),
                     sample(2_s, sock_, TcpState::kEstablished, 4121)},
         .files = true});
  apply(closed(3_s, sock_, TcpState::kEstablished));
  sweep({.started_ns = 5_s, .sockets = {sample(5_s, listen_sock(9), TcpState::kListen)}});
  EXPECT_EQ(size(), 1u);  // the files were not read
  sweep({.started_ns = 9_s,
         .sockets = {sample(9_s, listen_sock(9), TcpState::kListen)},
         .files = true});
  EXPECT_EQ(size(), 0u);
  EXPECT_EQ(corrections(Correction::kEnded), 1u);
}

TEST_F(SweepTest, InCloseItMayStillWaitToBeAccepted) {
  apply(listening(1_s, listen_sock(9)), accepted(1_s, sock_),
        closed(2_s, sock_, TcpState::kEstablished));
  sweep({.started_ns = 3_s,
         .sockets = {sample(3_s, listen_sock(9), TcpState::kListen, 0,
                            {.unread_bytes = 1, .unacked_bytes = 511}),
                     sample(3_s, listen_sock(9), TcpState::kListen, 4121,
                            {.unread_bytes = 1, .unacked_bytes = 511})},
         .files = true});
  EXPECT_EQ(size(), 1u);
}

TEST_F(SweepTest, InCloseItIsGoneOnceNothingWaitsToBeAccepted) {
  apply(listening(1_s, listen_sock(9)), accepted(1_s, sock_),
        closed(2_s, sock_, TcpState::kEstablished));
  sweep({.started_ns = 3_s,
         .sockets = {sample(3_s, listen_sock(9), TcpState::kListen, 0, {.unacked_bytes = 511}),
                     sample(3_s, listen_sock(9), TcpState::kListen, 4121, {.unacked_bytes = 511})},
         .files = true});
  EXPECT_EQ(size(), 0u);
  EXPECT_EQ(corrections(Correction::kEnded), 1u);
}

TEST_F(SweepTest, InCloseAClientIsGoneWithItsFd) {
  apply(connecting(1_s, client_sock(2)), closed(1_s, client_sock(2), TcpState::kSynSent));
  sweep({.started_ns = 3_s, .files = true});
  EXPECT_EQ(size(), 0u);
}

// connect() that blocked and failed has wiped the peer's port, so that no sweep shows the socket.
TEST_F(SweepTest, InCloseARefusedClientIsNoCorrection) {
  apply(connecting(1_s, client_sock(2), 4121), closed(1_s, client_sock(2), TcpState::kSynSent));
  sweep({.started_ns = 3_s, .files = true});
  EXPECT_EQ(all_corrections(table_), 0u);
}

TEST_F(SweepTest, InCloseTheSweepThatRanMeanwhileProvesNothing) {
  apply(connected(1_s, client_sock(2)));
  table_.begin_sweep(2_s, false);
  apply(closed(3_s, client_sock(2), TcpState::kEstablished));
  table_.end_sweep({{1}, true});
  EXPECT_EQ(size(), 1u);
}

}  // namespace
}  // namespace wsbpf
