// Hands segments to the kernel's parser, as websocket.bpf.c does, and says what it made of them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/conversation.h"
#include "model/frames.h"
#include "wsbpf_events.h"

namespace wsbpf::model {

struct Conditions {
  // Of the first byte of either direction.
  std::array<uint32_t, WSBPF_DIRECTIONS> first_seq = {0x10203040, 0x50607080};
  int client = WSBPF_IN;  // the direction of what the connecting end sends
  // The socket is busy: segments wait, and rcv_nxt lags this many of them behind.
  unsigned lag = 0;
  uint64_t now_ns = 1'000'000'000'000;
  uint64_t step_ns = 0;  // from segment to segment
};

struct Outcome {
  std::optional<wsbpf_websocket_state> state;  // nothing: it is not followed
  int unreadable = 0;                          // enum wsbpf_unreadable_reason
  uint32_t news = 0;                           // of all segments
  // Each frame where segments held at most WSBPF_FRAMES_KEPT of them, else the last ones.
  std::array<std::vector<FrameRead>, WSBPF_DIRECTIONS> frames;
  // Bytes that passed behind those that were read.
  std::array<uint64_t, WSBPF_DIRECTIONS> behind{};
  std::string failure;  // a load beyond the segment; empty: there was none
};

Outcome play(const Streams& streams, const Pieces& pieces, const Conditions& conditions = {});

// Where they differ; empty: nowhere.
std::string difference(const Outcome& expected, const Outcome& outcome);

}  // namespace wsbpf::model
