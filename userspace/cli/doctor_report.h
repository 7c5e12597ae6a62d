// What the doctor found, as a table or as JSON, and as an exit code.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "source/probe.h"

namespace wsbpf {

std::string doctor_table(const std::vector<Probe>& probes, int width, bool color);
std::string doctor_json(const std::vector<Probe>& probes);

// kOk where nothing is missing.
ExitCode doctor_exit_code(const std::vector<Probe>& probes);

}  // namespace wsbpf
