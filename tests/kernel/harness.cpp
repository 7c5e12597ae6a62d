#include "harness.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "source/bpf_features.h"

namespace wsbpf::kernel_test {
namespace {

// PROC_PID_INIT_INO: only in the host's pid namespace are getpid() and the kernel's tgid the same.
constexpr ino_t kHostPidNamespace = 0xEFFFFFFC;

// What is lacking for any of these tests; empty when nothing is.
std::string what_is_lacking() {
  if (const auto checked = check_requirements(); !checked) return checked.error().message;
  uint32_t id = 0;
  if (bpf_prog_get_next_id(0, &id) != 0 && errno == EPERM) return "bpf(2) is forbidden here";
  struct stat pid_namespace {};
  if (stat("/proc/self/ns/pid", &pid_namespace) != 0) return "/proc is not mounted";
  if (pid_namespace.st_ino != kHostPidNamespace) return "needs the host's pid namespace";
  return {};
}

std::vector<Event> decode_all(const std::vector<std::byte>& records) {
  std::vector<Event> events;
  for (size_t offset = 0; offset < records.size();) {
    const auto event = decode(std::span(records).subspan(offset));
    if (!event) throw std::runtime_error("a dump holds what cannot be decoded");
    events.push_back(*event);
    offset += encoded_size(*event);
  }
  return events;
}

}  // namespace

PortSet port_set(std::initializer_list<uint16_t> ports) {
  PortSet set;
  for (const uint16_t port : ports) set.set(port);
  return set;
}

Observer::Observer(const Watch& watch, uint32_t netns, uint32_t ring_bytes) : netns_(netns) {
  auto source = BpfSource::open(watch, ring_bytes);
  if (!source) throw std::runtime_error(source.error().message);
  source_ = std::move(*source);
}

const std::vector<Event>& Observer::events() {
  source_->consume([this](std::span<const std::byte> record) {
    const auto event = decode(record);
    EXPECT_TRUE(event.has_value()) << "a record cannot be decoded";
    if (event && header_of(*event).netns == netns_) events_.push_back(*event);
  });
  return events_;
}

std::vector<Event> Observer::events_of(uint64_t cookie) {
  std::vector<Event> found;
  std::copy_if(events().begin(), events().end(), std::back_inserter(found),
               [cookie](const Event& event) { return header_of(event).cookie == cookie; });
  return found;
}

std::vector<Event> Observer::dump_sockets() {
  std::vector<std::byte> records;
  const auto dumped = source_->dump_sockets([&](std::span<const std::byte> piece) {
    records.insert(records.end(), piece.begin(), piece.end());
    return true;
  });
  if (!dumped) throw std::runtime_error(dumped.error().message);
  return only_ours(records);
}

std::vector<Event> Observer::dump_files() {
  std::vector<std::byte> records;
  const auto dumped = source_->dump_files([&](std::span<const std::byte> piece) {
    records.insert(records.end(), piece.begin(), piece.end());
    return true;
  });
  if (!dumped) throw std::runtime_error(dumped.error().message);
  return only_ours(records);
}

std::vector<Event> Observer::only_ours(const std::vector<std::byte>& records) const {
  std::vector<Event> events = decode_all(records);
  std::erase_if(events, [this](const Event& event) { return header_of(event).netns != netns_; });
  return events;
}

std::string Observer::transcript() {
  std::string lines;
  for (const Event& event : events()) {
    const wsbpf_header& header = header_of(event);
    lines += fmt::format("\n  type {} cookie {} {} -> {}", header.type, header.cookie,
                         state_name(old_state_of(header)), state_name(state_of(header)));
  }
  if (lines.empty()) lines = " none";
  lines += "\n  sockets now:";
  for (const Event& event : dump_sockets()) {
    const wsbpf_header& header = header_of(event);
    lines += fmt::format(" {}:{}", header.cookie, state_name(state_of(header)));
  }
  return lines + fmt::format("\n  ({} executions were skipped by the kernel, {} records dropped)",
                             source_->recursion_misses(), fmt::join(source_->drops(), "+"));
}

void KernelTest::SetUp() {
  if (const std::string lacking = what_is_lacking(); !lacking.empty()) GTEST_SKIP() << lacking;
  try {
    netns_ = std::make_unique<NetworkNamespaceScope>();
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::operation_not_permitted) throw;
    GTEST_SKIP() << "network namespaces are forbidden here: " << error.what();
  }
}

void KernelTest::TearDown() {
  if (observer_ && !losses_expected_) {
    EXPECT_THAT(observer_->source().drops(), testing::Each(0u));
  }
  observer_.reset();
  netns_.reset();
}

Observer& KernelTest::watch(const PortSet& ports, bool server, bool client, uint32_t ring_bytes) {
  marker_port_ = free_port();
  PortSet all = ports;
  all.set(marker_port_);
  observer_ = std::make_unique<Observer>(Watch{all, server, client, reads_websockets_}, netns(),
                                         ring_bytes);
  return *observer_;
}

Socket KernelTest::watched_listener(Endpoint (*family)(std::string_view, uint16_t),
                                    std::string_view address, int backlog) {
  const uint16_t port = free_port();
  watch_both(port);
  return listen_on(family(address, port), backlog);
}

void KernelTest::watch_instead(PortSet ports) {
  observer().source().set_ports(ports.set(marker_port_));
}

// The ring buffer keeps the order of the events: an opening is waited for that came after them all.
void KernelTest::catch_up() {
  const Socket listener = listen_on(ipv4("127.0.0.1", marker_port_));
  const Socket client = connect_to(listener.local());
  observer().wait_for_match<wsbpf_opened>([&](const wsbpf_opened& record) {
    return record.header.cookie == listener.cookie() || record.header.cookie == client.cookie();
  });
}

uint32_t own_pid() { return static_cast<uint32_t>(getpid()); }

void expect_nobody(const wsbpf_closer& closer) {
  EXPECT_EQ(closer.pid, 0u);
  EXPECT_EQ(closer.exiting, 0u);
  EXPECT_EQ(closer.exit_code, 0);
}

void expect_endpoints(const wsbpf_endpoints& endpoints, const Endpoint& local,
                      const Endpoint& remote) {
  EXPECT_EQ(std::to_array(endpoints.local_address), local.address());
  EXPECT_EQ(std::to_array(endpoints.remote_address), remote.address());
  EXPECT_EQ(endpoints.local_port, local.port());
  EXPECT_EQ(endpoints.remote_port, remote.port());
}

}  // namespace wsbpf::kernel_test
