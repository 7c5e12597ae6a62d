// What is kept of connections across a restart of the daemon, as text. Cookies outlive the daemon,
// though not the kernel: a state belongs to one boot.
#pragma once

#include <string>
#include <string_view>

#include "core/connection_table.h"
#include "core/result.h"

namespace wsbpf {

// One line for each connection, between a first line that names the format and the boot, and a
// last line that shows that nothing is missing.
std::string encode_state(const Slab<Connection>& connections, std::string_view boot_id);

// Errors: text of another boot, of another version, cut short, or no state at all.
Result<RememberedConnections> decode_state(std::string_view text, std::string_view boot_id);

}  // namespace wsbpf
