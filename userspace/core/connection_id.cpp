#include "core/connection_id.h"

#include <charconv>
#include <string>

namespace wsbpf {
namespace {

template <typename Number>
bool read_number(std::string_view& text, Number& number, int base) {
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number, base);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<size_t>(rest - text.data()));
  return true;
}

}  // namespace

std::optional<ConnectionId> parse_connection_id(std::string_view text) {
  int base = 10;
  for (const std::string_view prefix : {"0x", "0X", "sk:"}) {
    if (!text.starts_with(prefix)) continue;
    text.remove_prefix(prefix.size());
    base = 16;
    break;
  }
  ConnectionId id;
  if (!read_number(text, id.cookie, base)) return std::nullopt;
  if (text.empty()) return id;
  if (text[0] != '.') return std::nullopt;
  text.remove_prefix(1);
  if (!read_number(text, id.generation, 10) || !text.empty()) return std::nullopt;
  return id;
}

}  // namespace wsbpf
