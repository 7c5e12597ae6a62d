// Segments that pass before their predecessors, or not at all: what is read of them is right, or
// said to be out of step, and never more than the truth.
#include <gtest/gtest.h>

#include <random>

#include "model/scenario.h"

namespace wsbpf::model {
namespace {

enum class End { kServer, kClient };

class OrderTest : public testing::TestWithParam<End> {
 protected:
  OrderTest() {
    if (GetParam() == End::kClient) conditions_.client = WSBPF_OUT;
  }

  Model model_of(const Scenario& scenario) const {
    return Model(GetParam() == End::kServer ? scenario : as_client(scenario));
  }

  Conditions conditions_;
  std::mt19937 dice_{5};
};

INSTANTIATE_TEST_SUITE_P(Ends, OrderTest, testing::Values(End::kServer, End::kClient),
                         [](const auto& end) {
                           return end.param == End::kServer ? "Server" : "Client";
                         });

bool may_swap(const Pieces& pieces, size_t i) {
  return i + 1 < pieces.size() && pieces[i].direction == WSBPF_IN &&
         pieces[i + 1].direction == WSBPF_IN;
}

TEST_P(OrderTest, NeighboursSwapped) {
  unsigned identical = 0;
  unsigned lost = 0;
  for (int round = 0; round < 40; ++round) {
    const Model model = model_of(arbitrary(dice_, 10));
    const Pieces pieces = cut(model.conversation(), at_random(dice_, 20 + dice_() % 2000));
    for (size_t i = 0; may_swap(pieces, i) || i + 1 < pieces.size(); ++i) {
      if (!may_swap(pieces, i)) continue;
      Pieces swapped = pieces;
      std::swap(swapped[i], swapped[i + 1]);
      const Outcome outcome = model.play(swapped, conditions_);
      ASSERT_EQ(model.contradiction_unless_lost(outcome), "")
          << "round " << round << ", segments " << i << " and " << i + 1;
      (is_read_to_the_end(outcome) ? identical : lost) += 1;
    }
  }
  // Neither is so by accident: within a payload the order does not matter, elsewhere it does.
  EXPECT_GT(identical, 100u);
  EXPECT_GT(lost, 100u);
}

TEST_P(OrderTest, Shuffled) {
  for (int round = 0; round < 400; ++round) {
    const Model model = model_of(arbitrary(dice_, 10));
    Pieces pieces = cut(model.conversation(), at_random(dice_, 20 + dice_() % 2000));
    for (size_t swaps = 1 + dice_() % 50; swaps > 0; --swaps) {
      const size_t i = dice_() % pieces.size();
      if (may_swap(pieces, i)) std::swap(pieces[i], pieces[i + 1]);
      if (dice_() % 8 == 0) pieces.insert(pieces.begin() + static_cast<long>(i), pieces[i]);
    }
    ASSERT_EQ(model.contradiction_unless_lost(model.play(pieces, conditions_)), "")
        << "round " << round;
  }
}

// Two CPUs had segments of one socket at once, and one of them was passed by.
TEST_P(OrderTest, OneUnseen) {
  for (int round = 0; round < 100; ++round) {
    const Scenario scenario = arbitrary(dice_, 10);
    const Model model = model_of(scenario);
    const Pieces pieces = cut(model.conversation(), at_random(dice_, 20 + dice_() % 2000));
    for (size_t i = 0; i < pieces.size(); ++i) {
      Pieces with_gap = pieces;
      with_gap[i].unseen = true;
      const Outcome outcome = model.play(with_gap, conditions_);
      ASSERT_EQ(outcome.failure, "");
      // Of the response's head alone, the rest of it is not there to be understood.
      if (!outcome.state) continue;
      ASSERT_EQ(model.contradiction_unless_lost(outcome), "")
          << "round " << round << ", segment " << i;
    }
  }
}

// The header of the second message is missed.
Scenario with_gap_to_come(int direction, int messages) {
  std::vector<Turn> turns;
  for (int i = 0; i < messages; ++i) {
    turns.push_back(
        {direction, direction == WSBPF_IN ? from_client(kText, 100) : from_server(kText, 100)});
  }
  return opened(std::move(turns));
}

TEST(Gap, IsOverWhenTwoSegmentsProveThemselves) {
  for (const int direction : {WSBPF_IN, WSBPF_OUT}) {
    const Model model(with_gap_to_come(direction, 10));
    Pieces pieces = cut(model.conversation(), whole());
    ASSERT_EQ(pieces.size(), 12u);
    pieces[4].unseen = true;
    const uint64_t frame_bytes = pieces[4].end - pieces[4].begin;
    const auto after = [&](size_t count) {
      const Outcome outcome =
          model.play({pieces.begin(), pieces.begin() + static_cast<long>(count)});
      EXPECT_EQ(outcome.failure, "");
      return *outcome.state;
    };
    const auto reading = [direction](const wsbpf_websocket_state& state) {
      return state.directions[direction].reading & WSBPF_READING_MASK;
    };
    EXPECT_EQ(reading(after(5)), WSBPF_READING_FRAMES);  // it is not known of yet
    EXPECT_EQ(reading(after(6)), WSBPF_READING_REGAINED);
    EXPECT_EQ(after(6).missed_bytes, 2 * frame_bytes);
    const wsbpf_websocket_state regained = after(7);
    EXPECT_EQ(reading(regained), WSBPF_READING_FRAMES);
    EXPECT_EQ(regained.missed_bytes, 2 * frame_bytes);
    EXPECT_EQ(regained.directions[direction].messages, 3u);
    EXPECT_EQ(after(12).directions[direction].messages, 8u);
    EXPECT_EQ(after(12).directions[direction].message_bytes, 800u);
    EXPECT_EQ(after(12).missed_bytes, 2 * frame_bytes);
  }
}

TEST(Gap, IsNotOverWhileNoSegmentEndsWithAFrame) {
  const Scenario scenario = with_gap_to_come(WSBPF_IN, 10);
  const Model model(scenario);
  Pieces pieces = cut(model.conversation(), [&](size_t, size_t bytes) {
    return bytes == 106 ? std::vector<size_t>{50} : std::vector<size_t>{};
  });
  pieces[4].unseen = true;
  const Outcome outcome = model.play(pieces);
  const wsbpf_websocket_direction& in = outcome.state->directions[WSBPF_IN];
  EXPECT_EQ(in.reading & WSBPF_READING_MASK, WSBPF_READING_LOST);
  EXPECT_EQ(in.messages, 1u);
  EXPECT_EQ(outcome.state->missed_bytes, pieces.back().end - pieces[4].begin);
  EXPECT_TRUE(outcome.news & WSBPF_NEWS_LOST);
}

// The peer's Close came ahead of its turn and was not read: ours, behind it, was not the first.
TEST(Gap, HidesACloseThatWasTheFirst) {
  for (const bool swapped : {false, true}) {
    const Model model(opened({{WSBPF_IN, from_client(kText, 100)},
                              {WSBPF_IN, client_close(1001)},
                              {WSBPF_OUT, server_close(1001)}}));
    Pieces pieces = cut(model.conversation(), whole());
    ASSERT_EQ(pieces.size(), 5u);
    if (swapped) std::swap(pieces[2], pieces[3]);
    const Outcome outcome = model.play(pieces);
    const uint32_t first = WSBPF_WEBSOCKET_CLOSE_FIRST_IN | WSBPF_WEBSOCKET_CLOSE_FIRST_OUT;
    EXPECT_EQ(outcome.state->bits & first,
              swapped ? 0u : static_cast<uint32_t>(WSBPF_WEBSOCKET_CLOSE_FIRST_IN));
    EXPECT_EQ(outcome.state->directions[WSBPF_OUT].close_code, 1001);
  }
}

TEST(Gap, WithinAPayloadIsNone) {
  const Model model(opened({{WSBPF_IN, from_client(kBinary, 3000) + from_client(kText, 5)}}));
  Pieces pieces = cut(model.conversation(), [](size_t, size_t bytes) {
    return bytes > 3000 ? std::vector<size_t>{1000, 2000} : std::vector<size_t>{};
  });
  ASSERT_EQ(pieces.size(), 5u);
  std::swap(pieces[3], pieces[4]);
  EXPECT_EQ(model.contradiction(model.play(pieces)), "");
}

}  // namespace
}  // namespace wsbpf::model
