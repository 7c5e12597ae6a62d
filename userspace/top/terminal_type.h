// Asks terminfo. A file of its own, as the header of terminfo makes macros of common words.
#pragma once

namespace wsbpf::top {

// Is $TERM known, and can it be written to at any place?
bool can_be_drawn_on();

}  // namespace wsbpf::top
