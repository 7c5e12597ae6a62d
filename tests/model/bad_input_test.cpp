// What no WebSocket would say: it is counted as a violation where it is one, and never gives a code
// that nobody sent.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <random>

#include "model/scenario.h"

namespace wsbpf::model {
namespace {

// Frames from the client behind a handshake: whole and cut at every byte, they violate RFC 6455 as
// often as this, and are else read as what they are.
void expect_violations(const std::string& frames, uint32_t violations, bool compressed = false) {
  const Model model(opened({{WSBPF_IN, frames}, {WSBPF_OUT, from_server(kText, 1)}}, compressed));
  ASSERT_EQ(model.truth(WSBPF_IN).violations, violations);
  for (size_t position = 0; position < model.bytes(); ++position) {
    const Outcome outcome = model.play(cut(model.conversation(), at(position)));
    ASSERT_EQ(model.contradiction(outcome), "") << "cut at " << position;
  }
}

const FrameToWrite kMasked = {.payload = "", .masked = true};

std::string masked(FrameToWrite frame) {
  frame.masked = true;
  return write_frame(frame);
}

TEST(BadFrames, Regular) { expect_violations(from_client(kText, 5), 0); }

TEST(BadFrames, ReservedOpcodes) {
  for (const uint8_t opcode : std::to_array<uint8_t>({3, 4, 5, 6, 7, 11, 12, 13, 14, 15})) {
    SCOPED_TRACE(opcode);
    expect_violations(masked({.opcode = opcode, .payload = "abc"}) + from_client(kText, 1), 1);
  }
}

TEST(BadFrames, ReservedBits) {
  for (const uint8_t bits : std::to_array<uint8_t>({1, 2, 3, 4, 5, 6, 7})) {
    SCOPED_TRACE(bits);
    expect_violations(masked({.payload = "abc", .reserved_bits = bits}), 1);
    expect_violations(masked({.payload = "abc", .reserved_bits = bits}), bits != 4, true);
    expect_violations(masked({.opcode = kPing, .payload = "abc", .reserved_bits = bits}), 1, true);
  }
}

TEST(BadFrames, LongControlFrames) {
  for (const uint8_t opcode : {kClose, kPing, kPong}) {
    for (const size_t length : {126, 1000, 70000}) {
      SCOPED_TRACE(fmt::format("{} of {}", opcode, length));
      expect_violations(from_client(opcode, length) + from_client(kPing, 1), 1);
    }
  }
}

TEST(BadFrames, FragmentedControlFrames) {
  for (const uint8_t opcode : {kPing, kPong}) {
    expect_violations(masked({.opcode = opcode, .payload = "abc", .final = false}), 1);
  }
  expect_violations(masked({.opcode = kClose, .payload = close_payload(1000), .final = false}), 1);
}

TEST(BadFrames, LengthsInMoreBytesThanNeeded) {
  for (const auto& [length, length_bytes] :
       {std::pair{0, 2}, {125, 2}, {0, 8}, {125, 8}, {126, 8}, {65535, 8}}) {
    SCOPED_TRACE(fmt::format("{} in {}", length, length_bytes));
    expect_violations(write_header(kMasked, static_cast<uint64_t>(length), length_bytes) +
                          std::string(static_cast<size_t>(length), 'x'),
                      1);
  }
}

TEST(BadFrames, UnmaskedFromTheClient) {
  expect_violations(from_server(kText, 5) + from_server(kText, 0), 2);
  expect_violations(server_close(1000), 1);
}

TEST(BadFrames, FragmentsOutOfPlace) {
  expect_violations(from_client(kContinuation, 5), 1);
  expect_violations(from_client(kText, 5, false) + from_client(kText, 5), 1);
  expect_violations(from_client(kText, 5, false) + from_client(kContinuation, 5), 0);
}

TEST(BadFrames, CloseOfOneByte) { expect_violations(from_client(kClose, 1), 1); }

TEST(BadFrames, CodesThatMustNotBeSent) {
  for (const uint16_t code :
       std::to_array<uint16_t>({0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535})) {
    SCOPED_TRACE(code);
    expect_violations(client_close(code, "why not"), 1);
  }
}

TEST(BadFrames, BehindAClose) {
  expect_violations(client_close(1000) + from_client(kText, 5), 1);
  expect_violations(client_close(1000) + client_close(1001), 1);
}

TEST(BadFrames, NoPayloads) {
  std::string frames;
  for (int i = 0; i < 200; ++i) frames += from_client(kBinary, 0);
  expect_violations(frames, 0);
}

// The longest that is allowed is awaited; longer ones are no frames.
TEST(BadFrames, LengthsBeyondReason) {
  for (const uint64_t length : {UINT64_MAX >> 1, uint64_t{1} << 62, uint64_t{1} << 40}) {
    expect_violations(write_header(kMasked, length, 8) + std::string(500, '\xff'), 0);
  }
  for (const uint64_t length : {uint64_t{1} << 63, UINT64_MAX, UINT64_MAX - 14}) {
    const std::string frames =
        from_client(kText, 3) + write_header(kMasked, length, 8) + std::string(500, '\xff');
    const Model model(opened({{WSBPF_IN, frames}}));
    for (size_t position = 0; position < model.bytes(); ++position) {
      const Outcome outcome = model.play(cut(model.conversation(), at(position)));
      ASSERT_EQ(outcome.failure, "");
      const wsbpf_websocket_direction& in = outcome.state->directions[WSBPF_IN];
      ASSERT_EQ(in.reading & WSBPF_READING_MASK, WSBPF_READING_LOST) << position;
      ASSERT_EQ(in.violations, 1) << position;
      ASSERT_EQ(in.messages, 1u) << position;
      ASSERT_EQ(in.message_bytes, 3u) << position;
      ASSERT_GE(outcome.state->missed_bytes, 500u) << position;
      ASSERT_TRUE(outcome.news & WSBPF_NEWS_LOST);
    }
  }
}

// Each bit of a header that is wrong makes a difference: the comparison is worth something.
TEST(BadFrames, AnyBitOfAHeaderIsNoticed) {
  const std::string frames = from_client(kText, 200) + from_client(kBinary, 10, false) +
                             from_client(kContinuation, 3) + client_close(1000);
  const Model truth(opened({{WSBPF_IN, frames}}));
  for (unsigned bit = 0; bit < 8 * 4; ++bit) {  // the first frame's two bytes and its length
    std::string flipped = frames;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    const Model model(opened({{WSBPF_IN, flipped}}));
    const Outcome outcome = model.play(cut(model.conversation(), each_byte()));
    EXPECT_NE(truth.contradiction(outcome), "") << "bit " << bit;
    if (model.truth(WSBPF_IN).is_broken) continue;
    EXPECT_EQ(model.contradiction(outcome), "") << "bit " << bit;
  }
}

Outcome play_turn(const std::string& bytes, const Cutter& cutter) {
  const Model model(Scenario{.conversation = {{WSBPF_IN, bytes}}});
  return model.play(cut(model.conversation(), cutter));
}

TEST(BadHeads, OtherProtocols) {
  EXPECT_EQ(play_turn("\x16\x03\x01\x02\x01\x01\xfc\x03\x03", whole()).unreadable,
            WSBPF_UNREADABLE_TLS);
  EXPECT_EQ(play_turn("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", whole()).unreadable,
            WSBPF_UNREADABLE_HTTP2);
  for (const char* bytes :
       {"SSH-2.0-OpenSSH_9.2\r\n", "POST / HTTP/1.1\r\n\r\n", "x", "\r\n", "{}"}) {
    EXPECT_EQ(play_turn(bytes, whole()).unreadable, WSBPF_UNREADABLE_OTHER) << bytes;
  }
}

// As frames they would be empty fragments without an end.
TEST(BadHeads, ZerosOfAServerThatSpeaksFirstProveNothing) {
  const std::string zeros(100, '\0');
  const Pieces pieces = cut({{WSBPF_OUT, zeros}, {WSBPF_OUT, zeros}, {WSBPF_OUT, zeros}}, whole());
  ASSERT_EQ(pieces.size(), 3u);
  EXPECT_FALSE(play({"", zeros + zeros + zeros}, pieces).state);
}

TEST(BadHeads, TooLong) {
  const std::string endless =
      request(std::string(kUpgradeFields) + "Cookie: " + std::string(65536, 'c') + "\r\n");
  for (const Cutter& cutter : {whole(), each_byte(), at(32768), at(32769)}) {
    const Outcome outcome = play_turn(endless, cutter);
    ASSERT_EQ(outcome.failure, "");
    EXPECT_EQ(outcome.state->directions[WSBPF_IN].reading & WSBPF_READING_MASK, WSBPF_READING_HTTP);
    EXPECT_TRUE(outcome.news & WSBPF_NEWS_PLAIN);
  }
}

TEST(BadHeads, AnswersThatAreNone) {
  for (const std::string answer :
       {"HTTP/1.1\r\n\r\n", "HTTP/1.1 \r\n\r\n", "HTTP/1.1 1O1 Switching\r\n\r\n",
        "HTTP/1.1 1010 Switching\r\n\r\n", "HTTP/1.1 99 Low\r\n\r\n", "HTTP/1.1 65637 x\r\n\r\n",
        "HTTP/9.9 101 Switching\r\n\r\n", "ICY 200 OK\r\n\r\n", "101\r\n\r\n", "\r\n\r\n"}) {
    const Model model(Scenario{.conversation = {{WSBPF_IN, request()},
                                                {WSBPF_OUT, answer},
                                                {WSBPF_IN, from_client(kText, 5)},
                                                {WSBPF_OUT, from_server(kText, 5)}}});
    for (size_t position = 0; position < model.bytes(); ++position) {
      const Outcome outcome = model.play(cut(model.conversation(), at(position)));
      ASSERT_EQ(outcome.failure, "");
      EXPECT_EQ(outcome.state->bits & WSBPF_WEBSOCKET_STATUS, 0u) << answer << " " << position;
      for (const wsbpf_websocket_direction& direction : outcome.state->directions) {
        EXPECT_EQ(direction.messages, 0u) << answer << " " << position;
        EXPECT_NE(direction.reading & WSBPF_READING_MASK, WSBPF_READING_FRAMES) << answer;
      }
    }
  }
}

TEST(AnyBytes, ByTheMegabyte) {
  std::mt19937 dice(3);
  for (int round = 0; round < 20; ++round) {
    std::string noise(1 << 20, '\0');
    for (char& byte : noise) byte = static_cast<char>(dice());
    for (const bool as_frames : {false, true}) {
      Scenario scenario =
          as_frames ? opened({{WSBPF_IN, noise}, {WSBPF_OUT, noise}})
                    : Scenario{.conversation = {{WSBPF_IN, "GET " + noise}, {WSBPF_OUT, noise}}};
      const Model model(scenario);
      for (const Cutter& cutter : {whole(), at_random(dice, 3000), at_random(dice, 30)}) {
        const Outcome outcome = model.play(cut(model.conversation(), cutter));
        ASSERT_EQ(outcome.failure, "");
        const uint32_t status = outcome.state->bits & WSBPF_WEBSOCKET_STATUS;
        ASSERT_EQ(status, as_frames ? 101u : 0u);
      }
    }
  }
}

}  // namespace
}  // namespace wsbpf::model
