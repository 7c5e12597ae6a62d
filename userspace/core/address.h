// Addresses as people write them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wsbpf {

// Network byte order; an IPv4 address in the first four bytes.
using Address = std::array<uint8_t, 16>;

// Returns e.g. "10.0.3.7", "2001:db8::1" or "::ffff:10.0.3.7", by RFC 5952.
// `family` is AF_INET or AF_INET6.
std::string address_text(const Address& address, uint8_t family);

// Reads what address_text() writes, and every other way to write those addresses.
struct ParsedAddress {
  Address address{};
  uint8_t family = 0;
};
std::optional<ParsedAddress> parse_address(std::string_view text);

// "::ffff:10.0.3.7": an IPv4 peer of an IPv6 socket (RFC 4291 section 2.5.5.2).
bool is_v4_mapped(const Address& address, uint8_t family);

// Returns the address with the part cleared that tells one peer from its neighbours: an IPv4 (and
// v4-mapped) address keeps 24 bits, an IPv6 address 48.
Address redacted(const Address& address, uint8_t family);

}  // namespace wsbpf
