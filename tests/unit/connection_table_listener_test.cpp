// Listeners, the counts of their connections, and the processes that own both.
#include <gtest/gtest.h>

#include <vector>

#include "core/connection_table.h"
#include "kernel_records.h"

namespace wsbpf {
namespace {

class ListenerTest : public testing::Test {
 protected:
  ListenerTest() : table_(watch_of({8080, 9090}, true, true), processes_) {
    processes_.run(100, "master");
    processes_.run(101, "worker");
    processes_.run(102, "worker");
  }

  template <typename... Records>
  void apply(const Records&... records) {
    (table_.apply(Event(records)), ...);
  }

  void sweep(const Sweep& sweep) { apply_sweep(table_, sweep); }

  // 0: nobody.
  uint32_t owner(uint64_t cookie = 1) {
    const Connection* const connection = find_connection(table_, cookie);
    EXPECT_NE(connection, nullptr);
    const Process* const process = connection == nullptr ? nullptr : table_.owner_of(*connection);
    return process == nullptr ? 0 : process->pid;
  }

  std::vector<uint32_t> listener_pids() {
    std::vector<uint32_t> pids;
    for (const Process& process : summary_of(table_).owners) pids.push_back(process.pid);
    return pids;
  }

  FakeProcesses processes_;
  ConnectionTable table_;
  const Sock sock_;
  const Sock listener_ = listen_sock(9);
};

using Pids = std::vector<uint32_t>;

TEST_F(ListenerTest, IsThereFromListenOn) {
  apply(listening(1_s, listener_, 100));
  const ListenerSummary summary = summary_of(table_);
  EXPECT_TRUE(summary.listening);
  EXPECT_TRUE(summary.is_live());
  EXPECT_EQ(summary.comm, "master");
  EXPECT_EQ(listener_pids(), Pids{100});
  EXPECT_EQ(summary.connections(), 0u);
}

TEST_F(ListenerTest, OutlivesItsSocketsWhileConnectionsRemain) {
  apply(listening(1_s, listener_, 100), accepted(2_s, sock_),
        closed(3_s, listener_, TcpState::kListen), destroyed(3_s, listener_));
  const ListenerSummary summary = summary_of(table_);
  EXPECT_FALSE(summary.listening);
  EXPECT_TRUE(summary.is_live());
  EXPECT_EQ(summary.comm, "master");
  EXPECT_EQ(summary.connections(), 1u);
}

TEST_F(ListenerTest, SocketsThatShareAPortAreOne) {
  apply(listening(1_s, listen_sock(9), 101), listening(1_s, listen_sock(10), 102));
  sweep({.started_ns = 2_s,
         .sockets = {sample(2_s, listen_sock(9), TcpState::kListen, 0,
                            {.unread_bytes = 3, .unacked_bytes = 100}),
                     sample(2_s, listen_sock(10), TcpState::kListen, 0,
                            {.unread_bytes = 4, .unacked_bytes = 200})}});
  EXPECT_EQ(table_.summarize(3_s, 3_s).size(), 1u);
  const ListenerSummary summary = summary_of(table_);
  EXPECT_EQ(summary.accept_queue, 7u);
  EXPECT_EQ(summary.accept_queue_limit, 300u);
  EXPECT_EQ(listener_pids(), (Pids{101, 102}));

  apply(closed(4_s, listen_sock(9), TcpState::kListen));
  EXPECT_TRUE(summary_of(table_).listening);
  EXPECT_EQ(listener_pids(), Pids{102});
}

TEST_F(ListenerTest, PortsAndRolesAreListenersOfTheirOwn) {
  apply(accepted(1_s, Sock{.cookie = 1}), accepted(1_s, Sock{.cookie = 2, .local_port = 9090}),
        connected(1_s, client_sock(3)));
  const auto summaries = table_.summarize(2_s, 3_s);
  ASSERT_EQ(summaries.size(), 3u);
  EXPECT_EQ(summaries[0].key, (ListenerKey{1, 8080, Role::kServer}));
  EXPECT_EQ(summaries[1].key, (ListenerKey{1, 8080, Role::kClient}));
  EXPECT_EQ(summaries[2].key, (ListenerKey{1, 9090, Role::kServer}));
}

// --- owners -------------------------------------------------------------------------------------

TEST_F(ListenerTest, ItsOnlyProcessOwnsItsConnections) {
  apply(listening(1_s, listener_, 100), accepted(2_s, sock_));
  EXPECT_EQ(owner(), 100u);
}

TEST_F(ListenerTest, TwoProcessesCannotBothOwnAConnection) {
  apply(listening(1_s, listen_sock(9), 101), listening(1_s, listen_sock(10), 102),
        accepted(2_s, sock_));
  EXPECT_EQ(owner(), 0u);
}

TEST_F(ListenerTest, OneProcessWithTwoSocketsIsOne) {
  apply(listening(1_s, listen_sock(9), 101), listening(1_s, listen_sock(10), 101),
        accepted(2_s, sock_));
  EXPECT_EQ(owner(), 101u);
  EXPECT_EQ(listener_pids(), Pids{101});
}

TEST_F(ListenerTest, NobodyIsKnownToOwnAClientsConnection) {
  apply(listening(1_s, listener_, 100), connected(2_s, client_sock(3)));
  EXPECT_EQ(owner(3), 0u);
}

TEST_F(ListenerTest, AFileDescriptorConfirmsTheOwner) {
  apply(listening(1_s, listen_sock(9), 101), listening(1_s, listen_sock(10), 102),
        accepted(2_s, sock_));
  sweep({.started_ns = 3_s,
         .sockets = {sample(3_s, listen_sock(9), TcpState::kListen),
                     sample(3_s, listen_sock(10), TcpState::kListen),
                     sample(3_s, sock_, TcpState::kEstablished),
                     sample(3_s, sock_, TcpState::kEstablished, 102)},
         .files = true});
  EXPECT_EQ(owner(), 102u);
}

TEST_F(ListenerTest, AfterAForkTheLowestPidIsTheOwner) {
  apply(accepted(1_s, sock_));
  for (const auto& order : {Pids{100, 101, 102}, Pids{102, 100, 101}}) {
    Sweep all{.started_ns = 2_s, .files = true};
    for (const uint32_t pid : order) {
      all.sockets.push_back(sample(2_s, sock_, TcpState::kEstablished, pid));
    }
    sweep(all);
    EXPECT_EQ(owner(), 100u);
  }
}

TEST_F(ListenerTest, AParentThatHasClosedItNoLongerOwnsIt) {
  apply(accepted(1_s, sock_));
  sweep({.started_ns = 2_s,
         .sockets = {sample(2_s, sock_, TcpState::kEstablished, 100),
                     sample(2_s, sock_, TcpState::kEstablished, 101)},
         .files = true});
  sweep({.started_ns = 7_s, .sockets = {sample(7_s, sock_, TcpState::kEstablished)}});
  EXPECT_EQ(owner(), 100u);  // the files were not read
  sweep({.started_ns = 12_s,
         .sockets = {sample(12_s, sock_, TcpState::kEstablished),
                     sample(12_s, sock_, TcpState::kEstablished, 101)},
         .files = true});
  EXPECT_EQ(owner(), 101u);
}

TEST_F(ListenerTest, AForkedListenerHasAllItsProcesses) {
  apply(listening(1_s, listener_, 100));
  sweep({.started_ns = 2_s,
         .sockets = {sample(2_s, listener_, TcpState::kListen, 101),
                     sample(2_s, listener_, TcpState::kListen, 100),
                     sample(2_s, listener_, TcpState::kListen, 101)},
         .files = true});
  EXPECT_EQ(listener_pids(), (Pids{100, 101}));
  apply(accepted(3_s, sock_));
  EXPECT_EQ(owner(), 0u);
}

TEST_F(ListenerTest, APassThatWasCutShortDoesNotReplaceTheOwners) {
  apply(listening(1_s, listener_, 100));
  sweep({.started_ns = 2_s, .sockets = {sample(2_s, listener_, TcpState::kListen, 101)}});
  EXPECT_EQ(listener_pids(), Pids{100});
}

TEST_F(ListenerTest, TheStartTimeTellsAReusedPidFromTheOldProcess) {
  apply(listening(1_s, listener_, 100), accepted(1_s, sock_));
  sweep({.started_ns = 2_s,
         .sockets = {sample(2_s, listener_, TcpState::kListen, 100),
                     sample(2_s, sock_, TcpState::kEstablished, 100)},
         .files = true});
  processes_.run(100, "stranger", 2);
  apply(listening(3_s, listen_sock(10, 9090), 100));
  EXPECT_EQ(table_.owner_of(*find_connection(table_, 1))->comm, "master");
  EXPECT_EQ(summary_of(table_).comm, "master");
  EXPECT_EQ(summary_of(table_, 4_s, {1, 9090, Role::kServer}).comm, "stranger");
}

TEST_F(ListenerTest, ARenamedProcessIsTheSame) {
  apply(listening(1_s, listener_, 100));
  processes_.run(100, "renamed");
  sweep({.started_ns = 2_s,
         .sockets = {sample(2_s, listener_, TcpState::kListen, 100)},
         .files = true});
  EXPECT_EQ(summary_of(table_).comm, "renamed");
  EXPECT_EQ(listener_pids(), Pids{100});
}

TEST_F(ListenerTest, AProcessThatIsGoneIsNoOwner) {
  processes_.exit(100);
  apply(listening(1_s, listener_, 100), accepted(2_s, sock_));
  EXPECT_EQ(owner(), 0u);
  EXPECT_EQ(summary_of(table_).comm, "");
}

TEST_F(ListenerTest, WhoClosesAConnectionOwnsIt) {
  apply(accepted(1_s, sock_), entered(2_s, sock_, TcpState::kFinWait1, 101));
  EXPECT_EQ(owner(), 101u);
}

TEST_F(ListenerTest, WhoClosesItLastOwnsItHoweverItChangedHands) {
  apply(accepted(1_s, sock_));
  sweep({.started_ns = 2_s,
         .sockets = {sample(2_s, sock_, TcpState::kEstablished, 100)},
         .files = true});
  apply(entered(3_s, sock_, TcpState::kFinWait1, 101));
  EXPECT_EQ(owner(), 101u);
  apply(closed(4_s, sock_, TcpState::kFinWait2));
  EXPECT_EQ(owner(), 101u);
}

// Nor is the listener's process, though it may have been the one that accepted.
TEST_F(ListenerTest, WhoClosedItAndIsGoneLeavesNobody) {
  apply(listening(1_s, listener_, 100), accepted(2_s, sock_));
  apply(closed(3_s, sock_, TcpState::kEstablished));
  EXPECT_EQ(owner(), 100u);  // a reset: nothing contradicts it
  const Sock other{.cookie = 2};
  apply(accepted(2_s, other), entered(3_s, other, TcpState::kFinWait1, 555));
  EXPECT_EQ(owner(2), 0u);
}

TEST_F(ListenerTest, AHolderThatIsGoneWhenItsCloseIsReadIsStillTheOne) {
  apply(accepted(1_s, sock_));
  sweep({.started_ns = 2_s,
         .sockets = {sample(2_s, sock_, TcpState::kEstablished, 101)},
         .files = true});
  processes_.exit(101);
  apply(entered(3_s, sock_, TcpState::kFinWait1, 101));
  EXPECT_EQ(owner(), 101u);
}

// It waits for accept(), or is on its way from one process to another.
TEST_F(ListenerTest, WhatNobodyHoldsHasNoOwner) {
  apply(listening(1_s, listener_, 100), accepted(2_s, sock_));
  EXPECT_EQ(owner(), 100u);
  const Sweep nobody{.started_ns = 3_s,
                     .sockets = {sample(3_s, listener_, TcpState::kListen, 100),
                                 sample(3_s, sock_, TcpState::kEstablished)},
                     .files = true};
  sweep(nobody);
  EXPECT_EQ(owner(), 0u);
  sweep({.started_ns = 4_s,
         .sockets = {sample(4_s, listener_, TcpState::kListen, 100),
                     sample(4_s, sock_, TcpState::kEstablished),
                     sample(4_s, sock_, TcpState::kEstablished, 100)},
         .files = true});
  EXPECT_EQ(owner(), 100u);
  sweep(nobody);
  EXPECT_EQ(owner(), 0u);
}

TEST_F(ListenerTest, AnOrphanHasNoOwnerButItsEndHasItsLast) {
  apply(accepted(1_s, sock_));
  sweep({.started_ns = 2_s,
         .sockets = {sample(2_s, sock_, TcpState::kEstablished, 101)},
         .files = true});
  apply(entered(3_s, sock_, TcpState::kFinWait1, 101));
  sweep({.started_ns = 4_s, .sockets = {sample(4_s, sock_, TcpState::kFinWait1)}, .files = true});
  EXPECT_EQ(owner(), 0u);
  apply(closed(5_s, sock_, TcpState::kFinWait1));
  EXPECT_EQ(owner(), 101u);
}

TEST_F(ListenerTest, APassThatWasCutShortTakesNoOwnerAway) {
  apply(accepted(1_s, sock_));
  sweep({.started_ns = 2_s,
         .sockets = {sample(2_s, sock_, TcpState::kEstablished, 101)},
         .files = true});
  sweep({.started_ns = 3_s, .sockets = {sample(3_s, sock_, TcpState::kEstablished)}});
  EXPECT_EQ(owner(), 101u);
}

TEST_F(ListenerTest, APassThatBeganBeforeItSaysNothingOfIt) {
  apply(listening(1_s, listener_, 100), accepted(4_s, sock_));
  sweep({.started_ns = 3_s,
         .sockets = {sample(3_s, listener_, TcpState::kListen, 100)},
         .files = true});
  EXPECT_EQ(owner(), 100u);
}

TEST_F(ListenerTest, TakesOverAPlaceThatBecomesKnownLater) {
  processes_.run(100, "master", 1, {.cgroup = "/docker/0a", .container_id = "0a"});
  apply(listening(1_s, listener_, 100), accepted(2_s, sock_));
  EXPECT_EQ(summary_of(table_).place.container_id, "0a");
  EXPECT_EQ(summary_of(table_).place.pod, "");
  processes_.run(100, "master", 1, {"/docker/0a", "0a", "shop", "chat-7f", "server"});
  sweep({.started_ns = 3_s,
         .sockets = {sample(3_s, listener_, TcpState::kListen, 100),
                     sample(3_s, sock_, TcpState::kEstablished, 100)},
         .files = true});
  EXPECT_EQ(summary_of(table_).place.pod, "chat-7f");
  EXPECT_EQ(table_.owner_of(*find_connection(table_, 1))->place.pod, "chat-7f");
}

// Or its metrics would change their labels with the order of a hash table.
TEST_F(ListenerTest, TheLowestPidOfItsOwnersNamesIt) {
  processes_.run(101, "first", 1, {.pod = "chat-1"});
  processes_.run(102, "second", 1, {.pod = "chat-2"});
  for (uint64_t cookie = 10; cookie < 30; ++cookie) {
    apply(listening(1_s, listen_sock(cookie), cookie % 2 == 0 ? 101 : 102));
  }
  sweep({.started_ns = 1_s});
  EXPECT_EQ(summary_of(table_).comm, "first");
  EXPECT_EQ(summary_of(table_).place.pod, "chat-1");
}

TEST_F(ListenerTest, RemembersThePlaceOfItsLastOwner) {
  processes_.run(100, "master", 1, {"/docker/0a", "0a", "shop", "chat-7f", "server"});
  apply(listening(1_s, listener_, 100), closed(2_s, listener_, TcpState::kListen),
        destroyed(2_s, listener_));
  sweep({.started_ns = 3_s, .files = true});
  EXPECT_TRUE(summary_of(table_).owners.empty());
  EXPECT_EQ(summary_of(table_).place.pod, "chat-7f");
}

TEST_F(ListenerTest, OwnersAreUnconfirmedUntilTheFilesAreRead) {
  sweep({.started_ns = 1_s, .files = true});
  EXPECT_FALSE(table_.has_unconfirmed_owners());
  apply(accepted(2_s, sock_));
  sweep({.started_ns = 3_s, .sockets = {sample(3_s, sock_, TcpState::kEstablished)}});
  EXPECT_TRUE(table_.has_unconfirmed_owners());
  sweep({.started_ns = 4_s,
         .sockets = {sample(4_s, sock_, TcpState::kEstablished),
                     sample(4_s, sock_, TcpState::kEstablished, 101)},
         .files = true});
  EXPECT_FALSE(table_.has_unconfirmed_owners());
}

TEST_F(ListenerTest, WhatNobodyHoldsIsNotLookedForAgain) {
  apply(accepted(1_s, sock_));
  sweep(
      {.started_ns = 2_s, .sockets = {sample(2_s, sock_, TcpState::kEstablished)}, .files = true});
  EXPECT_FALSE(table_.has_unconfirmed_owners());
}

// --- counts -------------------------------------------------------------------------------------

TEST_F(ListenerTest, CountsConnectionsByState) {
  for (uint64_t cookie = 1; cookie <= 5; ++cookie) apply(accepted(1_s, Sock{.cookie = cookie}));
  apply(entered(2_s, Sock{.cookie = 1}, TcpState::kCloseWait),
        entered(2_s, Sock{.cookie = 2}, TcpState::kCloseWait),
        closed(2_s, Sock{.cookie = 3}, TcpState::kEstablished));
  const ListenerSummary summary = summary_of(table_);
  EXPECT_EQ(summary.states[static_cast<size_t>(TcpState::kEstablished)], 2u);
  EXPECT_EQ(summary.states[static_cast<size_t>(TcpState::kCloseWait)], 2u);
  EXPECT_EQ(summary.states[static_cast<size_t>(TcpState::kClose)], 1u);
  EXPECT_EQ(summary.connections(), 5u);
}

TEST_F(ListenerTest, StuckIsWhatHasSatInCloseWaitForSoLong) {
  for (const uint64_t time : {10_s, 11_s, 12_s}) {
    const Sock sock{.cookie = time};
    apply(accepted(1_s, sock), entered(time, sock, TcpState::kCloseWait));
  }
  EXPECT_EQ(summary_of(table_, 12_s).close_wait_stuck, 0u);
  EXPECT_EQ(summary_of(table_, 13_s - 1).close_wait_stuck, 0u);
  EXPECT_EQ(summary_of(table_, 13_s).close_wait_stuck, 1u);
  EXPECT_EQ(summary_of(table_, 15_s).close_wait_stuck, 3u);
  EXPECT_DOUBLE_EQ(summary_of(table_, 15_s).oldest_close_wait_seconds, 5);
}

TEST_F(ListenerTest, WithoutCloseWaitThereIsNoOldest) {
  apply(accepted(1_s, sock_));
  EXPECT_LT(summary_of(table_).oldest_close_wait_seconds, 0);
}

TEST_F(ListenerTest, KnowsTheGreatestAgeInEachState) {
  apply(accepted(1_s, Sock{.cookie = 1}), accepted(5_s, Sock{.cookie = 2}));
  const ListenerSummary summary = summary_of(table_, 11_s);
  EXPECT_DOUBLE_EQ(summary.state_age_max_seconds[static_cast<size_t>(TcpState::kEstablished)], 10);
  EXPECT_DOUBLE_EQ(summary.state_age_max_seconds[static_cast<size_t>(TcpState::kCloseWait)], 0);
}

TEST_F(ListenerTest, TheFutureHasNoAge) {
  apply(accepted(5_s, sock_));
  EXPECT_DOUBLE_EQ(
      summary_of(table_, 4_s).state_age_max_seconds[static_cast<size_t>(TcpState::kEstablished)],
      0);
}

TEST_F(ListenerTest, RequestAndTimewaitSocketsAreCountedBySweeps) {
  const Sweep three{.started_ns = 2_s,
                    .sockets = {sample(2_s, listener_, TcpState::kListen)},
                    .minisocks = {minisock(2_s, sock_, TcpState::kTimeWait),
                                  minisock(2_s, sock_, TcpState::kTimeWait),
                                  minisock(2_s, sock_, TcpState::kSynRecv)}};
  sweep(three);
  sweep(three);
  ListenerSummary summary = summary_of(table_);
  EXPECT_EQ(summary.states[static_cast<size_t>(TcpState::kTimeWait)], 2u);
  EXPECT_EQ(summary.states[static_cast<size_t>(TcpState::kSynRecv)], 1u);

  table_.begin_sweep(9_s, false);
  table_.observe(minisock(9_s, sock_, TcpState::kTimeWait));
  EXPECT_EQ(summary_of(table_).connections(), 3u);  // until the sweep is over
  table_.end_sweep({{1}, false});
  summary = summary_of(table_);
  EXPECT_EQ(summary.states[static_cast<size_t>(TcpState::kTimeWait)], 1u);
  EXPECT_EQ(summary.states[static_cast<size_t>(TcpState::kSynRecv)], 0u);
}

TEST_F(ListenerTest, ATimewaitSocketInFinWait2JoinsTheConnectionsThere) {
  apply(accepted(1_s, Sock{}), entered(1_s, Sock{}, TcpState::kFinWait2));
  sweep({.started_ns = 2_s,
         .sockets = {sample(2_s, sock_, TcpState::kFinWait2)},
         .minisocks = {minisock(2_s, Sock{.remote_port = 40001}, TcpState::kFinWait2)}});
  EXPECT_EQ(summary_of(table_).states[static_cast<size_t>(TcpState::kFinWait2)], 2u);
}

TEST_F(ListenerTest, TimewaitSocketsOfClientsAreTheClients) {
  sweep({.started_ns = 2_s, .minisocks = {minisock(2_s, client_sock(0), TcpState::kTimeWait)}});
  EXPECT_EQ(summary_of(table_, 3_s, {1, 8080, Role::kClient}).connections(), 1u);
}

TEST_F(ListenerTest, TimewaitSocketsOfOtherPortsAreNotCounted) {
  sweep({.started_ns = 2_s,
         .minisocks = {minisock(2_s, Sock{.local_port = 7070}, TcpState::kTimeWait)}});
  EXPECT_TRUE(table_.summarize(3_s, 3_s).empty());
}

// --- retention
// ------------------------------------------------------------------------------------

TEST_F(ListenerTest, IsRememberedForFifteenMinutes) {
  apply(listening(1_s, listener_, 100), accepted(2_s, sock_), destroyed(3_s, sock_));
  table_.advance(3_s);
  sweep({.started_ns = 10_s, .sockets = {sample(10_s, listener_, TcpState::kListen)}});
  apply(closed(20_s, listener_, TcpState::kListen), destroyed(20_s, listener_));

  sweep({.started_ns = 20_s + 899_s});
  const ListenerSummary summary = summary_of(table_);
  EXPECT_FALSE(summary.is_live());
  EXPECT_EQ(summary.opened_total, 1u);
  EXPECT_EQ(summary.comm, "master");

  sweep({.started_ns = 20_s + 900_s});
  EXPECT_TRUE(table_.summarize(1000_s, 3_s).empty());
}

TEST_F(ListenerTest, AConnectionKeepsItForEver) {
  apply(accepted(1_s, sock_));
  for (const uint64_t time : {1000_s, 3000_s, 9000_s}) {
    sweep({.started_ns = time, .sockets = {sample(time, sock_, TcpState::kEstablished)}});
    EXPECT_EQ(summary_of(table_, time).connections(), 1u);
  }
}

TEST_F(ListenerTest, ComingBackItHasItsTotals) {
  apply(accepted(1_s, sock_), destroyed(2_s, sock_));
  sweep({.started_ns = 600_s});
  apply(accepted(700_s, Sock{.cookie = 2}));
  sweep({.started_ns = 1000_s,
         .sockets = {sample(1000_s, Sock{.cookie = 2}, TcpState::kEstablished)}});
  EXPECT_EQ(summary_of(table_).opened_total, 2u);
}

}  // namespace
}  // namespace wsbpf
