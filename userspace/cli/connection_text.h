// Connections as a table for a person.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace wsbpf {

struct ConnectionTextStyle {
  bool wide = false;
  bool color = false;
  double stuck_after_seconds = 3;  // in CLOSE_WAIT
  std::optional<int> width = {};   // of the screen; nothing: lines are as long as they are
};

// A line of titles and one for each of `lines`, the JSON of /api/connections?format=jsonl. Columns
// are as wide as what is in them. Error: an answer that is not understood.
Result<std::string> connection_text(std::string_view lines, const ConnectionTextStyle& style);

}  // namespace wsbpf
