// The display that redraws itself and follows keys.
#pragma once

#include "core/result.h"
#include "top/settings.h"

namespace wsbpf::top {

// Shows settings.iterations answers (0: any number), until q or a stop signal. If the very first
// answer is an error, returns it with the terminal untouched; later ones only raise a banner.
Result<void> run_live(const Settings& settings, Sort sort);

}  // namespace wsbpf::top
