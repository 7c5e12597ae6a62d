// What commands print on stdout.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"

namespace wsbpf {

// Writes `text` to stdout, at once. Errors: nobody can take it (a full disk, a closed pipe).
Result<void> print(std::string_view text);

// --color auto|always|never.
std::shared_ptr<std::string> add_color_option(CLI::App& command);

// What that comes to: `auto` is yes on a terminal, unless NO_COLOR (https://no-color.org) is set.
bool wants_color(const std::string& choice, bool is_terminal);

}  // namespace wsbpf
