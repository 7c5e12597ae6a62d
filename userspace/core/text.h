// Text that comes from the kernel or the network, made safe to show to a person.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace wsbpf {

// Returns `raw` as valid UTF-8 with every control, escape, bidirectional and invisible format
// character, and every invalid byte, written as an escape (\n, \x1b, \u202e). Printable text,
// also wide and combining characters, is left alone.
std::string printable(std::string_view raw);

// How many bytes the first character of `text` takes; 1 for a byte that is not valid UTF-8, 0 where
// there is none.
size_t first_character(std::string_view text);

// How many columns of a terminal printable text takes: wide characters two, combining ones none.
size_t display_columns(std::string_view text);

// Returns `text` as it may stand in a URL's query: all but letters, digits and -._~ as %XX.
std::string percent_encode(std::string_view text);

// Returns `bytes` with everything that is not valid UTF-8 replaced by U+FFFD, as JSON demands.
std::string valid_utf8(std::string_view bytes);

}  // namespace wsbpf
