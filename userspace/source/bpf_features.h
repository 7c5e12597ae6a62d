// What this kernel and these privileges allow; probed, never guessed from a version number.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"

namespace wsbpf {

struct NeededCapability {
  unsigned number;  // of linux/capability.h
  std::string_view name;
  std::string_view use;
};

std::span<const NeededCapability> needed_capabilities();

// In this process's effective set.
bool has_capability(unsigned number);

// Where the kernel's type information is.
inline constexpr char kKernelTypes[] = "/sys/kernel/btf/vmlinux";

// Can they be read?
bool has_kernel_types();

// Fails with one line that says what is lacking and what to do (exit code: unsupported): a
// capability, or the kernel's type information (BTF).
Result<void> check_requirements();

// Whether tcp:tcp_send_reset passes the reason, which it does since 6.10 ("rstreason: make it work
// in trace world").
bool send_reset_has_reason();

// The kernel's names for the reasons of the resets it sends, in lower case and without the prefix
// ("timewait_socket"), by number; the numbers move between kernels. Empty before 6.10.
std::map<int, std::string> reset_reasons();

}  // namespace wsbpf
