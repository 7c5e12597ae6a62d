// Files that are replaced as a whole.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace wsbpf {

// Replaces `path` by one of mode 0600 with this content: whoever reads it, and whatever happens
// meanwhile, finds the old or the new one, never a part. Its folder is made where it is missing.
Result<void> replace_file(const std::string& path, std::string_view content);

}  // namespace wsbpf
