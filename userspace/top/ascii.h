// For terminals that speak no UTF-8.
#pragma once

#include "top/frame.h"

namespace wsbpf::top {

// The frame in ASCII alone, every column where it was: drawings become their likes, a character
// that has none a question mark for each of its columns.
Frame to_ascii(Frame frame);

}  // namespace wsbpf::top
