#include "core/state_file.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <iterator>
#include <optional>

namespace wsbpf {
namespace {

constexpr std::string_view kFormat = "wsbpf-state 2 ";
constexpr size_t kFields = 11;

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

// Exactly kFields numbers with a space between.
std::optional<std::array<uint64_t, kFields>> numbers(std::string_view line) {
  std::array<uint64_t, kFields> fields{};
  const char* at = line.data();
  const char* const end = at + line.size();
  for (size_t i = 0; i < kFields; ++i) {
    if (i > 0 && (at == end || *at++ != ' ')) return std::nullopt;
    const auto [rest, error] = std::from_chars(at, end, fields[i]);
    if (error != std::errc{}) return std::nullopt;
    at = rest;
  }
  if (at != end) return std::nullopt;
  return fields;
}

}  // namespace

std::string encode_state(const Slab<Connection>& connections, std::string_view boot_id) {
  constexpr size_t kLine_bytes = 100;  // more than one takes, so that the text is not copied
  std::string out;
  out.reserve((connections.size() + 2) * kLine_bytes);
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "{}{}\n", kFormat, boot_id);
  connections.each([&](uint32_t, const Connection& c) {
    fmt::format_to(to, FMT_COMPILE("{} {} {} {} {} {} {} {} {} {} {}\n"), c.cookie, c.generation,
                   c.netns, c.opened_ns, static_cast<unsigned>(c.state), c.state_since_ns,
                   static_cast<unsigned>(c.age_source), static_cast<unsigned>(c.state_age_source),
                   c.bytes_received, c.bytes_sent, c.longest_silence_ms);
  });
  fmt::format_to(to, "end {}\n", connections.size());
  return out;
}

Result<RememberedConnections> decode_state(std::string_view text, std::string_view boot_id) {
  const std::string_view first = take_line(text);
  if (!first.starts_with(kFormat)) return fail("it is no state that this version can read");
  if (first.substr(kFormat.size()) != boot_id) return fail("it is of another boot");
  RememberedConnections remembered;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line == fmt::format("end {}", remembered.size()) && text.empty()) return remembered;
    const auto fields = numbers(line);
    if (!fields || (*fields)[4] >= kTcpStateSlots) break;
    const auto [cookie, generation, netns, opened_ns, state, state_since_ns, age, state_age,
                bytes_received, bytes_sent, longest_silence_ms] = *fields;
    Remembered& connection = remembered[cookie];
    connection.generation = static_cast<uint32_t>(generation);
    connection.netns = static_cast<uint32_t>(netns);
    connection.opened_ns = opened_ns;
    connection.state = static_cast<TcpState>(state);
    connection.state_since_ns = state_since_ns;
    connection.age_source = static_cast<AgeSource>(age != 0);
    connection.state_age_source = static_cast<AgeSource>(state_age != 0);
    connection.bytes_received = bytes_received;
    connection.bytes_sent = bytes_sent;
    connection.longest_silence_ms = static_cast<uint32_t>(longest_silence_ms);
  }
  return fail("it is damaged or cut short");
}

}  // namespace wsbpf
