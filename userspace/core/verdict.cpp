#include "core/verdict.h"

#include <algorithm>
#include <cerrno>

namespace wsbpf {
namespace {

bool was_sent(const ResetSeen& reset) { return reset.time_ns != 0; }

constexpr uint32_t kAnswerLimit_ms = 1'000;  // for the answer to what was sent
constexpr uint32_t kJustHeard_ms = 2'000;    // the peer was there when the message was sent

// The counters as the end began: what they are at the entry into CLOSE is what the end made of
// them.
const wsbpf_counters& at_end(const Evidence& e) {
  return e.left_ns != 0 ? e.at_departure : e.at_close;
}

bool timed_out(const Evidence& e) { return e.error == ETIMEDOUT; }

// Errors of sk_err that have other reasons than an ICMP message (net/ipv4/icmp.c,
// icmp_err_convert).
bool is_icmp_error(int32_t error) {
  switch (error) {
    case 0:
    case ETIMEDOUT:
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
      return false;
    default:
      return true;
  }
}

// close() itself entered CLOSE: a reset was sent instead of a FIN.
bool closed_at_once(const Evidence& e) {
  return e.error == 0 &&
         (e.closed_from == TcpState::kEstablished || e.closed_from == TcpState::kCloseWait);
}

bool is_own_fin_under_way(TcpState state) {
  return state == TcpState::kFinWait1 || state == TcpState::kFinWait2;
}

// The same after shutdown() had sent a FIN. Other resets there answer a segment.
bool aborted_after_fin(const Evidence& e) {
  return e.error == 0 && is_own_fin_under_way(e.closed_from) && e.own_close_ns == e.closed_ns;
}

bool aborted(const Evidence& e) {
  return was_sent(e.reset_sent) && (closed_at_once(e) || aborted_after_fin(e));
}

// tcp_reset() sets the error by the state, so that the error tells of a reset whose record is lost.
bool was_reset_in(const Evidence& e, TcpState state) {
  if (e.closed_from != state) return false;
  if (was_sent(e.reset_received)) return true;
  return (state == TcpState::kEstablished && e.error == ECONNRESET) ||
         (state == TcpState::kCloseWait && e.error == EPIPE);
}

// With a reason the kernel would say so; without one, nothing else sends a reset before it gives
// up.
bool keepalive_gave_up(const Evidence& e) {
  return timed_out(e) && was_sent(e.reset_sent) && e.reset_sent.state != TcpState::kClose;
}

// TCP_USER_TIMEOUT replaces the limits on retransmissions and window probes (tcp_timer.c).
bool has_user_timeout(const Evidence& e) { return timed_out(e) && e.at_close.user_timeout_ms > 0; }

bool retransmissions_ran_out(const Evidence& e) {
  return timed_out(e) && (e.at_close.timeouts > 0 || e.at_close.unacked_bytes > 0);
}

uint64_t last_heard_ns(const Evidence& e) {
  const uint64_t ago_ns = uint64_t{e.at_close.heard_ms_ago} * 1'000'000;
  return e.closed_ns - std::min(e.closed_ns, ago_ns);
}

bool only_full_size_lost(const Evidence& e) {
  return retransmissions_ran_out(e) && e.streak.segments >= 2 && e.streak.only_full_size;
}

// Small segments came through meanwhile: the peer was heard, or acknowledged what lay behind.
bool is_proven_blackhole(const Evidence& e) {
  return only_full_size_lost(e) &&
         (last_heard_ns(e) > e.streak.began_ns || (e.at_close.flags & WSBPF_SOCK_SACKED));
}

// Longer than any silence that the connection has survived: heartbeats at that pace came through.
bool is_new_long_silence(const Evidence& e, uint32_t silence_ms) {
  return silence_ms >= kLongSilence_ms && silence_ms > uint64_t{e.longest_silence_ms} * 3 / 2;
}

bool first_send_met_nothing(const Evidence& e) {
  return retransmissions_ran_out(e) && is_new_long_silence(e, silence_before_send_ms(e));
}

// The answer comes within a round trip of what was sent, or of what was sent again.
bool first_send_met_reset(const Evidence& e) {
  return was_reset_in(e, TcpState::kEstablished) && e.at_close.unacked_bytes > 0 &&
         e.at_close.sent_ms_ago <= kAnswerLimit_ms &&
         is_new_long_silence(e, silence_before_send_ms(e));
}

bool met_long_silence(const Evidence& e) {
  return first_send_met_nothing(e) || first_send_met_reset(e);
}

// The first large message of the connection's life was lost while small ones had just come through,
// and nothing was heard since.
bool is_likely_blackhole(const Evidence& e) {
  return only_full_size_lost(e) && e.at_close.bytes_acked > 0 &&
         e.streak.silence_before_ms <= kJustHeard_ms &&
         e.at_close.bytes_acked < e.at_close.mss_bytes && !has_user_timeout(e) &&
         !met_long_silence(e);
}

bool had_zero_window(const Evidence& e) {
  return std::max(at_end(e).zero_window_ms, e.at_close.zero_window_ms) >= kZeroWindowLimit_ms;
}

// What came last is unread too, so that the stall is at least as old as that.
bool had_stalled(const Evidence& e) {
  const bool by_fin = e.left_to == TcpState::kCloseWait && e.left_ns != 0;
  if (!by_fin && !was_reset_in(e, TcpState::kEstablished)) return false;
  return unread_data(at_end(e)) > 0 && at_end(e).received_ms_ago >= kStallLimit_ms;
}

bool leaked(const Evidence& e) { return e.close_wait_ns >= kCloseWaitLeak_ns; }

bool closed_over_unread(const Evidence& e) { return aborted(e) && unread_data(e.at_close) > 0; }

// Data that meets a closed socket is reported as RECEIVE_RESET, or, when it comes with the ACK of
// our FIN, as nothing (tcp_rcv_state_process()); what tells is that we answer it by a reset.
bool data_came_after_close(const Evidence& e) {
  if (e.data_after_end_ns != 0) return true;
  if (!is_own_fin_under_way(e.closed_from) || !was_sent(e.reset_sent)) return false;
  return e.error == ECONNRESET || (e.error == 0 && e.reset_sent.answered_bytes > 0);
}

// Our FIN has been sent too, in LAST_ACK; where that alone was not acknowledged, nothing is lost by
// the reset: the peer had gone, and says so.
bool lost_data_in_last_ack(const Evidence& e) {
  return e.closed_from == TcpState::kLastAck && was_sent(e.reset_received) &&
         e.at_close.unacked_bytes + e.at_close.unsent_bytes > 1;
}

bool reset_after_fin(const Evidence& e) {
  return was_reset_in(e, TcpState::kCloseWait) || lost_data_in_last_ack(e);
}

bool reset_during_close(const Evidence& e) {
  if (!was_sent(e.reset_received) || was_sent(e.reset_sent)) return false;
  return is_own_fin_under_way(e.closed_from) || e.closed_from == TcpState::kClosing;
}

bool was_reset_by_peer(const Evidence& e) {
  return was_reset_in(e, TcpState::kEstablished) || reset_during_close(e);
}

bool was_upgrade_refused(const Evidence& e) {
  return e.websocket && is_upgrade_refused(*e.websocket);
}

// Without SYN and FINs, which the kernel counts as bytes.
uint64_t bytes_of_server(const Evidence& e) {
  if (is_websocket_client(*e.websocket)) {
    const uint64_t fin = e.at_close.flags & WSBPF_SOCK_DONE ? 1 : 0;
    return e.at_close.bytes_received - std::min<uint64_t>(e.at_close.bytes_received, fin);
  }
  const bool fin_sent = is_own_fin_under_way(e.closed_from) ||
                        e.closed_from == TcpState::kClosing || e.closed_from == TcpState::kLastAck;
  const uint64_t sent = e.at_close.bytes_acked + e.at_close.unacked_bytes;
  return sent - std::min<uint64_t>(sent, fin_sent ? 1 : 0);
}

bool was_upgrade_unanswered(const Evidence& e) {
  return e.websocket && is_upgrade_unanswered(*e.websocket, bytes_of_server(e));
}

bool was_closed_by_fin(const Evidence& e) {
  return e.left_to == TcpState::kFinWait1 || e.left_to == TcpState::kCloseWait;
}

// Which of the two came first, Close frame or FIN, says nothing: a client may send both at once.
bool is_clean(const Evidence& e) {
  return e.websocket && has_closed_both_ways(*e.websocket) && was_closed_by_fin(e) &&
         e.error == 0 && !was_sent(e.reset_sent) && !was_sent(e.reset_received);
}

// close() that neither sent a FIN nor a reset, or a reset that nobody is known to have sent.
bool is_contradictory(const Evidence& e) {
  if (closed_at_once(e)) return !was_sent(e.reset_sent);
  return e.error == ECONNRESET && !was_sent(e.reset_received);
}

// A rule: the first whose condition holds gives the verdict.
struct Rule {
  bool (*holds)(const Evidence&);
  Verdict verdict;
  double confidence;
};

constexpr Rule kRules[] = {
    // tcp_abort() alone sets ECONNABORTED
    {[](const Evidence& e) { return e.error == ECONNABORTED; }, Verdict::kSocketDestroyed, 0.99},
    // the task that made the call had PF_EXITING
    {[](const Evidence& e) { return e.closer.exiting != 0; }, Verdict::kProcessExit, 0.99},
    // sk_err is what ICMP said
    {[](const Evidence& e) { return is_icmp_error(e.error); }, Verdict::kUnreachable, 0.95},
    // ETIMEDOUT, every segment of the streak >= mss_cache, and the peer was heard after its start
    {is_proven_blackhole, Verdict::kMtuBlackhole, 0.9},
    // the same, with the first large message of all, and nothing heard since
    {is_likely_blackhole, Verdict::kMtuBlackhole, 0.6},
    // a reset was sent before CLOSE with ETIMEDOUT (reason 15)
    {keepalive_gave_up, Verdict::kKeepaliveTimeout, 0.95},
    // ETIMEDOUT with icsk_user_timeout
    {has_user_timeout, Verdict::kUserTimeout, 0.95},
    // ETIMEDOUT, or a reset, on the first send after a silence longer than all before
    {met_long_silence, Verdict::kNatExpired, 0.75},
    // ETIMEDOUT with data or FIN unacknowledged
    {retransmissions_ran_out, Verdict::kPeerVanished, 0.9},
    // a request for a WebSocket was answered, and not by 101
    {was_upgrade_refused, Verdict::kUpgradeFailed, 0.95},
    // it was not answered: the client may have had no patience, too
    {was_upgrade_unanswered, Verdict::kUpgradeFailed, 0.85},
    // window probes for longer than the limit, when the end began
    {had_zero_window, Verdict::kSlowConsumer, 0.9},
    // the peer ended it, and what it had sent lay unread for longer than the limit
    {had_stalled, Verdict::kServerStall, 0.85},
    {leaked, Verdict::kCloseWaitLeak, 0.95},
    // close() entered CLOSE with unread > 0 (reason 11)
    {closed_over_unread, Verdict::kUnreadDataReset, 0.95},
    // ECONNRESET in FIN_WAIT, and it was we who sent the reset (reason 8)
    {data_came_after_close, Verdict::kDataAfterClose, 0.95},
    // RECEIVE_RESET in CLOSE_WAIT (EPIPE), or in LAST_ACK with data unacknowledged
    {reset_after_fin, Verdict::kResetAfterFin, 0.95},
    // FIN_WAIT1 -> CLOSING -> CLOSE
    {[](const Evidence& e) { return e.crossed; }, Verdict::kSimultaneousClose, 0.95},
    // close() entered CLOSE with nothing unread (reason 14)
    {aborted, Verdict::kLocalAbort, 0.95},
    // Close frames both ways, FINs, and neither an error nor a reset
    {is_clean, Verdict::kClean, 0.95},
    // RECEIVE_RESET in ESTABLISHED or FIN_WAIT, with no better reason
    {was_reset_by_peer, Verdict::kPeerReset, 0.9},
    {is_contradictory, Verdict::kUnknown, 0},
    {[](const Evidence& e) { return e.left_to == TcpState::kFinWait1; }, Verdict::kLocalClose,
     0.95},
    {[](const Evidence& e) { return e.left_to == TcpState::kCloseWait; }, Verdict::kRemoteClose,
     0.95},
};

struct RaceRule {
  bool (*holds)(const Evidence&);
  Race race;
};

constexpr RaceRule kRaceRules[] = {
    {closed_over_unread, Race::kUnreadDataReset},
    {data_came_after_close, Race::kDataAfterClose},
    {reset_after_fin, Race::kResetAfterFin},
    {reset_during_close, Race::kResetDuringClose},
    {[](const Evidence& e) { return e.crossed; }, Race::kSimultaneousClose},
};

Initiator initiator_of(const Evidence& e) {
  const auto direction = e.websocket ? first_close(*e.websocket) : std::nullopt;
  if (!direction) return tcp_initiator(e);
  return *direction == WSBPF_IN ? Initiator::kRemote : Initiator::kLocal;
}

Mechanism mechanism_of(const Evidence& e) {
  if (e.error == ECONNABORTED) return Mechanism::kDestroyed;
  if (timed_out(e) || is_icmp_error(e.error)) return Mechanism::kTimeout;
  if (was_sent(e.reset_sent) || was_reset_in(e, e.closed_from) || e.data_after_end_ns != 0) {
    return Mechanism::kReset;
  }
  return was_closed_by_fin(e) ? Mechanism::kFin : Mechanism::kUnknown;
}

}  // namespace

Initiator tcp_initiator(const Evidence& e) {
  switch (e.left_to) {
    case TcpState::kCloseWait:
      return Initiator::kRemote;
    case TcpState::kFinWait1:
      return Initiator::kLocal;
    case TcpState::kClose:
      break;
    default:
      return Initiator::kUnknown;
  }
  if (e.error == ECONNABORTED || closed_at_once(e)) return Initiator::kLocal;
  if (timed_out(e) || is_icmp_error(e.error)) return Initiator::kKernel;
  return was_reset_in(e, TcpState::kEstablished) ? Initiator::kRemote : Initiator::kUnknown;
}

bool is_fin_without_close(const Evidence& evidence) {
  if (!evidence.websocket || !was_closed_by_fin(evidence)) return false;
  const WebSocket& websocket = *evidence.websocket;
  const int from = evidence.left_to == TcpState::kCloseWait ? WSBPF_IN : WSBPF_OUT;
  return is_open_websocket(websocket) && websocket.state.directions[from].close_code == 0 &&
         is_read_to_the_end(websocket);
}

bool is_close_without_fin(const Evidence& evidence) {
  return evidence.left_to == TcpState::kClose && evidence.websocket &&
         has_close(*evidence.websocket);
}

uint32_t unread_data(const wsbpf_counters& counters) {
  const bool has_fin = counters.flags & WSBPF_SOCK_DONE;
  return counters.unread_bytes - (has_fin && counters.unread_bytes > 0 ? 1 : 0);
}

std::string_view abort_cause(const Evidence& evidence) {
  if (!aborted(evidence) || unread_data(evidence.at_close) > 0) return "";
  // close() shuts both directions before it aborts; what nobody has accepted was never shut, and
  // goes with its listener; connect(AF_UNSPEC) leaves the descriptor open.
  if (evidence.at_close.flags & WSBPF_SOCK_SEND_SHUTDOWN) return "linger";
  return evidence.fd_still_open ? "disconnect" : "listener_closed";
}

uint32_t silence_before_send_ms(const Evidence& evidence) {
  const RetransmitStreak& streak = evidence.streak;
  if (streak.segments > 0 && streak.began_ns >= last_heard_ns(evidence)) {
    return streak.silence_before_ms;
  }
  const wsbpf_counters& counters = evidence.at_close;
  if (counters.timeouts > 0) return 0;  // it was sent again since, unseen
  return counters.heard_ms_ago - std::min(counters.heard_ms_ago, counters.sent_ms_ago);
}

bool is_orphaned(const Evidence& evidence) {
  constexpr uint32_t kBoth = WSBPF_SOCK_RCV_SHUTDOWN | WSBPF_SOCK_SEND_SHUTDOWN;
  // close() shuts both directions first, and orphans the socket only after it has entered CLOSE.
  const bool by_close = closed_at_once(evidence) && (evidence.at_close.flags & kBoth) == kBoth;
  return by_close || evidence.at_close.flags & WSBPF_SOCK_DEAD;
}

bool is_reset_doubtful(const Evidence& evidence) {
  return was_sent(evidence.reset_received) && is_own_fin_under_way(evidence.reset_received.state);
}

Judgement judge(const Evidence& evidence) {
  Judgement judgement;
  if (!evidence.complete) return judgement;
  judgement.initiator = initiator_of(evidence);
  judgement.mechanism = mechanism_of(evidence);
  for (const RaceRule& rule : kRaceRules) {
    if (!rule.holds(evidence)) continue;
    judgement.race = rule.race;
    break;
  }
  for (const Rule& rule : kRules) {
    if (!rule.holds(evidence)) continue;
    judgement.verdict = rule.verdict;
    judgement.confidence = rule.confidence;
    break;
  }
  return judgement;
}

}  // namespace wsbpf
