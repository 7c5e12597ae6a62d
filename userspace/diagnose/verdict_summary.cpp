#include "diagnose/verdict_summary.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>

#include "core/connection_record.h"
#include "diagnose/close_code.h"
#include "diagnose/websocket_phrases.h"

namespace wsbpf {
namespace {

std::string unheard(const Case& c) {
  return fmt::format("nothing was heard from it for {}",
                     span_text_ms(c.evidence.at_close.heard_ms_ago));
}

std::string retransmissions(const Case& c) {
  const uint32_t segments = c.evidence.streak.segments;
  return segments > 0 ? count_of(segments, "retransmission") : "what was sent";
}

// From the first retransmission to the end; "" where none was seen.
std::string gave_up_after(const Case& c) {
  const RetransmitStreak& streak = c.evidence.streak;
  if (streak.segments == 0) return "";
  return " after " + span_text(since(c.closed_ns(), streak.began_ns));
}

std::string socket_destroyed(const Case& c) {
  return fmt::format(
      "the connection with {} was destroyed on this host after {}, by `ss -K` or another user of "
      "SOCK_DESTROY, and the application had no say",
      peer_address(c), life(c));
}

std::string life_until_own_close(const Case& c) {
  const uint64_t closed_ns = c.evidence.own_close_ns;
  return closed_ns != 0 ? lasted(c, closed_ns) : life(c);
}

std::string process_exit(const Case& c) {
  return fmt::format("{} {}, which closed the connection with {} after {}{}", closer(c),
                     exit_text(c.evidence.closer), peer_address(c), life_until_own_close(c),
                     c.peer_closed_first() ? fmt::format(", {}{} after the peer had closed its end",
                                                         c.saw_departure() ? "" : "at least ",
                                                         span_text(c.evidence.close_wait_ns))
                                           : "");
}

std::string unreachable(const Case& c) {
  return fmt::format(
      "{} could not be reached any more: {}, and after {} the connection ended with {}", peer(c),
      unheard(c), life(c), error_text(c.evidence.error));
}

std::string mtu_blackhole(const Case& c) {
  const bool proven = c.subject.judgement->confidence > 0.8;
  return fmt::format(
      "large segments to {} were lost on the way: {}, each as large as a segment may be, went "
      "unanswered {}, and the kernel gave up{}",
      peer(c), retransmissions(c),
      proven ? "while smaller ones came through" : "after smaller ones had come through",
      gave_up_after(c));
}

std::string keepalive_timeout(const Case& c) {
  const uint32_t probes = c.evidence.at_close.probes;
  return fmt::format(
      "{} vanished while nothing was being sent: {}, and TCP keepalive gave up{}", peer(c),
      unheard(c), probes > 0 ? fmt::format(" after {}", count_of(probes, "unanswered probe")) : "");
}

std::string user_timeout(const Case& c) {
  const std::string limit = span_text_ms(c.evidence.at_close.user_timeout_ms);
  if (c.evidence.at_close.zero_window_ms > 0) {
    return fmt::format(
        "{} kept its receive window closed for {}, longer than the TCP_USER_TIMEOUT of {} that the "
        "application had set, and the kernel gave up",
        peer(c), span_text_ms(c.evidence.at_close.zero_window_ms), limit);
  }
  return fmt::format(
      "{} did not acknowledge what was sent within the TCP_USER_TIMEOUT of {} that the application "
      "had set: {}, and the kernel gave up",
      peer(c), limit, unheard(c));
}

std::string nat_expired(const Case& c) {
  const std::string silence = span_text_ms(silence_before_send_ms(c.evidence));
  if (c.evidence.error != ETIMEDOUT) {
    return fmt::format(
        "the connection with {} was probably forgotten on the way: the first send after {} of "
        "silence was answered by a reset",
        peer(c), silence);
  }
  return fmt::format(
      "the connection with {} was probably forgotten on the way: the first send after {} of "
      "silence was never answered, and the kernel gave up{}",
      peer(c), silence, gave_up_after(c));
}

std::string peer_vanished(const Case& c) {
  return fmt::format("{} vanished: {} while {} went unanswered, and the kernel gave up{}", peer(c),
                     unheard(c), retransmissions(c), gave_up_after(c));
}

// From the request to `then_ns`: " 10 ms later"; "" where one of the two was not seen.
std::string after_request(const Case& c, uint64_t then_ns) {
  const uint64_t asked_ns = c.websocket->requested_ns;
  if (asked_ns == 0 || then_ns == 0) return "";
  return fmt::format(" {} later", span_text(since(then_ns, asked_ns)));
}

std::string upgrade_failed(const Case& c) {
  const uint16_t status = upgrade_status(*c.websocket);
  const std::string flaw = request_flaw(c);
  const std::string why = flaw.empty() ? "" : fmt::format("; the request {}", flaw);
  if (status == 0) {
    return fmt::format("{} asked for a WebSocket, and had no answer when {}{}{}", asker(c),
                       ending(c), after_request(c, c.closed_ns()), why);
  }
  return fmt::format("{} asked for a WebSocket, and {} answered {}{}{}", asker(c), answerer(c),
                     status_text(status), after_request(c, c.websocket->answered_ns), why);
}

std::string slow_consumer(const Case& c) {
  const uint32_t waiting = c.at_end().unsent_bytes;
  return fmt::format(
      "{} did not read: its receive window had been closed for {}{}, when {}", peer(c),
      span_text_ms(c.zero_window_ms()),
      waiting > 0 ? fmt::format(" and {} waited to be sent", count_of(waiting, "byte")) : "",
      ending(c));
}

std::string server_stall(const Case& c) {
  return fmt::format(
      "{} gave up on {}, which had not read {} when {}; the last of them had come {} before",
      peer(c), application(c), count_of(c.unread_bytes(), "byte"), ending(c),
      span_text_ms(c.at_end().received_ms_ago));
}

std::string close_wait_leak(const Case& c) {
  return fmt::format("{} closed{}, and {} closed its end only {} later{}", peer(c), after_life(c),
                     application(c), span_text(c.evidence.close_wait_ns),
                     c.saw_departure() ? "" : ", or more");
}

std::string unread_data_reset(const Case& c) {
  const bool in_place = c.evidence.left_to != TcpState::kFinWait1;
  return fmt::format(
      "{} closed the connection with {} after {} while {} lay unread, so that the kernel sent a "
      "reset{} and the peer may have lost what it was sent last",
      closer(c), peer_address(c), life(c),
      count_of(unread_data(c.evidence.at_close), "received byte"),
      in_place ? " in place of a FIN" : "");
}

std::string data_after_close(const Case& c) {
  return fmt::format(
      "{} sent data after {} had closed the connection{}, and the kernel answered it by a reset",
      peer(c), closer(c), c.saw_departure() ? ", at the age of " + life_before_end(c) : "");
}

std::string reset_after_fin(const Case& c) {
  const uint64_t after_ns = since(c.closed_ns(), c.evidence.left_ns);
  if (c.evidence.closed_from == TcpState::kLastAck) {
    return fmt::format(
        "{} closed and then, {} later, reset the connection while {} of ours had not been "
        "acknowledged",
        peer(c), span_text(after_ns), count_of(c.evidence.at_close.unacked_bytes, "byte"));
  }
  return fmt::format(
      "{} closed and then, {} later, reset the connection before {} had closed its end", peer(c),
      span_text(after_ns), application(c));
}

std::string simultaneous_close(const Case& c) {
  return fmt::format(
      "both ends of the connection with {} closed it at the same time{}, and their FINs crossed",
      peer_address(c), after_life(c));
}

std::string local_abort(const Case& c) {
  const std::string_view cause = abort_cause(c.evidence);
  if (cause == "listener_closed") {
    return fmt::format(
        "the connection with {} was reset after {}: its listener was closed before "
        "anybody had accepted it",
        peer_address(c), life(c));
  }
  return fmt::format(
      "{} aborted the connection with {} after {} by {}: a reset was sent although all had been "
      "read",
      closer(c), peer_address(c), life(c),
      cause == "disconnect" ? "connect() to AF_UNSPEC" : "SO_LINGER with zero");
}

std::string clean(const Case& c) {
  const WebSocket& websocket = *c.websocket;
  const auto frame = [&](int direction) {
    return close_frame_text(websocket.state.directions[direction].close_code);
  };
  const auto first = first_close(websocket);
  const std::string age = lasted(c, websocket.close_ns[first.value_or(WSBPF_IN)]);
  if (websocket.state.bits & WSBPF_WEBSOCKET_CLOSES_CROSSED) {
    return fmt::format(
        "both ends of the WebSocket with {} closed it at once after {}, ours by {} "
        "and the peer by {}",
        peer_address(c), age, frame(WSBPF_OUT), frame(WSBPF_IN));
  }
  if (!first) {
    return fmt::format(
        "both ends closed the WebSocket with {} after {}, ours by {} and the peer by {}, and TCP "
        "was closed in good order",
        peer_address(c), age, frame(WSBPF_OUT), frame(WSBPF_IN));
  }
  if (*first == WSBPF_IN) {
    return fmt::format(
        "{} closed the WebSocket after {} by {}, our end answered by {}, and TCP "
        "was closed in good order",
        peer(c), age, frame(WSBPF_IN), frame(WSBPF_OUT));
  }
  return fmt::format(
      "{} closed the WebSocket with {} after {} by {}, the peer answered by {}, and "
      "TCP was closed in good order",
      application(c), peer_address(c), age, frame(WSBPF_OUT), frame(WSBPF_IN));
}

// Behind a sentence: ", without a Close frame (1006)".
std::string close_clause(const Case& c) {
  const std::string note = close_note(c);
  return note.empty() ? "" : ", " + note;
}

std::string peer_reset(const Case& c) {
  if (c.subject.judgement->race == Race::kResetDuringClose) {
    return fmt::format("{} reset the connection after {}, while our own FIN was under way{}",
                       peer(c), life(c), close_clause(c));
  }
  const wsbpf_counters& then = c.at_end();
  const uint64_t passed =
      c.connection.bytes_received + c.connection.bytes_sent + then.unacked_bytes;
  if (passed == 0) {
    return fmt::format("{} reset the connection after {}, before any data had passed", peer(c),
                       life(c));
  }
  return fmt::format("{} reset the connection after {}, {} after {}{}", peer(c), life(c),
                     span_text_ms(idle_ms_of(then)),
                     then.retransmits > 0 ? "data last passed, or was sent again" : "the last data",
                     close_clause(c));
}

std::string local_close(const Case& c) {
  const std::string note = close_note(c);
  return fmt::format("{} closed the connection with {}{}, {}", closer(c), peer_address(c),
                     after_life(c), note.empty() ? "and nothing went wrong" : note);
}

std::string remote_close(const Case& c) {
  return fmt::format("{} closed the connection{}{}, and our end closed {}{} later", peer(c),
                     after_life(c), close_clause(c), c.saw_departure() ? "" : "at least ",
                     span_text(c.evidence.close_wait_ns));
}

std::string unknown(const Case& c) {
  if (!c.saw_close()) {
    return fmt::format(
        "why the connection with {} ended is not known: it was gone after {}, and "
        "nobody saw how",
        peer_address(c), life(c));
  }
  if (!c.evidence.complete) {
    return fmt::format(
        "why the connection with {} ended after {} is not known: a part of its end "
        "was missed",
        peer_address(c), life(c));
  }
  return fmt::format(
      "why the connection with {} ended after {} is not known: what was seen of its "
      "end fits no verdict",
      peer_address(c), life(c));
}

struct SummaryRow {
  Verdict verdict;
  std::string (*text)(const Case&);
};

constexpr std::array<SummaryRow, kVerdictNames.size()> kSummaries = {{
    {Verdict::kSocketDestroyed, socket_destroyed},
    {Verdict::kProcessExit, process_exit},
    {Verdict::kUnreachable, unreachable},
    {Verdict::kMtuBlackhole, mtu_blackhole},
    {Verdict::kKeepaliveTimeout, keepalive_timeout},
    {Verdict::kUserTimeout, user_timeout},
    {Verdict::kNatExpired, nat_expired},
    {Verdict::kPeerVanished, peer_vanished},
    {Verdict::kUpgradeFailed, upgrade_failed},
    {Verdict::kSlowConsumer, slow_consumer},
    {Verdict::kServerStall, server_stall},
    {Verdict::kCloseWaitLeak, close_wait_leak},
    {Verdict::kUnreadDataReset, unread_data_reset},
    {Verdict::kDataAfterClose, data_after_close},
    {Verdict::kResetAfterFin, reset_after_fin},
    {Verdict::kSimultaneousClose, simultaneous_close},
    {Verdict::kLocalAbort, local_abort},
    {Verdict::kClean, clean},
    {Verdict::kPeerReset, peer_reset},
    {Verdict::kLocalClose, local_close},
    {Verdict::kRemoteClose, remote_close},
    {Verdict::kUnknown, unknown},
}};

consteval bool is_in_order() {
  for (size_t i = 0; i < kSummaries.size(); ++i) {
    if (static_cast<size_t>(kSummaries[i].verdict) != i) return false;
  }
  return true;
}
static_assert(is_in_order(), "one row for each verdict, in their order");

}  // namespace

std::string verdict_summary(const Case& c) {
  return sentence(kSummaries[static_cast<size_t>(c.verdict)].text(c));
}

}  // namespace wsbpf
