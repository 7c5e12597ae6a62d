// The root of the host's cgroup v2 hierarchy: what is attached there sees every socket.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace wsbpf {

// Where file systems of a type are mounted, from the text of /proc/PID/mountinfo, in its order.
// Lines that make no sense are left out.
std::vector<std::string> mount_points(std::string_view mountinfo, std::string_view type);

// A descriptor of the root, which the caller closes. The mounts of process 1 are looked at first,
// through its own root folder, so that a container with the host's pids finds the host's; then
// those of this process. A mount that shows a part of the hierarchy only is not taken: sockets
// outside of it would not be seen, and nobody would know. Errors say what to do (exit code:
// unsupported). `proc`: where /proc is.
Result<int> open_cgroup_root(const std::string& proc = "/proc");

}  // namespace wsbpf
