// How events move the table: the lives of connections. Sweeps, listeners and owners have files of
// their own.
#include "core/connection_table.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kernel_records.h"

namespace wsbpf {
namespace {

class ConnectionTableTest : public testing::Test {
 protected:
  ConnectionTableTest() { watch(watch_of({8080})); }

  void watch(const Watch& watch) {
    table_ = std::make_unique<ConnectionTable>(watch, processes_);
    table_->set_hooks(lines_into(changes_));
  }

  template <typename... Records>
  void apply(const Records&... records) {
    (table_->apply(Event(records)), ...);
  }

  const Connection& connection(uint64_t cookie = 1) {
    const Connection* const found = find_connection(*table_, cookie);
    static const Connection kMissing;
    EXPECT_NE(found, nullptr) << "no connection " << cookie;
    return found != nullptr ? *found : kMissing;
  }

  size_t size() const { return table_->connections().size(); }

  // What the table has told once the verdicts that are due at `now_ns` have fallen.
  const std::vector<std::string>& changes_by(uint64_t now_ns) {
    table_->advance(now_ns);
    return changes_;
  }

  FakeProcesses processes_;
  std::unique_ptr<ConnectionTable> table_;
  std::vector<std::string> changes_;
  const ListenerKey client_key_{1, 8080, Role::kClient};
};

using Changes = std::vector<std::string>;

TEST_F(ConnectionTableTest, AnAcceptedConnectionIsTheServers) {
  apply(accepted(10_s, Sock{}));
  EXPECT_EQ(connection().role, Role::kServer);
  EXPECT_EQ(connection().state, TcpState::kEstablished);
  EXPECT_EQ(connection().opened_ns, 10_s);
  EXPECT_EQ(connection().age_source, AgeSource::kExact);
  EXPECT_EQ(connection().local_port, 8080);
  EXPECT_EQ(connection().remote_port, 40000);
  EXPECT_EQ(connection_id(connection()), "1");
  EXPECT_FALSE(connection().sampled);
  EXPECT_EQ(changes_, Changes{"opened 1"});
  EXPECT_EQ(summary_of(*table_).opened_total, 1u);
}

TEST_F(ConnectionTableTest, AddressesAreAsOnTheWire) {
  apply(accepted(10_s, Sock{}));
  EXPECT_EQ(address_text(connection().local_address, connection().family), "10.0.0.1");
  EXPECT_EQ(address_text(connection().remote_address, connection().family), "10.0.3.7");
}

TEST_F(ConnectionTableTest, KnowsIPv6) {
  apply(accepted(
      10_s,
      Sock{.family = AF_INET6, .local_address = "2001:db8::1", .remote_address = "2001:db8::7"}));
  EXPECT_EQ(address_text(connection().remote_address, connection().family), "2001:db8::7");
}

TEST_F(ConnectionTableTest, IPv4OnAnIPv6SocketStaysMapped) {
  apply(accepted(10_s, Sock{.family = AF_INET6,
                            .local_address = "::ffff:10.0.0.1",
                            .remote_address = "::ffff:10.0.3.7"}));
  EXPECT_EQ(connection().family, AF_INET6);
  EXPECT_EQ(address_text(connection().remote_address, connection().family), "::ffff:10.0.3.7");
}

TEST_F(ConnectionTableTest, IPv4AndIPv6ConnectionsShareTheirListener) {
  apply(accepted(1_s, Sock{.cookie = 1}), accepted(1_s, Sock{.cookie = 2,
                                                             .family = AF_INET6,
                                                             .local_address = "2001:db8::1",
                                                             .remote_address = "2001:db8::7"}));
  EXPECT_EQ(connection(1).listener, connection(2).listener);
  EXPECT_EQ(table_->summarize(2_s, 3_s).size(), 1u);
}

TEST_F(ConnectionTableTest, NamespacesHaveListenersOfTheirOwn) {
  apply(accepted(1_s, Sock{.cookie = 1, .netns = 1}), accepted(1_s, Sock{.cookie = 2, .netns = 2}));
  EXPECT_EQ(summary_of(*table_, 2_s, {1, 8080, Role::kServer}).connections(), 1u);
  EXPECT_EQ(summary_of(*table_, 2_s, {2, 8080, Role::kServer}).connections(), 1u);
}

TEST_F(ConnectionTableTest, KnowsTheNamespacesOfItsListeners) {
  EXPECT_TRUE(table_->namespaces().empty());
  apply(accepted(1_s, Sock{.cookie = 1, .netns = 1}), accepted(1_s, Sock{.cookie = 2, .netns = 2}));
  EXPECT_EQ(table_->namespaces(), (std::set<uint32_t>{1, 2}));
}

TEST_F(ConnectionTableTest, APassiveCloseGoesThroughCloseWait) {
  apply(accepted(1_s, Sock{}), entered(5_s, Sock{}, TcpState::kCloseWait));
  EXPECT_EQ(connection().state, TcpState::kCloseWait);
  EXPECT_EQ(connection().state_since_ns, 5_s);
  EXPECT_EQ(connection().opened_ns, 1_s);

  apply(entered(8_s, Sock{}, TcpState::kLastAck), closed(9_s, Sock{}, TcpState::kLastAck));
  EXPECT_EQ(connection().state, TcpState::kClose);
  EXPECT_EQ(changes_by(10_s), (Changes{"opened 1", "closed 1"}));
  apply(destroyed(11_s, Sock{}));
  EXPECT_EQ(size(), 0u);
  EXPECT_EQ(changes_by(11_s).size(), 2u);
}

TEST_F(ConnectionTableTest, AnActiveCloseGoesThroughFinWait) {
  apply(accepted(1_s, Sock{}));
  for (const TcpState state : {TcpState::kFinWait1, TcpState::kFinWait2}) {
    apply(entered(2_s, Sock{}, state));
    EXPECT_EQ(connection().state, state);
  }
  apply(closed(3_s, Sock{}, TcpState::kFinWait2), destroyed(3_s, Sock{}));
  EXPECT_EQ(size(), 0u);
  EXPECT_EQ(changes_by(4_s), (Changes{"opened 1", "closed 1"}));
}

TEST_F(ConnectionTableTest, BothMayCloseAtOnce) {
  apply(accepted(1_s, Sock{}), entered(2_s, Sock{}, TcpState::kFinWait1),
        entered(3_s, Sock{}, TcpState::kClosing));
  EXPECT_EQ(connection().state, TcpState::kClosing);
  apply(closed(4_s, Sock{}, TcpState::kClosing), destroyed(4_s, Sock{}));
  EXPECT_EQ(size(), 0u);
}

TEST_F(ConnectionTableTest, InCloseWithAnOpenFdItStaysUntilItIsDestroyed) {
  apply(accepted(1_s, Sock{}), closed(2_s, Sock{}, TcpState::kEstablished));
  EXPECT_EQ(connection().state, TcpState::kClose);
  EXPECT_EQ(summary_of(*table_, 3_s).closed_total, 1u);
  apply(destroyed(600_s, Sock{}));
  EXPECT_EQ(size(), 0u);
  EXPECT_EQ(summary_of(*table_, 601_s).closed_total, 1u);
}

TEST_F(ConnectionTableTest, DestructionWithoutACloseIsOne) {
  apply(accepted(1_s, Sock{}), destroyed(7_s, Sock{}));
  EXPECT_EQ(changes_by(7_s), (Changes{"opened 1", "closed 1"}));
  EXPECT_EQ(summary_of(*table_).closed_total, 1u);
}

TEST_F(ConnectionTableTest, MeasuresDurationAndIdleTimeAtTheClose) {
  apply(accepted(1_s, Sock{}), closed(41_s, Sock{}, TcpState::kEstablished, {.idle_ms = 25'000}),
        destroyed(900_s, Sock{}));
  const Listener& listener = table_->listener(summary_of(*table_).index);
  EXPECT_DOUBLE_EQ(listener.duration.sum_seconds, 40);
  EXPECT_DOUBLE_EQ(listener.idle_at_close.sum_seconds, 25);
}

TEST_F(ConnectionTableTest, KeepsTheCountersThatItClosedWith) {
  apply(accepted(1_s, Sock{}), closed(2_s, Sock{}, TcpState::kEstablished,
                                      {.bytes_received = 100,
                                       .bytes_acked = 200,
                                       .unread_bytes = 3,
                                       .unacked_bytes = 4,
                                       .retransmits = 5,
                                       .srtt_us = 600}));
  EXPECT_TRUE(connection().sampled);
  EXPECT_EQ(connection().bytes_received, 100u);
  EXPECT_EQ(connection().bytes_sent, 200u);
  EXPECT_EQ(connection().unread_bytes, 3u);
  EXPECT_EQ(connection().unacked_bytes, 4u);
  EXPECT_EQ(connection().retransmits, 5u);
  EXPECT_EQ(connection().srtt_us, 600u);
}

TEST_F(ConnectionTableTest, TheFinThatWasReceivedIsNoByte) {
  apply(accepted(1_s, Sock{}), closed(2_s, Sock{}, TcpState::kCloseWait,
                                      {.bytes_received = 101, .flags = WSBPF_SOCK_DONE}));
  EXPECT_EQ(connection().bytes_received, 100u);
}

TEST_F(ConnectionTableTest, TheFinThatWasAcknowledgedIsNoByte) {
  apply(accepted(1_s, Sock{}), closed(2_s, Sock{}, TcpState::kFinWait2, {.bytes_acked = 101}));
  EXPECT_EQ(connection().bytes_sent, 100u);
}

// What ends LAST_ACK and CLOSING in peace is the acknowledgement of our FIN.
TEST_F(ConnectionTableTest, TheFinThatEndsTheConnectionWithItsAckIsNoByte) {
  for (const TcpState last : {TcpState::kLastAck, TcpState::kClosing}) {
    const Sock sock{.cookie = static_cast<uint64_t>(last)};
    apply(accepted(1_s, sock), closed(2_s, sock, last, {.bytes_acked = 101, .unacked_bytes = 0}));
    EXPECT_EQ(connection(sock.cookie).bytes_sent, 100u) << state_name(last);
  }
}

TEST_F(ConnectionTableTest, AFinThatNobodyAcknowledgedIsNotTakenOff) {
  apply(accepted(1_s, Sock{}),
        closed(2_s, Sock{}, TcpState::kLastAck, {.bytes_acked = 100, .unacked_bytes = 1}));
  EXPECT_EQ(connection().bytes_sent, 100u);
}

TEST_F(ConnectionTableTest, CountsRetransmittedSegments) {
  apply(accepted(1_s, Sock{}), retransmitted(2_s, Sock{}, 1), retransmitted(3_s, Sock{}, 2));
  EXPECT_EQ(connection().retransmits, 2u);
  EXPECT_EQ(table_->listener(connection().listener).retransmitted_total, 2u);
  apply(retransmitted(3_s, Sock{.cookie = 99}, 7));
  EXPECT_EQ(table_->listener(connection().listener).retransmitted_total, 2u);
}

// --- the client role ------------------------------------------------------------------------

TEST_F(ConnectionTableTest, AnActiveOpenIsTheClients) {
  watch(watch_of({8080}, true, true));
  processes_.run(77, "curl");
  const Sock sock = client_sock(1);
  apply(connecting(1_s, sock, 77));
  EXPECT_EQ(connection().state, TcpState::kSynSent);
  EXPECT_EQ(connection().role, Role::kClient);
  EXPECT_TRUE(changes_.empty());

  apply(connected(2_s, sock));
  EXPECT_EQ(connection().state, TcpState::kEstablished);
  EXPECT_EQ(connection().local_port, 40000);
  EXPECT_EQ(address_text(connection().local_address, AF_INET), "10.0.3.7");
  EXPECT_EQ(connection().opened_ns, 1_s);
  EXPECT_EQ(table_->owner_of(connection())->pid, 77u);
  EXPECT_EQ(summary_of(*table_, 3_s, client_key_).opened_total, 1u);
  EXPECT_EQ(changes_, Changes{"opened 1"});
}

TEST_F(ConnectionTableTest, BothEndsOnOneHostAreTwoConnections) {
  watch(watch_of({8080}, true, true));
  apply(connecting(1_s, client_sock(1)), accepted(1_s, Sock{.cookie = 2}),
        connected(1_s, client_sock(1)));
  EXPECT_EQ(connection(1).role, Role::kClient);
  EXPECT_EQ(connection(2).role, Role::kServer);
  EXPECT_EQ(summary_of(*table_, 2_s).connections(), 1u);
  EXPECT_EQ(summary_of(*table_, 2_s, client_key_).connections(), 1u);
}

TEST_F(ConnectionTableTest, ALostConnectIsMadeGoodByTheHandshake) {
  watch(watch_of({8080}, false, true));
  apply(connected(2_s, client_sock(1)));
  EXPECT_EQ(connection().role, Role::kClient);
  EXPECT_EQ(connection().opened_ns, 2_s);
  EXPECT_EQ(changes_, Changes{"opened 1"});
}

TEST_F(ConnectionTableTest, ALostHandshakeIsMadeGoodByWhatFollows) {
  watch(watch_of({8080}, false, true));
  apply(connecting(1_s, client_sock(1)), entered(2_s, client_sock(1), TcpState::kCloseWait));
  EXPECT_EQ(changes_, Changes{"opened 1"});
  apply(closed(3_s, client_sock(1), TcpState::kLastAck));
  EXPECT_EQ(changes_by(4_s), (Changes{"opened 1", "closed 1"}));
  EXPECT_TRUE(connection().sampled);
}

TEST_F(ConnectionTableTest, ARefusedConnectWasNeverOpen) {
  watch(watch_of({8080}, false, true));
  apply(connecting(1_s, client_sock(1)), closed(2_s, client_sock(1), TcpState::kSynSent));
  EXPECT_EQ(connection().state, TcpState::kClose);
  EXPECT_FALSE(connection().sampled);
  apply(destroyed(2_s, client_sock(1)));
  EXPECT_TRUE(changes_by(10_s).empty());
  const ListenerSummary summary = summary_of(*table_, 3_s, client_key_);
  EXPECT_EQ(summary.opened_total, 0u);
  EXPECT_EQ(summary.closed_total, 0u);
}

TEST_F(ConnectionTableTest, TheSynThatWasAcknowledgedIsNoByte) {
  watch(watch_of({8080}, false, true));
  apply(connecting(1_s, client_sock(1)), connected(1_s, client_sock(1)),
        closed(2_s, client_sock(1), TcpState::kFinWait2, {.bytes_acked = 102}));
  EXPECT_EQ(connection().bytes_sent, 100u);
}

TEST_F(ConnectionTableTest, ConnectAgainIsTheNextGeneration) {
  watch(watch_of({8080}, false, true));
  const Sock sock = client_sock(1);
  apply(connecting(1_s, sock), connected(1_s, sock), closed(2_s, sock, TcpState::kEstablished));
  apply(connecting(3_s, sock), connected(4_s, sock));
  EXPECT_EQ(size(), 1u);
  EXPECT_EQ(connection_id(connection()), "1.1");
  EXPECT_EQ(connection().opened_ns, 3_s);
  EXPECT_EQ(changes_by(5_s), (Changes{"opened 1", "opened 1.1", "closed 1"}));
  const ListenerSummary summary = summary_of(*table_, 5_s, client_key_);
  EXPECT_EQ(summary.opened_total, 2u);
  EXPECT_EQ(summary.closed_total, 1u);
}

TEST_F(ConnectionTableTest, ConnectAgainClosesWhatWasNotSeenToClose) {
  watch(watch_of({8080}, false, true));
  const Sock sock = client_sock(1);
  apply(connecting(1_s, sock), connected(1_s, sock), connecting(3_s, sock));
  EXPECT_EQ(changes_by(3_s), (Changes{"opened 1", "closed 1"}));
  EXPECT_EQ(connection().generation, 1u);
}

TEST_F(ConnectionTableTest, ConnectAgainWithoutItsFirstRecordIsStillTheNextGeneration) {
  watch(watch_of({8080}, false, true));
  Sock sock = client_sock(1);
  apply(connecting(1_s, sock), connected(1_s, sock), closed(2_s, sock, TcpState::kEstablished));
  sock.remote_address = "10.0.0.2";
  apply(connected(4_s, sock));
  EXPECT_EQ(connection_id(connection()), "1.1");
  EXPECT_EQ(connection().opened_ns, 4_s);
  EXPECT_EQ(address_text(connection().remote_address, AF_INET), "10.0.0.2");
  EXPECT_EQ(changes_by(5_s), (Changes{"opened 1", "opened 1.1", "closed 1"}));
}

TEST_F(ConnectionTableTest, ConnectAgainThatWasLostAndRefusedClosesNothingTwice) {
  watch(watch_of({8080}, false, true));
  const Sock sock = client_sock(1);
  apply(connecting(1_s, sock), connected(1_s, sock), closed(2_s, sock, TcpState::kEstablished));
  apply(closed(4_s, sock, TcpState::kSynSent));
  EXPECT_EQ(changes_by(9_s), (Changes{"opened 1", "closed 1"}));
  EXPECT_EQ(summary_of(*table_, 5_s, client_key_).closed_total, 1u);
}

TEST_F(ConnectionTableTest, ConnectAgainThatWasLostWaitsForTheSweepToTellToWhom) {
  watch(watch_of({8080}, false, true));
  const Sock sock = client_sock(1);
  apply(connecting(1_s, sock), connected(1_s, sock), closed(2_s, sock, TcpState::kEstablished));
  apply(entered(4_s, sock, TcpState::kCloseWait), closed(5_s, sock, TcpState::kCloseWait));
  EXPECT_EQ(changes_by(5_s), (Changes{"opened 1", "closed 1"}));
  apply(entered(6_s, sock, TcpState::kCloseWait));
  apply_sweep(*table_, {.started_ns = 7_s, .sockets = {sample(7_s, sock, TcpState::kCloseWait)}});
  EXPECT_EQ(connection().state, TcpState::kCloseWait);
  EXPECT_EQ(changes_.size(), 3u);
  EXPECT_EQ(summary_of(*table_, 8_s, client_key_).opened_total, 2u);
}

// --- what is not watched ----------------------------------------------------------------------

TEST_F(ConnectionTableTest, OtherPortsAreNotKept) {
  apply(accepted(1_s, Sock{.local_port = 9999}));
  EXPECT_EQ(size(), 0u);
}

TEST_F(ConnectionTableTest, ClientsAreNotKeptForServers) {
  apply(connecting(1_s, client_sock(1)), connected(1_s, client_sock(1)));
  EXPECT_EQ(size(), 0u);
}

TEST_F(ConnectionTableTest, ServersAreNotKeptForClients) {
  watch(watch_of({8080}, false, true));
  apply(accepted(1_s, Sock{}));
  EXPECT_EQ(size(), 0u);
}

TEST_F(ConnectionTableTest, AConnectionMadeFromAWatchedLocalPortIsIgnoredForItsLife) {
  const Sock sock{.cookie = 1, .local_port = 8080, .remote_port = 5432};
  apply(connected(1_s, sock), entered(2_s, sock, TcpState::kCloseWait));
  apply_sweep(*table_, {.started_ns = 3_s,
                        .sockets = {sample(3_s, sock, TcpState::kCloseWait),
                                    sample(3_s, sock, TcpState::kCloseWait, 4121)},
                        .files = true});
  EXPECT_EQ(size(), 0u);
  EXPECT_EQ(all_corrections(*table_), 0u);
}

TEST_F(ConnectionTableTest, ConnectAgainToAnotherPortLeavesTheTable) {
  watch(watch_of({8080}, true, true));
  Sock sock = client_sock(1);
  apply(connecting(1_s, sock), connected(1_s, sock), closed(2_s, sock, TcpState::kEstablished));
  sock.remote_port = 5432;
  apply(connecting(3_s, sock), connected(3_s, sock));
  EXPECT_EQ(size(), 0u);
  EXPECT_EQ(changes_by(3_s), (Changes{"opened 1", "closed 1"}));
}

TEST_F(ConnectionTableTest, EventsOfUnknownSocketsChangeNothing) {
  apply(entered(1_s, Sock{}, TcpState::kCloseWait), closed(2_s, Sock{}, TcpState::kLastAck),
        retransmitted(2_s, Sock{}, 1), destroyed(2_s, Sock{}));
  EXPECT_EQ(size(), 0u);
  EXPECT_TRUE(changes_by(9_s).empty());
}

TEST_F(ConnectionTableTest, ANewWatchForgetsWhatItDoesNotHold) {
  watch(watch_of({8080, 9090}));
  apply(listening(1_s, listen_sock(10, 8080)), listening(1_s, listen_sock(11, 9090)),
        accepted(1_s, Sock{.cookie = 1}), accepted(1_s, Sock{.cookie = 2, .local_port = 9090}));
  table_->set_watch(watch_of({8080, 7070}));
  EXPECT_EQ(size(), 1u);
  EXPECT_EQ(connection(1).local_port, 8080);
  const auto listeners = table_->summarize(2_s, 3_s);
  ASSERT_EQ(listeners.size(), 1u);
  EXPECT_EQ(listeners[0].key.port, 8080);
  EXPECT_EQ(listeners[0].opened_total, 1u);
}

TEST_F(ConnectionTableTest, ANewWatchFindsWhatWasThereWithoutCallingItLost) {
  table_->set_watch(watch_of({8080, 7070}));
  const Sock sock{.cookie = 5, .local_port = 7070};
  apply_sweep(
      *table_,
      {.started_ns = 3_s, .sockets = {sample(3_s, sock, TcpState::kEstablished)}, .adopt = true});
  EXPECT_EQ(connection(5).age_source, AgeSource::kLowerBound);
  EXPECT_EQ(all_corrections(*table_), 0u);
  EXPECT_TRUE(changes_.empty());
}

TEST_F(ConnectionTableTest, ANewWatchWhileASweepIsUnderWayAdoptsWhatThatFinds) {
  table_->begin_sweep(1_s, false);
  table_->set_watch(watch_of({7070}));
  table_->observe(sample(2_s, Sock{.cookie = 5, .local_port = 7070}, TcpState::kEstablished));
  table_->observe(sample(2_s, Sock{.cookie = 6}, TcpState::kEstablished));
  table_->end_sweep({{1}, false});
  EXPECT_EQ(size(), 1u);
  EXPECT_EQ(all_corrections(*table_), 0u);
}

TEST_F(ConnectionTableTest, AConnectionIsForgottenWithoutHavingClosed) {
  apply(accepted(1_s, Sock{}));
  changes_.clear();
  table_->set_watch(watch_of({9090}));
  EXPECT_TRUE(changes_by(9_s).empty());
  table_->set_watch(watch_of({8080}));
  EXPECT_EQ(size(), 0u);
}

// --- resets -----------------------------------------------------------------------------------

TEST_F(ConnectionTableTest, CountsResetsByDirectionAndReason) {
  apply(accepted(1_s, Sock{.cookie = 1}), accepted(1_s, Sock{.cookie = 2}),
        reset(2_s, Sock{.cookie = 1}, TcpState::kEstablished, WSBPF_RESET_RECEIVED),
        reset(2_s, Sock{.cookie = 2}, TcpState::kClose, WSBPF_RESET_SENT, 14));
  EXPECT_EQ(resets_of(*table_, WSBPF_RESET_RECEIVED), 1u);
  EXPECT_EQ(resets_of(*table_, WSBPF_RESET_SENT, 14), 1u);
}

TEST_F(ConnectionTableTest, CountsResetsOfTimewaitSocketsByTheirPorts) {
  apply(accepted(1_s, Sock{}), closed(2_s, Sock{}, TcpState::kFinWait2), destroyed(2_s, Sock{}),
        reset(3_s, Sock{.cookie = 0}, TcpState::kTimeWait, WSBPF_RESET_SENT, 9));
  EXPECT_EQ(resets_of(*table_, WSBPF_RESET_SENT, 9), 1u);
}

TEST_F(ConnectionTableTest, CountsResetsOfClientsTimewaitSockets) {
  watch(watch_of({8080}, true, true));
  apply(connected(1_s, client_sock(1)), destroyed(2_s, client_sock(1)),
        reset(3_s, client_sock(0), TcpState::kTimeWait, WSBPF_RESET_SENT, 9));
  EXPECT_EQ(resets_of(*table_, WSBPF_RESET_SENT, 9, client_key_), 1u);
}

TEST_F(ConnectionTableTest, ResetsOfUnknownListenersAreNotCounted) {
  apply(reset(3_s, Sock{.cookie = 0}, TcpState::kTimeWait, WSBPF_RESET_SENT, 9));
  EXPECT_TRUE(table_->summarize(4_s, 3_s).empty());
}

// Data that meets a socket after close() is reported as a reset received, too.
TEST_F(ConnectionTableTest, OfDataAfterOurCloseOnlyTheResetSentCounts) {
  for (const TcpState state : {TcpState::kFinWait1, TcpState::kFinWait2}) {
    watch(watch_of({8080}));
    apply(accepted(1_s, Sock{}), entered(2_s, Sock{}, TcpState::kFinWait1));
    if (state == TcpState::kFinWait2) apply(entered(2_s, Sock{}, state));
    apply(reset(3_s, Sock{}, state, WSBPF_RESET_RECEIVED),
          closed(3_s, Sock{}, state, {}, ECONNRESET),
          reset(3_s, Sock{}, TcpState::kClose, WSBPF_RESET_SENT, 8), destroyed(3_s, Sock{}));
    table_->advance(5_s);
    EXPECT_EQ(resets_of(*table_, WSBPF_RESET_SENT, 8), 1u);
    EXPECT_EQ(resets_of(*table_, WSBPF_RESET_RECEIVED), 0u);
  }
}

TEST_F(ConnectionTableTest, OfDataAfterOurCloseOnlyTheResetSentCountsThoughARecordWasLost) {
  apply(accepted(1_s, Sock{}), entered(2_s, Sock{}, TcpState::kFinWait2),  // no FIN_WAIT1
        reset(3_s, Sock{}, TcpState::kFinWait2, WSBPF_RESET_RECEIVED),
        closed(3_s, Sock{}, TcpState::kFinWait2, {}, ECONNRESET),
        reset(3_s, Sock{}, TcpState::kClose, WSBPF_RESET_SENT, 8), destroyed(3_s, Sock{}));
  table_->advance(5_s);
  EXPECT_EQ(resets_of(*table_, WSBPF_RESET_SENT, 8), 1u);
  EXPECT_EQ(resets_of(*table_, WSBPF_RESET_RECEIVED), 0u);
}

TEST_F(ConnectionTableTest, TheResetSentMayComeAfterTheDestruction) {
  apply(accepted(1_s, Sock{}), entered(2_s, Sock{}, TcpState::kFinWait1),
        entered(2_s, Sock{}, TcpState::kFinWait2),
        reset(3_s, Sock{}, TcpState::kFinWait2, WSBPF_RESET_RECEIVED),
        closed(3_s, Sock{}, TcpState::kFinWait2, {}, ECONNRESET), destroyed(3_s, Sock{}));
  table_->advance(3_s);  // the next record may still be on its way
  EXPECT_EQ(resets_of(*table_, WSBPF_RESET_RECEIVED), 0u);
  apply(reset(3_s, Sock{}, TcpState::kClose, WSBPF_RESET_SENT, 8));
  table_->advance(5_s);
  EXPECT_EQ(resets_of(*table_, WSBPF_RESET_SENT, 8), 1u);
  EXPECT_EQ(resets_of(*table_, WSBPF_RESET_RECEIVED), 0u);
}

TEST_F(ConnectionTableTest, AResetReceivedInFinWaitCountsOnceNoOtherCame) {
  apply(accepted(1_s, Sock{}), entered(2_s, Sock{}, TcpState::kFinWait1),
        entered(2_s, Sock{}, TcpState::kFinWait2),
        reset(3_s, Sock{}, TcpState::kFinWait2, WSBPF_RESET_RECEIVED),
        closed(3_s, Sock{}, TcpState::kFinWait2, {}, ECONNRESET), destroyed(3_s, Sock{}));
  EXPECT_EQ(resets_of(*table_, WSBPF_RESET_RECEIVED), 0u);
  for (const uint64_t time : {4_s, 5_s, 10_s}) {
    table_->advance(time);
    EXPECT_EQ(resets_of(*table_, WSBPF_RESET_RECEIVED), 1u);
  }
}

// shutdown(SHUT_WR), then a reset: the socket stays for as long as the application keeps it.
TEST_F(ConnectionTableTest, AResetReceivedInFinWaitCountsThoughTheFdStaysOpen) {
  apply(accepted(1_s, Sock{}), entered(2_s, Sock{}, TcpState::kFinWait1),
        entered(2_s, Sock{}, TcpState::kFinWait2),
        reset(3_s, Sock{}, TcpState::kFinWait2, WSBPF_RESET_RECEIVED),
        closed(3_s, Sock{}, TcpState::kFinWait2, {}, ECONNRESET));
  for (const uint64_t time : {4_s, 10_s}) {
    table_->advance(time);
    EXPECT_EQ(resets_of(*table_, WSBPF_RESET_RECEIVED), 1u);
  }
  apply(destroyed(12_s, Sock{}));
  table_->advance(15_s);
  EXPECT_EQ(resets_of(*table_, WSBPF_RESET_RECEIVED), 1u);
}

TEST_F(ConnectionTableTest, AResetReceivedInAnotherStateCountsAtOnce) {
  apply(accepted(1_s, Sock{}), entered(2_s, Sock{}, TcpState::kCloseWait),
        reset(3_s, Sock{}, TcpState::kCloseWait, WSBPF_RESET_RECEIVED));
  EXPECT_EQ(resets_of(*table_, WSBPF_RESET_RECEIVED), 1u);
}

}  // namespace
}  // namespace wsbpf
