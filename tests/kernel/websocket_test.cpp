// WebSockets: their packets, sent by real sockets, and what the kernel's programs read in them.
#include <netinet/in.h>

#include <cstring>
#include <thread>

#include "harness.h"
#include "model/scenario.h"

namespace wsbpf::kernel_test {
namespace {

using model::client_close;
using model::from_client;
using model::from_server;
using model::kPing;
using model::kPong;
using model::kText;
using model::request;
using model::response;
using model::server_close;

constexpr uint32_t kGoodRequest = WSBPF_WEBSOCKET_REQUEST | WSBPF_WEBSOCKET_KEY |
                                  WSBPF_WEBSOCKET_UPGRADE | WSBPF_WEBSOCKET_CONNECTION |
                                  WSBPF_WEBSOCKET_VERSION_13;

uint32_t status_of(const wsbpf_websocket& record) {
  return record.state.bits & WSBPF_WEBSOCKET_STATUS;
}

const wsbpf_websocket_direction& in(const wsbpf_websocket& record) {
  return record.state.directions[WSBPF_IN];
}

const wsbpf_websocket_direction& out(const wsbpf_websocket& record) {
  return record.state.directions[WSBPF_OUT];
}

void say(Socket& sender, Socket& receiver, std::string_view bytes) {
  sender.send(bytes);
  receiver.receive(bytes.size());
}

void shake_hands(Pair& pair) {
  say(pair.client, pair.server, request());
  say(pair.server, pair.client, response());
}

class WebSocketTest : public KernelTest {
 protected:
  WebSocketTest() { read_websockets(); }

  wsbpf_websocket wait_for_news(uint64_t cookie, uint32_t news) {
    return observer().wait_for_match<wsbpf_websocket>([&](const wsbpf_websocket& record) {
      return record.header.cookie == cookie && record.news & news;
    });
  }

  // As the iterator tells it.
  std::vector<wsbpf_websocket> swept(uint64_t cookie) {
    return records_of<wsbpf_websocket>(observer().dump_sockets(), cookie);
  }

  std::vector<wsbpf_unreadable> unreadable(uint64_t cookie) {
    catch_up();
    return observer().all<wsbpf_unreadable>(cookie);
  }

  // A whole life, three messages each way, and what is told of it at the end.
  void expect_read_whole(Pair pair) {
    const uint64_t client = pair.client.cookie(), server = pair.server.cookie();
    shake_hands(pair);
    for (size_t i = 1; i <= 3; ++i) {
      say(pair.client, pair.server, from_client(kText, i));
      say(pair.server, pair.client, from_server(kText, 70'000 * i));
    }
    say(pair.server, pair.client, server_close(1000));
    say(pair.client, pair.server, client_close(1000));
    pair.server.close();
    ASSERT_TRUE(pair.client.receives_end());
    pair.client.close();
    const auto of_server = wait_for_news(server, WSBPF_NEWS_ENDED);
    expect_counts(in(of_server), out(of_server), of_server);
    const auto of_client = wait_for_news(client, WSBPF_NEWS_ENDED);
    expect_counts(out(of_client), in(of_client), of_client);
    EXPECT_EQ(of_server.state.bits & WSBPF_WEBSOCKET_IS_CLIENT, 0u);
    EXPECT_NE(of_client.state.bits & WSBPF_WEBSOCKET_IS_CLIENT, 0u);
  }

 private:
  static void expect_counts(const wsbpf_websocket_direction& of_client,
                            const wsbpf_websocket_direction& of_server,
                            const wsbpf_websocket& record) {
    EXPECT_EQ(status_of(record), 101u);
    EXPECT_EQ(of_client.messages, 3u);
    EXPECT_EQ(of_client.message_bytes, 6u);
    EXPECT_EQ(of_server.messages, 3u);
    EXPECT_EQ(of_server.message_bytes, 420'000u);
    for (const auto& direction : record.state.directions) {
      EXPECT_EQ(direction.close_code, 1000);
      EXPECT_EQ(direction.violations, 0);
    }
    EXPECT_EQ(record.state.missed_bytes, 0u);
    EXPECT_THAT(record.behind, testing::Each(0u));
  }
};

TEST_F(WebSocketTest, TellsOfTheHandshake) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  say(pair.client, pair.server, request());
  catch_up();
  EXPECT_TRUE(observer().all<wsbpf_websocket>(cookie).empty()) << "a request alone is no news";
  say(pair.server, pair.client, response());

  const auto record = wait_for_news(cookie, WSBPF_NEWS_ANSWER);
  EXPECT_EQ(record.header.type, WSBPF_RECORD_WEBSOCKET);
  EXPECT_EQ(state_of(record.header), TcpState::kEstablished);
  EXPECT_EQ(record.header.family, AF_INET);
  EXPECT_EQ(record.header.netns, netns());
  EXPECT_EQ(record.news, static_cast<uint32_t>(WSBPF_NEWS_ANSWER));
  EXPECT_EQ(status_of(record), 101u);
  EXPECT_EQ(record.state.bits & kGoodRequest, kGoodRequest);
  EXPECT_EQ(record.state.bits & (WSBPF_WEBSOCKET_HTTP_1_0 | WSBPF_WEBSOCKET_IS_CLIENT), 0u);
  for (const auto& direction : record.state.directions) {
    EXPECT_EQ(direction.reading & WSBPF_READING_MASK, WSBPF_READING_FRAMES);
    EXPECT_EQ(direction.messages, 0u);
  }
}

TEST_F(WebSocketTest, TellsOfARefusal) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  say(pair.client, pair.server, request());
  say(pair.server, pair.client, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(status_of(wait_for_news(cookie, WSBPF_NEWS_ANSWER)), 403u);
  pair.server.close();
  EXPECT_EQ(status_of(wait_for_news(cookie, WSBPF_NEWS_ENDED)), 403u);
}

TEST_F(WebSocketTest, TellsOfPongsAndClosesAndOfTheEnd) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.server.cookie();
  shake_hands(pair);
  say(pair.client, pair.server, from_client(kText, 5));
  say(pair.server, pair.client, from_server(kText, 300, false));
  say(pair.server, pair.client, from_server(model::kContinuation, 7));

  say(pair.server, pair.client, from_server(kPing, 4));
  say(pair.client, pair.server, from_client(kPong, 4));
  const auto pong = wait_for_news(cookie, WSBPF_NEWS_PONG);
  EXPECT_GT(pong.state.rtt_us, 0u);
  EXPECT_LT(pong.state.rtt_us, 30'000'000u);
  EXPECT_EQ(pong.state.bits & WSBPF_WEBSOCKET_PING_IN, 0u) << "our ping, the peer's pong";
  say(pair.client, pair.server, from_client(kPing, 4));
  say(pair.server, pair.client, from_server(kPong, 4));
  observer().wait_for_match<wsbpf_websocket>([&](const wsbpf_websocket& record) {
    return record.header.cookie == cookie && record.news & WSBPF_NEWS_PONG &&
           record.state.bits & WSBPF_WEBSOCKET_PING_IN;
  });

  say(pair.client, pair.server, client_close(3000, "done"));
  const auto close = wait_for_news(cookie, WSBPF_NEWS_CLOSE);
  EXPECT_EQ(in(close).close_code, 3000);
  EXPECT_EQ(out(close).close_code, 0);
  EXPECT_NE(close.state.bits & WSBPF_WEBSOCKET_CLOSE_FIRST_IN, 0u);
  say(pair.server, pair.client, server_close(4999));
  pair.server.close();
  ASSERT_TRUE(pair.client.receives_end());
  pair.client.close();

  const auto ended = wait_for_news(cookie, WSBPF_NEWS_ENDED);
  EXPECT_EQ(state_of(ended.header), TcpState::kClose);
  EXPECT_EQ(in(ended).messages, 1u);
  EXPECT_EQ(in(ended).message_bytes, 5u);
  EXPECT_EQ(out(ended).messages, 1u) << "of two frames";
  EXPECT_EQ(out(ended).message_bytes, 307u);
  EXPECT_EQ(in(ended).close_code, 3000);
  EXPECT_EQ(out(ended).close_code, 4999);
  EXPECT_EQ(in(ended).violations + out(ended).violations, 0);
  EXPECT_EQ(ended.state.missed_bytes, 0u);
  EXPECT_THAT(ended.behind, testing::Each(0u)) << "read to the last byte, the FINs not counted";
  const auto events = observer().events_of(cookie);
  const auto of_end = std::find_if(events.begin(), events.end(), [](const Event& event) {
    const auto* record = std::get_if<wsbpf_websocket>(&event);
    return record != nullptr && record->news & WSBPF_NEWS_ENDED;
  });
  EXPECT_TRUE(std::any_of(of_end, events.end(), [](const Event& event) {
    return std::holds_alternative<wsbpf_closed>(event);
  })) << "the evidence comes before the end that it is of";
}

TEST_F(WebSocketTest, ASweepTellsWhatIsKnown) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const Pair silent = connect_pair(listener);
  shake_hands(pair);
  say(pair.client, pair.server, from_client(kText, 12));
  say(pair.client, pair.server, from_client(kText, 12).substr(0, 9));

  const auto records = swept(pair.server.cookie());
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].news, static_cast<uint32_t>(WSBPF_NEWS_SWEPT));
  EXPECT_EQ(state_of(records[0].header), TcpState::kEstablished);
  EXPECT_EQ(status_of(records[0]), 101u);
  EXPECT_EQ(in(records[0]).messages, 2u);
  EXPECT_EQ(in(records[0]).skip, 9u) << "of the second message";
  EXPECT_THAT(records[0].behind, testing::Each(0u));
  EXPECT_EQ(swept(pair.client.cookie()).size(), 1u);
  EXPECT_TRUE(swept(silent.server.cookie()).empty());
}

TEST_F(WebSocketTest, WhatIsNoWebSocketIsToldOnceWithTheReason) {
  const std::string hello("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
  const std::pair<std::string_view, wsbpf_unreadable_reason> cases[] = {
      {hello, WSBPF_UNREADABLE_TLS},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", WSBPF_UNREADABLE_HTTP2},
      {"SSH-2.0-OpenSSH_9.2\r\n", WSBPF_UNREADABLE_OTHER},
      {"GET / HTTP/1.1\r\nHost: here\r\n\r\n", WSBPF_UNREADABLE_OTHER},
  };
  const Socket listener = watched_listener();
  for (const auto& [bytes, reason] : cases) {
    SCOPED_TRACE(bytes.substr(0, 8));
    Pair pair = connect_pair(listener);
    const uint64_t cookie = pair.server.cookie();
    for (int i = 0; i < 3; ++i) {
      say(pair.client, pair.server, bytes);
      say(pair.server, pair.client, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
    const auto records = unreadable(cookie);
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].header.type, WSBPF_RECORD_UNREADABLE);
    EXPECT_EQ(records[0].header.netns, netns());
    EXPECT_EQ(records[0].reason, static_cast<uint32_t>(reason));
    EXPECT_TRUE(observer().all<wsbpf_websocket>(cookie).empty());
  }
}

// Such a segment is given to the listener's socket, and the child's comes to be by it.
TEST_F(WebSocketTest, TheAnswerProvesItWhereTheRequestCameWithTheHandshakeOfTcp) {
  Socket listener = watched_listener();
  listener.set(IPPROTO_TCP, TCP_DEFER_ACCEPT, 30);
  Socket client = connect_to(listener.local());
  client.send(request());
  Pair pair{std::move(client), listener.accept()};
  const uint64_t cookie = pair.server.cookie();
  pair.server.receive(request().size());
  catch_up();
  EXPECT_TRUE(swept(cookie).empty()) << "the request was not the child's";
  say(pair.server, pair.client, response() + from_server(kText, 4));
  say(pair.client, pair.server, from_client(kText, 8));

  const auto answer = wait_for_news(cookie, WSBPF_NEWS_ANSWER);
  EXPECT_EQ(status_of(answer), 101u);
  EXPECT_EQ(answer.state.bits & WSBPF_WEBSOCKET_REQUEST, 0u);
  pair.client.close();
  ASSERT_TRUE(pair.server.receives_end());
  pair.server.close();
  const auto ended = wait_for_news(cookie, WSBPF_NEWS_ENDED);
  EXPECT_EQ(in(ended).messages, 1u);
  EXPECT_EQ(out(ended).messages, 1u);
  EXPECT_EQ(in(ended).violations + out(ended).violations, 0);
  EXPECT_EQ(ended.state.missed_bytes, 0u);
  EXPECT_THAT(ended.behind, testing::Each(0u));
}

TEST_F(WebSocketTest, OverIPv4) { expect_read_whole(connect_pair(watched_listener())); }

TEST_F(WebSocketTest, OverIPv6) {
  expect_read_whole(connect_pair(watched_listener(ipv6, kSecondLoopback6)));
}

TEST_F(WebSocketTest, OverIPv4ToAnIPv6Socket) {
  const Socket listener = watched_listener(ipv6, "::");
  Socket client = connect_to(ipv4("127.0.0.1", listener.port()));
  Socket server = listener.accept();
  ASSERT_EQ(server.remote().family(), AF_INET6);
  expect_read_whole({std::move(client), std::move(server)});
}

TEST_F(WebSocketTest, ASocketThatConnectsAgainBeginsAnew) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t cookie = pair.client.cookie();
  shake_hands(pair);
  say(pair.client, pair.server, from_client(kText, 5));
  pair.client.disconnect();
  EXPECT_EQ(out(wait_for_news(cookie, WSBPF_NEWS_ENDED)).messages, 1u);

  ASSERT_EQ(pair.client.connect(listener.local()), 0);
  ASSERT_EQ(pair.client.cookie(), cookie);
  EXPECT_TRUE(swept(cookie).empty());
  pair.server = listener.accept();
  shake_hands(pair);
  say(pair.client, pair.server, from_client(kText, 6));
  const auto records = swept(cookie);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(out(records[0]).messages, 1u);
  EXPECT_EQ(out(records[0]).message_bytes, 6u);
  EXPECT_EQ(in(records[0]).violations + out(records[0]).violations, 0);
}

// Segments of 64 KB, which is how a sender hands them to its device, hold thousands of them.
TEST_F(WebSocketTest, FramesAreCountedExactlyHoweverManyAreInASegment) {
  constexpr uint32_t kFrames = 100'000;
  const std::string frame = from_client(kText, 0);
  ASSERT_EQ(frame.size(), 6u);
  std::string frames;
  for (uint32_t i = 0; i < kFrames; ++i) frames += frame;

  const Socket listener = watched_listener();
  Socket client;
  client.set(IPPROTO_TCP, TCP_MAXSEG, 1000);
  ASSERT_EQ(client.connect(listener.local()), 0);
  Pair pair{std::move(client), listener.accept()};
  shake_hands(pair);
  std::thread reader([&] { pair.server.receive(frames.size()); });
  pair.client.send(frames);
  reader.join();

  const auto sent = swept(pair.client.cookie());
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(out(sent[0]).messages, kFrames);
  EXPECT_EQ(out(sent[0]).violations, 0);
  EXPECT_THAT(sent[0].behind, testing::Each(0u));
  const auto received = swept(pair.server.cookie());
  ASSERT_EQ(received.size(), 1u);
  EXPECT_EQ(in(received[0]).violations, 0);
  // A sender that changes its CPU may overtake itself: then it is said how much was missed.
  if (received[0].state.missed_bytes == 0) {
    EXPECT_EQ(in(received[0]).messages, kFrames);
    EXPECT_THAT(received[0].behind, testing::Each(0u));
  } else {
    EXPECT_GT(pair.server.info().tcpi_rcv_ooopack, 0u);
    EXPECT_GE(in(received[0]).messages + received[0].state.missed_bytes / frame.size() + 1,
              kFrames);
  }
}

TEST_F(WebSocketTest, OfAClientOnlyItsOwnEndIsRead) {
  const uint16_t port = free_port();
  watch(port_set({port}), false, true);
  const Socket listener = listen_on(ipv4("127.0.0.1", port));
  Pair pair = connect_pair(listener);
  shake_hands(pair);
  say(pair.client, pair.server, from_client(kText, 5));
  const auto answer = wait_for_news(pair.client.cookie(), WSBPF_NEWS_ANSWER);
  EXPECT_EQ(answer.state.bits & kGoodRequest, kGoodRequest);
  EXPECT_NE(answer.state.bits & WSBPF_WEBSOCKET_IS_CLIENT, 0u);
  const auto records = swept(pair.client.cookie());
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(out(records[0]).messages, 1u);
  catch_up();
  EXPECT_TRUE(observer().all<wsbpf_websocket>(pair.server.cookie()).empty());
}

// What the peer's socket refuses has passed the programs, and passes them again.
TEST_F(WebSocketTest, WhatIsSentAgainIsCountedOnce) {
  const Socket listener = watched_listener();
  Pair pair = connect_pair(listener);
  const uint64_t client = pair.client.cookie(), server = pair.server.cookie();
  shake_hands(pair);
  pair.server.drop_input();
  pair.client.send(from_client(kText, 5));
  pair.client.send(from_client(kText, 200));
  ASSERT_TRUE(eventually([&] { return pair.client.info().tcpi_total_retrans >= 2; }));
  pair.server.restore_input();
  pair.server.receive(from_client(kText, 5).size() + from_client(kText, 200).size());
  say(pair.client, pair.server, from_client(kText, 1));
  pair.client.close();
  ASSERT_TRUE(pair.server.receives_end());
  pair.server.close();

  const auto received = wait_for_news(server, WSBPF_NEWS_ENDED);
  EXPECT_EQ(in(received).messages, 3u);
  EXPECT_EQ(in(received).message_bytes, 206u);
  EXPECT_EQ(received.state.missed_bytes, 0u);
  const auto sent = wait_for_news(client, WSBPF_NEWS_ENDED);
  EXPECT_EQ(out(sent).messages, 3u);
  EXPECT_EQ(out(sent).message_bytes, 206u);
  EXPECT_THAT(sent.behind, testing::Each(0u));
}

TEST_F(WebSocketTest, FramesProveAConnectionFromBefore) {
  const uint16_t port = free_port();
  const Socket listener = listen_on(ipv4("127.0.0.1", port));
  Pair pair = connect_pair(listener);
  shake_hands(pair);
  say(pair.client, pair.server, from_client(kText, 5));
  watch_both(port);
  const uint64_t cookie = pair.server.cookie();
  EXPECT_TRUE(swept(cookie).empty());
  for (size_t i = 1; i <= 4; ++i) say(pair.client, pair.server, from_client(kText, i));

  const auto proven = wait_for_news(cookie, WSBPF_NEWS_PROVEN);
  EXPECT_NE(proven.state.bits & WSBPF_WEBSOCKET_PROVEN, 0u);
  EXPECT_EQ(status_of(proven), 0u);
  const auto records = swept(cookie);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(in(records[0]).messages, 3u) << "the first that was seen proved nothing yet";
  EXPECT_EQ(in(records[0]).violations, 0);
}

}  // namespace
}  // namespace wsbpf::kernel_test
