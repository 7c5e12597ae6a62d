// HalfOpenAccumulation: peers that are gone without our end knowing.
#pragma once

#include <vector>

#include "alert/alert.h"
#include "core/listener.h"

namespace wsbpf {

inline constexpr std::string_view kHalfOpenAccumulation = "HalfOpenAccumulation";
inline constexpr uint32_t kHalfOpenThreshold = 50;

// One finding for each server listener. Firing: more than 50 connections that are `unacked` or
// `probing` and have each not been heard of for 15 s, or more than 50 handshakes whose SYN+ACK had
// to be sent again. Critical at ten times that. Pending: more than 50 unacked or probing, not each
// for so long yet. `silent` ones never count: nothing shows that their peers are gone.
std::vector<Finding> evaluate_half_open(const std::vector<ListenerSummary>& listeners);

}  // namespace wsbpf
