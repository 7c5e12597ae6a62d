#include "diagnose/close_code.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace wsbpf {
namespace {

struct Row {
  uint16_t first;
  uint16_t last;
  std::string_view meaning;
  CloseCodeAdvice advice;
};

constexpr std::string_view kMustNotBeSent =
    "No Close frame may bear this code (RFC 6455 section 7.4): look at the library, or the code, "
    "that sent it.";

// RFC 6455 section 7.4, and from 1012 on IANA's registry of WebSocket close codes. The first row
// that fits is taken.
constexpr Row kRows[] = {
    {1000,
     1000,
     "normal closure",
     {"Nothing needs doing: this is how a WebSocket ends that has served its purpose; clients "
      "should not reconnect after it.",
      true}},
    {1001,
     1001,
     "going away",
     {"Nothing needs doing: a page was left, or a server goes down; after the latter clients "
      "should reconnect with backoff and jitter, 1 s to 30 s.",
      true}},
    {1002,
     1002,
     "protocol error",
     {"The end that sent 1002 met frames that break the protocol: look at the library of the other "
      "one, and at what on the way may change frames."}},
    {1003,
     1003,
     "unsupported data",
     {"The end that sent 1003 takes no data of that type, text or binary: reconnecting makes no "
      "sense before the other one is changed."}},
    {1005,
     1005,
     "no code",
     {"Nothing needs doing, but give a code when closing (1000 where all is well), so that the "
      "other end learns why.",
      true}},
    {1007,
     1007,
     "invalid payload data",
     {"The end that sent 1007 met a message that is not what its type says, such as a text that is "
      "not UTF-8: look at how the other one makes its messages."}},
    {1008,
     1008,
     "policy violation",
     {"A policy of the end that sent 1008 was broken, such as a missing token or a limit: see its "
      "log; reconnecting without a change makes no sense."}},
    {1009,
     1009,
     "message too big",
     {"A message was larger than the end that sent 1009 takes: raise its limit (in Node's ws "
      "maxPayload), or send less at a time."}},
    {1010,
     1010,
     "extension missing",
     {"The client needs an extension that the server did not grant: make the server offer it, or "
      "the client do without."}},
    {1011,
     1011,
     "internal error",
     {"The end that sent 1011 met an error of its own: see its log; Python's websockets also sends "
      "it after a missed pong."}},
    {1012,
     1012,
     "service restart",
     {"Nothing needs doing where a restart was meant: clients should reconnect after a random 5 s "
      "to 30 s.",
      true}},
    {1013,
     1013,
     "try again later",
     {"The server is overloaded, or limits its clients: let them reconnect with backoff and "
      "jitter, and see whether one of them holds many connections."}},
    {1014,
     1014,
     "bad gateway",
     {"The server is a gateway, and had no good answer from behind it: look at its backend."}},
    {3000,
     3999,
     "of a library or framework",
     {"The code is a library's or framework's: IANA's registry of WebSocket close codes may have "
      "it (3000 unauthorized, 3003 forbidden, 3008 timeout)."}},
    {4000,
     4999,
     "of the application",
     {"The code is the application's own: its documentation says what it means."}},
    {0, UINT16_MAX, "not to be sent", {kMustNotBeSent}},
};

const Row& row_of(uint16_t code) {
  return *std::find_if(std::begin(kRows), std::end(kRows),
                       [code](const Row& row) { return code >= row.first && code <= row.last; });
}

}  // namespace

std::string_view close_code_meaning(uint16_t code) { return row_of(code).meaning; }

std::string close_frame_text(uint16_t code) {
  if (code == 1005) return "a Close frame without a code";
  return fmt::format("Close {} ({})", code, close_code_meaning(code));
}

CloseCodeAdvice close_code_advice(uint16_t code) { return row_of(code).advice; }

}  // namespace wsbpf
