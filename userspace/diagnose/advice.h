// What to do: about each verdict, and about each thing that a living connection may hang in.
#pragma once

#include <string>
#include <vector>

#include "diagnose/condition.h"
#include "diagnose/phrases.h"

namespace wsbpf {

// At least one sentence; where nothing needs doing, that.
std::vector<std::string> verdict_advice(const Case& c);
std::vector<std::string> condition_advice(const Case& c, Condition condition);

}  // namespace wsbpf
