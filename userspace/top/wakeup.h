// Wakes a thread that sleeps in poll(), from another thread or from a signal handler.
#pragma once

namespace wsbpf::top {

class Wakeup {
 public:
  Wakeup();  // throws std::system_error when no file descriptor is left
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  // Makes fd() readable until clear() is called. Safe in a signal handler.
  void wake() noexcept;
  void clear() noexcept;
  int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace wsbpf::top
