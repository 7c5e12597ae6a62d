#include "serve/page.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace wsbpf {
namespace {

// 128 random bits, as Content Security Policy Level 3 section 8 asks for at least; nothing where
// the kernel has none to give.
std::optional<std::string> new_nonce() {
  std::array<uint8_t, 16> bytes{};
  if (getrandom(bytes.data(), bytes.size(), GRND_NONBLOCK) != static_cast<ssize_t>(bytes.size())) {
    return std::nullopt;
  }
  return fmt::format("{:02x}", fmt::join(bytes, ""));
}

std::string with_nonce(std::string_view html, std::string_view nonce) {
  std::string out;
  out.reserve(html.size() + 2 * nonce.size());
  for (;;) {
    const size_t at = html.find(kNoncePlaceholder);
    out += html.substr(0, at);
    if (at == std::string_view::npos) return out;
    out += nonce;
    html.remove_prefix(at + kNoncePlaceholder.size());
  }
}

std::string policy(std::string_view nonce) {
  return fmt::format(
      "default-src 'none'; script-src 'nonce-{0}'; style-src 'nonce-{0}'; connect-src 'self'; "
      "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      nonce);
}

}  // namespace

Response page_response() {
  Response response;
  const auto nonce = new_nonce();
  if (!nonce) {  // in the first seconds of a boot at most
    response.status = 503;
    response.content_type = "text/plain; charset=utf-8";
    response.body = "the kernel has no random numbers yet: try again in a second\n";
    return response;
  }
  response.content_type = "text/html; charset=utf-8";
  response.headers = {{"Content-Security-Policy", policy(*nonce)},
                      {"Referrer-Policy", "no-referrer"},
                      {"X-Frame-Options", "DENY"},
                      {"Cross-Origin-Opener-Policy", "same-origin"}};
  response.body = with_nonce(kPageHtml, *nonce);
  return response;
}

}  // namespace wsbpf
