// An HTTP answer, before it meets a socket.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace wsbpf {

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;  // beside those of every answer
  std::string body;
  // Where set, the answer is made of the pieces that this returns, until it returns nothing. An
  // empty one: there is no more for now. It is called on the loop's thread, between other work.
  std::function<std::optional<std::string>()> next_piece;
  bool may_stall = false;  // its reader may take the pieces as late as it likes
};

}  // namespace wsbpf
