// The JSON that wsbpf speaks. Names and meanings are pinned: docs/api.md.
#pragma once

#include <fmt/compile.h>
#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "serve/observed.h"

namespace wsbpf {

// A moment of CLOCK_BOOTTIME as RFC 3339, UTC, with milliseconds; `offset_ns` leads from that clock
// to the time since the epoch.
std::string rfc3339(uint64_t boot_ns, int64_t offset_ns);

// A time span that is written as seconds with milliseconds. By hand, since writing floating-point
// numbers is most of what an event costs.
struct Milliseconds {
  uint64_t count = 0;
};

// The same with microseconds.
struct Microseconds {
  uint64_t count = 0;
};

// A value, or null.
template <typename Value>
struct OrNull {
  std::optional<Value> value;
};

// From `then_ns` to `now_ns`, rounded; 0 where that comes first.
inline Milliseconds milliseconds_between(uint64_t then_ns, uint64_t now_ns) {
  return {now_ns > then_ns ? (now_ns - then_ns + 500'000) / 1'000'000 : 0};
}

inline void append(fmt::memory_buffer& out, std::string_view text) { out.append(text); }

// A JSON string literal in ASCII, whatever bytes `text` holds.
std::string json_string(std::string_view text);

struct ConnectionContext {
  uint64_t now_ns = 0;
  std::string node_json;  // the node's name as a JSON string literal
  bool redact_peers = false;
};

// Appends one connection as a JSON object without line breaks; `owner` is nullptr where it is not
// known, or nobody, `websocket` where nothing was read of one. Written by hand because a hundred
// thousand of them are asked for at once.
void append_connection(fmt::memory_buffer& out, const Connection& connection, const Process* owner,
                       const WebSocket* websocket, const ConnectionContext& context);

nlohmann::ordered_json listener_json(const Observed& observed, const ListenerSummary& listener);
// `offset_ns` as for rfc3339().
nlohmann::ordered_json alert_json(const Alert& alert, int64_t offset_ns);
nlohmann::ordered_json status_json(const Observed& observed);

// How the listener was in kHistorySpans[span].
nlohmann::ordered_json history_json(const Observed& observed, const ListenerKey& key, size_t span);

}  // namespace wsbpf

template <>
struct fmt::formatter<wsbpf::Milliseconds> {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }

  template <typename Context>
  auto format(wsbpf::Milliseconds span, Context& context) const {
    return fmt::format_to(context.out(), FMT_COMPILE("{}.{:03}"), span.count / 1000,
                          span.count % 1000);
  }
};

template <>
struct fmt::formatter<wsbpf::Microseconds> {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }

  template <typename Context>
  auto format(wsbpf::Microseconds span, Context& context) const {
    return fmt::format_to(context.out(), FMT_COMPILE("{}.{:06}"), span.count / 1'000'000,
                          span.count % 1'000'000);
  }
};

template <typename Value>
struct fmt::formatter<wsbpf::OrNull<Value>> {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }

  template <typename Context>
  auto format(const wsbpf::OrNull<Value>& maybe, Context& context) const {
    if (!maybe.value) return fmt::format_to(context.out(), FMT_COMPILE("null"));
    return fmt::format_to(context.out(), FMT_COMPILE("{}"), *maybe.value);
  }
};
