#include "top/format.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>

namespace wsbpf::top {
namespace {

// 12345678 with base 1000 is "12.3M". Three digits are enough for a screen; the exact values are in
// the API.
std::string scaled(double value, double base, const std::array<const char*, 6>& suffixes) {
  std::size_t step = 0;
  for (; value >= base && step + 1 < suffixes.size(); ++step) value /= base;
  return fmt::format("{:.{}f}{}", value, value < 100 ? 1 : 0, suffixes[step]);
}

}  // namespace

std::string duration_text(std::optional<double> seconds) {
  if (!seconds || *seconds < 0) return kUnknown;
  if (*seconds < 10) return fmt::format("{:.1f}s", *seconds);
  const auto whole = static_cast<std::int64_t>(*seconds);
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  if (whole < kMinute) return fmt::format("{}s", whole);
  if (whole < kHour) return fmt::format("{}m{:02}s", whole / kMinute, whole % kMinute);
  if (whole < kDay) return fmt::format("{}h{:02}m", whole / kHour, whole % kHour / kMinute);
  if (whole < 100 * kDay) return fmt::format("{}d{:02}h", whole / kDay, whole % kDay / kHour);
  return fmt::format("{}d", whole / kDay);
}

std::string at_least_text(std::optional<double> seconds, bool at_least) {
  return (at_least && seconds ? "≥" : "") + duration_text(seconds);
}

std::string clock_text(const std::string& time) {
  const std::size_t begin = time.find('T');
  if (begin == std::string::npos || !time.ends_with('Z')) return {};
  return time.substr(begin + 1, time.size() - begin - 2);
}

std::string utc_text(double unix_seconds) {
  constexpr std::int64_t kDay = 24 * 60 * 60;
  const auto second = static_cast<std::int64_t>(unix_seconds) % kDay;
  return fmt::format("{:02}:{:02}:{:02} UTC", second / 3600, second / 60 % 60, second % 60);
}

std::string round_trip_text(std::optional<double> seconds) {
  if (!seconds || *seconds < 0) return kUnknown;
  if (*seconds < 0.001) return fmt::format("{:.0f}us", *seconds * 1e6);
  if (*seconds < 0.01) return fmt::format("{:.1f}ms", *seconds * 1e3);
  if (*seconds < 1) return fmt::format("{:.0f}ms", *seconds * 1e3);
  return fmt::format("{:.1f}s", *seconds);
}

std::string frame_length_text(std::optional<double> length, bool at_least, bool final) {
  const std::string bytes = length ? fmt::format("{}{:.0f} byte{}", at_least ? ">= " : "", *length,
                                                 *length == 1 ? "" : "s")
                                   : kUnknown;
  return final ? bytes : bytes + ", more to follow";
}

std::string count_text(std::optional<std::int64_t> count) {
  if (!count) return kUnknown;
  if (*count < 100'000) return fmt::format("{}", *count);
  return scaled(static_cast<double>(*count), 1000, {"", "k", "M", "G", "T", "P"});
}

std::string size_text(std::optional<std::int64_t> bytes) {
  if (!bytes) return kUnknown;
  if (*bytes < 10'000) return fmt::format("{}", *bytes);
  return scaled(static_cast<double>(*bytes), 1024, {"", "K", "M", "G", "T", "P"});
}

std::string rate_text(std::optional<double> per_second) {
  if (!per_second) return kUnknown;
  if (*per_second < 1000) return fmt::format("{:.1f}", *per_second);
  return count_text(static_cast<std::int64_t>(*per_second));
}

std::string websocket_text(const WebSocket& websocket) {
  if (!websocket.phase.empty()) return websocket.phase;
  return websocket.unread.empty() ? kUnknown : fmt::format("({})", websocket.unread);
}

std::string owner_text(const Owner& owner) {
  if (!owner.pid) return owner.comm.empty() ? kUnknown : owner.comm;
  return fmt::format("{}[{}]", owner.comm, *owner.pid);
}

std::string endpoint_text(const Endpoint& endpoint) {
  if (endpoint.address.empty()) return kUnknown;
  const bool v6 = endpoint.address.find(':') != std::string::npos;
  const std::string address = v6 ? "[" + endpoint.address + "]" : endpoint.address;
  return endpoint.port ? fmt::format("{}:{}", address, *endpoint.port) : address;
}

std::string workload_text(const Workload& workload) {
  if (workload.pod.empty()) return kUnknown;
  return workload.name_space.empty() ? workload.pod : workload.name_space + "/" + workload.pod;
}

}  // namespace wsbpf::top
