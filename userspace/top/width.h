// Text measured in terminal columns rather than bytes: wide characters take two, combining ones
// none. UTF-8 in, UTF-8 out; the widths are those of the C library, so LC_CTYPE must be a UTF-8
// locale (terminal.h's use_utf8_locale()).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace wsbpf::top {

enum class Align { kLeft, kRight };

// What of a text that is too long gives way to an ellipsis. Addresses differ most in their last
// characters (the port), other texts in their first; of an owner the name gives way, not the pid in
// brackets after it.
enum class Cut { kEnd, kFront, kName };

int display_width(std::string_view text);

// At most `width` columns of the text.
std::string clip(std::string_view text, int width, Cut cut = Cut::kEnd);

// Exactly `width` columns: clipped or padded with spaces.
std::string fit(std::string_view text, int width, Align align = Align::kLeft, Cut cut = Cut::kEnd);

// Broken at spaces into at most `max_lines` lines of at most `width` columns; what does not fit in
// the last one is clipped.
std::vector<std::string> wrap_text(std::string_view text, int width, std::size_t max_lines);

}  // namespace wsbpf::top
