// The table of connections.
#pragma once

#include <string>

#include "top/body.h"

namespace wsbpf::top {

// The title of the column that shows what the rows are sorted by, and of two which: "OWNER pid".
std::string sort_title(const Sort& sort);

// The window is within the rows that are loaded.
Body connections_body(const Model& model, const View& view, const Window& window);

}  // namespace wsbpf::top
