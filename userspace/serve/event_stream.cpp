#include "serve/event_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/connection_record.h"
#include "serve/filter_subjects.h"
#include "serve/json.h"

namespace wsbpf {
namespace {

// An answer under way.
struct Stream {
  const Journal& journal;
  EventContext context;
  Filter filter;
  uint64_t next = 0;  // the entry to be told next
  uint64_t end = 0;   // without following: the first that is not told any more
  bool follow = true;
  bool began_too_early = false;  // more was asked for than is remembered

  bool is_told(const JournalEntry& entry) const {
    return filter.matches_everything() || std::holds_alternative<JournalEntry::Lost>(entry.what) ||
           filter.matches(subject_of(entry, *context.observed, context.redact_peers));
  }

  std::optional<std::string> piece() {
    constexpr size_t kPieceBytes = 64 << 10;
    const uint64_t last = follow ? journal.end() : std::min(end, journal.end());
    if (!follow && next >= last) return std::nullopt;
    std::string lines;
    if (std::exchange(began_too_early, false)) {
      lines += missed_line(context, std::nullopt) + '\n';
    } else if (next < journal.first()) {
      lines += missed_line(context, journal.first() - next) + '\n';
    }
    next = std::max(next, journal.first());
    for (; next < last && lines.size() < kPieceBytes; ++next) {
      if (is_told(journal[next])) lines += journal_line(context, journal[next]) + '\n';
    }
    return lines;
  }
};

}  // namespace

Response stream_events(const EventQuery& query, const Journal& journal, EventContext context) {
  const auto stream = std::make_shared<Stream>(Stream{journal, std::move(context), query.filter});
  stream->follow = query.follow;
  stream->next = stream->end = journal.end();
  if (query.since) {
    const uint64_t now_ns = stream->context.observed->now_ns;
    const auto span_ns = static_cast<uint64_t>(query.since->count());
    stream->next = journal.since(now_ns - std::min(now_ns, span_ns));
    stream->began_too_early = journal.first() > 0 && stream->next == journal.first();
  }
  Response response;
  response.content_type = "application/jsonl";
  response.next_piece = [stream] { return stream->piece(); };
  response.may_stall = true;
  return response;
}

Response list_disconnects(const DisconnectQuery& query, const Journal& journal,
                          const EventContext& context) {
  std::array<uint64_t, kVerdictNames.size()> counts{};
  std::vector<std::pair<uint64_t, const JournalEntry::End*>> ends;  // each with its time
  for (const auto& end : journal.ends()) {
    if (!query.filter.matches(subject_of(*end, context.redact_peers))) continue;
    ++counts[static_cast<size_t>(end->judgement.verdict)];
    ends.emplace_back(ended_ns(end->connection, end->evidence), end.get());
  }
  // Some verdicts wait for what may still come: they are not quite in order.
  const size_t shown_end = std::min(ends.size(), query.offset + std::min(query.limit, ends.size()));
  std::partial_sort(ends.begin(), ends.begin() + static_cast<std::ptrdiff_t>(shown_end), ends.end(),
                    std::greater<>());

  std::string body = R"({"disconnects":[)";
  for (size_t i = std::min(query.offset, ends.size()); i < shown_end; ++i) {
    const JournalEntry::End& end = *ends[i].second;
    body += i > query.offset ? ",\n" : "\n";
    body += closed_line(context, end.connection, end.owner.get(), end.evidence, end.judgement);
  }
  body += fmt::format("\n],\"total\":{},\"next_cursor\":null,\"by_verdict\":{{", ends.size());
  bool first = true;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    body += fmt::format(R"({}"{}":{})", std::exchange(first, false) ? "" : ",", kVerdictNames[i],
                        counts[i]);
  }
  std::string since = "null";
  if (!journal.ends().empty()) {
    const JournalEntry::End& oldest = *journal.ends().front();
    since = json_string(rfc3339(ended_ns(oldest.connection, oldest.evidence),
                                context.observed->wall_clock_offset_ns));
  }
  body += fmt::format("}},\"since\":{}}}\n", since);
  Response response;
  response.body = std::move(body);
  return response;
}

}  // namespace wsbpf
