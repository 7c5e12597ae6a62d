// What the sentences about WebSockets are made of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "diagnose/phrases.h"

namespace wsbpf {

// Of frames in that direction: "the peer", "our end".
std::string_view sender(int direction);

// "403 (Forbidden)"; codes without a well-known name alone.
std::string status_text(uint16_t status);

// Who asked for the WebSocket, and who was to answer.
std::string asker(const Case& c);
std::string answerer(const Case& c);

// What the request lacked, so that nothing could be upgraded: "came as HTTP/1.0"; "" where it
// lacked nothing.
std::string request_flaw(const Case& c);

// How the WebSocket was closed: "without a Close frame (1006)", "after Close frames both ways"; ""
// where it is none, or nobody can tell.
std::string close_note(const Case& c);

// The connection ended without a Close frame, and was followed to its last byte.
bool is_abnormal(const Case& c);

// Only the frames of that direction had a Close frame, and those of the other were read, too.
bool is_unanswered_close(const Case& c, int direction);

}  // namespace wsbpf
