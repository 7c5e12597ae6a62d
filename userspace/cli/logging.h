// The daemon's log on stderr.
#pragma once

#include <string>

namespace wsbpf {

// `level` is debug, info, warning, error or off; `format` is text or json (one object a line).
void set_up_log(const std::string& level, const std::string& format);

}  // namespace wsbpf
