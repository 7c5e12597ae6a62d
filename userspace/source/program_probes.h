// Whether the kernel takes the programs, tried with each by itself.
#pragma once

#include <vector>

#include "source/probe.h"

namespace wsbpf {

// Loads and attaches each program alone, runs each iterator once, and makes the ring buffer and
// the statistics that the daemon may ask for. Nothing of it remains; a running daemon is not
// disturbed. Where privileges are missing, nothing is tried, and each probe says so.
std::vector<Probe> probe_programs();

}  // namespace wsbpf
