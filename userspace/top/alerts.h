// The table of alerts, and one of them in full.
#pragma once

#include <string>
#include <vector>

#include "top/body.h"

namespace wsbpf::top {

// Those that fire first, of these the critical ones.
std::vector<const Alert*> ordered_alerts(const Model& model);

// Tells an alert from the others.
std::string alert_id(const Alert& alert);

// ":8080", with the role where that is not the usual one.
std::string listener_text(const ListenerKey& key);

Body alerts_body(const Model& model, const View& view, const Window& window);

std::vector<Line> alert_page(const Model& model, const std::string& id, int width);

}  // namespace wsbpf::top
