#include "source/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
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

Result<std::optional<std::string>> read_file(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return std::nullopt;
  std::string text;
  std::array<char, 64 << 10> piece;
  ssize_t length = fd < 0 ? -1 : 1;
  while (length > 0) {
    length = ::read(fd, piece.data(), piece.size());
    if (length < 0 && errno == EINTR)
      length = 1;
    else if (length > 0)
      text.append(piece.data(), static_cast<size_t>(length));
  }
  const int error = errno;
  if (fd >= 0) close(fd);
  if (length < 0) return fail(fmt::format("it cannot be read: {}", std::strerror(error)));
  return text;
}

Result<void> replace_file(const std::string& path, std::string_view content) {
  std::error_code ignored;
  const auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, ignored);
  const std::string fresh = path + ".new";
  unlink(fresh.c_str());  // of one that was killed, with whatever mode it has
  const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
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
