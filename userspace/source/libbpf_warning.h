// libbpf explains itself on stderr; what it says last belongs into a line of ours.
#pragma once

#include <string>

namespace wsbpf {

// From here on libbpf's warnings are kept, the last one of each thread, and none is printed.
void keep_libbpf_warnings();

// In one line, without libbpf's name in front; "": there was none since it was last asked for.
std::string take_libbpf_warning();

}  // namespace wsbpf
