// The set of watched ports, and how it is written: "80,443,9000-9100".
#pragma once

#include <bitset>
#include <string>
#include <string_view>

#include "core/result.h"

namespace wsbpf {

using PortSet = std::bitset<65536>;

// Reads a comma-separated list of ports and inclusive ranges, each 1 to 65535.
// Errors name the part that is wrong (exit code: usage).
Result<PortSet> parse_ports(std::string_view text);

// The shortest list that parse_ports() reads back to the same set.
std::string ports_text(const PortSet& ports);

}  // namespace wsbpf
