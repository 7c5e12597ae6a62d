#include "top/wakeup.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace wsbpf::top {

Wakeup::Wakeup() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

Wakeup::~Wakeup() { ::close(fd_); }

void Wakeup::wake() noexcept {
  const int saved_errno = errno;  // a signal handler must leave it alone
  const std::uint64_t one = 1;
  // Fails only when the counter is about to overflow, and then fd() is readable already.
  [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof(one));
  errno = saved_errno;
}

void Wakeup::clear() noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(fd_, &count, sizeof(count));
}

}  // namespace wsbpf::top
