#include "serve/event_lines.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "core/connection_record.h"
#include "serve/json.h"
#include "serve/websocket_evidence.h"

namespace wsbpf {
namespace {

void begin_line(fmt::memory_buffer& out, const EventContext& context, std::string_view type,
                uint64_t time_ns) {
  fmt::format_to(std::back_inserter(out), FMT_COMPILE(R"({{"type":"{}","time":"{}","node":{})"),
                 type, rfc3339(time_ns, context.observed->wall_clock_offset_ns), context.node_json);
}

void append_connection_at(fmt::memory_buffer& out, const EventContext& context,
                          const Connection& connection, const Process* owner,
                          const WebSocket* websocket, uint64_t time_ns) {
  out.append(std::string_view(R"(,"connection":)"));
  append_connection(out, connection, owner, websocket,
                    {time_ns, context.node_json, context.redact_peers});
}

std::string end_line(fmt::memory_buffer& out) {
  out.push_back('}');
  return fmt::to_string(out);
}

// "ETIMEDOUT" in quotes, or null.
std::string error_json(int32_t error) {
  const char* const name = error == 0 ? nullptr : strerrorname_np(error);
  return name == nullptr ? "null" : fmt::format(R"("{}")", name);
}

std::string first_close_of(TcpState left_to) {
  if (left_to == TcpState::kCloseWait) return R"("remote")";
  return left_to == TcpState::kFinWait1 ? R"("local")" : "null";
}

std::string reset_json(const EventContext& context, const ResetSeen& reset) {
  if (reset.time_ns == 0) return "null";
  const auto& reasons = context.observed->status.reset_reasons;
  const auto name = reasons.find(reset.reason);
  return fmt::format(FMT_COMPILE(R"({{"state":"{}","reason":{}}})"), state_name(reset.state),
                     name == reasons.end() ? "null" : json_string(name->second));
}

// wait(2): the status is in the second byte, the signal in the lowest seven bits.
std::string closer_json(const wsbpf_closer& closer) {
  if (closer.pid == 0) return "null";
  if (!closer.exiting)
    return fmt::format(FMT_COMPILE(R"({{"pid":{},"exiting":false}})"), closer.pid);
  const int signal = closer.exit_code & 0x7f;
  const std::string status = signal == 0 ? std::to_string(closer.exit_code >> 8 & 0xff) : "null";
  return fmt::format(R"({{"pid":{},"exiting":true,"exit_status":{},"exit_signal":{}}})", closer.pid,
                     status, signal == 0 ? "null" : std::to_string(signal));
}

std::string streak_json(const RetransmitStreak& streak) {
  if (streak.segments == 0) return "null";
  return fmt::format(R"({{"segments":{},"only_full_size":{},"silence_before_seconds":{}}})",
                     streak.segments, streak.only_full_size,
                     Milliseconds{streak.silence_before_ms});
}

// How things stood when the end began: when ESTABLISHED was left, or else at the entry into CLOSE.
void append_evidence(fmt::memory_buffer& out, const EventContext& context,
                     const Evidence& evidence) {
  const auto to = std::back_inserter(out);
  if (evidence.closed_ns == 0) {  // nobody saw it
    out.append(std::string_view(R"(,"evidence":{"complete":false})"));
    return;
  }
  const wsbpf_counters& then = evidence.left_ns != 0 ? evidence.at_departure : evidence.at_close;
  fmt::format_to(
      to,
      FMT_COMPILE(R"(,"evidence":{{"complete":{},"first_fin":{},"closed_from":"{}","error":{},)"
                  R"("idle_received_seconds":{},"idle_sent_seconds":{},)"
                  R"("last_heard_seconds":{},"longest_silence_seconds":{},)"),
      evidence.complete, first_close_of(evidence.left_to), state_name(evidence.closed_from),
      error_json(evidence.error), Milliseconds{then.received_ms_ago},
      Milliseconds{then.sent_ms_ago}, Milliseconds{then.heard_ms_ago},
      Milliseconds{evidence.longest_silence_ms});
  fmt::format_to(
      to,
      FMT_COMPILE(R"("unread_bytes":{},"unacked_bytes":{},"unsent_bytes":{},)"
                  R"("zero_window_seconds":{},"close_wait_seconds":{},)"
                  R"("retransmit_streak":{},"reset_sent":{},"reset_received":{},)"
                  R"("data_after_end_seconds":{},)"),
      std::max(unread_data(then), unread_data(evidence.at_close)), then.unacked_bytes,
      then.unsent_bytes,
      Milliseconds{std::max(then.zero_window_ms, evidence.at_close.zero_window_ms)},
      evidence.left_to == TcpState::kCloseWait
          ? fmt::format(FMT_COMPILE("{}"), milliseconds_between(0, evidence.close_wait_ns))
          : "null",
      streak_json(evidence.streak), reset_json(context, evidence.reset_sent),
      is_reset_doubtful(evidence) && evidence.reset_sent.time_ns != 0
          ? "null"
          : reset_json(context, evidence.reset_received),
      evidence.data_after_end_ns != 0
          ? fmt::format(FMT_COMPILE("{}"),
                        milliseconds_between(evidence.closed_ns, evidence.data_after_end_ns))
          : "null");
  const std::string_view abort = abort_cause(evidence);
  fmt::format_to(to, FMT_COMPILE(R"("closed_by":{},"abort":{},"fd_still_open":{},"websocket":)"),
                 closer_json(evidence.closer),
                 abort.empty() ? "null" : fmt::format(R"("{}")", abort), evidence.fd_still_open);
  append_websocket_evidence(out, evidence);
  out.push_back('}');
}

}  // namespace

std::string opened_line(const EventContext& context, const Connection& connection,
                        const Process* owner) {
  fmt::memory_buffer out;
  begin_line(out, context, "opened", connection.last_event_ns);
  append_connection_at(out, context, connection, owner, nullptr, connection.last_event_ns);
  return end_line(out);
}

std::string closed_line(const EventContext& context, const Connection& connection,
                        const Process* owner, const Evidence& evidence,
                        const Judgement& judgement) {
  fmt::memory_buffer out;
  const uint64_t time_ns = ended_ns(connection, evidence);
  begin_line(out, context, "closed", time_ns);
  append_connection_at(out, context, connection, owner, websocket_of(evidence), time_ns);
  const auto to = std::back_inserter(out);
  fmt::format_to(to, FMT_COMPILE(R"(,"verdict":"{}","initiator":"{}","mechanism":"{}","race":)"),
                 verdict_name(judgement.verdict), initiator_name(judgement.initiator),
                 mechanism_name(judgement.mechanism));
  if (judgement.race) {
    fmt::format_to(to, FMT_COMPILE(R"("{}")"), race_name(*judgement.race));
  } else {
    out.append(std::string_view("null"));
  }
  fmt::format_to(to, FMT_COMPILE(R"(,"confidence":{:.2f})"), judgement.confidence);
  append_evidence(out, context, evidence);
  return end_line(out);
}

std::string half_open_line(const EventContext& context, const Connection& connection,
                           const Process* owner, const WebSocket* websocket) {
  fmt::memory_buffer out;
  begin_line(out, context, "half_open", connection.sampled_ns);
  append_connection_at(out, context, connection, owner, websocket, connection.sampled_ns);
  return end_line(out);
}

std::string race_line(const EventContext& context, Race race, const Tombstone& tombstone,
                      const ListenerKey& listener, uint64_t time_ns) {
  fmt::memory_buffer out;
  begin_line(out, context, "race", time_ns);
  const std::string generation =
      tombstone.generation == 0 ? "" : fmt::format(".{}", tombstone.generation);
  fmt::format_to(std::back_inserter(out),
                 R"(,"race":"{}","connection_id":"{}{}","seconds_after_end":{},)"
                 R"("listener":{{"netns":{},"port":{},"role":"{}"}})",
                 race_name(race), tombstone.cookie, generation,
                 milliseconds_between(tombstone.ended_ns, time_ns), listener.netns, listener.port,
                 role_name(listener.role));
  return end_line(out);
}

std::string alert_line(const EventContext& context, const Alert& alert) {
  fmt::memory_buffer out;
  begin_line(out, context, "alert", alert.since_ns);
  fmt::format_to(std::back_inserter(out), R"(,"alert":{})",
                 alert_json(alert, context.observed->wall_clock_offset_ns).dump(-1, ' ', true));
  return end_line(out);
}

std::string lost_line(const EventContext& context, std::string_view reason, uint64_t count,
                      uint64_t time_ns) {
  fmt::memory_buffer out;
  begin_line(out, context, "lost", time_ns);
  fmt::format_to(std::back_inserter(out), R"(,"lost":{{"reason":{},"count":{}}})",
                 json_string(reason), count);
  return end_line(out);
}

std::string missed_line(const EventContext& context, std::optional<uint64_t> count) {
  fmt::memory_buffer out;
  begin_line(out, context, "missed", context.observed->now_ns);
  fmt::format_to(std::back_inserter(out), R"(,"count":{})",
                 count ? std::to_string(*count) : "null");
  return end_line(out);
}

namespace {

// Each kind of entry by its own function.
struct LineOf {
  const EventContext& context;
  uint64_t time_ns;

  std::string operator()(const JournalEntry::Opened& opened) const {
    return opened_line(context, opened.connection, opened.owner.get());
  }
  std::string operator()(const JournalEntry::HalfOpenChanged& changed) const {
    return half_open_line(context, changed.connection, changed.owner.get(),
                          changed.websocket.get());
  }
  std::string operator()(const JournalEntry::Ended& end) const {
    return closed_line(context, end->connection, end->owner.get(), end->evidence, end->judgement);
  }
  std::string operator()(const JournalEntry::LateRace& late) const {
    return race_line(context, late.race, late.tombstone, late.listener, late.time_ns);
  }
  std::string operator()(const Alert& alert) const { return alert_line(context, alert); }
  std::string operator()(const JournalEntry::Lost& lost) const {
    return lost_line(context, lost.reason, lost.count, time_ns);
  }
};

}  // namespace

std::string journal_line(const EventContext& context, const JournalEntry& entry) {
  return std::visit(LineOf{context, entry.time_ns}, entry.what);
}

}  // namespace wsbpf
