// What the codes of Close frames mean.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace wsbpf {

// "going away", "of the application", …; "not to be sent" of those that no Close frame may bear.
std::string_view close_code_meaning(uint16_t code);

// "Close 1001 (going away)", "a Close frame without a code".
std::string close_frame_text(uint16_t code);

// What to do about a connection that was closed so; `quiet`: nothing went wrong.
struct CloseCodeAdvice {
  std::string_view text;
  bool quiet = false;
};

CloseCodeAdvice close_code_advice(uint16_t code);

}  // namespace wsbpf
