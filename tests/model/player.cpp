#include "model/player.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "model/websocket_world.h"

namespace wsbpf::model {
namespace {

FrameRead frame_of(uint32_t kept) {
  return {static_cast<uint8_t>(kept >> WSBPF_FRAME_OPCODE_SHIFT & 0xf),
          (kept & WSBPF_FRAME_FINAL) != 0, kept & WSBPF_FRAME_LENGTH};
}

// Adds the frames of a segment, after which the ring is `now`. A frame has two bytes at least, so
// that a short segment cannot have gone round the ring.
void note_frames(std::vector<FrameRead>& frames, const wsbpf_websocket_direction& before,
                 const wsbpf_websocket_direction& now, uint64_t bytes) {
  constexpr uint64_t kShort = 2 * (WSBPF_FRAMES_KEPT - 2) + 1;
  unsigned count = (now.slots + WSBPF_FRAMES_KEPT - before.slots % WSBPF_FRAMES_KEPT) %
                   unsigned{WSBPF_FRAMES_KEPT};
  if (bytes > kShort) {
    frames.clear();
    count = WSBPF_FRAMES_KEPT;
  }
  for (unsigned back = count; back > 0; --back) {
    const uint32_t kept = now.frames[(now.slots - back) % WSBPF_FRAMES_KEPT];
    if (kept & WSBPF_FRAME_SEEN) frames.push_back(frame_of(kept));
  }
}

// Without the bytes of earlier headers that were held.
wsbpf_websocket_state without_rests(wsbpf_websocket_state state) {
  for (wsbpf_websocket_direction& direction : state.directions) {
    std::fill(direction.held_first + std::min<int>(direction.held, 2), direction.held_first + 2,
              uint8_t{0});
  }
  return state;
}

}  // namespace

Outcome play(const Streams& streams, const Pieces& pieces, const Conditions& conditions) {
  Outcome outcome;
  wsbpf_websocket_state state{};
  Received received;
  std::array<uint64_t, WSBPF_DIRECTIONS> passed{};
  std::deque<uint64_t> late(conditions.lag, 0);  // rcv_nxt, before the backlog is worked off
  world = {};
  world.now_ns = conditions.now_ns;
  for (const Piece& piece : pieces) {
    const int other = 1 - piece.direction;
    const auto& first = conditions.first_seq;
    const uint64_t expected = late.empty() ? received.next() : late.front();
    uint64_t acked = piece.acked;
    if (piece.direction == WSBPF_IN) {
      received.add(piece.begin, piece.end);
    } else {
      acked = received.next();
    }
    if (!late.empty()) {
      late.push_back(received.next());
      late.pop_front();
    }
    world.now_ns += conditions.step_ns;
    passed[piece.direction] = std::max(passed[piece.direction], piece.end);
    if (piece.unseen) continue;

    websocket_segment segment{};
    // The parser only reads; in the kernel it is the packet.
    segment.bytes = const_cast<char*>(streams[piece.direction].data());
    segment.offset = static_cast<uint32_t>(piece.begin);
    segment.length = static_cast<uint32_t>(piece.end - piece.begin);
    segment.seq = first[piece.direction] + static_cast<uint32_t>(piece.begin);
    segment.ack = first[other] + static_cast<uint32_t>(acked);
    segment.direction = static_cast<uint32_t>(piece.direction);
    segment.from_client = piece.direction == conditions.client;
    world.expected = piece.direction == WSBPF_IN ? first[WSBPF_IN] + static_cast<uint32_t>(expected)
                                                 : segment.seq;
    const wsbpf_websocket_state before = state;
    if (!outcome.state) {
      const bool is_first = segment.from_client && piece.begin == 0;
      const websocket_look look = websocket_look_at(&segment, is_first);
      if (look > WEBSOCKET_LOOK_FOLLOW) {
        outcome.unreadable = look - WEBSOCKET_LOOK_FOLLOW;
        break;
      }
      if (look == WEBSOCKET_LOOK_NOTHING) continue;
      websocket_begin(&state, &segment, is_first);
      outcome.state.emplace();
    }
    outcome.news |= websocket_read(&state, &segment);
    for (int direction = 0; direction < WSBPF_DIRECTIONS; ++direction) {
      note_frames(outcome.frames[direction], before.directions[direction],
                  state.directions[direction], direction == piece.direction ? segment.length : 0);
    }
  }
  if (outcome.state) outcome.state = state;
  for (int direction = 0; direction < WSBPF_DIRECTIONS; ++direction) {
    outcome.behind[direction] =
        static_cast<uint32_t>(conditions.first_seq[direction] + passed[direction]) -
        state.directions[direction].seq;
  }
  outcome.failure = world.failure;
  return outcome;
}

std::string difference(const Outcome& expected, const Outcome& outcome) {
  if (!outcome.failure.empty()) return outcome.failure;
  if (expected.news != outcome.news) {
    return fmt::format("news {:#x} instead of {:#x}", outcome.news, expected.news);
  }
  if (expected.state.has_value() != outcome.state.has_value()) return "one is followed only";
  if (!expected.state) return {};
  const wsbpf_websocket_state of_expected = without_rests(*expected.state);
  const wsbpf_websocket_state of_outcome = without_rests(*outcome.state);
  const auto* a = reinterpret_cast<const unsigned char*>(&of_expected);
  const auto* b = reinterpret_cast<const unsigned char*>(&of_outcome);
  for (size_t i = 0; i < sizeof(wsbpf_websocket_state); ++i) {
    if (a[i] != b[i]) {
      return fmt::format("byte {} of the state is {:#x} instead of {:#x}", i, b[i], a[i]);
    }
  }
  return {};
}

}  // namespace wsbpf::model
