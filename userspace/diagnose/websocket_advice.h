// What to do about handshakes that failed, and about the ways in which WebSockets are closed.
#pragma once

#include <string>
#include <vector>

#include "diagnose/phrases.h"

namespace wsbpf {

// About a request for a WebSocket that was refused, or not answered. Never empty.
std::vector<std::string> upgrade_advice(const Case& c);

// About the Close frames, or the lack of them, of one that has ended with the verdict of the case;
// empty where the verdict says it all.
std::vector<std::string> close_advice(const Case& c);

}  // namespace wsbpf
