// Files that are replaced as a whole.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace wsbpf {

// The whole of a file; nothing where there is none. Errors: it is there, and cannot be read.
Result<std::optional<std::string>> read_file(const std::string& path);

// Replaces `path` by one of mode 0600 with this content: whoever reads it, and whatever happens
// meanwhile, finds the old or the new one, never a part. Its folder is made where it is missing.
Result<void> replace_file(const std::string& path, std::string_view content);

}  // namespace wsbpf
