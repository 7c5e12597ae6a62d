// What happened lately, for those who ask afterwards or follow: bounded, and nobody who reads
// slowly holds it up.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "alert/alert.h"
#include "core/connection.h"
#include "core/tombstones.h"
#include "core/verdict.h"
#include "core/websocket.h"

namespace wsbpf {

struct JournalEntry {
  // A connection as it was, with its owner then.
  struct Seen {
    Connection connection;
    std::shared_ptr<const Process> owner;  // nullptr: not known, or nobody
  };
  struct Opened : Seen {};
  struct HalfOpenChanged : Seen {
    std::shared_ptr<const WebSocket> websocket = {};  // nullptr: nothing was read of it
  };
  struct End : Seen {
    Evidence evidence;
    Judgement judgement;
  };
  using Ended = std::shared_ptr<const End>;
  struct LateRace {  // of a connection whose verdict had been given
    Race race{};
    Tombstone tombstone;
    ListenerKey listener;
    uint64_t time_ns = 0;
  };
  struct Lost {
    std::string reason;
    uint64_t count = 0;
  };

  uint64_t time_ns = 0;  // CLOCK_BOOTTIME; never before the entry in front of it
  std::variant<Opened, HalfOpenChanged, Ended, LateRace, Alert, Lost> what;

  // The connection that it is of; nullptr: of none, or of one that is known by its id only.
  const Seen* seen() const;
  const End* end() const;  // nullptr: not an end
  // Of that connection; nullptr: nothing was read of it.
  const WebSocket* websocket() const;
};

class Journal {
 public:
  // Some ten megabytes when it is full of ends.
  static constexpr size_t kMost = 16'384;
  // Ends are kept for longer, whatever else happens.
  static constexpr size_t kMostEnds = 8'192;

  explicit Journal(size_t most = kMost, size_t most_ends = kMostEnds)
      : most_(most), most_ends_(most_ends) {}

  void add(uint64_t time_ns, decltype(JournalEntry::what) what);

  // Entries are numbered from 0 on; those from first() until before end() are still there.
  uint64_t first() const { return first_; }
  uint64_t end() const { return first_ + entries_.size(); }
  const JournalEntry& operator[](uint64_t number) const { return entries_[number - first_]; }

  // The first entry from `time_ns` on, or end().
  uint64_t since(uint64_t time_ns) const;

  // The last ends, in the order in which their verdicts fell.
  const std::deque<JournalEntry::Ended>& ends() const { return ends_; }

  // How the connection with this id ended; nullptr: not known any more.
  const JournalEntry::End* end_of(uint64_t cookie, uint32_t generation) const;

  // The same process for all entries of one.
  std::shared_ptr<const Process> keep(const Process* owner);

 private:
  size_t most_;
  size_t most_ends_;
  std::deque<JournalEntry> entries_;
  std::deque<JournalEntry::Ended> ends_;
  uint64_t first_ = 0;
  std::map<std::pair<uint32_t, uint64_t>, std::weak_ptr<const Process>> owners_;
  size_t tidy_above_ = 1024;  // owners
};

}  // namespace wsbpf
