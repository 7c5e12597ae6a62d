#include "serve/journal.h"

#include <algorithm>

namespace wsbpf {

const JournalEntry::Seen* JournalEntry::seen() const {
  if (const auto* opened = std::get_if<Opened>(&what)) return opened;
  if (const auto* changed = std::get_if<HalfOpenChanged>(&what)) return changed;
  return end();
}

const JournalEntry::End* JournalEntry::end() const {
  const auto* const ended = std::get_if<Ended>(&what);
  return ended == nullptr ? nullptr : ended->get();
}

const WebSocket* JournalEntry::websocket() const {
  if (const auto* changed = std::get_if<HalfOpenChanged>(&what)) return changed->websocket.get();
  return end() == nullptr ? nullptr : websocket_of(end()->evidence);
}

void Journal::add(uint64_t time_ns, decltype(JournalEntry::what) what) {
  if (entries_.size() >= most_) {
    entries_.pop_front();
    ++first_;
  }
  // Verdicts that wait come later than what happened meanwhile.
  if (!entries_.empty()) time_ns = std::max(time_ns, entries_.back().time_ns);
  if (const auto* const ended = std::get_if<JournalEntry::Ended>(&what)) {
    if (ends_.size() >= most_ends_) ends_.pop_front();
    ends_.push_back(*ended);
  }
  entries_.push_back({time_ns, std::move(what)});
}

uint64_t Journal::since(uint64_t time_ns) const {
  const auto found = std::lower_bound(
      entries_.begin(), entries_.end(), time_ns,
      [](const JournalEntry& entry, uint64_t time) { return entry.time_ns < time; });
  return first_ + static_cast<uint64_t>(found - entries_.begin());
}

const JournalEntry::End* Journal::end_of(uint64_t cookie, uint32_t generation) const {
  const auto found = std::find_if(ends_.rbegin(), ends_.rend(), [&](const auto& end) {
    return end->connection.cookie == cookie && end->connection.generation == generation;
  });
  return found == ends_.rend() ? nullptr : found->get();
}

std::shared_ptr<const Process> Journal::keep(const Process* owner) {
  if (owner == nullptr) return nullptr;
  if (owners_.size() > tidy_above_) {
    std::erase_if(owners_, [](const auto& entry) { return entry.second.expired(); });
    tidy_above_ = std::max<size_t>(1024, 2 * owners_.size());
  }
  std::weak_ptr<const Process>& known = owners_[{owner->pid, owner->start_time}];
  if (auto kept = known.lock(); kept && kept->comm == owner->comm && kept->place == owner->place) {
    return kept;
  }
  auto kept = std::make_shared<const Process>(*owner);
  known = kept;
  return kept;
}

}  // namespace wsbpf
