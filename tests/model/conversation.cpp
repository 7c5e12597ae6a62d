#include "model/conversation.h"

#include <algorithm>

namespace wsbpf::model {

Streams streams_of(const Conversation& conversation) {
  Streams streams;
  for (const Turn& turn : conversation) streams[turn.direction] += turn.bytes;
  return streams;
}

Cutter whole() {
  return [](size_t, size_t) { return std::vector<size_t>{}; };
}

Cutter each_byte() {
  return [](size_t, size_t bytes) {
    std::vector<size_t> cuts;
    for (size_t i = 1; i < bytes; ++i) cuts.push_back(i);
    return cuts;
  };
}

Cutter at(size_t position) {
  return [position](size_t from, size_t bytes) {
    if (position <= from || position - from >= bytes) return std::vector<size_t>{};
    return std::vector<size_t>{position - from};
  };
}

Cutter at_random(std::mt19937& dice, size_t longest) {
  return [&dice, longest](size_t, size_t bytes) {
    std::vector<size_t> cuts;
    for (size_t i = 1 + dice() % longest; i < bytes; i += 1 + dice() % longest) cuts.push_back(i);
    return cuts;
  };
}

Pieces cut(const Conversation& conversation, const Cutter& cutter) {
  Pieces pieces;
  std::array<uint64_t, WSBPF_DIRECTIONS> sent{};
  for (const Turn& turn : conversation) {
    const size_t bytes = turn.bytes.size();
    if (bytes == 0) continue;
    uint64_t& position = sent[turn.direction];
    const uint64_t acked = sent[1 - turn.direction];
    std::vector<size_t> ends = cutter(sent[WSBPF_IN] + sent[WSBPF_OUT], bytes);
    ends.push_back(bytes);
    const uint64_t from = position;
    for (const size_t end : ends) {
      pieces.push_back({turn.direction, position, from + end, acked});
      position = from + end;
    }
  }
  return pieces;
}

Pieces twice(const Pieces& pieces) {
  Pieces all;
  for (const Piece& piece : pieces) all.insert(all.end(), 2, piece);
  return all;
}

Pieces overlapping(const Pieces& pieces, std::mt19937& dice, size_t most) {
  Pieces all;
  for (Piece piece : pieces) {
    piece.begin -= std::min<uint64_t>(piece.begin, dice() % (most + 1));
    all.push_back(piece);
    if (dice() % 8 == 0) {
      piece.begin = 0;
      all.push_back(piece);
    }
  }
  return all;
}

Conversation mirrored(Conversation conversation) {
  for (Turn& turn : conversation) turn.direction = 1 - turn.direction;
  return conversation;
}

uint64_t Received::add(uint64_t begin, uint64_t end) {
  ahead_.push_back({begin, end});
  for (bool grew = true; grew;) {
    grew = false;
    for (const auto& [from, to] : ahead_) {
      if (from <= next_ && to > next_) {
        next_ = to;
        grew = true;
      }
    }
  }
  std::erase_if(ahead_, [this](const auto& span) { return span[1] <= next_; });
  return next_;
}

}  // namespace wsbpf::model
