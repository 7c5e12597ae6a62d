#include "core/container.h"

#include <algorithm>
#include <cstddef>
#include <tuple>

namespace wsbpf {
namespace {

constexpr size_t kIdDigits = 64;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

bool is_container_id(std::string_view text) {
  const auto is_hexadecimal = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); };
  return text.size() == kIdDigits && std::all_of(text.begin(), text.end(), is_hexadecimal);
}

// Cuts `text` at the first `separator`: returns what is before, leaves what is after.
std::string_view next_part(std::string_view& text, char separator) {
  const std::string_view part = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return part;
}

// One folder's name: the id alone ("<id>"), behind the runtime's name ("docker-<id>.scope",
// "libpod-<id>"), or as runc writes it when the driver it was told is not the one that it uses
// ("kubepods-besteffort-pod<uid>.slice:cri-containerd:<id>").
std::string_view container_id_of(std::string_view folder) {
  if (folder.ends_with(".scope")) folder.remove_suffix(6);
  if (folder.size() < kIdDigits) return {};
  const std::string_view id = folder.substr(folder.size() - kIdDigits);
  if (!is_container_id(id)) return {};
  folder.remove_suffix(kIdDigits);
  if (folder.empty()) return id;
  const bool separated = folder.back() == '-' || folder.back() == ':';
  folder.remove_suffix(1);
  return separated && !folder.ends_with("conmon") ? id : std::string_view{};
}

struct Containers {
  size_t count = 0;
  std::string_view innermost;
};

Containers containers_in(std::string_view path) {
  Containers found;
  while (!path.empty()) {
    const std::string_view id = container_id_of(next_part(path, '/'));
    if (id.empty()) continue;
    ++found.count;
    found.innermost = id;
  }
  return found;
}

// The letters and lengths of RFC 1123, which Kubernetes demands of these names.
bool is_dns_name(std::string_view name, size_t longest, bool dots) {
  return !name.empty() && name.size() <= longest &&
         std::all_of(name.begin(), name.end(), [dots](char c) {
           return is_lower(c) || is_digit(c) || c == '-' || (dots && c == '.');
         });
}

}  // namespace

std::string_view container_id_in(std::string_view cgroup_path) {
  return containers_in(cgroup_path).innermost;
}

CgroupMembership cgroup_membership(std::string_view proc_cgroup) {
  // More containers count for more; then any path but the root; then the hierarchy that systemd or
  // a runtime keeps processes in: v2's, systemd's own of v1, then those of the controllers.
  using Rank = std::tuple<size_t, bool, int>;
  Rank best{};
  CgroupMembership membership;
  while (!proc_cgroup.empty()) {
    std::string_view path = next_part(proc_cgroup, '\n');
    const std::string_view number = next_part(path, ':');
    const std::string_view controllers = next_part(path, ':');
    if (number.empty() || !path.starts_with('/')) continue;
    const Containers containers = containers_in(path);
    const int hierarchy = controllers.empty() ? 3 : controllers == "name=systemd" ? 2 : 1;
    const Rank rank{containers.count, path != "/", hierarchy};
    if (rank <= best) continue;
    best = rank;
    membership = {std::string(path), std::string(containers.innermost)};
  }
  return membership;
}

std::optional<ContainerLogName> parse_container_log_name(std::string_view file_name) {
  constexpr std::string_view kSuffix = ".log";
  if (!file_name.ends_with(kSuffix)) return std::nullopt;
  file_name.remove_suffix(kSuffix.size());
  ContainerLogName name;
  name.pod = next_part(file_name, '_');
  name.namespace_name = next_part(file_name, '_');
  const size_t dash = file_name.rfind('-');  // container names have dashes, too
  if (dash == std::string_view::npos) return std::nullopt;
  name.container = file_name.substr(0, dash);
  name.container_id = file_name.substr(dash + 1);
  const bool is_valid =
      is_dns_name(name.pod, 253, true) && is_dns_name(name.namespace_name, 63, false) &&
      is_dns_name(name.container, 63, false) && is_container_id(name.container_id);
  return is_valid ? std::optional(name) : std::nullopt;
}

}  // namespace wsbpf
