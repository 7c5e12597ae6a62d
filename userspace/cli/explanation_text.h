// An explanation as a person reads it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace wsbpf {

// The answer of /api/explain as text of at most `width` columns, where that is 40 or more.
std::string explanation_text(const nlohmann::json& explanation, int width, bool color);

}  // namespace wsbpf
