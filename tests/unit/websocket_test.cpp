// What follows from the kernel's reading of a WebSocket.
#include "core/websocket.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/connection_table.h"
#include "core/verdict.h"
#include "ends_builder.h"

namespace wsbpf {
namespace {

constexpr uint32_t kFirst = WSBPF_WEBSOCKET_CLOSE_FIRST_IN | WSBPF_WEBSOCKET_CLOSE_FIRST_OUT;

// The other direction was not in step when the Close frame came.
WebSocket without_first(WebSocket websocket) {
  websocket.state.bits &= ~kFirst;
  return websocket;
}

WebSocket closed_with(uint16_t code_in, uint16_t code_out) {
  return without_first(talked([&](WebSocket& websocket, WebSocketRecords& records) {
    if (code_in != 0) take_websocket(websocket, records.close(99_s, WSBPF_IN, code_in));
    if (code_out != 0) take_websocket(websocket, records.close(99_s, WSBPF_OUT, code_out));
  }));
}

TEST(WebSocketTest, TheCloseCodeIsThatOfTheFirstClose) {
  WebSocket websocket = closed_with(1000, 4001);
  websocket.state.bits |= WSBPF_WEBSOCKET_CLOSE_FIRST_OUT;
  EXPECT_EQ(first_close(websocket), WSBPF_OUT);
  EXPECT_EQ(close_code(websocket), 4001);
}

TEST(WebSocketTest, ACloseFrameTellsItsCodeThoughWhoWasFirstIsNotKnown) {
  EXPECT_EQ(first_close(closed_with(1001, 0)), std::nullopt);
  EXPECT_EQ(close_code(closed_with(1001, 0)), 1001);
  EXPECT_EQ(close_code(closed_with(0, 4002)), 4002);
  EXPECT_EQ(close_code(closed_with(1001, 4002)), 1001) << "of both, the peer's";
  EXPECT_TRUE(has_close(closed_with(0, 4002)));
  EXPECT_TRUE(has_close(closed_with(1001, 0)));
  EXPECT_FALSE(has_close(talked()));
  EXPECT_EQ(close_code(talked()), 1006);

  Connection connection;
  connection.state = TcpState::kEstablished;
  const WebSocket websocket = closed_with(0, 1000);
  EXPECT_EQ(phase_of(connection, &websocket), Phase::kClosing);
  EXPECT_TRUE(is_close_without_fin(of(websocket, peer_reset())));
  EXPECT_EQ(judge(of(websocket, peer_fin())).initiator, Initiator::kRemote) << "by TCP";
}

TEST(WebSocketTest, OnlyWhatHasEndedIsReadToItsEnd) {
  WebSocket websocket = talked();
  EXPECT_TRUE(is_read_to_the_end(websocket));
  websocket.ended = false;
  EXPECT_FALSE(is_read_to_the_end(websocket));
  EXPECT_EQ(close_code(websocket), std::nullopt);
}

// Its header has passed, and `left` bytes have not.
wsbpf_websocket announced(WebSocketRecords& records, uint64_t time_ns, uint64_t length,
                          uint64_t left, uint8_t opcode = 2) {
  wsbpf_websocket_direction& from = records.state.directions[WSBPF_IN];
  const uint64_t before = from.message_bytes;
  records.message(time_ns, WSBPF_IN,
                  static_cast<uint32_t>(std::min<uint64_t>(length, WSBPF_FRAME_LENGTH)), opcode);
  from.message_bytes = before + length;
  from.skip = left;
  return records.swept(time_ns);
}

class AnnouncedTest : public testing::Test {
 protected:
  WebSocket with(uint64_t length, uint64_t left, uint8_t opcode = 2) {
    WebSocketRecords records((Sock()));
    return taken({records.requested(1_s), records.answered(2_s),
                  records.message(3_s, WSBPF_IN, 100),
                  announced(records, 4_s, length, left, opcode)});
  }
};

TEST_F(AnnouncedTest, WhatHasArrivedCounts) {
  EXPECT_EQ(message_bytes(with(50, 0), WSBPF_IN), 150);
  EXPECT_EQ(messages(with(50, 0), WSBPF_IN), 2);
  EXPECT_EQ(message_bytes(with(50, 20), WSBPF_IN), 130);
  EXPECT_EQ(messages(with(50, 20), WSBPF_IN), 1);
  EXPECT_EQ(message_bytes(with(50, 54), WSBPF_IN), 100) << "nor has its mask";
  EXPECT_EQ(message_bytes(with(0, 4), WSBPF_IN), 100);
  EXPECT_EQ(messages(with(0, 4), WSBPF_IN), 1);
  EXPECT_EQ(messages(with(50, 20), WSBPF_OUT), 0);
}

TEST_F(AnnouncedTest, ALongFrameIsNotTakenForWhatItAnnounces) {
  constexpr uint64_t kMost = INT64_MAX;
  EXPECT_EQ(message_bytes(with(kMost, kMost - 1'000), WSBPF_IN), 1'100);
  EXPECT_EQ(messages(with(kMost, kMost - 1'000), WSBPF_IN), 1);
}

TEST_F(AnnouncedTest, OnlyDataFramesAreMessages) {
  WebSocketRecords records((Sock()));
  WebSocket websocket = taken({records.requested(1_s), records.answered(2_s),
                               records.message(3_s, WSBPF_IN, 100), records.ping(4_s, WSBPF_IN)});
  websocket.state.directions[WSBPF_IN].skip = 4;
  EXPECT_EQ(messages(websocket, WSBPF_IN), 1);
  EXPECT_EQ(message_bytes(websocket, WSBPF_IN), 100);
}

TEST_F(AnnouncedTest, AHeldHeaderIsNoPayload) {
  WebSocket websocket = with(50, 20);
  websocket.state.directions[WSBPF_IN].held = 4;
  EXPECT_EQ(message_bytes(websocket, WSBPF_IN), 150);
  EXPECT_EQ(messages(websocket, WSBPF_IN), 2);
}

TEST_F(AnnouncedTest, AFragmentIsNoMessageOfItsOwn) {
  WebSocket websocket = with(50, 20);
  wsbpf_websocket_direction& from = websocket.state.directions[WSBPF_IN];
  from.frames[(from.slots - 1u) % WSBPF_FRAMES_KEPT] &= ~uint32_t{WSBPF_FRAME_FINAL};
  from.messages = 1;
  EXPECT_EQ(messages(websocket, WSBPF_IN), 1);
  EXPECT_EQ(message_bytes(websocket, WSBPF_IN), 130);
}

class WebSocketTotalsTest : public testing::Test {
 protected:
  WebSocketTotalsTest() {
    table_.apply(accepted(1_s, sock_));
    apply(records_.requested(2_s));
    apply(records_.answered(3_s));
  }
  void apply(const wsbpf_websocket& record) { table_.apply(record); }
  const WebSocketTotals& totals() { return table_.listener(summary_of(table_).index).websocket; }

  FakeProcesses processes_;
  ConnectionTable table_{watch_of({8080}), processes_};
  Sock sock_;
  WebSocketRecords records_{sock_};
};

TEST_F(WebSocketTotalsTest, CountWhatHasArrived) {
  apply(announced(records_, 4_s, INT64_MAX, INT64_MAX - 10));
  EXPECT_EQ(totals().messages[WSBPF_IN], 0);
  EXPECT_EQ(totals().message_bytes[WSBPF_IN], 10);
  records_.state.directions[WSBPF_IN].skip -= 30;
  apply(records_.swept(5_s));
  EXPECT_EQ(totals().message_bytes[WSBPF_IN], 40);
}

TEST_F(WebSocketTotalsTest, DoNotGoRoundWhereAnOlderStateComesLater) {
  const wsbpf_websocket older = records_.swept(9_s);
  apply(records_.message(4_s, WSBPF_IN, 100));
  records_.state.directions[WSBPF_IN].violations = 3;
  apply(records_.lost(5_s, WSBPF_IN, 7));
  apply(older);
  EXPECT_EQ(totals().messages[WSBPF_IN], 1);
  EXPECT_EQ(totals().message_bytes[WSBPF_IN], 100);
  EXPECT_EQ(totals().violations, 3);
  EXPECT_EQ(totals().missed_bytes, 7);
}

TEST_F(WebSocketTotalsTest, ARequestIsNotBeforeItsConnection) {
  const Sock later{.cookie = 99};
  WebSocketRecords records(later);
  table_.apply(accepted(10_s, later));
  records.requested(9'996_ms);
  table_.apply(records.swept(11_s));
  const Connection* const connection = find_connection(table_, later.cookie);
  ASSERT_NE(connection, nullptr);
  EXPECT_EQ(table_.websocket_of(*connection)->requested_ns, 10_s);
}

TEST(WebSocketTest, CountsAreTheLeastWhereSomethingWasNotRead) {
  EXPECT_FALSE(counts_are_least(talked()));
  WebSocketRecords adopted((Sock()));
  EXPECT_TRUE(counts_are_least(taken({adopted.proven(1_s)})));
  WebSocketRecords regained((Sock()));
  WebSocket websocket =
      taken({regained.requested(1_s), regained.answered(2_s), regained.lost(3_s, WSBPF_IN, 9)});
  EXPECT_TRUE(counts_are_least(websocket));
  websocket.state.directions[WSBPF_IN].reading = WSBPF_READING_FRAMES;
  EXPECT_TRUE(counts_are_least(websocket)) << "also when it is in step again";
}

TEST(WebSocketTest, FramesAreNotBeforeTheAnswer) {
  WebSocketRecords records((Sock()));
  const wsbpf_websocket requested = records.requested(1_s);
  const wsbpf_websocket answered = records.answered(2'004_ms);
  const WebSocket websocket = taken({requested, answered, records.message(2_s, WSBPF_OUT, 5)});
  EXPECT_EQ(last_message_ns(websocket, WSBPF_OUT), 2'004_ms);
  ASSERT_EQ(last_frames(websocket).size(), 1);
  EXPECT_EQ(last_frames(websocket)[0].time_ns, 2'004_ms);
}

TEST(WebSocketTest, ACloseFrameHasTheTimeOfItsRecord) {
  WebSocketRecords records((Sock()));
  wsbpf_websocket_direction& in = records.state.directions[WSBPF_IN];
  std::vector<wsbpf_websocket> all = {records.requested(1_s), records.answered(2_s)};
  wsbpf_websocket close = records.close(5_s, WSBPF_IN);
  close.header.time_ns = 5'007_ms;
  WebSocket websocket = taken({all[0], all[1], close});
  EXPECT_EQ(websocket.close_ns[WSBPF_IN], 5'007_ms);
  // The answer's record was lost, and the tick is that of before.
  wsbpf_websocket answer = records.close(5_s, WSBPF_OUT);
  answer.news = WSBPF_NEWS_SWEPT;
  answer.header.time_ns = 6_s;
  take_websocket(websocket, answer);
  EXPECT_EQ(websocket.close_ns[WSBPF_OUT], 5'007_ms) << "not before the first";
  // A message in spite of its Close.
  in.message_ms = 9'000;
  take_websocket(websocket, records.swept(9_s));
  EXPECT_EQ(last_message_ns(websocket, WSBPF_IN), 5'007_ms);
}

TEST(WebSocketTest, OnlyWhereAPongWouldBeSeenIsItMissed) {
  WebSocketRecords records((Sock()));
  WebSocket websocket =
      taken({records.requested(1_s), records.answered(2_s), records.ping(3_s, WSBPF_OUT)});
  EXPECT_EQ(unanswered_ping_ns(websocket, WSBPF_OUT), 3_s);
  websocket.state.directions[WSBPF_IN].reading = WSBPF_READING_NOTHING;
  EXPECT_EQ(unanswered_ping_ns(websocket, WSBPF_OUT), 0) << "the peer's direction is not read";
}

}  // namespace
}  // namespace wsbpf
