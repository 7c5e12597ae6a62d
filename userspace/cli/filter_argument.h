// FILTER…, as commands take it: words of the command line that are one filter together.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"

namespace wsbpf {

std::shared_ptr<std::vector<std::string>> add_filter_argument(CLI::App& command);

// The words with spaces between them.
std::string joined(const std::vector<std::string>& words);

// What to append to a target that has parameters: "&filter=…", or "" where there is no filter.
// Errors show the place (exit code: usage).
Result<std::string> filter_parameter(const std::vector<std::string>& words);

}  // namespace wsbpf
