// A connection was established, a connect() began, a socket began to listen.
#include <netinet/in.h>
#include <unistd.h>

#include <thread>

#include "harness.h"
#include "source/kernel_clock.h"

namespace wsbpf::kernel_test {
namespace {

// Different addresses at the two ends, so that a mix-up is seen.
struct Case {
  const char* name;
  Endpoint (*family)(std::string_view, uint16_t);  // of the listener
  const char* listens_on;
  Endpoint (*client_family)(std::string_view, uint16_t);
  const char* connects_from;
  const char* connects_to;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class Opened : public KernelTest, public testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped()) return;
    port_ = free_port();
    watch_both(port_);
  }

  Socket make_listener() const {
    return listen_on(GetParam().family(GetParam().listens_on, port_));
  }
  Endpoint target() const { return GetParam().client_family(GetParam().connects_to, port_); }

  // Bound to its address, but to no port yet.
  Socket make_client() const {
    const Endpoint from = GetParam().client_family(GetParam().connects_from, 0);
    Socket client(from.family());
    client.set(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    client.bind(from);
    return client;
  }

  // What every record of an opening has in common.
  void expect_header(const wsbpf_opened& record, const Socket& socket, uint64_t before_ns,
                     uint64_t after_ns) const {
    EXPECT_EQ(record.header.type, WSBPF_RECORD_OPENED);
    EXPECT_EQ(record.header.cookie, socket.cookie());
    EXPECT_EQ(record.header.netns, netns());
    EXPECT_EQ(record.header.family, socket.local().family());
    EXPECT_GE(record.header.time_ns, before_ns);
    EXPECT_LE(record.header.time_ns, after_ns);
  }

  uint16_t port_ = 0;
};

TEST_P(Opened, AListenerIsKnownWithItsProcess) {
  const uint64_t before_ns = boot_time_ns();
  const Socket listener = make_listener();
  const uint64_t after_ns = boot_time_ns();

  const auto record = observer().wait_for<wsbpf_opened>(listener.cookie());
  expect_header(record, listener, before_ns, after_ns);
  EXPECT_EQ(state_of(record.header), TcpState::kListen);
  EXPECT_EQ(old_state_of(record.header), TcpState::kClose);
  EXPECT_EQ(record.pid, own_pid());
  EXPECT_EQ(std::to_array(record.endpoints.local_address), listener.local().address());
  EXPECT_THAT(record.endpoints.remote_address, testing::Each(0));
  EXPECT_EQ(record.endpoints.local_port, port_);
  EXPECT_EQ(record.endpoints.remote_port, 0);
  EXPECT_EQ(observer().events_of(listener.cookie()).size(), 1u);
}

TEST_P(Opened, AnAcceptedConnectionOpensInTheNetworksName) {
  const Socket listener = make_listener();
  const uint64_t before_ns = boot_time_ns();
  Socket client = make_client();
  ASSERT_EQ(client.connect(target()), 0);
  const Socket server = listener.accept();
  const uint64_t after_ns = boot_time_ns();

  const auto record = observer().wait_for<wsbpf_opened>(server.cookie());
  expect_header(record, server, before_ns, after_ns);
  EXPECT_EQ(state_of(record.header), TcpState::kEstablished);
  EXPECT_EQ(old_state_of(record.header), TcpState::kSynRecv);
  EXPECT_EQ(record.pid, 0u) << "the handshake's last segment has no caller";
  expect_endpoints(record.endpoints, server.local(), server.remote());
  EXPECT_EQ(record.endpoints.local_port, port_);
  EXPECT_NE(server.local().address(), server.remote().address());
  EXPECT_EQ(observer().events_of(server.cookie()).size(), 1u) << "SYN_RECV says nothing more";
}

TEST_P(Opened, AConnectIsKnownWithItsProcessAndThenEstablished) {
  const Socket listener = make_listener();
  Socket client = make_client();
  const uint64_t before_ns = boot_time_ns();
  ASSERT_EQ(client.connect(target()), 0);
  const uint64_t after_ns = boot_time_ns();
  const uint64_t cookie = client.cookie();

  const auto begun = observer().wait_for<wsbpf_opened>(cookie, TcpState::kSynSent);
  expect_header(begun, client, before_ns, after_ns);
  EXPECT_EQ(old_state_of(begun.header), TcpState::kClose);
  EXPECT_EQ(begun.pid, own_pid());
  EXPECT_EQ(std::to_array(begun.endpoints.remote_address), client.remote().address());
  EXPECT_EQ(begun.endpoints.remote_port, port_);
  EXPECT_EQ(begun.endpoints.local_port, 0) << "it is chosen later";

  const auto done = observer().wait_for<wsbpf_opened>(cookie, TcpState::kEstablished);
  expect_header(done, client, before_ns, after_ns);
  EXPECT_EQ(old_state_of(done.header), TcpState::kSynSent);
  EXPECT_EQ(done.pid, 0u);
  expect_endpoints(done.endpoints, client.local(), client.remote());
  EXPECT_GE(done.header.time_ns, begun.header.time_ns);
  EXPECT_EQ(observer().events_of(cookie).size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(
    Families, Opened,
    testing::Values(Case{"IPv4", ipv4, "0.0.0.0", ipv4, "127.0.0.2", "127.0.0.3"},
                    Case{"IPv6", ipv6, "::", ipv6, "::1", kSecondLoopback6},
                    Case{"IPv4ToIPv6Listener", ipv6, "::", ipv4, "127.0.0.2", "127.0.0.3"},
                    Case{"Mapped", ipv6, "::", ipv6, "::ffff:127.0.0.2", "::ffff:127.0.0.3"}),
    [](const auto& instance) { return std::string(instance.param.name); });

using OpenedBy = KernelTest;

TEST_F(OpenedBy, TheProcessAndNotTheThread) {
  const uint16_t port = free_port();
  watch_both(port);
  const Socket listener = listen_on(ipv4("127.0.0.1", port));
  Socket client;
  std::thread([&] { client.connect(listener.local()); }).join();

  const auto record = observer().wait_for<wsbpf_opened>(client.cookie(), TcpState::kSynSent);
  EXPECT_EQ(record.pid, own_pid());
}

TEST_F(OpenedBy, AnotherProcess) {
  const uint16_t port = free_port();
  watch_both(port);
  Socket listener;
  listener.bind(ipv4("127.0.0.1", port));
  Child child([&] { listener.listen(); });
  child.go();

  const auto record = observer().wait_for<wsbpf_opened>(listener.cookie(), TcpState::kListen);
  EXPECT_EQ(record.pid, child.pid());
}

// The cookie stays, and no destruction lies between: the second SYN_SENT is a new connection.
TEST_F(OpenedBy, ASocketThatConnectsAgain) {
  const uint16_t port = free_port();
  watch_both(port);
  const Socket listener = listen_on(ipv4("127.0.0.1", port));
  Socket client;
  ASSERT_EQ(client.connect(listener.local()), 0);
  Endpoint nowhere;
  nowhere.storage.ss_family = AF_UNSPEC;
  ASSERT_EQ(client.connect(nowhere), 0);
  ASSERT_EQ(client.connect(listener.local()), 0);

  const uint64_t cookie = client.cookie();
  ASSERT_TRUE(eventually([&] { return observer().all<wsbpf_opened>(cookie).size() == 4; }));
  const auto opened = observer().all<wsbpf_opened>(cookie);
  EXPECT_EQ(state_of(opened[0].header), TcpState::kSynSent);
  EXPECT_EQ(state_of(opened[1].header), TcpState::kEstablished);
  EXPECT_EQ(state_of(opened[2].header), TcpState::kSynSent);
  EXPECT_EQ(state_of(opened[3].header), TcpState::kEstablished);
  EXPECT_EQ(opened[2].endpoints.local_port, opened[1].endpoints.local_port)
      << "the former one: the new one is chosen later";
  EXPECT_EQ(opened[3].endpoints.local_port, client.port());
  const auto closed = observer().all<wsbpf_closed>(cookie);
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].closer.pid, own_pid()) << "who disconnects ends it";
  EXPECT_TRUE(observer().all<wsbpf_destroyed>(cookie).empty());
}

}  // namespace
}  // namespace wsbpf::kernel_test
