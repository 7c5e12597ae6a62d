#include "source/cgroup_root.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <optional>

#include "core/text.h"
#include "source/files.h"

namespace wsbpf {
namespace {

// The id of the root, which is its inode number, since 5.5 (743210386c03 "cgroup: use cgrp->kn->id
// as the cgroup ID"). The root of a cgroup namespace, and the source of a bind mount, that lie
// deeper have another one.
constexpr ino_t kRootInode = 1;

constexpr char kNoMount[] =
    "no cgroup v2 hierarchy is mounted here: mount one on an empty folder (mount -t cgroup2 none "
    "/mnt/cgroup2), or, in a container, share the host's pids (Kubernetes: hostPID: true; docker "
    "and podman: --pid=host)";

std::string_view take_field(std::string_view& line) {
  const size_t space = line.find(' ');
  const std::string_view field = line.substr(0, space);
  line.remove_prefix(space == std::string_view::npos ? line.size() : space + 1);
  return field;
}

// Spaces, tabs, line feeds and backslashes are written as \ and three octal digits.
std::string unescape(std::string_view text) {
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) &&
                         is_octal(text[i + 2]) && is_octal(text[i + 3]);
    if (!escaped) {
      out += text[i];
      continue;
    }
    out += static_cast<char>((text[i + 1] - '0') << 6 | (text[i + 2] - '0') << 3 |
                             (text[i + 3] - '0'));
    i += 3;
  }
  return out;
}

// proc_pid_mountinfo(5): id, parent, device, root, mount point, options, any number of further
// fields, "-", type, source, options of the file system.
std::optional<std::string> mount_point_of_type(std::string_view line, std::string_view type) {
  const size_t separator = line.find(" - ");
  if (separator == std::string_view::npos) return std::nullopt;
  std::string_view rest = line.substr(separator + 3);
  if (take_field(rest) != type) return std::nullopt;
  std::string_view fields = line.substr(0, separator);
  for (int before = 0; before < 4; ++before) take_field(fields);
  const std::string_view point = take_field(fields);
  if (!point.starts_with('/')) return std::nullopt;
  return unescape(point);
}

// What is mounted there now may be another file system: one that hides this one.
bool is_cgroup2(int fd) {
  struct statfs status {};
  return fstatfs(fd, &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC;
}

bool is_root(int fd) {
  struct stat status {};
  return fstat(fd, &status) == 0 && status.st_ino == kRootInode;
}

}  // namespace

std::vector<std::string> mount_points(std::string_view mountinfo, std::string_view type) {
  std::vector<std::string> points;
  while (!mountinfo.empty()) {
    const size_t end = mountinfo.find('\n');
    if (auto point = mount_point_of_type(mountinfo.substr(0, end), type)) {
      points.push_back(std::move(*point));
    }
    mountinfo.remove_prefix(end == std::string_view::npos ? mountinfo.size() : end + 1);
  }
  return points;
}

Result<int> open_cgroup_root(const std::string& proc) {
  std::string part;  // a mount that shows less than the whole
  for (const char* const process : {"1", "self"}) {
    const std::string folder = fmt::format("{}/{}", proc, process);
    const auto mountinfo = read_file(folder + "/mountinfo");
    if (!mountinfo || !*mountinfo) continue;
    for (const std::string& point : mount_points(**mountinfo, "cgroup2")) {
      const std::string path = folder + "/root" + point;
      const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      if (fd < 0) continue;
      if (is_cgroup2(fd)) {
        if (is_root(fd)) return fd;
        part = point;
      }
      close(fd);
    }
  }
  if (part.empty()) return fail(kNoMount, ExitCode::kUnsupported);
  return fail(fmt::format("{} shows a part of the host's cgroup v2 hierarchy only, as in a "
                          "container: share the host's pids (Kubernetes: hostPID: true; docker and "
                          "podman: --pid=host) or its cgroup namespace (--cgroupns=host)",
                          printable(part)),
              ExitCode::kUnsupported);
}

}  // namespace wsbpf
