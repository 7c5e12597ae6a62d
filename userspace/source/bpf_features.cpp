#include "source/bpf_features.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cctype>
#include <memory>
#include <string_view>
#include <vector>

namespace wsbpf {
namespace {

using BtfPointer = std::unique_ptr<btf, decltype(&btf__free)>;

const btf* kernel_btf() {
  static const BtfPointer types(btf__load_vmlinux_btf(), btf__free);
  return types.get();
}

constexpr NeededCapability kNeeded[] = {
    {CAP_BPF, "CAP_BPF", "load programs"},
    {CAP_PERFMON, "CAP_PERFMON", "attach them to tracepoints"},
    {CAP_NET_ADMIN, "CAP_NET_ADMIN", "read sockets"},
    {CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "enter network namespaces"},
    {CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "look into /proc/PID/ns"},
};

std::string missing_capabilities() {
  std::string missing;
  for (const NeededCapability& needed : kNeeded) {
    if (has_capability(needed.number)) continue;
    if (!missing.empty()) missing += ' ';
    missing += needed.name;
  }
  return missing;
}

}  // namespace

std::span<const NeededCapability> needed_capabilities() { return kNeeded; }

bool has_capability(unsigned number) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  syscall(SYS_capget, &header, data);
  return data[number / 32].effective >> (number % 32) & 1;
}

Result<void> check_requirements() {
  if (const std::string missing = missing_capabilities(); !missing.empty()) {
    return fail(fmt::format("not enough privilege to observe the kernel (missing {}): run as root, "
                            "for example with sudo, or in a privileged container",
                            missing),
                ExitCode::kUnsupported);
  }
  if (access(kKernelTypes, R_OK) != 0) {
    return fail(
        "this kernel's type information /sys/kernel/btf/vmlinux is missing: use a kernel "
        "built with CONFIG_DEBUG_INFO_BTF=y (5.15 or newer), and mount /sys",
        ExitCode::kUnsupported);
  }
  return {};
}

bool has_kernel_types() { return kernel_btf() != nullptr; }

bool send_reset_has_reason() {
  const btf* types = kernel_btf();
  if (types == nullptr) return false;
  const int id = btf__find_by_name_kind(types, "btf_trace_tcp_send_reset", BTF_KIND_TYPEDEF);
  if (id < 0) return false;
  // typedef -> pointer -> prototype: (context, sk, skb[, reason])
  const btf_type* pointer = btf__type_by_id(types, btf__type_by_id(types, id)->type);
  const btf_type* prototype = btf__type_by_id(types, pointer->type);
  return btf_vlen(prototype) >= 4;
}

std::map<int, std::string> reset_reasons() {
  std::map<int, std::string> reasons;
  const btf* types = kernel_btf();
  if (types == nullptr) return reasons;
  const int id = btf__find_by_name_kind(types, "sk_rst_reason", BTF_KIND_ENUM);
  if (id < 0) return reasons;
  const btf_type* type = btf__type_by_id(types, id);
  const struct btf_enum* values = btf_enum(type);
  constexpr std::string_view kPrefix = "SK_RST_REASON_";
  for (int i = 0; i < btf_vlen(type); ++i) {
    std::string name = btf__name_by_offset(types, values[i].name_off);
    if (name.starts_with(kPrefix)) name.erase(0, kPrefix.size());
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    reasons[values[i].val] = std::move(name);
  }
  return reasons;
}

}  // namespace wsbpf
