// Writes a recording of connections that nobody had, for the replay to be measured with.
//
// --live: connections that are all there at once, are swept, and end one after the other.
// --churn: short ones, a few thousand at a time, as a busy server has them.

#include "source/recording.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "arguments.h"
#include "core/tcp_state.h"

namespace wsbpf {
namespace {

constexpr char kUsage[] =
    "usage: recording [--live N] [--churn N] > FILE\n"
    "Writes a recording of N connections that live at the same time, or of N short ones.\n";

constexpr std::array<uint16_t, 4> kPorts = {8080, 8081, 8082, 8083};
constexpr uint16_t kPortOfIpv6 = kPorts.back();
constexpr uint32_t kNetns = 4026531840;
constexpr uint32_t kFirstPid = 1000;  // of the first port's server; the next one's is one more

constexpr uint64_t kTick_ns = 100'000'000;  // how often the daemon reads the ring buffer
constexpr unsigned kTicksPerEvaluation = 5;
constexpr unsigned kTicksPerSweep = 50;
constexpr unsigned kBatch = 2'000;  // connections a tick: 20 000 a second
constexpr size_t kSweepPiece_bytes = 64 << 10;

wsbpf_header header_of(wsbpf_record_type type, uint64_t cookie, TcpState state, TcpState old_state,
                       uint64_t time_ns, uint16_t port) {
  wsbpf_header header{};
  header.type = static_cast<uint8_t>(type);
  header.state = static_cast<uint8_t>(state);
  header.old_state = static_cast<uint8_t>(old_state);
  header.family = port == kPortOfIpv6 ? AF_INET6 : AF_INET;
  header.netns = kNetns;
  header.cookie = cookie;
  header.time_ns = time_ns;
  return header;
}

// The connections are known by their numbers; what is of one follows from that.
class Story {
 public:
  Story() : writer_(recorded_header()) {
    for (const uint16_t port : kPorts) listen(port);
    sweep(0, 0);
  }

  void live(unsigned count) {
    in_batches(count, [this](unsigned i) { open(i); });
    sweep(0, count);
    in_batches(count, [this](unsigned i) { live_through_the_end(i); });
    end();
  }

  // Each lives for about a tick.
  void churn(unsigned count) {
    in_batches(count + kBatch, [&](unsigned i) {
      if (i >= kBatch) live_through_the_end(i - kBatch);
      if (i < count) open(i);
      if (ticks_ - last_sweep_ < kTicksPerSweep || i % kBatch != 0) return;
      sweep(std::max(i, kBatch) - kBatch + 1, std::min(i + 1, count));
    });
    end();
  }

 private:
  template <typename Happen>
  void in_batches(unsigned count, Happen happen) {
    for (unsigned begin = 0; begin < count; begin += kBatch) {
      for (unsigned i = begin; i < std::min(count, begin + kBatch); ++i) happen(i);
      tick();
    }
  }

  static RecordingHeader recorded_header() {
    RecordingHeader header;
    header.version = "bench";
    header.node = "bench";
    header.kernel = "bench";
    header.boot_id = "bench";
    for (const uint16_t port : kPorts) header.watch.ports.set(port);
    header.close_wait_threshold = 50;
    header.close_wait_for_ns = 3'000'000'000;
    header.wall_clock_offset_ns = 1'700'000'000'000'000'000;
    header.reset_reasons = {{1, "NOT_SPECIFIED"}, {2, "NO_SOCKET"}};
    return header;
  }

  static uint16_t port_of(unsigned i) { return kPorts[i % kPorts.size()]; }
  static uint64_t cookie_of(unsigned i) { return 1000 + i; }

  static wsbpf_endpoints endpoints_of(unsigned i) {
    wsbpf_endpoints endpoints{};
    endpoints.local_port = port_of(i);
    endpoints.remote_port = static_cast<uint16_t>(32768 + i % 28000);
    const std::array<uint8_t, 4> local = {10, 0, 0, 1};
    const std::array<uint8_t, 4> remote = {10, 1, static_cast<uint8_t>(i >> 16),
                                           static_cast<uint8_t>(i >> 8)};
    // 2001:db8::10.x.x.x
    const bool ipv6 = endpoints.local_port == kPortOfIpv6;
    for (uint8_t* address : {endpoints.local_address, endpoints.remote_address}) {
      if (ipv6) std::memcpy(address, "\x20\x01\x0d\xb8", 4);
      std::memcpy(address + (ipv6 ? 12 : 0),
                  address == endpoints.local_address ? local.data() : remote.data(), 4);
    }
    return endpoints;
  }

  static wsbpf_counters counters_of(unsigned i) {
    wsbpf_counters counters{};
    counters.bytes_received = 400 + i % 5000;
    counters.bytes_acked = 200 + i % 90000;
    counters.srtt_us = 100 + i % 40000;
    counters.received_ms_ago = i % 3000;
    counters.sent_ms_ago = i % 2000;
    counters.heard_ms_ago = i % 2000;
    counters.mss_bytes = 1448;
    return counters;
  }

  static wsbpf_closer closer_of(unsigned i) {
    return {kFirstPid + i % static_cast<unsigned>(kPorts.size()), 0, 0};
  }

  void listen(uint16_t port) {
    const uint32_t pid = kFirstPid + static_cast<uint32_t>(port - kPorts[0]);
    Process process{pid, pid, "node", {}};
    process.place.cgroup = "/system.slice/chat.service";
    writer_.write(ProcessSeen{pid, process});
    wsbpf_opened record{};
    record.header =
        header_of(WSBPF_RECORD_OPENED, port, TcpState::kListen, TcpState::kClose, next_ns(), port);
    record.endpoints.local_port = port;
    record.pid = pid;
    write(record);
  }

  void open(unsigned i) {
    wsbpf_opened record{};
    record.header = header_of(WSBPF_RECORD_OPENED, cookie_of(i), TcpState::kEstablished,
                              TcpState::kSynRecv, next_ns(), port_of(i));
    record.endpoints = endpoints_of(i);
    write(record);
  }

  void leave_to(unsigned i, TcpState state, wsbpf_closer closer) {
    wsbpf_left record{};
    record.header = header_of(WSBPF_RECORD_LEFT, cookie_of(i), state, TcpState::kEstablished,
                              next_ns(), port_of(i));
    record.closer = closer;
    record.counters = counters_of(i);
    write(record);
  }

  void leave(unsigned i) { leave_to(i, TcpState::kCloseWait, {}); }

  void enter(unsigned i, TcpState old_state, TcpState state, wsbpf_closer closer) {
    wsbpf_state record{};
    record.header =
        header_of(WSBPF_RECORD_STATE, cookie_of(i), state, old_state, next_ns(), port_of(i));
    record.closer = closer;
    write(record);
  }

  void answer(unsigned i) { enter(i, TcpState::kCloseWait, TcpState::kLastAck, closer_of(i)); }

  void retransmit(unsigned i) {
    wsbpf_retransmit record{};
    record.header = header_of(WSBPF_RECORD_RETRANSMIT, cookie_of(i), TcpState::kEstablished,
                              TcpState{}, next_ns(), port_of(i));
    record.total = 1;
    record.unacked_from = i;
    record.bytes = 1448;
    record.rto_ms = 204;
    record.mss_bytes = 1448;
    write(record);
  }

  void take_reset(unsigned i) {
    wsbpf_reset record{};
    record.header = header_of(WSBPF_RECORD_RESET, cookie_of(i), TcpState::kEstablished, TcpState{},
                              next_ns(), port_of(i));
    record.endpoints = endpoints_of(i);
    record.direction = WSBPF_RESET_RECEIVED;
    record.reason = -1;
    write(record);
  }

  void close_from(unsigned i, TcpState state, int error) {
    wsbpf_closed record{};
    record.header = header_of(WSBPF_RECORD_CLOSED, cookie_of(i), TcpState::kClose, state, next_ns(),
                              port_of(i));
    record.endpoints = endpoints_of(i);
    record.error = error;
    record.counters = counters_of(i);
    write(record);
    wsbpf_destroyed destroyed{};
    destroyed.header = header_of(WSBPF_RECORD_DESTROYED, cookie_of(i), TcpState::kClose, TcpState{},
                                 next_ns(), port_of(i));
    write(destroyed);
  }

  void close(unsigned i) { close_from(i, TcpState::kLastAck, 0); }

  // Of sixteen, one is reset, one sends something again, and three are closed by the server.
  void live_through_the_end(unsigned i) {
    switch (i % 16) {
      case 0:
        take_reset(i);
        return close_from(i, TcpState::kEstablished, ECONNRESET);
      case 5:
      case 10:
      case 15:
        leave_to(i, TcpState::kFinWait1, closer_of(i));
        enter(i, TcpState::kFinWait1, TcpState::kFinWait2, {});
        return close_from(i, TcpState::kFinWait2, 0);
      case 7:
        retransmit(i);
        [[fallthrough]];
      default:
        leave(i);
        answer(i);
        return close(i);
    }
  }

  // All sockets from `begin` to `end`, as iter/tcp shows them, then as iter/task_file does.
  void sweep(unsigned begin, unsigned end) {
    last_sweep_ = ticks_;
    writer_.write(SweepBegan{now_ns_, begin == end});
    for (const bool files : {false, true}) {
      std::string piece;
      const auto hand_over = [&] {
        writer_.write(CaughtUp{now_ns_, false});
        writer_.write(SweptRecords{std::as_bytes(std::span(piece))});
        piece.clear();
        put();
      };
      for (unsigned i = begin; i < end; ++i) {
        wsbpf_socket record{};
        record.header = header_of(WSBPF_RECORD_SOCKET, cookie_of(i), TcpState::kEstablished,
                                  TcpState{}, next_ns(), port_of(i));
        record.endpoints = endpoints_of(i);
        record.counters = counters_of(i);
        record.pid = files ? closer_of(i).pid : 0;
        record.fd = files ? 20 : -1;
        piece.append(reinterpret_cast<const char*>(&record), sizeof(record));
        if (piece.size() + sizeof(record) > kSweepPiece_bytes) hand_over();
      }
      hand_over();
    }
    writer_.write(SweepEnded{{{kNetns}, true}});
  }

  void tick() {
    now_ns_ += kTick_ns - now_ns_ % kTick_ns;
    writer_.write(CaughtUp{now_ns_, false});
    if (++ticks_ % kTicksPerEvaluation == 0) {
      writer_.write(EvaluationDue{now_ns_, recorded_header().wall_clock_offset_ns, {}});
    }
    put();
  }

  // The verdicts fall a second after the ends at the latest.
  void end() {
    for (int i = 0; i < 11; ++i) tick();
    const std::string last = RecordingCutter::end_frame();
    if (std::fwrite(last.data(), 1, last.size(), stdout) != last.size()) give_up();
    if (std::fflush(stdout) != 0) give_up();
  }

  void put() {
    const std::string text = writer_.take();
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) give_up();
  }

  [[noreturn]] static void give_up() {
    std::perror("recording");
    std::exit(1);
  }

  template <typename Record>
  void write(const Record& record) {
    writer_.write(KernelRecords{std::as_bytes(std::span(&record, 1))});
  }

  uint64_t next_ns() { return now_ns_ += 1'000; }

  RecordingWriter writer_;
  uint64_t now_ns_ = 1'000'000'000'000;
  unsigned ticks_ = 0;
  unsigned last_sweep_ = 0;
};

int write_recording(int argc, char** argv) {
  unsigned live = 0;
  unsigned churn = 0;
  const std::array flags{Flag{"--live", &live}, Flag{"--churn", &churn}};
  parse_arguments(argc, argv, kUsage, flags);
  Story story;
  if (live > 0) {
    story.live(live);
  } else {
    story.churn(churn);
  }
  return 0;
}

}  // namespace
}  // namespace wsbpf

int main(int argc, char** argv) { return wsbpf::write_recording(argc, argv); }
