// What commands print on stdout.
#pragma once

#include <string_view>

#include "core/result.h"

namespace wsbpf {

// Writes `text` to stdout, at once. Errors: nobody can take it (a full disk, a closed pipe).
Result<void> print(std::string_view text);

}  // namespace wsbpf
