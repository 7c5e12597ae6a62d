// Every verdict in pairs: the evidence that gives it, and the nearest evidence that does not.
#include "core/verdict.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ends_builder.h"

namespace wsbpf {
namespace {

struct Case {
  const char* name;
  Evidence evidence;
  Verdict verdict;
  Initiator initiator;
  Mechanism mechanism;
  std::optional<Race> race = {};
};

std::string race_text(const std::optional<Race>& race) {
  return race ? std::string(race_name(*race)) : "none";
}

constexpr auto kLocal = Initiator::kLocal;
constexpr auto kRemote = Initiator::kRemote;
constexpr auto kKernel = Initiator::kKernel;
constexpr auto kFin = Mechanism::kFin;
constexpr auto kReset = Mechanism::kReset;
constexpr auto kTimeout = Mechanism::kTimeout;
constexpr auto kNobody = Initiator::kUnknown;

const std::vector<Case>& cases() {
  using V = Verdict;
  static const std::vector<Case> kCases = {
      {"ss -K", socket_destroyed(), V::kSocketDestroyed, kLocal, Mechanism::kDestroyed},
      {"ss -K in CLOSE_WAIT",
       with(peer_fin(),
            [](Evidence& e) {
              e.error = ECONNABORTED;
              e.closed_from = TcpState::kCloseWait;
              e.reset_sent = {101_s, TcpState::kCloseWait, kTcpState};
            }),
       V::kSocketDestroyed, kRemote, Mechanism::kDestroyed},
      {"not destroyed: close() sent the reset", own_abort(0), V::kLocalAbort, kLocal, kReset},

      {"killed", process_exit(), V::kProcessExit, kLocal, kFin},
      {"exited after the peer's FIN",
       with(peer_fin(), [](Evidence& e) { e.closer = closer(kPid, 0); }), V::kProcessExit, kRemote,
       kFin},
      {"exited with data unread",
       with(own_abort(10), [](Evidence& e) { e.closer = closer(kPid, 3 << 8); }), V::kProcessExit,
       kLocal, kReset, Race::kUnreadDataReset},
      {"not exited: closed", own_fin(), V::kLocalClose, kLocal, kFin},

      {"host unreachable", with(timed_out(), [](Evidence& e) { e.error = EHOSTUNREACH; }),
       V::kUnreachable, kKernel, kTimeout},
      {"network unreachable", with(timed_out(), [](Evidence& e) { e.error = ENETUNREACH; }),
       V::kUnreachable, kKernel, kTimeout},
      {"port unreachable", at_once(ECONNREFUSED), V::kUnreachable, kKernel, kTimeout},
      {"our FIN met an unreachable host",
       with(own_fin(),
            [](Evidence& e) {
              e.error = EHOSTUNREACH;
              e.closed_from = TcpState::kFinWait1;
            }),
       V::kUnreachable, kLocal, kTimeout},
      {"no ICMP, only silence", timed_out(), V::kPeerVanished, kKernel, kTimeout},

      {"large segments lost, small ones heard", blackhole(), V::kMtuBlackhole, kKernel, kTimeout},
      {"large segments lost, later ones acknowledged",
       with(timed_out(),
            [](Evidence& e) {
              e.streak.only_full_size = true;
              e.at_close.flags = WSBPF_SOCK_SACKED;
            }),
       V::kMtuBlackhole, kKernel, kTimeout},
      {"the first large message lost", first_large_message_lost(), V::kMtuBlackhole, kKernel,
       kTimeout},
      {"a small segment was lost, too",
       with(blackhole(), [](Evidence& e) { e.streak.only_full_size = false; }), V::kPeerVanished,
       kKernel, kTimeout},
      {"one large segment proves nothing",
       with(blackhole(), [](Evidence& e) { e.streak.segments = 1; }), V::kPeerVanished, kKernel,
       kTimeout},
      {"large segments had come through before",
       with(first_large_message_lost(), [](Evidence& e) { e.at_close.bytes_acked = 1448; }),
       V::kPeerVanished, kKernel, kTimeout},
      {"nothing had come through before",
       with(first_large_message_lost(), [](Evidence& e) { e.at_close.bytes_acked = 0; }),
       V::kPeerVanished, kKernel, kTimeout},
      {"the first large message was sent when the peer had been silent for a while",
       with(first_large_message_lost(), [](Evidence& e) { e.streak.silence_before_ms = 4'500; }),
       V::kPeerVanished, kKernel, kTimeout},
      {"large segments lost, and the peer reset the connection",
       with(peer_reset(), [](Evidence& e) { e.streak = blackhole().streak; }), V::kPeerReset,
       kRemote, kReset},

      {"keepalive", keepalive_gave_up(), V::kKeepaliveTimeout, kKernel, kTimeout},
      {"a timeout that sent no reset and had nothing to send",
       with(keepalive_gave_up(), [](Evidence& e) { e.reset_sent = {}; }), V::kUnknown, kKernel,
       kTimeout},
      {"a reset after the timeout, by close()",
       with(timed_out(),
            [](Evidence& e) {
              e.reset_sent = {100_s, TcpState::kClose, kTcpState};
            }),
       V::kPeerVanished, kKernel, kTimeout},

      {"user timeout", user_timeout(), V::kUserTimeout, kKernel, kTimeout},
      {"user timeout set, but the peer closed",
       with(peer_fin(), [](Evidence& e) { e.at_close.user_timeout_ms = 30'000; }), V::kRemoteClose,
       kRemote, kFin},

      {"the first send after a long silence met nothing", send_after_silence(), V::kNatExpired,
       kKernel, kTimeout},
      {"the first send after a long silence met a reset", reset_after_silence(), V::kNatExpired,
       kRemote, kReset},
      {"sent again and again to the reset",
       with(reset_after_silence(),
            [](Evidence& e) {
              e.streak = {.began_ns = 99_s, .segments = 2, .silence_before_ms = 60'000};
            }),
       V::kNatExpired, kRemote, kReset},
      {"just long enough",
       with(send_after_silence(),
            [](Evidence& e) { e.streak.silence_before_ms = kLongSilence_ms; }),
       V::kNatExpired, kKernel, kTimeout},
      {"a short silence",
       with(send_after_silence(),
            [](Evidence& e) { e.streak.silence_before_ms = kLongSilence_ms - 1; }),
       V::kPeerVanished, kKernel, kTimeout},
      {"longer by half than any survived",
       with(send_after_silence(), [](Evidence& e) { e.longest_silence_ms = 39'999; }),
       V::kNatExpired, kKernel, kTimeout},
      {"such silences had been survived",
       with(send_after_silence(), [](Evidence& e) { e.longest_silence_ms = 40'000; }),
       V::kPeerVanished, kKernel, kTimeout},
      {"a reset with nothing under way",
       with(reset_after_silence(), [](Evidence& e) { e.at_close.unacked_bytes = 0; }),
       V::kPeerReset, kRemote, kReset},
      {"a reset long after what was sent",
       with(reset_after_silence(), [](Evidence& e) { e.at_close.sent_ms_ago = 1'001; }),
       V::kPeerReset, kRemote, kReset},
      {"a reset amid talk",
       with(reset_after_silence(), [](Evidence& e) { e.at_close.heard_ms_ago = 40; }),
       V::kPeerReset, kRemote, kReset},

      {"our FIN was never acknowledged",
       with(own_fin(),
            [](Evidence& e) {
              e.error = ETIMEDOUT;
              e.closed_from = TcpState::kFinWait1;
              e.at_close = Counters{.unacked_bytes = 1, .heard_ms = 30'000, .timeouts = 8};
            }),
       V::kPeerVanished, kLocal, kTimeout},

      {"our FIN into a closed window", own_fin_into_closed_window(), V::kSlowConsumer, kLocal,
       kFin},
      {"window probes ran out",
       with(at_once(ETIMEDOUT),
            [](Evidence& e) {
              e.at_close = Counters{.unsent_bytes = 9'000, .zero_window_ms = 40'000, .probes = 9};
            }),
       V::kSlowConsumer, kKernel, kTimeout},
      {"reset with a closed window",
       with(peer_reset(), [](Evidence& e) { e.at_close.zero_window_ms = 3'000; }), V::kSlowConsumer,
       kRemote, kReset},
      {"the window was closed for a moment",
       with(own_fin_into_closed_window(), [](Evidence& e) { --e.at_departure.zero_window_ms; }),
       V::kLocalClose, kLocal, kFin},

      {"the peer's FIN with data long unread", peer_fin_after_stall(), V::kServerStall, kRemote,
       kFin},
      {"the peer's reset with data long unread",
       with(peer_reset(),
            [](Evidence& e) {
              e.at_close = Counters{.unread_bytes = 10, .idle_ms = kStallLimit_ms};
            }),
       V::kServerStall, kRemote, kReset},
      {"only the FIN is unread",
       with(peer_fin_after_stall(), [](Evidence& e) { e.at_departure.unread_bytes = 1; }),
       V::kRemoteClose, kRemote, kFin},
      {"the data has only just come",
       with(peer_fin_after_stall(), [](Evidence& e) { --e.at_departure.received_ms_ago; }),
       V::kRemoteClose, kRemote, kFin},
      {"we closed first, with data unread",
       with(own_fin(),
            [](Evidence& e) { e.at_departure = Counters{.unread_bytes = 10, .idle_ms = 60'000}; }),
       V::kLocalClose, kLocal, kFin},

      {"a minute in CLOSE_WAIT", leak(), V::kCloseWaitLeak, kRemote, kFin},
      {"not yet a minute in CLOSE_WAIT", with(leak(), [](Evidence& e) { --e.close_wait_ns; }),
       V::kRemoteClose, kRemote, kFin},

      {"closed over unread data", own_abort(10), V::kUnreadDataReset, kLocal, kReset,
       Race::kUnreadDataReset},
      {"closed over unread data after shutdown()",
       with(own_abort(10),
            [](Evidence& e) {
              e.left_to = TcpState::kFinWait1;
              e.closed_from = TcpState::kFinWait2;
            }),
       V::kUnreadDataReset, kLocal, kReset, Race::kUnreadDataReset},
      {"aborted after shutdown()",
       with(own_abort(0),
            [](Evidence& e) {
              e.left_to = TcpState::kFinWait1;
              e.closed_from = TcpState::kFinWait2;
            }),
       V::kLocalAbort, kLocal, kReset},
      {"closed over unread data in CLOSE_WAIT",
       with(own_abort(11),
            [](Evidence& e) {
              e.left_to = TcpState::kCloseWait;
              e.left_ns = 100_s;
              e.closed_from = TcpState::kCloseWait;
              e.at_close.flags |= WSBPF_SOCK_DONE;
            }),
       V::kUnreadDataReset, kRemote, kReset, Race::kUnreadDataReset},
      {"only the FIN was unread",
       with(own_abort(1),
            [](Evidence& e) {
              e.left_to = TcpState::kCloseWait;
              e.left_ns = 100_s;
              e.closed_from = TcpState::kCloseWait;
              e.at_close.flags |= WSBPF_SOCK_DONE;
            }),
       V::kLocalAbort, kRemote, kReset},

      {"data after close, in FIN_WAIT2", data_in(TcpState::kFinWait2), V::kDataAfterClose, kLocal,
       kReset, Race::kDataAfterClose},
      {"data after close, in FIN_WAIT1", data_in(TcpState::kFinWait1), V::kDataAfterClose, kLocal,
       kReset, Race::kDataAfterClose},
      {"data met a timewait socket",
       with(own_fin(), [](Evidence& e) { e.data_after_end_ns = 101_s + 300'000'000; }),
       V::kDataAfterClose, kLocal, kReset, Race::kDataAfterClose},
      {"data with the ACK of our FIN, which no error tells of",
       with(own_fin(),
            [](Evidence& e) {
              e.closed_from = TcpState::kFinWait1;
              e.reset_sent = {101_s, TcpState::kClose, kAbortOnData, 20};
            }),
       V::kDataAfterClose, kLocal, kReset, Race::kDataAfterClose},
      {"a reset that answers no data",
       with(own_fin(),
            [](Evidence& e) {
              e.closed_from = TcpState::kFinWait1;
              e.reset_sent = {101_s, TcpState::kClose, kAbortOnData, 0};
            }),
       V::kLocalClose, kLocal, kReset},
      {"a reset, and no data", reset_in(TcpState::kFinWait2), V::kPeerReset, kLocal, kReset,
       Race::kResetDuringClose},

      {"a reset after the FIN", reset_in_close_wait(), V::kResetAfterFin, kRemote, kReset,
       Race::kResetAfterFin},
      {"the error alone tells of it",
       with(reset_in_close_wait(), [](Evidence& e) { e.reset_received = {}; }), V::kResetAfterFin,
       kRemote, kReset, Race::kResetAfterFin},
      {"a reset after both FINs: the peer had gone",
       with(reset_in_last_ack(), [](Evidence& e) { e.at_close.unacked_bytes = 1; }),
       V::kRemoteClose, kRemote, kReset},
      {"a reset after both FINs that lost data",
       with(reset_in_last_ack(), [](Evidence& e) { e.at_close.unacked_bytes = 2; }),
       V::kResetAfterFin, kRemote, kReset, Race::kResetAfterFin},
      {"a reset after both FINs that lost data not even sent",
       with(reset_in_last_ack(), [](Evidence& e) { e.at_close.unsent_bytes = 2; }),
       V::kResetAfterFin, kRemote, kReset, Race::kResetAfterFin},
      {"data unacknowledged in LAST_ACK, and no reset",
       with(peer_fin(), [](Evidence& e) { e.at_close.unacked_bytes = 2; }), V::kRemoteClose,
       kRemote, kFin},

      {"both closed at once", crossed_fins(), V::kSimultaneousClose, kLocal, kFin,
       Race::kSimultaneousClose},
      {"one after the other",
       with(crossed_fins(),
            [](Evidence& e) {
              e.crossed = false;
              e.closed_from = TcpState::kFinWait2;
            }),
       V::kLocalClose, kLocal, kFin},
      {"a reset in CLOSING",
       with(crossed_fins(),
            [](Evidence& e) {
              e.error = ECONNRESET;
              e.reset_received = {101_s, TcpState::kClosing, -1};
            }),
       V::kSimultaneousClose, kLocal, kReset, Race::kResetDuringClose},

      {"a request for a WebSocket was refused", of(refused(403), own_fin()), V::kUpgradeFailed,
       kLocal, kFin},
      {"it was refused, and the peer closed", of(refused(404), peer_fin()), V::kUpgradeFailed,
       kRemote, kFin},
      {"it was refused, and the peer reset the connection", of(refused(400), peer_reset()),
       V::kUpgradeFailed, kRemote, kReset},
      {"ours was refused", of(refused(502, WebSocketRecords::kWholeRequest, true), peer_fin()),
       V::kUpgradeFailed, kRemote, kFin},
      {"it had lost its Upgrade header",
       of(refused(200, WSBPF_WEBSOCKET_KEY | WSBPF_WEBSOCKET_VERSION_13), own_fin()),
       V::kUpgradeFailed, kLocal, kFin},
      {"it was not answered", of(unanswered(), peer_fin()), V::kUpgradeFailed, kRemote, kFin},
      {"ours was not answered", of(unanswered(true), own_fin()), V::kUpgradeFailed, kLocal, kFin},
      {"it may have been answered by what was not read",
       with(of(unanswered(), peer_fin()), [](Evidence& e) { e.at_close.bytes_acked = 11; }),
       V::kRemoteClose, kRemote, kFin},
      {"ours may have been answered by what was not read",
       with(of(unanswered(true), own_fin()), [](Evidence& e) { e.at_close.bytes_received = 10; }),
       V::kLocalClose, kLocal, kFin},
      {"only our FIN was sent after it",
       with(of(unanswered(), peer_fin()), [](Evidence& e) { e.at_close.bytes_acked = 1; }),
       V::kUpgradeFailed, kRemote, kFin},
      {"a part of its answer's head was sent",
       with(of(unanswered(), peer_fin()),
            [](Evidence& e) {
              e.at_close.bytes_acked = 11;
              e.websocket->state.directions[WSBPF_OUT].reading = WSBPF_READING_HEAD;
              e.websocket->behind[WSBPF_OUT] = 0;
            }),
       V::kUpgradeFailed, kRemote, kFin},
      {"the answer's direction is not understood",
       with(of(unanswered(), peer_fin()),
            [](Evidence& e) {
              e.websocket->state.directions[WSBPF_OUT].reading = WSBPF_READING_LOST;
            }),
       V::kRemoteClose, kRemote, kFin},
      {"plain HTTP",
       with(of(refused(404), peer_fin()),
            [](Evidence& e) { e.websocket->state.bits &= ~uint32_t{WSBPF_WEBSOCKET_REQUEST}; }),
       V::kRemoteClose, kRemote, kFin},
      {"it was granted", of(talked(), own_fin()), V::kLocalClose, kLocal, kFin},
      {"it was refused, and our process exited", of(refused(403), process_exit()), V::kProcessExit,
       kLocal, kFin},
      {"it was not answered, and the peer vanished", of(unanswered(), timed_out()),
       V::kPeerVanished, kKernel, kTimeout},

      {"the peer's Close frame, and ours", of(closed_both_ways(WSBPF_IN), own_fin()), V::kClean,
       kRemote, kFin},
      {"our Close frame, and the peer's", of(closed_both_ways(WSBPF_OUT, 1001), peer_fin()),
       V::kClean, kLocal, kFin},
      {"Close frames both ways of a stream that was not read to its end",
       of(not_read_to_the_end(closed_both_ways(WSBPF_IN)), peer_fin()), V::kClean, kRemote, kFin},
      {"the peer's Close frame alone", of(half_closed(WSBPF_IN), own_fin()), V::kLocalClose,
       kRemote, kFin},
      {"our Close frame alone", of(half_closed(WSBPF_OUT), peer_fin()), V::kRemoteClose, kLocal,
       kFin},
      {"no Close frame", of(talked(), peer_fin()), V::kRemoteClose, kRemote, kFin},
      {"Close frames both ways, then a reset", of(closed_both_ways(WSBPF_OUT), peer_reset()),
       V::kPeerReset, kLocal, kReset},
      {"Close frames both ways, and a reset of what our FIN met",
       of(closed_both_ways(WSBPF_IN), reset_in_last_ack()), V::kRemoteClose, kRemote, kReset},
      {"Close frames both ways, then nothing", of(closed_both_ways(WSBPF_OUT), timed_out()),
       V::kPeerVanished, kLocal, kTimeout},
      {"Close frames both ways, then FINs that crossed",
       of(closed_both_ways(WSBPF_IN), crossed_fins()), V::kSimultaneousClose, kRemote, kFin,
       Race::kSimultaneousClose},

      {"SO_LINGER 0", own_abort(0), V::kLocalAbort, kLocal, kReset},
      {"no reset was sent", with(own_abort(0), [](Evidence& e) { e.reset_sent = {}; }), V::kUnknown,
       kLocal, Mechanism::kUnknown},

      {"reset by the peer", peer_reset(), V::kPeerReset, kRemote, kReset},
      {"the error alone tells of the reset",
       with(peer_reset(), [](Evidence& e) { e.reset_received = {}; }), V::kPeerReset, kRemote,
       kReset},

      {"reset in FIN_WAIT1", reset_in(TcpState::kFinWait1), V::kPeerReset, kLocal, kReset,
       Race::kResetDuringClose},
      {"our FIN first", own_fin(), V::kLocalClose, kLocal, kFin},
      {"the peer's FIN first", peer_fin(), V::kRemoteClose, kRemote, kFin},

      {"a reset in FIN_WAIT2 that nobody sent or received",
       with(reset_in(TcpState::kFinWait2), [](Evidence& e) { e.reset_received = {}; }), V::kUnknown,
       kLocal, kFin},
      {"nothing is known", Evidence{}, V::kUnknown, kNobody, Mechanism::kUnknown},
  };
  return kCases;
}

void expect_judgement(const Judgement& judgement, const Case& expected) {
  EXPECT_EQ(verdict_name(judgement.verdict), verdict_name(expected.verdict)) << expected.name;
  EXPECT_EQ(initiator_name(judgement.initiator), initiator_name(expected.initiator))
      << expected.name;
  EXPECT_EQ(mechanism_name(judgement.mechanism), mechanism_name(expected.mechanism))
      << expected.name;
  EXPECT_EQ(race_text(judgement.race), race_text(expected.race)) << expected.name;
}

TEST(Verdict, IsWhatTheEvidenceSays) {
  for (const Case& c : cases()) expect_judgement(judge(c.evidence), c);
}

TEST(Verdict, OfEveryKindIsGivenForSomeEvidence) {
  std::set<Verdict> given;
  for (const Case& c : cases()) given.insert(judge(c.evidence).verdict);
  EXPECT_EQ(given.size(), kVerdictNames.size());
}

TEST(Verdict, RacesOfEveryKindButTheLateOneAreNamed) {
  std::set<Race> named;
  for (const Case& c : cases()) {
    if (const auto race = judge(c.evidence).race) named.insert(*race);
  }
  EXPECT_EQ(named.size(), kRaceNames.size() - 1);
  EXPECT_FALSE(named.contains(Race::kLateReset));  // the table tells of those
}

TEST(Verdict, OfIncompleteEvidenceIsUnknown) {
  for (const Case& c : cases()) {
    const Judgement judgement = judge(with(c.evidence, [](Evidence& e) { e.complete = false; }));
    EXPECT_EQ(verdict_name(judgement.verdict), "unknown") << c.name;
    EXPECT_EQ(initiator_name(judgement.initiator), "unknown") << c.name;
    EXPECT_EQ(mechanism_name(judgement.mechanism), "unknown") << c.name;
    EXPECT_FALSE(judgement.race) << c.name;
    EXPECT_EQ(judgement.confidence, 0) << c.name;
  }
}

// Before 6.10 the kernel says no reasons.
TEST(Verdict, NeedsNoReasonsOfResets) {
  for (const Case& c : cases()) {
    expect_judgement(judge(with(c.evidence, [](Evidence& e) { e.reset_sent.reason = -1; })), c);
  }
}

TEST(Verdict, IsAsSureAsItsRule) {
  for (const Case& c : cases()) {
    const Judgement judgement = judge(c.evidence);
    if (judgement.verdict == Verdict::kUnknown) {
      EXPECT_EQ(judgement.confidence, 0) << c.name;
    } else {
      EXPECT_GE(judgement.confidence, 0.5) << c.name;
      EXPECT_LT(judgement.confidence, 1) << c.name;
    }
  }
  EXPECT_GT(judge(blackhole()).confidence, judge(first_large_message_lost()).confidence);
}

// docs/verdicts.md and the dashboards know them by these names, in this order.
TEST(Verdict, NamesAreInTheOrderOfTheRules) {
  const std::vector<std::string_view> names(kVerdictNames.begin(), kVerdictNames.end());
  EXPECT_EQ(names, (std::vector<std::string_view>{"socket_destroyed",  "process_exit",
                                                  "unreachable",       "mtu_blackhole",
                                                  "keepalive_timeout", "user_timeout",
                                                  "nat_expired",       "peer_vanished",
                                                  "upgrade_failed",    "slow_consumer",
                                                  "server_stall",      "close_wait_leak",
                                                  "unread_data_reset", "data_after_close",
                                                  "reset_after_fin",   "simultaneous_close",
                                                  "local_abort",       "clean",
                                                  "peer_reset",        "local_close",
                                                  "remote_close",      "unknown"}));
  EXPECT_EQ(verdict_name(Verdict::kUnknown), "unknown");
}

// --- the order of the rules ----------------------------------------------------------------------

// Evidence of a later rule, and what makes it evidence of the one before as well.
struct Precedence {
  Verdict earlier;
  Verdict later;
  Evidence evidence;
  std::function<void(Evidence&)> add;
};

std::vector<Precedence> precedences() {
  using V = Verdict;
  return {
      {V::kSocketDestroyed, V::kProcessExit, process_exit(),
       [](Evidence& e) { e.error = ECONNABORTED; }},
      {V::kProcessExit, V::kUnreachable,
       with(own_fin(), [](Evidence& e) { e.error = EHOSTUNREACH; }),
       [](Evidence& e) { e.closer = closer(kPid, 0); }},
      // The error is either an ICMP message's or ETIMEDOUT: no evidence fits this pair.
      {V::kUnreachable, V::kMtuBlackhole, blackhole(), [](Evidence& e) { e.error = EHOSTUNREACH; }},
      {V::kMtuBlackhole, V::kKeepaliveTimeout,
       with(timed_out(), [](Evidence& e) { e.reset_sent = keepalive_gave_up().reset_sent; }),
       [](Evidence& e) {
         e.streak.only_full_size = true;
         e.at_close.heard_ms_ago = 2'000;
       }},
      {V::kKeepaliveTimeout, V::kUserTimeout, user_timeout(),
       [](Evidence& e) { e.reset_sent = keepalive_gave_up().reset_sent; }},
      {V::kUserTimeout, V::kNatExpired, send_after_silence(),
       [](Evidence& e) { e.at_close.user_timeout_ms = 30'000; }},
      {V::kNatExpired, V::kPeerVanished, timed_out(),
       [](Evidence& e) { e.streak.silence_before_ms = 60'000; }},
      {V::kPeerVanished, V::kUpgradeFailed, of(refused(403), own_fin()),
       [](Evidence& e) {
         e.error = ETIMEDOUT;
         e.at_close.timeouts = 8;
       }},
      {V::kUpgradeFailed, V::kSlowConsumer, own_fin_into_closed_window(),
       [](Evidence& e) { e.websocket = refused(403); }},
      {V::kSlowConsumer, V::kServerStall, peer_fin_after_stall(),
       [](Evidence& e) { e.at_departure.zero_window_ms = kZeroWindowLimit_ms; }},
      {V::kServerStall, V::kCloseWaitLeak, leak(),
       [](Evidence& e) { e.at_departure = peer_fin_after_stall().at_departure; }},
      {V::kCloseWaitLeak, V::kUnreadDataReset, own_abort(10),
       [](Evidence& e) { e.close_wait_ns = kCloseWaitLeak_ns; }},
      {V::kUnreadDataReset, V::kDataAfterClose,
       with(own_abort(0), [](Evidence& e) { e.data_after_end_ns = 101_s + 300'000'000; }),
       [](Evidence& e) { e.at_close.unread_bytes = 10; }},
      {V::kDataAfterClose, V::kResetAfterFin, reset_in_close_wait(),
       [](Evidence& e) { e.data_after_end_ns = 101_s + 300'000'000; }},
      {V::kResetAfterFin, V::kSimultaneousClose, crossed_fins(),
       [](Evidence& e) {
         e.closed_from = TcpState::kCloseWait;
         e.error = EPIPE;
       }},
      {V::kSimultaneousClose, V::kLocalAbort, own_abort(0), [](Evidence& e) { e.crossed = true; }},
      {V::kLocalAbort, V::kClean,
       with(of(closed_both_ways(WSBPF_IN), own_fin()),
            [](Evidence& e) { e.own_close_ns = e.closed_ns; }),
       [](Evidence& e) { e.reset_sent = own_abort(0).reset_sent; }},
      // Nothing is clean that a reset has ended: no evidence fits this pair.
      {V::kClean, V::kPeerReset,
       with(of(closed_both_ways(WSBPF_IN), own_fin()),
            [](Evidence& e) {
              e.reset_received = {101_s, TcpState::kFinWait2, -1};
            }),
       [](Evidence& e) { e.reset_received = {}; }},
      {V::kPeerReset, V::kLocalClose, own_fin(),
       [](Evidence& e) {
         e.closed_from = TcpState::kEstablished;
         e.reset_received = peer_reset().reset_received;
       }},
  };
}

TEST(Verdict, TheFirstRuleThatFitsIsGiven) {
  for (const Precedence& p : precedences()) {
    EXPECT_EQ(verdict_name(judge(p.evidence).verdict), verdict_name(p.later));
    EXPECT_EQ(verdict_name(judge(with(p.evidence, p.add)).verdict), verdict_name(p.earlier))
        << "before " << verdict_name(p.later);
  }
}

TEST(Verdict, NoTwoRulesThatFollowEachOtherAreForgotten) {
  const auto all = precedences();
  // The last three say who was first, which only one can have been, or that nobody knows.
  ASSERT_EQ(all.size(), kVerdictNames.size() - 3);
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(static_cast<size_t>(all[i].earlier), i);
    EXPECT_EQ(static_cast<size_t>(all[i].later), i + 1);
  }
}

// --- details of the evidence ---------------------------------------------------------------------

TEST(Evidence, TheFinIsNoUnreadData) {
  EXPECT_EQ(unread_data(Counters{.unread_bytes = 10}), 10u);
  EXPECT_EQ(unread_data(Counters{.unread_bytes = 11, .flags = WSBPF_SOCK_DONE}), 10u);
  EXPECT_EQ(unread_data(Counters{.unread_bytes = 1, .flags = WSBPF_SOCK_DONE}), 0u);
  EXPECT_EQ(unread_data(Counters{.unread_bytes = 0, .flags = WSBPF_SOCK_DONE}), 0u);
}

TEST(Evidence, AnAbortHasACause) {
  EXPECT_EQ(abort_cause(own_abort(0)), "linger");
  EXPECT_EQ(abort_cause(with(own_abort(0), [](Evidence& e) { e.at_close.flags = 0; })),
            "listener_closed");
  EXPECT_EQ(abort_cause(with(own_abort(0),
                             [](Evidence& e) {
                               e.at_close.flags = 0;
                               e.fd_still_open = true;
                             })),
            "disconnect");
  EXPECT_EQ(abort_cause(own_abort(10)), "");
  EXPECT_EQ(abort_cause(own_fin()), "");
  EXPECT_EQ(abort_cause(peer_reset()), "");
}

TEST(Evidence, AFinMayComeWithoutACloseFrame) {
  EXPECT_TRUE(is_fin_without_close(of(talked(), own_fin())));
  EXPECT_TRUE(is_fin_without_close(of(half_closed(WSBPF_IN), own_fin()))) << "ours is missing";
  EXPECT_TRUE(is_fin_without_close(of(half_closed(WSBPF_OUT), peer_fin())));
  EXPECT_FALSE(is_fin_without_close(of(half_closed(WSBPF_OUT), own_fin())));
  EXPECT_FALSE(is_fin_without_close(of(closed_both_ways(WSBPF_IN), own_fin())));
  EXPECT_FALSE(is_fin_without_close(of(not_read_to_the_end(talked()), own_fin())));
  EXPECT_FALSE(is_fin_without_close(of(refused(403), own_fin()))) << "it is no WebSocket";
  EXPECT_FALSE(is_fin_without_close(of(talked(), peer_reset())));
  EXPECT_FALSE(is_fin_without_close(own_fin()));
}

TEST(Evidence, ACloseFrameMayComeWithoutAFin) {
  EXPECT_TRUE(is_close_without_fin(of(half_closed(WSBPF_IN), peer_reset())));
  EXPECT_TRUE(is_close_without_fin(of(closed_both_ways(WSBPF_OUT), timed_out())));
  EXPECT_FALSE(is_close_without_fin(of(talked(), peer_reset())));
  EXPECT_FALSE(is_close_without_fin(of(half_closed(WSBPF_IN), peer_fin())));
  EXPECT_FALSE(is_close_without_fin(peer_reset()));
}

// Whatever Close frames were seen.
TEST(Evidence, WhoBeganTheEndOfTcp) {
  EXPECT_EQ(tcp_initiator(of(closed_both_ways(WSBPF_IN), own_fin())), kLocal);
  EXPECT_EQ(tcp_initiator(of(closed_both_ways(WSBPF_OUT), peer_fin())), kRemote);
}

TEST(Verdict, IsSurerOfAnAnswerThanOfItsLack) {
  EXPECT_GT(judge(of(refused(403), own_fin())).confidence,
            judge(of(unanswered(), own_fin())).confidence);
}

TEST(Evidence, ASocketThatCloseAbortedIsAnOrphan) {
  constexpr uint32_t kBoth = WSBPF_SOCK_RCV_SHUTDOWN | WSBPF_SOCK_SEND_SHUTDOWN;
  EXPECT_TRUE(is_orphaned(own_abort(0)));
  EXPECT_TRUE(is_orphaned(own_abort(10)));
  EXPECT_FALSE(is_orphaned(with(own_abort(0), [](Evidence& e) { e.at_close.flags = 0; })));
  EXPECT_FALSE(is_orphaned(peer_reset()));
  EXPECT_TRUE(
      is_orphaned(with(peer_reset(), [](Evidence& e) { e.at_close.flags = WSBPF_SOCK_DEAD; })));
  // shutdown() of both directions leaves the descriptor open.
  EXPECT_FALSE(is_orphaned(with(peer_fin(), [](Evidence& e) { e.at_close.flags = kBoth; })));
}

TEST(Evidence, AResetIsDoubtfulOnlyWhileOurFinIsUnderWay) {
  EXPECT_TRUE(is_reset_doubtful(reset_in(TcpState::kFinWait1)));
  EXPECT_TRUE(is_reset_doubtful(reset_in(TcpState::kFinWait2)));
  EXPECT_FALSE(is_reset_doubtful(reset_in(TcpState::kClosing)));
  EXPECT_FALSE(is_reset_doubtful(reset_in_close_wait()));
  EXPECT_FALSE(is_reset_doubtful(peer_reset()));
  EXPECT_FALSE(is_reset_doubtful(own_fin()));
}

}  // namespace
}  // namespace wsbpf
