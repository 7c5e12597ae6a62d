// What happened to a connection, and when.
#pragma once

#include <string_view>
#include <vector>

#include "diagnose/phrases.h"

namespace wsbpf {

// Oldest first. What is not known to have happened, or when, is left out.
std::vector<TimelineEntry> timeline_of(const Case& c);

}  // namespace wsbpf
