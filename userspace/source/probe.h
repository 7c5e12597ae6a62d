// What was tried of this machine, and how it went.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace wsbpf {

enum class ProbeStatus : uint8_t {
  kOk,
  kDegraded,  // it observes, but not all
  kMissing,   // it cannot observe
};

inline constexpr std::array<std::string_view, 3> kProbeStatusNames = {"ok", "degraded", "missing"};

constexpr std::string_view probe_status_name(ProbeStatus status) {
  return kProbeStatusNames[static_cast<size_t>(status)];
}

// Where their packets cannot be read.
inline constexpr char kLostWithoutWebSockets[] =
    "WebSockets' phases, messages, pings and close codes, and --port auto; TCP verdicts remain";

struct Probe {
  std::string name;
  ProbeStatus status{};
  std::string found;
  std::string lost = {};    // degraded: what you lose
  std::string advice = {};  // missing, and where it helps degraded: what to do
};

inline Probe ok(std::string name, std::string found) {
  return {std::move(name), ProbeStatus::kOk, std::move(found)};
}

inline Probe degraded(std::string name, std::string found, std::string lost,
                      std::string advice = {}) {
  return {std::move(name), ProbeStatus::kDegraded, std::move(found), std::move(lost),
          std::move(advice)};
}

inline Probe missing(std::string name, std::string found, std::string advice) {
  return {std::move(name), ProbeStatus::kMissing, std::move(found), {}, std::move(advice)};
}

}  // namespace wsbpf
