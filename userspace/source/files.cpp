#include "source/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace wsbpf {
namespace {

bool write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    content.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace

Result<void> replace_file(const std::string& path, std::string_view content) {
  std::error_code ignored;
  const auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, ignored);
  const std::string fresh = path + ".new";
  const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bool done = fd >= 0 && write_all(fd, content);
  int error = errno;
  if (fd >= 0) close(fd);
  if (done && std::rename(fresh.c_str(), path.c_str()) != 0) {
    done = false;
    error = errno;
  }
  if (done) return {};
  if (fd >= 0) unlink(fresh.c_str());
  return fail(fmt::format("cannot write {}: {}", path, std::strerror(error)));
}

}  // namespace wsbpf
