// What is kept of connections across a restart.
#include "core/state_file.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace wsbpf {
namespace {

constexpr char kBoot[] = "2f6c1f5e-8a44-4b5e-9a36-0d5c9a1f7f10";

Slab<Connection> two_connections() {
  Slab<Connection> connections;
  Connection connection;
  connection.cookie = 0xffffffffffffffff;
  connection.generation = 3;
  connection.opened_ns = 10;
  connection.state = TcpState::kCloseWait;
  connection.state_since_ns = 20;
  connection.age_source = AgeSource::kLowerBound;
  connection.netns = 4026531840;
  connection.bytes_received = 5'000'000'000;
  connection.bytes_sent = 6'000'000'000;
  connection.longest_silence_ms = 60'000;
  connections.insert(connection);
  connection.cookie = 7;
  connection.age_source = AgeSource::kExact;
  connections.insert(connection);
  return connections;
}

TEST(StateFile, ReadsBackWhatItWrites) {
  const auto state = decode_state(encode_state(two_connections(), kBoot), kBoot);
  ASSERT_TRUE(state.has_value());
  ASSERT_EQ(state->size(), 2u);
  const Remembered& first = state->at(0xffffffffffffffff);
  EXPECT_EQ(first.generation, 3u);
  EXPECT_EQ(first.opened_ns, 10u);
  EXPECT_EQ(first.state, TcpState::kCloseWait);
  EXPECT_EQ(first.state_since_ns, 20u);
  EXPECT_EQ(first.age_source, AgeSource::kLowerBound);
  EXPECT_EQ(first.state_age_source, AgeSource::kExact);
  EXPECT_EQ(first.netns, 4026531840u);
  EXPECT_EQ(first.bytes_received, 5'000'000'000u);
  EXPECT_EQ(first.bytes_sent, 6'000'000'000u);
  EXPECT_EQ(first.longest_silence_ms, 60'000u);
  EXPECT_EQ(state->at(7).age_source, AgeSource::kExact);
}

TEST(StateFile, NothingIsAStateToo) {
  const auto state = decode_state(encode_state({}, kBoot), kBoot);
  ASSERT_TRUE(state.has_value());
  EXPECT_TRUE(state->empty());
}

TEST(StateFile, AnotherBootHasOtherCookies) {
  EXPECT_FALSE(decode_state(encode_state(two_connections(), kBoot), "another"));
}

TEST(StateFile, RefusesAnotherVersion) {
  const std::string text = encode_state(two_connections(), kBoot);
  const std::string version = "wsbpf-state 2 ";
  ASSERT_TRUE(text.starts_with(version));
  for (const char* other :
       {"wsbpf-state 1 ", "wsbpf-state 3 ", "wsbpf-state 22 ", "wsbpf-state "}) {
    const auto state = decode_state(other + text.substr(version.size()), kBoot);
    ASSERT_FALSE(state) << other;
    EXPECT_NE(state.error().message.find("version"), std::string::npos);
  }
  // As the first version wrote it.
  EXPECT_FALSE(
      decode_state("wsbpf-state 1 " + std::string(kBoot) + "\n7 0 10 8 20 0 0\nend 1\n", kBoot));
}

TEST(StateFile, RefusesGarbage) {
  std::mt19937 random(1);
  std::uniform_int_distribution<size_t> byte(0, 255);
  const std::string text = encode_state(two_connections(), kBoot);
  std::uniform_int_distribution<size_t> place(0, text.size() - 1);
  for (int i = 0; i < 2'000; ++i) {
    std::string noise(byte(random), '\0');
    for (char& c : noise) c = static_cast<char>(byte(random));
    EXPECT_FALSE(decode_state(noise, kBoot));
    // One other byte: refused, or a state with as many connections.
    std::string damaged = text;
    damaged[place(random)] = static_cast<char>(byte(random));
    if (const auto state = decode_state(damaged, kBoot)) {
      EXPECT_LE(state->size(), 2u);
    }
  }
}

TEST(StateFile, RefusesWhatIsCutShort) {
  const std::string text = encode_state(two_connections(), kBoot);
  for (size_t length = 0; length + 1 < text.size(); ++length) {
    EXPECT_FALSE(decode_state(text.substr(0, length), kBoot)) << length << " bytes";
  }
}

TEST(StateFile, RefusesWhatIsDamaged) {
  Slab<Connection> connections;
  connections.insert({});
  const std::string text = encode_state(connections, kBoot);
  const size_t line = text.find('\n') + 1;
  const auto damaged = [&](size_t erased, const char* inserted) {
    return decode_state(std::string(text).replace(line, erased, inserted), kBoot).has_value();
  };
  ASSERT_TRUE(damaged(0, ""));
  EXPECT_FALSE(damaged(0, "0 "));
  EXPECT_FALSE(damaged(2, ""));
  EXPECT_FALSE(damaged(0, " "));
  EXPECT_FALSE(damaged(0, "-"));
  EXPECT_FALSE(damaged(1, "x"));
  EXPECT_FALSE(damaged(0, "\n"));
  EXPECT_FALSE(decode_state("anything\nend 0\n", kBoot));
  EXPECT_FALSE(decode_state(text + "more\n", kBoot));
}

TEST(StateFile, RefusesStatesThatTheKernelDoesNotHave) {
  Slab<Connection> connections;
  Connection connection;
  connection.state = static_cast<TcpState>(12);
  connections.insert(connection);
  EXPECT_FALSE(decode_state(encode_state(connections, kBoot), kBoot));
}

}  // namespace
}  // namespace wsbpf
