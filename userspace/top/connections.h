// The table of connections.
#pragma once

#include "top/body.h"

namespace wsbpf::top {

// The window is within the rows that are loaded.
Body connections_body(const Model& model, const View& view, const Window& window);

}  // namespace wsbpf::top
