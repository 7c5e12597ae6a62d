// What bpf/websocket_reader.h asks of the world it runs in, in userspace: memory instead of the
// packet, a loop instead of bpf_loop(), and the time that the test says. To be included once.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

#include "wsbpf_events.h"

namespace wsbpf::model {

struct World {
  uint64_t now_ns = 0;
  uint32_t expected = 0;  // rcv_nxt, or the seq of what we send
  std::string failure;    // what the kernel would have refused; empty: nothing
};

static thread_local World world;

}  // namespace wsbpf::model

#include "websocket_segment.h"

// As bpf_skb_load_bytes(): all or nothing. The parser has no reason to look beyond its segment.
static long websocket_load(const websocket_segment* segment, __u32 position, void* to, __u32 size) {
  if (size == 0 || uint64_t{position} + size > segment->length) {
    wsbpf::model::world.failure = "a load beyond the segment";
    return -1;
  }
  std::memcpy(to, static_cast<const char*>(segment->bytes) + segment->offset + position, size);
  return 0;
}

static long websocket_loop(__u32 most, long (*callback)(__u32, void*), void* context) {
  constexpr __u32 kMost = 1u << 23;  // BPF_MAX_LOOPS
  if (most > kMost) {
    wsbpf::model::world.failure = "a loop of more turns than bpf_loop() does";
    return -1;
  }
  for (__u32 i = 0; i < most; ++i) {
    if (callback(i, context) != 0) return i + 1;
  }
  return most;
}

static __u64 websocket_now_ns() { return wsbpf::model::world.now_ns; }
static bool websocket_is_acceptable(const struct websocket_segment*) { return true; }
static __u32 websocket_now_ms() {
  return static_cast<__u32>(wsbpf::model::world.now_ns / 1'000'000);
}

static __u32 websocket_expected(const websocket_segment*) { return wsbpf::model::world.expected; }

#include "websocket_reader.h"
