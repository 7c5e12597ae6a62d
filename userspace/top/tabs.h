// The lists that one can look at, one at a time.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace wsbpf::top {

enum class Tab { kListeners, kConnections, kDisconnects, kAlerts };

inline constexpr std::array<std::string_view, 4> kTabNames = {"Listeners", "Connections",
                                                              "Disconnects", "Alerts"};

constexpr std::size_t index_of(Tab tab) { return static_cast<std::size_t>(tab); }

}  // namespace wsbpf::top
