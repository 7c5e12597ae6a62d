// An HTTP answer, before it meets a socket.
#pragma once

#include <functional>
#include <string>

namespace wsbpf {

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  // Where set, the answer is long, and is made of the pieces that this returns until one is empty.
  // It is called on the loop's thread, between other work.
  std::function<std::string()> next_piece;
};

}  // namespace wsbpf
