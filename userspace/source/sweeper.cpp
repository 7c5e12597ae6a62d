#include "source/sweeper.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

#include "source/kernel_clock.h"

namespace wsbpf {
namespace {

std::chrono::nanoseconds thread_cpu_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

Sweeper::Sweeper(const BpfSource& source, boost::asio::io_context& loop, SweepHandler handler)
    : source_(source), loop_(loop), handler_(std::move(handler)), thread_([this] { run(); }) {}

Sweeper::~Sweeper() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool Sweeper::start(SweepRequest request) {
  {
    const std::lock_guard lock(mutex_);
    if (busy_) return false;
    busy_ = wanted_ = true;
    request_ = std::move(request);
  }
  changed_.notify_all();
  return true;
}

void Sweeper::run() {
  sigset_t all;  // signals are the loop's
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);

  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return wanted_ || stopping_; });
    if (stopping_) return;
    wanted_ = false;
    SweepRequest request = std::move(request_);
    lock.unlock();
    sweep(std::move(request));
    lock.lock();
  }
}

void Sweeper::sweep(SweepRequest request) {
  const uint64_t started_ns = boot_time_ns();
  const auto cpu_before = thread_cpu_time();
  boost::asio::post(loop_, [this, started_ns] { handler_.begin(started_ns); });

  SweepReport report;
  report.request = std::move(request);
  const std::vector<NetworkNamespace> namespaces = network_namespaces();
  report.namespaces = namespaces.size();
  for (const NetworkNamespace& netns : namespaces) {
    if (is_stopping()) return;
    if (report.request.every_namespace || report.request.namespaces.contains(netns.inode)) {
      read_namespace(netns, report);
    }
  }
  if (is_stopping()) return;
  if (report.request.with_files) {
    const auto take = [this](std::span<const std::byte> records) { return hand_over(records); };
    auto dumped = source_.dump_files(take);
    if (!dumped && !is_stopping())
      dumped = source_.dump_files(take);  // may give up among very many
    report.result.files_complete = dumped.has_value();
    if (!dumped) report.errors.push_back("file descriptors: " + dumped.error().message);
  }
  report.duration = std::chrono::nanoseconds(boot_time_ns() - started_ns);
  report.cpu_time = thread_cpu_time() - cpu_before;
  boost::asio::post(loop_, [this, report = std::move(report)] {
    {
      const std::lock_guard lock(mutex_);
      busy_ = false;
    }
    handler_.end(report);
  });
}

bool Sweeper::is_stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void Sweeper::read_namespace(const NetworkNamespace& netns, SweepReport& report) {
  const int fd = open(netns.path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;  // its last process has left
  struct stat status {};
  if (fstat(fd, &status) != 0 || static_cast<uint32_t>(status.st_ino) != netns.inode) {
    close(fd);  // that process has moved to another one meanwhile
    return;
  }
  const bool entered = setns(fd, CLONE_NEWNET) == 0;
  const int error = errno;
  close(fd);
  if (!entered) {
    report.errors.push_back(
        fmt::format("network namespace {}: {}", netns.inode, std::strerror(error)));
    return;
  }
  const auto dumped = source_.dump_sockets(
      [this](std::span<const std::byte> records) { return hand_over(records); });
  if (dumped) {
    report.result.complete_netns.insert(netns.inode);
  } else {
    report.errors.push_back(
        fmt::format("network namespace {}: {}", netns.inode, dumped.error().message));
  }
}

bool Sweeper::hand_over(std::span<const std::byte> records) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return under_way_ < kPiecesUnderWay || stopping_; });
    if (stopping_) return false;
    ++under_way_;
  }
  boost::asio::post(loop_, [this, piece = std::vector(records.begin(), records.end())] {
    handler_.records(piece);
    {
      const std::lock_guard lock(mutex_);
      --under_way_;
    }
    changed_.notify_all();
  });
  return true;
}

}  // namespace wsbpf
