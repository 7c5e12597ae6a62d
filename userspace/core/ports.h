// The set of watched ports, and how it is written: "80,443,9000-9100", "8080,auto".
#pragma once

#include <bitset>
#include <string>
#include <string_view>

#include "core/result.h"

namespace wsbpf {

using PortSet = std::bitset<65536>;

// Which ports to watch.
struct PortList {
  PortSet ports;
  bool discover = false;  // also those where a listener answers WebSocket upgrades: "auto"

  bool operator==(const PortList&) const = default;
};

// Reads a comma-separated list of ports and inclusive ranges, each 1 to 65535, and of the word
// auto. Errors name the part that is wrong (exit code: usage).
Result<PortList> parse_port_list(std::string_view text);

// The same, of ports and ranges only.
Result<PortSet> parse_ports(std::string_view text);

// The shortest list that parse_port_list() reads back to the same ports; "" for none.
std::string ports_text(const PortSet& ports, bool discover = false);

}  // namespace wsbpf
