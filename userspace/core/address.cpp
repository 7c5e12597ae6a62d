#include "core/address.h"

#include <arpa/inet.h>
#include <fmt/compile.h>

#include <algorithm>

namespace wsbpf {
namespace {

constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

bool is_v4_mapped(const Address& address, uint8_t family) {
  return family == AF_INET6 &&
         std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.begin());
}

std::optional<ParsedAddress> parse_address(std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  const std::string terminated(text);
  ParsedAddress parsed;
  for (const uint8_t family : {uint8_t{AF_INET}, uint8_t{AF_INET6}}) {
    parsed.family = family;
    if (inet_pton(family, terminated.c_str(), parsed.address.data()) == 1) return parsed;
  }
  return std::nullopt;
}

std::string address_text(const Address& address, uint8_t family) {
  if (family == AF_INET) {
    return fmt::format(FMT_COMPILE("{}.{}.{}.{}"), address[0], address[1], address[2], address[3]);
  }
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(family, address.data(), text, sizeof(text));
  return text;
}

Address redacted(const Address& address, uint8_t family) {
  const size_t kept_bytes = family == AF_INET               ? 3
                            : is_v4_mapped(address, family) ? kMappedPrefix.size() + 3
                                                            : 6;
  Address out = address;
  std::fill(out.begin() + static_cast<std::ptrdiff_t>(kept_bytes), out.end(), uint8_t{0});
  return out;
}

}  // namespace wsbpf
