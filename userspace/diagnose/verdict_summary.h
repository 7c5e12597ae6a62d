// What a verdict means for one connection, in a sentence.
#pragma once

#include <string>

#include "diagnose/phrases.h"

namespace wsbpf {

// Of one that has ended: who did what, after how long, with the figures.
std::string verdict_summary(const Case& c);

}  // namespace wsbpf
