// Colours of what is printed line by line.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace wsbpf {

// SGR parameters, ECMA-48 section 8.3.117.
inline constexpr std::string_view kBold = "1";
inline constexpr std::string_view kFaint = "2";
inline constexpr std::string_view kRed = "31";
inline constexpr std::string_view kGreen = "32";
inline constexpr std::string_view kYellow = "33";

inline std::string painted(std::string text, std::string_view how, bool color) {
  return color && !how.empty() ? fmt::format("\x1b[{}m{}\x1b[m", how, text) : text;
}

}  // namespace wsbpf
