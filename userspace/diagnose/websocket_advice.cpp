#include "diagnose/websocket_advice.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "diagnose/close_code.h"
#include "diagnose/websocket_phrases.h"

namespace wsbpf {
namespace {

struct UpgradeRow {
  uint16_t first;  // of the statuses; 0: there was no answer
  uint16_t last;
  std::string_view text;
};

// Where the request had all that it needs.
constexpr UpgradeRow kUpgradeRows[] = {
    {0, 0,
     "See what the server did meanwhile: where it had not read the request (unread_bytes) it was "
     "blocked, or nobody handles upgrades on that port."},
    {0, 0,
     "Behind a proxy, see whether its own connection to the backend was established; clients give "
     "up after 10 s or so."},
    {200, 299,
     "What answered is a handler of plain HTTP: see whether the path is that of the WebSocket, and "
     "whether a proxy, a cache or a file server answers in the application's place."},
    {300, 399,
     "Give clients the address that the redirection names: most, and all browsers, follow none in "
     "a handshake. Often it is only http for https, or a slash at the end."},
    {400, 400,
     "The server found fault with the request: see its log; in a proxy see whether it changes the "
     "headers Sec-WebSocket-*, and whether Origin is one that the server allows."},
    {401, 401,
     "The application's own answer: it wants credentials. Browsers send none but cookies and the "
     "query in a handshake."},
    {403, 403,
     "The application's own answer, or a firewall's of the proxy: see whether the Origin and the "
     "credentials are those that it allows."},
    {404, 404,
     "The application's own answer: the path is none of its WebSockets, or a proxy has rewritten "
     "it."},
    {426, 426,
     "The server wants another protocol, or another version of it, than it was asked for: see the "
     "headers Upgrade and Sec-WebSocket-Version of its answer."},
    {429, 429,
     "The application's own answer, or its proxy's: too many requests. Let clients reconnect with "
     "backoff and jitter, 1 s to 30 s."},
    {502, 502,
     "The server is a proxy that had no good answer of its backend. Where that happens now and "
     "then, it used a connection again that the backend was closing: keep the backend's idle "
     "timeout (keepAliveTimeout in Node.js) above the proxy's, 65 s for 60 s."},
    {503, 503,
     "The application's own answer, or its proxy's: overloaded, draining, or no backend is "
     "healthy."},
    {504, 504,
     "The server is a proxy whose backend did not answer in time: look at the backend, which may "
     "have had the request and not read it."},
    {500, 599, "The server met an error: see its log for the moment of the answer."},
    {1, UINT16_MAX, "See why the server answers so: its log, and that of every proxy on the way."},
};

constexpr std::string_view kPassTheUpgrade[] = {
    "Let the proxy pass the upgrade. nginx needs three lines where it passes to the backend: "
    "`proxy_http_version 1.1;`, `proxy_set_header Upgrade $http_upgrade;` and `proxy_set_header "
    "Connection \"upgrade\";`, and `proxy_buffering off;` for what falls back to long polling.",
    "Other proxies have a switch of their own (Apache: `upgrade=websocket` in ProxyPass, Envoy: "
    "upgrade_configs); where there are several in a row, each needs it.",
};

bool is_proxys_fault(const Case& c) {
  const uint32_t bits = c.websocket->state.bits;
  const bool asked = (bits & (WSBPF_WEBSOCKET_KEY | WSBPF_WEBSOCKET_UPGRADE)) != 0;
  return is_upgrade_stripped(*c.websocket) || (asked && !(bits & WSBPF_WEBSOCKET_CONNECTION));
}

struct CloseRow {
  bool (*applies)(const Case&);
  std::string_view text;
};

bool is(const Case& c, Verdict verdict) { return c.verdict == verdict; }

constexpr CloseRow kCloseRows[] = {
    {[](const Case& c) { return is(c, Verdict::kLocalClose) && is_abnormal(c); },
     "Our end sent no Close frame, and so the peer's onclose says 1006: close by the close() of "
     "the WebSocket library, and keep terminate() and destroy() for peers that do not answer."},
    {[](const Case& c) {
       return (is(c, Verdict::kRemoteClose) || is(c, Verdict::kPeerReset)) && is_abnormal(c);
     },
     "No Close frame came, and so onclose says 1006: the peer's process or page ended without a "
     "word, it called terminate(), or a proxy in between closed in its name."},
    {[](const Case& c) { return is_unanswered_close(c, WSBPF_IN); },
     "Answer the peer's Close frame by one before TCP is closed (RFC 6455 section 5.5.1): "
     "libraries do, unless the socket is destroyed under them."},
    {[](const Case& c) { return is_unanswered_close(c, WSBPF_OUT); },
     "The peer did not answer our Close frame: it was busy, or gone. Wait for its own for some "
     "seconds, and then terminate."},
};

// Where TCP's end tells no more than how it went.
bool is_plain_end(Verdict verdict) {
  constexpr Verdict kPlain[] = {Verdict::kClean, Verdict::kLocalClose, Verdict::kRemoteClose,
                                Verdict::kPeerReset, Verdict::kSimultaneousClose};
  return std::find(std::begin(kPlain), std::end(kPlain), verdict) != std::end(kPlain);
}

}  // namespace

std::vector<std::string> upgrade_advice(const Case& c) {
  if (is_proxys_fault(c)) return {std::begin(kPassTheUpgrade), std::end(kPassTheUpgrade)};
  std::vector<std::string> advice;
  const uint16_t status = upgrade_status(*c.websocket);
  for (const UpgradeRow& row : kUpgradeRows) {
    if (status < row.first || status > row.last) continue;
    advice.emplace_back(row.text);
    if (status != 0) break;
  }
  return advice;
}

std::vector<std::string> close_advice(const Case& c) {
  std::vector<std::string> advice;
  if (c.websocket == nullptr || !is_plain_end(c.verdict)) return advice;
  for (const CloseRow& row : kCloseRows) {
    if (row.applies(c)) advice.emplace_back(row.text);
  }
  if (const auto telling = telling_close(*c.websocket)) {
    const auto code = close_code_advice(c.websocket->state.directions[*telling].close_code);
    if (!code.quiet || is(c, Verdict::kClean)) advice.emplace_back(code.text);
  }
  return advice;
}

}  // namespace wsbpf
