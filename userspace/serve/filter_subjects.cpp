#include "serve/filter_subjects.h"

#include <algorithm>

#include "core/connection_record.h"

namespace wsbpf {

FilterSubject subject_of(const ListenerSummary& listener) {
  FilterSubject subject;
  subject.listener = &listener.key;
  subject.comm = listener.comm;
  subject.place = &listener.place;
  subject.owners = listener.owners;
  return subject;
}

FilterSubject subject_of(const Alert& alert, const Observed& observed) {
  const Finding& finding = alert.finding;
  FilterSubject subject;
  if (finding.listener.port == 0) return subject;
  subject.listener = &finding.listener;
  subject.comm = finding.comm;
  subject.place = &finding.place;
  const auto listener =
      std::find_if(observed.listeners.begin(), observed.listeners.end(),
                   [&](const ListenerSummary& summary) { return summary.key == finding.listener; });
  if (listener != observed.listeners.end()) subject.owners = listener->owners;
  return subject;
}

FilterSubject subject_of(const JournalEntry::End& end, bool redact_peers) {
  FilterSubject subject;
  subject.connection = &end.connection;
  subject.owner = end.owner.get();
  subject.websocket = websocket_of(end.evidence);
  subject.now_ns = ended_ns(end.connection, end.evidence);
  subject.verdict = end.judgement.verdict;
  subject.initiator = end.judgement.initiator;
  subject.race = end.judgement.race;
  subject.redact_peer = redact_peers;
  return subject;
}

FilterSubject subject_of(const JournalEntry& entry, const Observed& observed, bool redact_peers) {
  if (const JournalEntry::End* const end = entry.end()) return subject_of(*end, redact_peers);
  FilterSubject subject;
  if (const auto* const alert = std::get_if<Alert>(&entry.what)) {
    subject = subject_of(*alert, observed);
  } else if (const auto* const late = std::get_if<JournalEntry::LateRace>(&entry.what)) {
    subject.listener = &late->listener;
    subject.race = late->race;
  } else if (const JournalEntry::Seen* const seen = entry.seen()) {
    subject.connection = &seen->connection;
    subject.owner = seen->owner.get();
    subject.websocket = entry.websocket();
    subject.now_ns = std::holds_alternative<JournalEntry::Opened>(entry.what)
                         ? seen->connection.last_event_ns
                         : seen->connection.sampled_ns;
  }
  subject.redact_peer = redact_peers;
  return subject;
}

}  // namespace wsbpf
