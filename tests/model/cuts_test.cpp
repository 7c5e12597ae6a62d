// In order, however they are cut and sent again, streams are read as what they are.
#include <gtest/gtest.h>

#include <array>
#include <random>

#include "model/scenario.h"

namespace wsbpf::model {
namespace {

struct Named {
  const char* name;
  Scenario scenario;
};

std::vector<Turn> all_lengths() {
  std::vector<Turn> turns;
  for (const size_t length : {0, 1, 125, 126, 65535, 65536, 70000}) {
    turns.push_back({WSBPF_IN, from_client(kText, length)});
    turns.push_back({WSBPF_OUT, from_server(kBinary, length)});
  }
  return turns;
}

// Whether the Close has a reason, a code, or nothing.
std::vector<Turn> closes(std::string client, std::string server) {
  return {{WSBPF_IN, from_client(kText, 3)},
          {WSBPF_IN, std::move(client)},
          {WSBPF_OUT, std::move(server)}};
}

std::vector<Named> make_scenarios() {
  std::mt19937 dice(7);
  std::vector<Named> all = {
      {"no_frames", opened({})},
      {"all_lengths", opened(all_lengths())},
      {"fragments", opened({{WSBPF_IN, from_client(kText, 10, false) + from_client(kPing, 4) +
                                           from_client(kContinuation, 0, false) +
                                           from_client(kContinuation, 300)},
                            {WSBPF_OUT, from_server(kPong, 4) + from_server(kBinary, 126, false)},
                            {WSBPF_OUT, from_server(kContinuation, 0)}})},
      {"pings", opened({{WSBPF_OUT, from_server(kPing, 0)},
                        {WSBPF_IN, from_client(kPong, 0)},
                        {WSBPF_OUT, from_server(kPing, 125)},
                        {WSBPF_IN, from_client(kPing, 3) + from_client(kPong, 125)},
                        {WSBPF_OUT, from_server(kPong, 3)}})},
      {"many_small_ones", opened({{WSBPF_IN,
                                   [] {
                                     std::string bytes;
                                     for (int i = 0; i < 300; ++i) bytes += from_client(kText, 0);
                                     return bytes;
                                   }()}})},
      {"behind_the_101",
       opened_with_frames_behind_101({{WSBPF_OUT, from_server(kText, 5) + from_server(kPing, 2)},
                                      {WSBPF_IN, from_client(kPong, 2)}})},
      {"close_without_code", opened(closes(from_client(kClose, 0), from_server(kClose, 0)))},
      {"close_with_reason",
       opened(closes(client_close(1001, "the page is left"), server_close(1001)))},
      {"half_a_message",
       opened({{WSBPF_IN, from_client(kText, 20, false)}, {WSBPF_OUT, from_server(kText, 1)}})},
      {"compressed",
       opened({{WSBPF_IN, write_frame({.payload = "abc", .masked = true, .reserved_bits = 4})},
               {WSBPF_OUT, write_frame({.payload = "abcdef", .reserved_bits = 4})}},
              true)},
  };
  for (uint16_t code = 1000; code < 1015; ++code) {
    if (may_be_sent(code)) {
      all.push_back({"code", opened(closes(client_close(code), server_close(code, "bye")))});
    }
  }
  for (const uint16_t code : std::to_array<uint16_t>({3000, 3999, 4000, 4999})) {
    all.push_back({"code", opened(closes(client_close(code), server_close(code)))});
  }
  for (int i = 0; i < 8; ++i) all.push_back({"arbitrary", arbitrary(dice, 12)});
  return all;
}

const std::vector<Named>& scenarios() {
  static const std::vector<Named> all = make_scenarios();
  return all;
}

enum class End { kServer, kClient };

class CutsTest : public testing::TestWithParam<End> {
 protected:
  CutsTest() {
    if (GetParam() == End::kClient) conditions_.client = WSBPF_OUT;
  }

  // For every scenario.
  void check(const std::function<Pieces(const Model&)>& pieces_of) {
    for (const auto& [name, scenario] : scenarios()) {
      const Model model(GetParam() == End::kServer ? scenario : as_client(scenario));
      const std::string what = model.contradiction(model.play(pieces_of(model), conditions_));
      ASSERT_EQ(what, "") << name;
    }
  }

  Conditions conditions_;
  std::mt19937 dice_{11};
};

INSTANTIATE_TEST_SUITE_P(Ends, CutsTest, testing::Values(End::kServer, End::kClient),
                         [](const auto& end) {
                           return end.param == End::kServer ? "Server" : "Client";
                         });

Pieces in_one(const Model& model) { return cut(model.conversation(), whole()); }

TEST_P(CutsTest, Whole) { check(in_one); }

TEST_P(CutsTest, EachByteAlone) {
  check([](const Model& model) { return cut(model.conversation(), each_byte()); });
}

TEST_P(CutsTest, AtEveryByte) {
  for (const auto& [name, scenario] : scenarios()) {
    const Model model(GetParam() == End::kServer ? scenario : as_client(scenario));
    const Outcome uncut = model.play(in_one(model), conditions_);
    for (size_t position = 1; position < model.bytes(); ++position) {
      const Outcome outcome = model.play(cut(model.conversation(), at(position)), conditions_);
      ASSERT_EQ(model.contradiction(outcome), "") << name << ", cut at " << position;
      ASSERT_EQ(difference(uncut, outcome), "") << name << ", cut at " << position;
    }
  }
}

TEST_P(CutsTest, AtRandom) {
  for (int i = 0; i < 300; ++i) {
    check([this](const Model& model) {
      return cut(model.conversation(), at_random(dice_, 1 + dice_() % 40));
    });
  }
}

TEST_P(CutsTest, EverySegmentTwice) {
  check([](const Model& model) { return twice(in_one(model)); });
  for (int i = 0; i < 50; ++i) {
    check([this](const Model& model) {
      return twice(cut(model.conversation(), at_random(dice_, 60)));
    });
  }
}

TEST_P(CutsTest, OverlappingWhatWasSentBefore) {
  for (int i = 0; i < 50; ++i) {
    check([this](const Model& model) {
      return overlapping(cut(model.conversation(), at_random(dice_, 60)), dice_, 90);
    });
  }
}

TEST_P(CutsTest, WhereSequenceNumbersWrap) {
  for (uint32_t before = 1; before < 600; ++before) {
    conditions_.first_seq = {-before, -before / 2};
    check([this](const Model& model) { return cut(model.conversation(), at_random(dice_, 100)); });
  }
}

// The kernel's rcv_nxt is that of before what waits for its turn.
TEST_P(CutsTest, WhileTheSocketIsBusy) {
  for (const unsigned lag : {1, 2, 5, 50}) {
    conditions_.lag = lag;
    check([this](const Model& model) {
      Pieces pieces = cut(model.conversation(), at_random(dice_, 60));
      return twice(pieces);
    });
  }
}

}  // namespace
}  // namespace wsbpf::model
