// The status page at /: one HTML file with its style and script inside.
#pragma once

#include <string_view>

#include "serve/response.h"

namespace wsbpf {

// page/index.html with the style and the scripts beside it put in (embed.cmake), and with
// kNoncePlaceholder wherever a nonce belongs.
extern const std::string_view kPageHtml;
inline constexpr std::string_view kNoncePlaceholder = "@NONCE@";

// The page, with headers that let it run its own style and script, ask its own origin, and nothing
// else. The nonce that tells them from what others may have brought in is new at each call.
Response page_response();

}  // namespace wsbpf
