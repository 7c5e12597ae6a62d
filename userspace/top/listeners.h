// The table of listeners: in a tab of its own, and as a strip above the connections.
#pragma once

#include <string>
#include <vector>

#include "top/body.h"

namespace wsbpf::top {

// Those in trouble first.
std::vector<const Listener*> ordered_listeners(const Model& model);

// Tells a listener from the others.
std::string listener_id(const ListenerKey& key);

// The filter that lets the connections of this listener through.
std::string listener_filter(const ListenerKey& key);

Body listeners_body(const Model& model, const View& view, const Window& window);

// At most `height` lines with the titles (in batch mode all), the last of them saying how many are
// not shown.
std::vector<Line> listener_strip(const Model& model, const View& view, int height);

}  // namespace wsbpf::top
