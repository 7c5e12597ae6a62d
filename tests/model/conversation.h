// A connection's bytes, and the TCP segments in which they may come: whole, cut, sent again, out of
// order.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "wsbpf_events.h"

namespace wsbpf::model {

// What one end says before the other answers.
struct Turn {
  int direction = WSBPF_IN;
  std::string bytes;
};

using Conversation = std::vector<Turn>;

// A segment. Positions count from the first byte of its direction.
struct Piece {
  int direction = WSBPF_IN;
  uint64_t begin = 0;
  uint64_t end = 0;
  uint64_t acked = 0;   // of the other direction: its position
  bool unseen = false;  // the kernel has it, the parser was not asked
};

using Pieces = std::vector<Piece>;

// All that was said in either direction.
using Streams = std::array<std::string, WSBPF_DIRECTIONS>;

Streams streams_of(const Conversation& conversation);

// Where within `bytes` bytes, of which the first is the `from`th of the conversation, segments end;
// ascending, without 0 and `bytes`.
using Cutter = std::function<std::vector<size_t>(size_t from, size_t bytes)>;

Cutter whole();
Cutter each_byte();
Cutter at(size_t position);           // of the conversation, both directions counted
Cutter at_random(std::mt19937& dice,  // segments of 1 to `longest` bytes
                 size_t longest);

Pieces cut(const Conversation& conversation, const Cutter& cutter);

// The same segments, each followed by itself.
Pieces twice(const Pieces& pieces);

// Each segment begins up to `most` bytes earlier, with what was sent before; now and then all of
// what was sent before comes once more.
Pieces overlapping(const Pieces& pieces, std::mt19937& dice, size_t most);

// The same with ends swapped: what came in goes out.
Conversation mirrored(Conversation conversation);

// What the kernel's rcv_nxt is while segments come in any order.
class Received {
 public:
  // Returns the position up to which every byte is there.
  uint64_t add(uint64_t begin, uint64_t end);
  uint64_t next() const { return next_; }

 private:
  uint64_t next_ = 0;
  std::vector<std::array<uint64_t, 2>> ahead_;
};

}  // namespace wsbpf::model
