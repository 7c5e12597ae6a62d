// Which ports and which ends are watched.
#include "harness.h"

namespace wsbpf::kernel_test {
namespace {

class Filter : public KernelTest {
 protected:
  // Two connections' whole lives, one of them ended by a reset. Returns all the cookies.
  static std::vector<uint64_t> live_and_die(Socket listener) {
    Pair pair = connect_pair(listener);
    Pair aborted = connect_pair(listener);
    const std::vector<uint64_t> cookies = {listener.cookie(), pair.client.cookie(),
                                           pair.server.cookie(), aborted.client.cookie(),
                                           aborted.server.cookie()};
    pair.client.shutdown(SHUT_WR);
    pair.server.receives_end();
    pair.server.close();
    pair.client.receives_end();
    aborted.client.abort();
    return cookies;
  }

  bool is_seen(const Socket& socket) { return !observer().events_of(socket.cookie()).empty(); }

  // Ports of all that has been seen, but for that which catch_up() makes.
  std::vector<uint16_t> ports_seen() {
    catch_up();
    std::vector<uint16_t> ports;
    for (const Event& event : observer().events()) {
      const auto* opened = std::get_if<wsbpf_opened>(&event);
      if (opened == nullptr || opened->endpoints.local_port == marker_port()) continue;
      if (state_of(opened->header) == TcpState::kListen) {
        ports.push_back(opened->endpoints.local_port);
      }
    }
    return ports;
  }
};

TEST_F(Filter, NothingOfOtherPorts) {
  watch(port_set({free_port()}));
  const auto cookies = live_and_die(listen_on(ipv4("127.0.0.1")));
  catch_up();
  for (const uint64_t cookie : cookies) EXPECT_TRUE(observer().events_of(cookie).empty());
}

// A destroyed socket that has lost its peer may have been a watched client's: the daemon knows.
TEST_F(Filter, NothingButSuchEndsOfOtherPortsForClients) {
  watch(port_set({free_port()}), true, true);
  const auto cookies = live_and_die(listen_on(ipv4("127.0.0.1")));
  catch_up();
  for (const uint64_t cookie : cookies) {
    for (const Event& event : observer().events_of(cookie)) {
      EXPECT_TRUE(std::holds_alternative<wsbpf_destroyed>(event));
    }
  }
}

TEST_F(Filter, ServersAlone) {
  const uint16_t port = free_port();
  watch(port_set({port}), true, false);
  const Socket listener = listen_on(ipv4("127.0.0.1", port));
  const Pair pair = connect_pair(listener);
  catch_up();
  EXPECT_TRUE(is_seen(listener));
  EXPECT_TRUE(is_seen(pair.server));
  EXPECT_FALSE(is_seen(pair.client));
}

TEST_F(Filter, ClientsAlone) {
  const uint16_t port = free_port();
  watch(port_set({port}), false, true);
  const Socket listener = listen_on(ipv4("127.0.0.1", port));
  const Pair pair = connect_pair(listener);
  catch_up();
  EXPECT_FALSE(is_seen(listener));
  EXPECT_FALSE(is_seen(pair.server));
  EXPECT_TRUE(is_seen(pair.client));
}

TEST_F(Filter, BothEnds) {
  const uint16_t port = free_port();
  watch(port_set({port}), true, true);
  const Socket listener = listen_on(ipv4("127.0.0.1", port));
  const Pair pair = connect_pair(listener);
  catch_up();
  EXPECT_TRUE(is_seen(listener));
  EXPECT_TRUE(is_seen(pair.server));
  EXPECT_TRUE(is_seen(pair.client));
}

TEST_F(Filter, EdgesOfTheBitmap) {
  watch(port_set({1, 63, 128, 65535}));
  std::vector<Socket> listeners;
  for (const int port : {1, 2, 62, 63, 64, 65, 127, 128, 129, 191, 192, 65472, 65534, 65535}) {
    listeners.push_back(listen_on(ipv4("127.0.0.1", static_cast<uint16_t>(port))));
  }
  EXPECT_THAT(ports_seen(), testing::ElementsAre(1, 63, 128, 65535));
}

TEST_F(Filter, EveryPort) {
  PortSet all;
  all.set();
  watch(all);
  std::vector<Socket> listeners;
  for (const int port : {1, 63, 64, 65534, 65535}) {
    listeners.push_back(listen_on(ipv4("127.0.0.1", static_cast<uint16_t>(port))));
  }
  EXPECT_THAT(ports_seen(), testing::ElementsAre(1, 63, 64, 65534, 65535));
}

TEST_F(Filter, EdgesForClients) {
  watch(port_set({1, 65535}), false, true);
  for (const int port : {1, 2, 64, 65534, 65535}) {
    const Socket listener = listen_on(ipv4("127.0.0.1", static_cast<uint16_t>(port)));
    const Pair pair = connect_pair(listener);
    catch_up();
    EXPECT_EQ(is_seen(pair.client), port == 1 || port == 65535) << port;
  }
}

TEST_F(Filter, APortAddedWhileRunning) {
  const uint16_t port = free_port();
  watch({});
  const Socket listener = listen_on(ipv4("127.0.0.1", port));
  Pair older = connect_pair(listener);
  catch_up();
  EXPECT_FALSE(is_seen(listener));
  EXPECT_FALSE(is_seen(older.server));

  watch_instead(port_set({port}));
  const Pair pair = connect_pair(listener);
  observer().wait_for<wsbpf_opened>(pair.server.cookie(), TcpState::kEstablished);
  older.client.abort();  // what happens now to an older connection is seen
  observer().wait_for<wsbpf_closed>(older.server.cookie());
  EXPECT_TRUE(observer().all<wsbpf_opened>(older.server.cookie()).empty());
}

TEST_F(Filter, APortRemovedWhileRunning) {
  const uint16_t port = free_port();
  watch(port_set({port}));
  const Socket listener = listen_on(ipv4("127.0.0.1", port));
  Pair older = connect_pair(listener);
  observer().wait_for<wsbpf_opened>(older.server.cookie());

  watch_instead({});
  older.client.abort();
  const Pair pair = connect_pair(listener);
  catch_up();
  EXPECT_FALSE(is_seen(pair.server));
  EXPECT_EQ(observer().events_of(older.server.cookie()).size(), 1u);
  EXPECT_TRUE(records_of<wsbpf_socket>(observer().dump_sockets(), listener.cookie()).empty());
}

}  // namespace
}  // namespace wsbpf::kernel_test
