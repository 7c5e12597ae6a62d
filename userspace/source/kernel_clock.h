// The clock that the kernel's records carry.
#pragma once

#include <cstdint>
#include <ctime>

namespace wsbpf {

// CLOCK_BOOTTIME in nanoseconds, as bpf_ktime_get_boot_ns() returns it.
inline uint64_t boot_time_ns() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace wsbpf
