#include "diagnose/timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "core/connection_record.h"
#include "diagnose/websocket_timeline.h"

namespace wsbpf {
namespace {

// The kernel notes when something passed in ticks of up to 10 ms; two such times that are no
// farther apart may be one.
constexpr uint64_t kSameMoment_ns = 20'000'000;

// A moment at which the counters were read.
struct Reading {
  uint64_t time_ns = 0;
  uint64_t heard_ms_ago = 0;
  uint64_t received_ms_ago = 0;
  uint64_t sent_ms_ago = 0;
  bool has_received = false;  // data, at any time before
  bool has_sent = false;
};

// `fin_sent`: our FIN, which counts as a byte, is among what was sent.
Reading reading_of(const Connection& connection, const wsbpf_counters& counters, uint64_t time_ns,
                   bool fin_sent) {
  const uint64_t fin = counters.flags & WSBPF_SOCK_DONE ? 1 : 0;
  const uint64_t syn = connection.role == Role::kClient ? 1 : 0;
  return {.time_ns = time_ns,
          .heard_ms_ago = counters.heard_ms_ago,
          .received_ms_ago = counters.received_ms_ago,
          .sent_ms_ago = counters.sent_ms_ago,
          .has_received = counters.bytes_received > fin,
          .has_sent = counters.bytes_acked + counters.unacked_bytes > syn + (fin_sent ? 1 : 0)};
}

class Timeline {
 public:
  explicit Timeline(const Case& c) : c_(c) {}

  std::vector<TimelineEntry> entries() {
    add_beginning();
    add_traffic();
    add_websocket();
    add_trouble();
    add_departure();
    add_own_close();
    add_resets();
    add_end();
    add_late_races();
    put_beginning_first();
    std::stable_sort(
        entries_.begin(), entries_.end(),
        [](const TimelineEntry& a, const TimelineEntry& b) { return a.time_ns < b.time_ns; });
    return std::move(entries_);
  }

 private:
  void add(uint64_t time_ns, std::string_view what, std::string text, bool at_least = false) {
    entries_.push_back({time_ns, what, std::move(text), at_least});
  }

  // A time that the kernel keeps in ticks never lies before the beginning.
  uint64_t before(uint64_t time_ns, uint64_t ms_ago) const {
    const uint64_t then_ns = since(time_ns, ms_ago * 1'000'000);
    const bool exact = c_.connection.age_source == AgeSource::kExact;
    return exact ? std::max(then_ns, c_.connection.opened_ns) : then_ns;
  }

  bool is_new(std::string_view what, uint64_t time_ns) const {
    return std::none_of(entries_.begin(), entries_.end(), [&](const TimelineEntry& entry) {
      const uint64_t apart_ns =
          std::max(since(time_ns, entry.time_ns), since(entry.time_ns, time_ns));
      return entry.what == what && apart_ns <= kSameMoment_ns;
    });
  }

  void add_new(uint64_t time_ns, std::string_view what, std::string_view text) {
    if (is_new(what, time_ns)) add(time_ns, what, std::string(text));
  }

  void add_beginning() {
    const bool seen = c_.connection.age_source == AgeSource::kExact;
    if (!c_.connection.established) {
      add(c_.connection.opened_ns, "opened",
          fmt::format("connecting to {} began", peer_address(c_)), !seen);
      return;
    }
    const bool served = c_.connection.role == Role::kServer;
    add(c_.connection.opened_ns, "opened",
        seen
            ? fmt::format("{} {}", served ? "established by" : "established with", peer_address(c_))
            : fmt::format("was there already, with {}", peer_address(c_)),
        !seen);
  }

  // Of one that was there before us only the least age is known: whatever shows it to be older
  // counts.
  void put_beginning_first() {
    if (c_.connection.age_source == AgeSource::kExact) return;
    for (const TimelineEntry& entry : entries_) {
      entries_.front().time_ns = std::min(entries_.front().time_ns, entry.time_ns);
    }
  }

  void add_reading(const Reading& reading) {
    if (reading.has_received) {
      add_new(before(reading.time_ns, reading.received_ms_ago), "last_received",
              "data came from the peer, and then no more for a while");
    }
    if (reading.has_sent) {
      add_new(before(reading.time_ns, reading.sent_ms_ago), "last_sent",
              "data was sent to the peer, or sent again");
    }
    add_heard(reading.time_ns, reading.heard_ms_ago);
  }

  // What was heard as the counters were read is what made them be read.
  void add_heard(uint64_t time_ns, uint64_t ms_ago) {
    if (ms_ago * 1'000'000 <= kSameMoment_ns) return;
    add_new(before(time_ns, ms_ago), "last_heard",
            "something was heard from the peer, be it a bare acknowledgement");
  }

  void add_traffic() {
    const Connection& connection = c_.connection;
    const Evidence& evidence = c_.evidence;
    if (c_.saw_departure()) {
      add_reading(reading_of(connection, evidence.at_departure, evidence.left_ns, false));
    }
    if (c_.saw_close()) {
      add_reading(reading_of(connection, evidence.at_close, evidence.closed_ns, was_fin_sent()));
    } else if (connection.sampled) {
      add_sample();
    }
  }

  void add_websocket() {
    for (TimelineEntry& moment : websocket_moments(c_)) {
      moment.time_ns = before(moment.time_ns, 0);
      entries_.push_back(std::move(moment));
    }
  }

  bool was_fin_sent() const {
    switch (c_.evidence.closed_from) {
      case TcpState::kFinWait1:
      case TcpState::kFinWait2:
      case TcpState::kClosing:
      case TcpState::kLastAck:
        return true;
      default:
        return false;
    }
  }

  // A sweep keeps only the later of what was received and sent.
  void add_sample() {
    const Connection& connection = c_.connection;
    const uint64_t passed_ns = before(connection.sampled_ns, connection.idle_ms);
    const bool is_told = (c_.saw_departure() && passed_ns <= c_.evidence.left_ns) ||
                         !is_new("last_received", passed_ns) || !is_new("last_sent", passed_ns);
    if (connection.bytes_received + connection.bytes_sent > 0 && !is_told) {
      add(passed_ns, "last_data", "data last passed, or was sent again");
    }
    add_heard(connection.sampled_ns, connection.heard_ms);
  }

  void add_trouble() {
    const RetransmitStreak& streak = c_.evidence.streak;
    if (streak.segments > 0) {
      add(streak.began_ns, "retransmissions_began",
          streak.segments == 1
              ? "a segment was sent again, since it had not been acknowledged"
              : fmt::format("the first of {} segments that were sent again, while nothing new was "
                            "acknowledged",
                            streak.segments));
    }
    add_zero_window();
    for (const HalfOpenMoment& moment : c_.subject.half_open) {
      add(moment.time_ns, "half_open", std::string(half_open_text(moment.kind)));
    }
    const HalfOpen kind = c_.connection.half_open;
    if (!c_.has_ended() && kind != HalfOpen::kNo && c_.subject.half_open.empty()) {
      add(c_.connection.sampled_ns, "half_open", std::string(half_open_text(kind)), true);
    }
  }

  // Of the times it was looked at, the one that shows the longer.
  void add_zero_window() {
    const Evidence& evidence = c_.evidence;
    const std::pair<uint64_t, uint32_t> looks[] = {
        {evidence.left_ns, evidence.at_departure.zero_window_ms},
        {evidence.closed_ns, evidence.at_close.zero_window_ms},
        {c_.connection.sampled_ns, c_.saw_close() ? 0 : c_.connection.zero_window_ms},
    };
    const auto [seen_ns, lasted_ms] =
        *std::max_element(std::begin(looks), std::end(looks),
                          [](const auto& a, const auto& b) { return a.second < b.second; });
    if (lasted_ms == 0) return;
    add(before(seen_ns, lasted_ms), "zero_window_began",
        "the peer's receive window was found closed: it did not read");
  }

  static std::string_view half_open_text(HalfOpen kind) {
    static constexpr std::array<std::string_view, kHalfOpenNames.size()> kTexts = {
        "half-open no more: the peer was heard, or nothing waits for it",
        "half-open (unacked): what was sent is sent again, and nothing is heard",
        "half-open (probing): the kernel's probes go unanswered",
        "half-open (silent): nothing is heard, and nothing is sent that would tell"};
    return kTexts[static_cast<size_t>(kind)];
  }

  std::string closer_text() const {
    const wsbpf_closer& task = c_.evidence.closer;
    if (task.exiting != 0) return fmt::format("{} {}", closer(c_), exit_text(task));
    return closer(c_);
  }

  bool closed_by_departing() const {
    return c_.saw_departure() && c_.evidence.own_close_ns == c_.evidence.left_ns;
  }

  void add_departure() {
    const Connection& connection = c_.connection;
    if (!c_.saw_departure()) {  // it was in this state when it was first seen
      const bool least = connection.state_age_source == AgeSource::kLowerBound;
      if (connection.state == TcpState::kCloseWait) {
        add(since(c_.subject.now_ns, c_.state_age_ns()), "peer_fin",
            "the peer had closed its end (FIN)", least);
      } else if (connection.state == TcpState::kFinWait1 ||
                 connection.state == TcpState::kFinWait2) {
        const bool earlier = connection.state == TcpState::kFinWait2;  // it is acknowledged
        add(connection.state_since_ns, "own_fin", "our end had sent its FIN", least || earlier);
      }
      return;
    }
    if (c_.evidence.left_to == TcpState::kCloseWait) {
      add(c_.evidence.left_ns, "peer_fin", "the peer closed its end (FIN)");
    } else if (c_.evidence.left_to == TcpState::kFinWait1) {
      const bool told = closed_by_departing();
      const bool exiting = told && c_.evidence.closer.exiting != 0;
      add(c_.evidence.left_ns, "own_fin",
          exiting ? fmt::format("{}, and so our end sent its FIN", closer_text())
                  : fmt::format("our end sent its FIN{}",
                                told ? fmt::format(", by a call of {}", closer_text()) : ""));
    }
  }

  void add_own_close() {
    if (c_.evidence.own_close_ns == 0 || closed_by_departing()) return;
    const bool exiting = c_.evidence.closer.exiting != 0;
    add(c_.evidence.own_close_ns, "own_close",
        exiting ? fmt::format("{}, which closed our end", closer_text())
                : fmt::format("{} closed our end", closer_text()));
  }

  void add_reset(const ResetSeen& reset, std::string_view what, std::string_view text) {
    if (reset.time_ns == 0) return;
    const std::string reason = reason_text(c_, reset);
    add(reset.time_ns, what,
        fmt::format("{}{}", text,
                    reason.empty() ? "" : fmt::format(" (the kernel's reason: {})", reason)));
  }

  void add_resets() {
    const Evidence& evidence = c_.evidence;
    add_reset(evidence.reset_sent, "reset_sent", "a reset was sent to the peer");
    // What the kernel reported was the peer's data, to which the reset was the answer.
    if (is_reset_doubtful(evidence) && evidence.reset_sent.time_ns != 0) return;
    add_reset(evidence.reset_received, "reset_received", "a reset came from the peer");
  }

  void add_end() {
    const bool is_over = c_.has_ended() || c_.connection.state == TcpState::kClose;
    if (!is_over) return;
    if (!c_.saw_close()) {
      add(c_.connection.state_since_ns, "closed", "it was found to be gone", true);
      return;
    }
    const int32_t error = c_.evidence.error;
    add(c_.evidence.closed_ns, "closed",
        fmt::format("the connection ended{}",
                    error != 0 ? fmt::format(" with {}", error_text(error)) : ""));
  }

  void add_late_races() {
    if (c_.evidence.data_after_end_ns != 0) {
      add_late({c_.evidence.data_after_end_ns, Race::kDataAfterClose});
    }
    for (const LateRace& late : c_.subject.late_races) add_late(late);
  }

  void add_late(const LateRace& late) {
    add(late.time_ns, race_name(late.race),
        late.race == Race::kDataAfterClose
            ? "data came for the connection that had ended, and was answered by a reset"
            : "a segment came for the connection that had ended, and was answered by a reset");
  }

  const Case& c_;
  std::vector<TimelineEntry> entries_;
};

}  // namespace

std::vector<TimelineEntry> timeline_of(const Case& c) { return Timeline(c).entries(); }

}  // namespace wsbpf
