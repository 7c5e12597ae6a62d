// Values as a person reads them, in at most six columns; "-" is what is not known.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "top/model.h"

namespace wsbpf::top {

inline constexpr char kUnknown[] = "-";

std::string duration_text(std::optional<double> seconds);  // 3.2s 45s 14m03s 2h14m 3d04h
std::string at_least_text(std::optional<double> seconds, bool at_least);  // ≥14m03s
std::string clock_text(const std::string& time);  // 09:55:08.428 of an RFC 3339 time, or nothing
std::string utc_text(double unix_seconds);        // 09:55:08 UTC
std::string round_trip_text(std::optional<double> seconds);  // 24us 1.4ms 12ms 1.2s
std::string count_text(std::optional<std::int64_t> count);   // 99999, then 100k 1.2M
std::string size_text(std::optional<std::int64_t> bytes);    // 9999, then 64.0K 1.2M
std::string rate_text(std::optional<double> per_second);     // 12.4, from a thousand on 1234

// "open", or why it is not read: "(tls)".
std::string websocket_text(const WebSocket& websocket);

// Of a WebSocket's frame, of any length: "123 bytes", ">= 67108863 bytes, more to follow".
std::string frame_length_text(std::optional<double> length, bool at_least, bool final);

// Of any length: "node[4121]", "10.0.3.7:443", "[2001:db8::1]:443", "shop/chat-7f".
std::string owner_text(const Owner& owner);
std::string endpoint_text(const Endpoint& endpoint);
std::string workload_text(const Workload& workload);

}  // namespace wsbpf::top
