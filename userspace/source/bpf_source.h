// The kernel side, loaded and attached: but for program_probes, which tries it out, the only place
// that knows the skeleton.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/connection_table.h"
#include "core/event.h"
#include "core/result.h"

struct wsbpf_bpf;

namespace wsbpf {

inline constexpr std::array<std::string_view, WSBPF_PROGRAM_COUNT> kProgramNames = {
    "inet_sock_set_state", "tcp_destroy_sock",      "tcp_retransmit_skb", "tcp_send_reset",
    "tcp_receive_reset",   "tcp_retransmit_synack", "websocket"};

class BpfSource {
 public:
  // A power of two and a multiple of the page size. Half of it holds 15 000 connections' worth of
  // records, five each; it is read every 100 ms, and once more when it is half full.
  static constexpr uint32_t kRingBytes = 4 << 20;

  // Loads the programs and attaches them; from here on events wait in the ring buffer. Errors say
  // what the kernel or the privileges lack (exit code: unsupported).
  static Result<std::unique_ptr<BpfSource>> open(const Watch& watch,
                                                 uint32_t ring_bytes = kRingBytes);
  ~BpfSource();
  BpfSource(const BpfSource&) = delete;
  BpfSource& operator=(const BpfSource&) = delete;

  // Changes the watched ports while the programs run.
  void set_ports(const PortSet& ports);

  // How many more ports may be discovered. The programs watch such a port at once, and tell it by
  // a record.
  void set_discoveries_left(size_t count);

  // The programs reckon the time of frames from jiffies, which drift from CLOCK_BOOTTIME, and stand
  // still while the machine sleeps. To be called now and then.
  void follow_clock();

  // Why WebSockets are not read although they were to be: what the kernel or the cgroups lack.
  // "": they are, or were not to be.
  const std::string& websocket_trouble() const { return websocket_trouble_; }

  // Hands over every record that waits, one at a time. Returns how many there were.
  using TakeRecord = std::function<void(std::span<const std::byte>)>;
  size_t consume(const TakeRecord& take);

  // Becomes readable when the ring buffer passes half full; otherwise consume() on a timer.
  int wakeup_fd() const;

  // Records lost because the ring buffer was full, by program.
  std::array<uint64_t, WSBPF_PROGRAM_COUNT> drops() const;

  // Executions that the kernel skipped because the program was already running on that CPU.
  uint64_t recursion_misses() const;

  // How often each program ran and for how long, while statistics are on.
  struct ProgramRuns {
    std::string_view program;
    uint64_t runs = 0;
    uint64_t run_ns = 0;
  };
  std::vector<ProgramRuns> program_runs() const;

  // Turns the kernel's statistics on for as long as the source lives. They cost every BPF program
  // on the host some time.
  Result<void> enable_statistics();

  // Run an iterator and hand over its records in pieces of whole records; `take` returns false to
  // stop. The one over sockets sees the network namespace of the calling thread. May be called from
  // another thread than the other members.
  using TakeRecords = std::function<bool(std::span<const std::byte>)>;
  Result<void> dump_sockets(const TakeRecords& take) const;
  Result<void> dump_files(const TakeRecords& take) const;

 private:
  struct Skeleton;
  explicit BpfSource(std::unique_ptr<Skeleton> skeleton);
  static Result<std::unique_ptr<BpfSource>> load(const Watch& watch, uint32_t ring_bytes);
  static Result<std::unique_ptr<BpfSource>> open_with_websockets(const Watch& watch,
                                                                 uint32_t ring_bytes);

  std::unique_ptr<Skeleton> skeleton_;
  std::string websocket_trouble_;
};

}  // namespace wsbpf
