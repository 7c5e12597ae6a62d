// Requests and responses, as they should be and as proxies leave them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "model/scenario.h"

namespace wsbpf::model {
namespace {

constexpr uint32_t kAllOfARequest = WSBPF_WEBSOCKET_REQUEST | WSBPF_WEBSOCKET_KEY |
                                    WSBPF_WEBSOCKET_UPGRADE | WSBPF_WEBSOCKET_CONNECTION |
                                    WSBPF_WEBSOCKET_VERSION_13;
constexpr uint32_t kOfTheHandshake = kAllOfARequest | WSBPF_WEBSOCKET_STATUS |
                                     WSBPF_WEBSOCKET_HTTP_1_0 | WSBPF_WEBSOCKET_COMPRESSED |
                                     WSBPF_WEBSOCKET_PROVEN;

struct Expected {
  uint32_t bits = 0;
  int reading = WSBPF_READING_FRAMES;  // of the server
};

// Whole, and cut at every byte; seen from either end.
void expect(const Conversation& conversation, const Expected& expected) {
  for (const bool is_client : {false, true}) {
    Scenario scenario;
    scenario.conversation = is_client ? mirrored(conversation) : conversation;
    const Model model(scenario);
    Conditions conditions;
    conditions.client = is_client ? WSBPF_OUT : WSBPF_IN;
    for (size_t position = 0; position < model.bytes(); ++position) {
      const Pieces pieces = cut(model.conversation(), at(position));
      for (const Pieces& played : {pieces, twice(pieces)}) {
        const Outcome outcome = model.play(played, conditions);
        const std::string where = fmt::format("cut at {}, {} of {} segments, seen by the {}",
                                              position, played.size() / pieces.size(),
                                              pieces.size(), is_client ? "client" : "server");
        ASSERT_EQ(outcome.failure, "") << where;
        ASSERT_TRUE(outcome.state) << where;
        EXPECT_EQ(outcome.state->bits & WSBPF_WEBSOCKET_IS_CLIENT,
                  is_client ? uint32_t{WSBPF_WEBSOCKET_IS_CLIENT} : 0);
        ASSERT_EQ(outcome.state->bits & kOfTheHandshake, expected.bits) << where;
        const auto& server = outcome.state->directions[is_client ? WSBPF_IN : WSBPF_OUT];
        ASSERT_EQ(server.reading & WSBPF_READING_MASK, expected.reading) << where;
      }
    }
  }
}

const std::string kRefusal =
    "HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\nContent-Type: text/plain\r\n\r\nForbidden";

TEST(Handshake, Accepted) {
  expect({{WSBPF_IN, request()}, {WSBPF_OUT, response()}}, {.bits = kAllOfARequest | 101});
}

TEST(Handshake, AnAnswerThatCannotBeReadTellsNothing) {
  expect({{WSBPF_IN, request()}, {WSBPF_OUT, "HTTP/1.1 ten Switching Protocols\r\n\r\n"}},
         {.bits = 0, .reading = WSBPF_READING_HTTP});
}

TEST(Handshake, InAnyCaseAndWithMoreInAList) {
  expect({{WSBPF_IN, request("UPGRADE: WebSocket\r\nconnection: keep-alive, Upgrade\r\n"
                             "sec-websocket-KEY:dGhlIHNhbXBsZSBub25jZQ==\r\n"
                             "Sec-WebSocket-Version:13\r\nOrigin: http://chat.example\r\n")},
          {WSBPF_OUT, response("upgrade:websocket\r\nconnection:upgrade\r\n")}},
         {.bits = kAllOfARequest | 101});
}

TEST(Handshake, WithCompression) {
  const std::string extension = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
  expect({{WSBPF_IN, request(std::string(kUpgradeFields) + extension)},
          {WSBPF_OUT, response(std::string(kAcceptFields) + extension)}},
         {.bits = kAllOfARequest | WSBPF_WEBSOCKET_COMPRESSED | 101});
  expect({{WSBPF_IN, request(std::string(kUpgradeFields) + extension)}, {WSBPF_OUT, response()}},
         {.bits = kAllOfARequest | 101});
}

TEST(Handshake, NotAnsweredYet) {
  expect({{WSBPF_IN, request()}}, {.bits = kAllOfARequest, .reading = WSBPF_READING_NOTHING});
}

TEST(Handshake, Refused) {
  for (const int status : {200, 400, 401, 403, 404, 426, 429, 500, 502, 503, 504}) {
    expect({{WSBPF_IN, request()},
            {WSBPF_OUT, response("Content-Length: 0\r\n", fmt::format("HTTP/1.1 {} No", status))}},
           {.bits = kAllOfARequest | static_cast<uint32_t>(status), .reading = WSBPF_READING_HTTP});
  }
  expect({{WSBPF_IN, request()}, {WSBPF_OUT, kRefusal}},
         {.bits = kAllOfARequest | 403, .reading = WSBPF_READING_HTTP});
}

// The second request passed unseen.
TEST(Handshake, GrantedAfterARefusal) {
  const Model model(Scenario{.conversation = {{WSBPF_IN, request()},
                                              {WSBPF_OUT, kRefusal},
                                              {WSBPF_IN, request()},
                                              {WSBPF_OUT, response()}}});
  Pieces pieces = cut(model.conversation(), whole());
  ASSERT_EQ(pieces.size(), 4u);
  pieces[2].unseen = true;
  EXPECT_EQ(model.play(pieces).state->bits & WSBPF_WEBSOCKET_STATUS, 101u);
}

TEST(Handshake, AnsweredWithoutAReasonPhrase) {
  expect({{WSBPF_IN, request()}, {WSBPF_OUT, response(kAcceptFields, "HTTP/1.1 101 ")}},
         {.bits = kAllOfARequest | 101});
  expect({{WSBPF_IN, request()}, {WSBPF_OUT, response(kAcceptFields, "HTTP/1.1 101")}},
         {.bits = kAllOfARequest | 101});
}

TEST(Handshake, InterimResponsesBeforeTheAnswer) {
  const std::string interim =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n";
  expect({{WSBPF_IN, request()}, {WSBPF_OUT, interim}, {WSBPF_OUT, response()}},
         {.bits = kAllOfARequest | 101});
  expect({{WSBPF_IN, request()}, {WSBPF_OUT, interim + response()}},
         {.bits = kAllOfARequest | 101});
  expect({{WSBPF_IN, request()}, {WSBPF_OUT, interim + kRefusal}},
         {.bits = kAllOfARequest | 403, .reading = WSBPF_READING_HTTP});
}

TEST(Handshake, AfterOtherRequestsOnTheSameConnection) {
  const std::string get = request("Accept: */*\r\n");
  const std::string page = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  expect({{WSBPF_IN, get},
          {WSBPF_OUT, page},
          {WSBPF_IN, get},
          {WSBPF_OUT, page},
          {WSBPF_IN, request()},
          {WSBPF_OUT, response()}},
         {.bits = kAllOfARequest | 101});
}

TEST(Handshake, OnceMoreAfterARefusal) {
  expect({{WSBPF_IN, request()},
          {WSBPF_OUT, kRefusal},
          {WSBPF_IN, request()},
          {WSBPF_OUT, response()}},
         {.bits = kAllOfARequest | 101});
}

TEST(Handshake, StrippedByAProxy) {
  const std::string stripped =
      "Connection: close\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Sec-WebSocket-Version: 13\r\n";
  constexpr uint32_t kLeft =
      WSBPF_WEBSOCKET_REQUEST | WSBPF_WEBSOCKET_KEY | WSBPF_WEBSOCKET_VERSION_13;
  expect({{WSBPF_IN, request(stripped)},
          {WSBPF_OUT, response("Content-Length: 0\r\n", "HTTP/1.1 426 Upgrade Required")}},
         {.bits = kLeft | 426, .reading = WSBPF_READING_HTTP});
  expect({{WSBPF_IN, request(stripped, "GET /chat HTTP/1.0")},
          {WSBPF_OUT, response("Content-Length: 0\r\n", "HTTP/1.1 400 Bad Request")}},
         {.bits = kLeft | WSBPF_WEBSOCKET_HTTP_1_0 | 400, .reading = WSBPF_READING_HTTP});
}

TEST(Handshake, OtherRequestsAreNone) {
  for (const char* line : {"GET / HTTP/1.1", "GET /websocket HTTP/1.0"}) {
    expect({{WSBPF_IN, request("Accept: text/html\r\nX-Upgrade: websocket\r\n", line)},
            {WSBPF_OUT, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}},
           {.bits = 0, .reading = WSBPF_READING_HTTP});
  }
}

// The handshake's third segment carried the request, and went to the listener.
TEST(Handshake, TheRequestWasNotSeen) {
  const Scenario scenario = opened({{WSBPF_IN, from_client(kText, 200) + client_close(1000)},
                                    {WSBPF_OUT, from_server(kText, 20) + server_close(1000)}});
  const Model model(scenario);
  for (size_t position = 0; position < model.bytes(); ++position) {
    // The 101 is told by its first twelve bytes, and nobody sends less of it at first.
    if (position < scenario.frames_from[WSBPF_IN] + 12) continue;
    Pieces pieces = cut(model.conversation(), at(position));
    pieces[0].unseen = true;
    const Outcome outcome = model.play(pieces);
    ASSERT_EQ(model.contradiction(outcome), "") << position;
    EXPECT_EQ(outcome.state->bits & kOfTheHandshake, 101u);
  }
}

// Its first bytes went to the listener, the others did not.
TEST(Handshake, HalfOfTheRequestWasNotSeen) {
  const Scenario scenario =
      opened({{WSBPF_IN, from_client(kText, 200)}, {WSBPF_OUT, from_server(kText, 20)}});
  const Model model(scenario);
  for (size_t position = 1; position < scenario.frames_from[WSBPF_IN]; ++position) {
    Pieces pieces = cut(model.conversation(), at(position));
    pieces[0].unseen = true;
    ASSERT_EQ(model.contradiction(model.play(pieces)), "") << position;
  }
}

TEST(Handshake, OlderThanTheProgram) {
  std::vector<Turn> turns;
  for (int i = 0; i < 4; ++i) {
    turns.push_back({WSBPF_IN, from_client(kText, 30)});
    turns.push_back({WSBPF_OUT, from_server(kText, 40)});
  }
  const Model model(opened(turns));
  Pieces pieces = cut(model.conversation(), whole());
  pieces[0].unseen = true;
  pieces[1].unseen = true;
  const Outcome outcome = model.play(pieces);
  ASSERT_TRUE(outcome.state);
  EXPECT_TRUE(outcome.state->bits & WSBPF_WEBSOCKET_PROVEN);
  EXPECT_TRUE(outcome.news & WSBPF_NEWS_PROVEN);
  EXPECT_EQ(outcome.state->bits & (WSBPF_WEBSOCKET_STATUS | WSBPF_WEBSOCKET_REQUEST), 0u);
  // The first that proves itself is believed when a second follows, and is not counted.
  EXPECT_EQ(outcome.state->directions[WSBPF_IN].messages, 3u);
  EXPECT_EQ(outcome.state->directions[WSBPF_OUT].messages, 3u);
  EXPECT_TRUE(is_in_step(outcome));
}

TEST(Handshake, OlderOnesThatAreNoWebSocketsAreNotFollowed) {
  const Model model(Scenario{.conversation = {{WSBPF_IN, std::string(100, 'x')},
                                              {WSBPF_OUT, std::string(100, 'y')},
                                              {WSBPF_IN, std::string(500, 'z')}}});
  Pieces pieces = cut(model.conversation(), whole());
  pieces[0].unseen = true;
  EXPECT_FALSE(model.play(pieces).state);
}

}  // namespace
}  // namespace wsbpf::model
