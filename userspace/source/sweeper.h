// Reads the kernel's own list of sockets, in every network namespace, on a thread of its own, which
// alone moves between namespaces; what it reads is handed to the loop's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <set>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "core/connection_table.h"
#include "source/bpf_source.h"
#include "source/procfs.h"

namespace wsbpf {

// What to look at. Reading one namespace costs a walk over the sockets of them all, so that a sweep
// had better not visit those that hold nothing of interest.
struct SweepRequest {
  bool every_namespace = true;
  std::set<uint32_t> namespaces;  // by inode, where not every one is wanted
  bool with_files = false;        // also every file descriptor of every process: tells the owners
};

struct SweepReport {
  SweepResult result;
  size_t namespaces = 0;            // found
  std::vector<std::string> errors;  // what could not be read, one line each
  SweepRequest request;
  std::chrono::nanoseconds duration{};
  std::chrono::nanoseconds cpu_time{};  // of the sweeper's thread
};

// All three are called on the loop's thread, in this order: begin, any number of records, end.
struct SweepHandler {
  std::function<void(uint64_t started_ns)> begin;
  std::function<void(std::span<const std::byte>)> records;
  std::function<void(const SweepReport&)> end;
};

class Sweeper {
 public:
  // `source` and `loop` must outlive the sweeper, and the loop must not run afterwards.
  Sweeper(const BpfSource& source, boost::asio::io_context& loop, SweepHandler handler);
  ~Sweeper();

  // Begins a sweep, unless one is under way. Returns whether it began.
  bool start(SweepRequest request);

 private:
  // Pieces of records under way to the loop: enough to keep both threads busy.
  static constexpr int kPiecesUnderWay = 4;

  void run();
  void sweep(SweepRequest request);
  void read_namespace(const NetworkNamespace& netns, SweepReport& report);
  bool is_stopping();
  bool hand_over(std::span<const std::byte> records);

  const BpfSource& source_;
  boost::asio::io_context& loop_;
  SweepHandler handler_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool wanted_ = false;
  SweepRequest request_;
  bool busy_ = false;
  bool stopping_ = false;
  int under_way_ = 0;
  std::thread thread_;
};

}  // namespace wsbpf
