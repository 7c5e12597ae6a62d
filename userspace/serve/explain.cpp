#include "serve/explain.h"

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <variant>

#include "core/text.h"
#include "diagnose/explanation.h"
#include "serve/json.h"

namespace wsbpf {
namespace {

using Json = nlohmann::ordered_json;

// What is known of it, from the table and from the journal.
struct Found {
  const Connection* connection = nullptr;
  const Process* owner = nullptr;
  const Evidence* evidence = nullptr;
  const WebSocket* websocket = nullptr;
  std::optional<Judgement> judgement;  // nothing: no verdict has been given
};

Found find(ConnectionId id, const Observed& observed, const Journal& journal) {
  const auto held = observed.table->look_up(id.cookie, id.generation);
  if (held.connection != nullptr && !held.connection->judged) {
    return {held.connection,
            observed.table->owner_of(*held.connection),
            held.evidence,
            held.websocket,
            {}};
  }
  const JournalEntry::End* const end = journal.end_of(id.cookie, id.generation);
  if (end != nullptr) {
    return {&end->connection, end->owner.get(), &end->evidence, websocket_of(end->evidence),
            end->judgement};
  }
  if (held.connection == nullptr) return {};
  // Its descriptor is still open, and its end has been forgotten.
  return {held.connection, observed.table->owner_of(*held.connection), held.evidence,
          held.websocket, held.evidence != nullptr ? judge(*held.evidence) : Judgement()};
}

void remember(ExplanationSubject& subject, ConnectionId id, const Journal& journal) {
  for (uint64_t number = journal.first(); number < journal.end(); ++number) {
    const JournalEntry& entry = journal[number];
    if (const auto* changed = std::get_if<JournalEntry::HalfOpenChanged>(&entry.what)) {
      const Connection& connection = changed->connection;
      if (ConnectionId{connection.cookie, connection.generation} == id) {
        subject.half_open.push_back({connection.sampled_ns, connection.half_open});
      }
    } else if (const auto* late = std::get_if<JournalEntry::LateRace>(&entry.what)) {
      if (ConnectionId{late->tombstone.cookie, late->tombstone.generation} == id) {
        subject.late_races.push_back({late->time_ns, late->race});
      }
    }
  }
}

Json connection_json(const Found& found, const Observed& observed, bool redact_peers) {
  ConnectionContext context;
  // What has ended is shown as it was then.
  const bool is_over = found.connection->state == TcpState::kClose;
  context.now_ns = is_over ? found.connection->state_since_ns : observed.now_ns;
  context.node_json = json_string(observed.status.node);
  context.redact_peers = redact_peers;
  fmt::memory_buffer out;
  append_connection(out, *found.connection, found.owner, found.websocket, context);
  return Json::parse(std::string_view(out.data(), out.size()));
}

Json timeline_json(const Explanation& explanation, const Observed& observed) {
  Json entries = Json::array();
  for (const TimelineEntry& entry : explanation.timeline) {
    const uint64_t ago_ms = milliseconds_between(entry.time_ns, observed.now_ns).count;
    entries.push_back({{"time", rfc3339(entry.time_ns, observed.wall_clock_offset_ns)},
                       {"seconds_ago", static_cast<double>(ago_ms) / 1e3},
                       {"what", entry.what},
                       {"at_least", entry.at_least},
                       {"text", entry.text}});
  }
  return entries;
}

Json frames_json(const Explanation& explanation, const Observed& observed) {
  Json frames = Json::array();
  for (const Frame& frame : explanation.frames) {
    const uint64_t ago_ms = milliseconds_between(frame.time_ns, observed.now_ns).count;
    frames.push_back({{"time", rfc3339(frame.time_ns, observed.wall_clock_offset_ns)},
                      {"seconds_ago", static_cast<double>(ago_ms) / 1e3},
                      {"direction", frame.direction == WSBPF_IN ? "received" : "sent"},
                      {"opcode", opcode_name(frame.opcode)},
                      {"final", frame.final},
                      {"length", frame.length},
                      {"length_at_least", frame.length == WSBPF_FRAME_LENGTH}});
  }
  return frames;
}

Json evidence_json(const Explanation& explanation) {
  Json items = Json::array();
  for (const EvidenceItem& item : explanation.evidence) {
    items.push_back({{"name", item.name}, {"value", item.value}, {"meaning", item.meaning}});
  }
  return items;
}

void add_judgement(Json& json, const std::optional<Judgement>& judgement) {
  json["verdict"] = judgement ? Json(verdict_name(judgement->verdict)) : Json();
  json["initiator"] = judgement ? Json(initiator_name(judgement->initiator)) : Json();
  json["mechanism"] = judgement ? Json(mechanism_name(judgement->mechanism)) : Json();
  json["race"] = judgement && judgement->race ? Json(race_name(*judgement->race)) : Json();
  json["confidence"] = judgement ? Json(std::round(judgement->confidence * 100) / 100) : Json();
}

}  // namespace

std::optional<Json> explanation_json(ConnectionId id, const Observed& observed,
                                     const Journal& journal, bool redact_peers) {
  const Found found = find(id, observed, journal);
  if (found.connection == nullptr) return std::nullopt;
  ExplanationSubject subject;
  subject.connection = found.connection;
  subject.owner = found.owner;
  subject.evidence = found.evidence;
  subject.judgement = found.judgement ? &*found.judgement : nullptr;
  subject.websocket = found.judgement ? nullptr : found.websocket;
  subject.now_ns = observed.now_ns;
  subject.reset_reasons = &observed.status.reset_reasons;
  subject.redact_peer = redact_peers;
  remember(subject, id, journal);
  const Explanation explanation = explain(subject);

  Json json = {{"id", connection_id(*found.connection)},
               {"live", found.connection->state != TcpState::kClose},
               {"connection", connection_json(found, observed, redact_peers)}};
  add_judgement(json, found.judgement);
  json["summary"] = explanation.summary;
  json["timeline"] = timeline_json(explanation, observed);
  json["frames"] = frames_json(explanation, observed);
  json["evidence"] = evidence_json(explanation);
  json["advice"] = explanation.advice;
  json["documentation"] =
      explanation.documentation.empty() ? Json() : Json(explanation.documentation);
  return json;
}

}  // namespace wsbpf
