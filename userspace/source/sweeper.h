// Reads the kernel's own list of sockets, in every network namespace, on a thread of its own, which
// alone moves between namespaces; what it reads is handed to the loop's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "core/connection_table.h"
#include "source/bpf_source.h"
#include "source/procfs.h"

namespace wsbpf {

struct SweepReport {
  SweepResult result;
  size_t namespaces = 0;            // found
  std::vector<std::string> errors;  // what could not be read, one line each
  bool with_files = false;
  std::chrono::nanoseconds duration{};
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

  // Begins a sweep, unless one is under way. With `with_files` it also looks at every file
  // descriptor of every process, which tells the owners. Returns whether it began.
  bool start(bool with_files);

 private:
  // Pieces of records under way to the loop: enough to keep both threads busy.
  static constexpr int kPiecesUnderWay = 4;

  void run();
  void sweep(bool with_files);
  void read_namespace(const NetworkNamespace& netns, SweepReport& report);
  bool is_stopping();
  bool hand_over(std::span<const std::byte> records);

  const BpfSource& source_;
  boost::asio::io_context& loop_;
  SweepHandler handler_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool wanted_ = false;
  bool with_files_ = false;
  bool busy_ = false;
  bool stopping_ = false;
  int under_way_ = 0;
  std::thread thread_;
};

}  // namespace wsbpf
