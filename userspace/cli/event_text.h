// Events as lines for a person.
#pragma once

#include <string>
#include <string_view>

namespace wsbpf {

// The titles of the columns.
std::string event_titles(bool color);

// A line of /api/events, without its end. One that is not understood is shown as it came, escaped.
std::string event_text(std::string_view json_line, bool color);

}  // namespace wsbpf
