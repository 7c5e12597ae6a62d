// Load, cause, assert: a test makes sockets do something and compares the records that the kernel
// programs made of it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/event.h"
#include "core/tcp_state.h"
#include "sockets.h"
#include "source/bpf_source.h"

namespace wsbpf::kernel_test {

PortSet port_set(std::initializer_list<uint16_t> ports);

inline TcpState state_of(const wsbpf_header& header) { return static_cast<TcpState>(header.state); }
inline TcpState old_state_of(const wsbpf_header& header) {
  return static_cast<TcpState>(header.old_state);
}

// The kernel programs for one set of ports, and all they have said so far of sockets in one network
// namespace: other tests, and other processes on this machine, may use the same ports.
class Observer {
 public:
  Observer(const Watch& watch, uint32_t netns, uint32_t ring_bytes = BpfSource::kRingBytes);

  BpfSource& source() { return *source_; }

  // Everything so far, in the order in which it happened.
  const std::vector<Event>& events();
  std::vector<Event> events_of(uint64_t cookie);
  template <typename Record>
  std::vector<Record> all(uint64_t cookie);
  template <typename Record>
  std::optional<Record> find(uint64_t cookie, std::optional<TcpState> state = {});

  // Waits for the socket's first record of this type (and state) that `matches`; throws when the
  // deadline passes, with what there was instead.
  template <typename Record>
  Record wait_for(uint64_t cookie, std::optional<TcpState> state = {});
  template <typename Record, typename Matches>
  Record wait_for_match(Matches matches);

  // One pass of an iterator: all the records of this namespace.
  std::vector<Event> dump_sockets();
  std::vector<Event> dump_files();

 private:
  std::vector<Event> only_ours(const std::vector<std::byte>& records) const;
  std::string transcript();

  uint32_t netns_;
  std::unique_ptr<BpfSource> source_;
  std::vector<Event> events_;
};

// What a dump holds of this type, of one socket.
template <typename Record>
std::vector<Record> records_of(const std::vector<Event>& events, uint64_t cookie) {
  std::vector<Record> found;
  for (const Event& event : events) {
    const auto* record = std::get_if<Record>(&event);
    if (record != nullptr && record->header.cookie == cookie) found.push_back(*record);
  }
  return found;
}

// Each test in a network namespace of its own, where every port is free. Skipped, with the reason,
// where the privileges or the kernel are lacking. No record may be lost, unless the test says so.
class KernelTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Loads the programs; from here on all that happens on these ports is seen.
  Observer& watch(const PortSet& ports, bool server = true, bool client = false,
                  uint32_t ring_bytes = BpfSource::kRingBytes);
  // To be said first. The kernel takes seconds to verify what that needs, and most tests do not.
  void read_websockets() { reads_websockets_ = true; }
  Observer& watch_both(uint16_t port) { return watch(port_set({port}), true, true); }

  // A listener on a port both of whose ends are watched from before it listens.
  Socket watched_listener(Endpoint (*family)(std::string_view, uint16_t) = ipv4,
                          std::string_view address = "127.0.0.1", int backlog = 16);

  // Changes the ports while the programs run.
  void watch_instead(PortSet ports);

  // Returns when all that has happened so far is known to the observer: what is not there by then
  // will not come.
  void catch_up();

  Observer& observer() { return *observer_; }
  uint32_t netns() const { return netns_->inode(); }
  void expect_losses() { losses_expected_ = true; }
  uint16_t marker_port() const { return marker_port_; }

 private:
  std::unique_ptr<NetworkNamespaceScope> netns_;
  std::unique_ptr<Observer> observer_;
  uint16_t marker_port_ = 0;  // watched too, for catch_up() alone
  bool losses_expected_ = false;
  bool reads_websockets_ = false;
};

// A timer's work runs on top of whatever task it interrupts. There are machines on which no BPF
// program runs on top of certain tasks (a sandbox's init), and nothing counts that. So a test of
// what one single timer does asks the socket whether it has happened, and tries again when the
// record is missing; what a system call causes needs no such care.
inline constexpr int kTimerAttempts = 4;

// The process that runs the test.
uint32_t own_pid();

// No process made this transition.
void expect_nobody(const wsbpf_closer& closer);

// The record's addresses and ports are those that the socket itself tells.
void expect_endpoints(const wsbpf_endpoints& endpoints, const Endpoint& local,
                      const Endpoint& remote);

template <typename Record>
std::vector<Record> Observer::all(uint64_t cookie) {
  return records_of<Record>(events(), cookie);
}

template <typename Record>
std::optional<Record> Observer::find(uint64_t cookie, std::optional<TcpState> state) {
  for (const Record& record : all<Record>(cookie)) {
    if (!state || state_of(record.header) == *state) return record;
  }
  return std::nullopt;
}

template <typename Record, typename Matches>
Record Observer::wait_for_match(Matches matches) {
  const Record* found = nullptr;
  const bool came = eventually([&] {
    for (const Event& event : events()) {
      found = std::get_if<Record>(&event);
      if (found != nullptr && matches(*found)) return true;
    }
    return false;
  });
  if (!came)
    throw std::runtime_error("the expected record has not come; there were:" + transcript());
  return *found;
}

template <typename Record>
Record Observer::wait_for(uint64_t cookie, std::optional<TcpState> state) {
  return wait_for_match<Record>([&](const Record& record) {
    return record.header.cookie == cookie && (!state || state_of(record.header) == *state);
  });
}

}  // namespace wsbpf::kernel_test
