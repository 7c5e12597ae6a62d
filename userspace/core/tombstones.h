// Connections that have ended, by their two ends, for as long as a reset may still come for them.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <tuple>
#include <utility>

#include "core/address.h"

namespace wsbpf {

struct FourTuple {
  Address local_address{};
  Address remote_address{};
  uint16_t local_port = 0;
  uint16_t remote_port = 0;
  uint32_t netns = 0;

  bool operator==(const FourTuple&) const = default;

  template <typename H>
  friend H AbslHashValue(H hash, const FourTuple& ends) {
    return H::combine(std::move(hash), ends.local_address, ends.remote_address, ends.local_port,
                      ends.remote_port, ends.netns);
  }
};

struct Tombstone {
  uint64_t cookie = 0;
  uint64_t ended_ns = 0;
  uint32_t generation = 0;
  uint32_t listener = 0;
};

class Tombstones {
 public:
  // As long as a timewait socket lives (TCP_TIMEWAIT_LEN); and so many that they take ten megabytes
  // at most: where more connections end in a minute, the oldest are forgotten first.
  static constexpr uint64_t kKept_ns = 60ull * 1'000'000'000;
  static constexpr size_t kMost = 65'536;

  void add(const FourTuple& ends, const Tombstone& tombstone) {
    while (!order_.empty() &&
           (order_.size() >= kMost || order_.front().second + kKept_ns < tombstone.ended_ns)) {
      const auto oldest = by_ends_.find(order_.front().first);
      // The same ends may have been used again since.
      if (oldest != by_ends_.end() && oldest->second.ended_ns == order_.front().second) {
        by_ends_.erase(oldest);
      }
      order_.pop_front();
    }
    by_ends_[ends] = tombstone;
    order_.emplace_back(ends, tombstone.ended_ns);
  }

  // Takes out the one of these ends, if it is not too old at `now_ns`: one late reset is told of.
  std::optional<Tombstone> take(const FourTuple& ends, uint64_t now_ns) {
    const auto found = by_ends_.find(ends);
    if (found == by_ends_.end()) return std::nullopt;
    const Tombstone tombstone = found->second;
    by_ends_.erase(found);
    if (tombstone.ended_ns + kKept_ns < now_ns) return std::nullopt;
    return tombstone;
  }

  template <typename Condition>
  void erase_if(Condition condition) {
    absl::erase_if(by_ends_, [&](const auto& entry) { return condition(entry.second); });
  }

  size_t size() const { return by_ends_.size(); }

 private:
  absl::flat_hash_map<FourTuple, Tombstone> by_ends_;
  std::deque<std::pair<FourTuple, uint64_t>> order_;  // oldest first
};

}  // namespace wsbpf
