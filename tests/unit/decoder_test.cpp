// Records of the ring buffer and of the iterators, as bytes.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "core/event.h"
#include "kernel_records.h"

namespace wsbpf {
namespace {

template <typename Record>
std::vector<std::byte> bytes_of(const Record& record) {
  std::vector<std::byte> bytes(sizeof(record));
  std::memcpy(bytes.data(), &record, sizeof(record));
  return bytes;
}

template <typename Record>
void expect_round_trip(const Record& record) {
  const auto bytes = bytes_of(record);
  const auto event = decode(bytes);
  ASSERT_TRUE(event.has_value());
  ASSERT_TRUE(std::holds_alternative<Record>(*event));
  EXPECT_EQ(std::memcmp(&std::get<Record>(*event), bytes.data(), bytes.size()), 0);
  EXPECT_EQ(encoded_size(*event), bytes.size());
  EXPECT_EQ(header_of(*event).cookie, record.header.cookie);
}

TEST(Decoder, ReadsEveryRecord) {
  const Sock sock;
  expect_round_trip(accepted(1_s, sock));
  expect_round_trip(left(1_s, sock, TcpState::kCloseWait, {.bytes_received = 7}, closer(4121)));
  expect_round_trip(entered_from(1_s, sock, TcpState::kFinWait1, TcpState::kFinWait2));
  expect_round_trip(closed(1_s, sock, TcpState::kLastAck));
  expect_round_trip(destroyed(1_s, sock));
  expect_round_trip(retransmitted(1_s, sock, 3));
  expect_round_trip(synack(1_s, sock));
  expect_round_trip(reset(1_s, sock, TcpState::kEstablished, WSBPF_RESET_SENT, 14));
  expect_round_trip(sample(1_s, sock, TcpState::kFinWait2, 4121));
  expect_round_trip(minisock(1_s, sock, TcpState::kTimeWait));
}

TEST(Decoder, LeavesWhatFollowsTheRecord) {
  auto bytes = bytes_of(destroyed(1_s, Sock{}));
  const size_t length = bytes.size();
  bytes.resize(length + 100);
  const auto event = decode(bytes);
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(encoded_size(*event), length);
}

TEST(Decoder, RefusesWhatIsCutShort) {
  const auto bytes = bytes_of(closed(1_s, Sock{}, TcpState::kLastAck));
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(decode(std::span(bytes).first(length))) << length << " bytes";
  }
}

TEST(Decoder, RefusesUnknownTypes) {
  auto bytes = bytes_of(accepted(1_s, Sock{}));
  for (const int type : {0, WSBPF_RECORD_SYNACK + 1, 255}) {
    bytes[0] = static_cast<std::byte>(type);
    EXPECT_FALSE(decode(bytes)) << "type " << type;
  }
}

TEST(Decoder, RefusesStatesThatTheKernelDoesNotHave) {
  for (const int state : {0, 13, 255}) {
    const auto unknown = static_cast<TcpState>(state);
    EXPECT_FALSE(decode(bytes_of(left(1_s, Sock{}, unknown)))) << state;
    EXPECT_FALSE(decode(bytes_of(entered_from(1_s, Sock{}, {}, unknown)))) << state;
  }
}

// TCP_NEW_SYN_RECV is one past the states that connections and minisocks are counted by.
TEST(Decoder, KnowsRequestSocketsOfResetsOnly) {
  constexpr auto kNewSynRecv = static_cast<TcpState>(12);
  EXPECT_TRUE(decode(bytes_of(reset(1_s, Sock{}, kNewSynRecv, WSBPF_RESET_SENT))));
  EXPECT_FALSE(decode(bytes_of(left(1_s, Sock{}, kNewSynRecv))));
  EXPECT_FALSE(decode(bytes_of(entered_from(1_s, Sock{}, {}, kNewSynRecv))));
  EXPECT_FALSE(decode(bytes_of(opened(1_s, Sock{}, kNewSynRecv, {}, 0))));
  EXPECT_FALSE(decode(bytes_of(sample(1_s, Sock{}, kNewSynRecv))));
  EXPECT_FALSE(decode(bytes_of(minisock(1_s, Sock{}, kNewSynRecv))));
}

TEST(Decoder, RefusesUnknownFamilies) {
  Sock sock;
  for (const int family : {AF_UNSPEC, AF_UNIX, 255}) {
    sock.family = static_cast<uint8_t>(family);
    EXPECT_FALSE(decode(bytes_of(accepted(1_s, sock)))) << family;
  }
  sock.family = AF_INET6;
  EXPECT_TRUE(decode(bytes_of(accepted(1_s, sock))));
}

}  // namespace
}  // namespace wsbpf
