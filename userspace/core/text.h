// Text that comes from the kernel or the network, made safe to show to a person.
#pragma once

#include <string>
#include <string_view>

namespace wsbpf {

// Returns `raw` as valid UTF-8 with every control, escape, bidirectional and invisible format
// character, and every invalid byte, written as an escape (\n, \x1b, \u202e). Printable text,
// also wide and combining characters, is left alone.
std::string printable(std::string_view raw);

// Returns `bytes` with everything that is not valid UTF-8 replaced by U+FFFD, as JSON demands.
std::string valid_utf8(std::string_view bytes);

}  // namespace wsbpf
