// How connections leave the table, and when their verdicts fall.
#include <algorithm>
#include <cstring>
#include <utility>

#include "core/connection_record.h"
#include "core/connection_table.h"

namespace wsbpf {
namespace {

// Resets and errors follow the entry into CLOSE at once; the application's close() may never come.
constexpr uint64_t kVerdictAfter_ns = 1'000'000'000;

FourTuple ends_of(const Connection& connection) {
  return {connection.local_address, connection.remote_address, connection.local_port,
          connection.remote_port, connection.netns};
}

// The kernel's timewait socket has taken over, which tells of data that comes after our close.
bool leaves_timewait(const Evidence& evidence) {
  return evidence.error == 0 && evidence.reset_sent.time_ns == 0 &&
         (evidence.closed_from == TcpState::kFinWait1 ||
          evidence.closed_from == TcpState::kFinWait2);
}

}  // namespace

Evidence& ConnectionTable::evidence_of(Connection& connection) {
  if (connection.evidence == kNone) connection.evidence = evidence_.insert({});
  return evidence_[connection.evidence];
}

void ConnectionTable::await_verdict(const Connection& connection) {
  deadlines_.push_back(
      {connection.state_since_ns + kVerdictAfter_ns, connection.cookie, connection.generation});
}

// The socket is no more: takes the connection, which is in CLOSE, out of the table.
void ConnectionTable::retire(uint32_t index) {
  Connection& connection = connections_[index];
  Evidence evidence;
  if (connection.evidence != kNone) evidence = evidence_[connection.evidence];
  if (connection.established && !connection.judged) {
    if (ended_.contains(connection.cookie))
      judge_ended(connection.cookie, connection.state_since_ns);
    bury(connection);
    // A reset that may not have been one is followed by ours, at once, even after the destruction.
    const bool waits = leaves_timewait(evidence) ||
                       (is_reset_doubtful(evidence) && evidence.reset_sent.time_ns == 0);
    if (!waits) due_.push_back(connection.cookie);
    Ended& ended = ended_[connection.cookie] = {connection, evidence};
    ended.connection.evidence = kNone;  // these are the table's, and given to others
    ended.connection.websocket = kNone;
  }
  forget(index);
}

void ConnectionTable::advance(uint64_t now_ns) {
  for (const uint64_t cookie : std::exchange(due_, {})) judge_ended(cookie, now_ns);
  while (!deadlines_.empty() && deadlines_.front().time_ns <= now_ns) {
    const Deadline deadline = deadlines_.front();
    deadlines_.pop_front();
    if (const auto ended = ended_.find(deadline.cookie);
        ended != ended_.end() && ended->second.connection.generation == deadline.generation) {
      judge_ended(deadline.cookie, now_ns);
      continue;
    }
    Connection* const connection = find(deadline.cookie);
    if (connection == nullptr || connection->generation != deadline.generation ||
        connection->judged || connection->state != TcpState::kClose) {
      continue;
    }
    Evidence& evidence = evidence_of(*connection);
    if (is_orphaned(evidence)) {  // the record of its destruction was lost
      count_correction(Correction::kEnded);
      retire(by_cookie_.at(deadline.cookie));
      judge_ended(deadline.cookie, now_ns);
      continue;
    }
    evidence.fd_still_open = true;
    connection->judged = true;
    bury(*connection);
    give_verdict(*connection, evidence, now_ns);
  }
}

void ConnectionTable::judge_ended(uint64_t cookie, uint64_t now_ns) {
  const auto found = ended_.find(cookie);
  if (found == ended_.end()) return;
  Ended ended = std::move(found->second);
  ended_.erase(found);
  give_verdict(ended.connection, ended.evidence, now_ns);
}

// Before their listeners are forgotten, without waiting for what might still come.
void ConnectionTable::give_verdicts_of_unwatched() {
  std::vector<uint64_t> leaving;
  for (const auto& [cookie, ended] : ended_) {
    const Connection& connection = ended.connection;
    if (is_watched(connection.role, connection.local_port, connection.remote_port)) continue;
    leaving.push_back(cookie);
  }
  for (const uint64_t cookie : leaving) judge_ended(cookie, UINT64_MAX);
}

void ConnectionTable::give_verdict(const Connection& connection, Evidence& evidence,
                                   uint64_t now_ns) {
  uint64_t rests_on_ns = evidence.closed_ns;
  if (evidence.streak.began_ns != 0) {
    rests_on_ns = std::min(rests_on_ns, evidence.streak.began_ns);
  }
  if (lost_ns_ >= rests_on_ns && lost_ns_ <= now_ns) evidence.complete = false;
  if (evidence.closed_ns == 0) evidence.complete = false;

  const Judgement judgement = judge(evidence);
  Listener& listener = listeners_[connection.listener];
  ++listener.disconnects[{judgement.verdict, judgement.initiator}];
  if (evidence.websocket && is_open_websocket(*evidence.websocket)) {
    ++listener.websocket
          .close_codes[{close_code(*evidence.websocket).value_or(0), judgement.initiator}];
  }
  if (judgement.race) ++listener.races[static_cast<size_t>(*judgement.race)];
  if (is_reset_doubtful(evidence) && evidence.reset_sent.time_ns == 0) {
    ++listener.resets[{WSBPF_RESET_RECEIVED, -1}];
  }
  if (hooks_.on_ended) hooks_.on_ended(connection, evidence, judgement);
}

void ConnectionTable::bury(const Connection& connection) {
  tombstones_.add(ends_of(connection), {connection.cookie, connection.state_since_ns,
                                        connection.generation, connection.listener});
}

// A reset for a segment that met a timewait socket, or none. One that follows the end within the
// second that the verdict waits is part of its evidence.
void ConnectionTable::note_late_reset(const wsbpf_reset& record) {
  FourTuple ends;
  std::memcpy(ends.local_address.data(), record.endpoints.local_address, sizeof(Address));
  std::memcpy(ends.remote_address.data(), record.endpoints.remote_address, sizeof(Address));
  ends.local_port = record.endpoints.local_port;
  ends.remote_port = record.endpoints.remote_port;
  ends.netns = record.header.netns;
  const auto tombstone = tombstones_.take(ends, record.header.time_ns);
  if (!tombstone) return;
  const bool is_data = state_of(record.header) == TcpState::kTimeWait && record.payload_bytes > 0;
  if (const auto ended = ended_.find(tombstone->cookie); is_data && ended != ended_.end()) {
    ended->second.evidence.data_after_end_ns = record.header.time_ns;
    return;
  }
  const Race race = is_data ? Race::kDataAfterClose : Race::kLateReset;
  ++listeners_[tombstone->listener].races[static_cast<size_t>(race)];
  if (hooks_.on_race) hooks_.on_race(race, *tombstone, record.header.time_ns);
}

}  // namespace wsbpf
