// What the machine around the programs allows: kernel, privileges, mounts, namespaces, limits.
#pragma once

#include <string>
#include <vector>

#include "source/probe.h"

namespace wsbpf {

// Looks, and changes nothing.
std::vector<Probe> probe_kernel();
std::vector<Probe> probe_capabilities();
// `container_logs`: the folder of the kubelet's links.
std::vector<Probe> probe_surroundings(const std::string& container_logs);

}  // namespace wsbpf
