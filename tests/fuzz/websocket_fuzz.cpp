// Any bytes, in any segments, as a WebSocket: the kernel's parser does no harm and keeps its state
// sound; in order it reads the same however they are cut, which is what the frames are.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "model/scenario.h"

namespace {

using namespace wsbpf::model;

// The first bytes of an input; then turns, of two bytes that say its direction and how many follow.
struct Plan {
  enum Flag : uint8_t {
    kOpened = 1,  // the turns are behind a handshake
    kClient = 2,  // ours is the connecting end
    kCompressed = 4,
    kBusy = 8,
    kWraps = 16,
  };
  uint8_t flags = 0;
  uint32_t seed = 0;
};

// Also where NDEBUG is set.
void check(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

void check_same(const std::string& contradiction) { check(contradiction.empty(), contradiction); }

int reading(const wsbpf_websocket_direction& direction) {
  return direction.reading & WSBPF_READING_MASK;
}

void check_soundness(const Model& model, const Outcome& outcome) {
  check_same(outcome.failure);
  if (!outcome.state) return;
  const uint64_t bytes = model.bytes();
  check(outcome.state->missed_bytes <= bytes, "more is missed than there was");
  check((outcome.state->bits & WSBPF_WEBSOCKET_STATUS) <= 999, "a status of four digits");
  for (const wsbpf_websocket_direction& direction : outcome.state->directions) {
    check(reading(direction) <= WSBPF_READING_REGAINED, "an unknown reading");
    if (reading(direction) == WSBPF_READING_HEAD) continue;
    check(direction.held < 10, "more is held than a header has");
    check(direction.slots < WSBPF_GAPS << 2, "a slot beyond the ring");
    check(direction.messages <= bytes / 2, "more messages than bytes");
    const uint64_t to_come = direction.held == 0 ? direction.skip : 0;
    check(direction.message_bytes <= bytes + to_come || reading(direction) != WSBPF_READING_FRAMES,
          "more bytes of messages than there were");
  }
}

// A header that is begun is ended by these, with as much of its payload as is looked at.
constexpr size_t kEndOfAnyHeader = 20;

std::vector<Turn> turns_of(std::string_view bytes, Plan& plan) {
  const auto take = [&bytes] {
    if (bytes.empty()) return uint8_t{0};
    const auto byte = static_cast<uint8_t>(bytes[0]);
    bytes.remove_prefix(1);
    return byte;
  };
  plan.flags = take();
  for (int i = 0; i < 4; ++i) plan.seed = plan.seed << 8 | take();
  std::vector<Turn> turns;
  while (!bytes.empty()) {
    const uint8_t high = take();
    const size_t length = std::min<size_t>(bytes.size(), (high & 0x7fu) << 8 | take());
    turns.push_back({high >> 7, std::string(bytes.substr(0, length))});
    bytes.remove_prefix(std::min(bytes.size(), length));
  }
  for (const int direction : {WSBPF_IN, WSBPF_OUT}) {
    turns.push_back({direction, std::string(kEndOfAnyHeader, '\0')});
  }
  return turns;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Plan plan;
  std::vector<Turn> turns =
      turns_of(std::string_view(reinterpret_cast<const char*>(data), size), plan);
  const bool is_opened = plan.flags & Plan::kOpened;
  Scenario scenario;
  if (is_opened) {
    scenario = opened(std::move(turns), plan.flags & Plan::kCompressed);
  } else {
    scenario.conversation = std::move(turns);
  }
  Conditions conditions;
  if (plan.flags & Plan::kClient) {
    scenario = as_client(std::move(scenario));
    conditions.client = WSBPF_OUT;
  }
  if (plan.flags & Plan::kWraps) conditions.first_seq = {-(plan.seed % 512), -(plan.seed % 300)};
  const Model model(scenario);
  std::mt19937 dice(plan.seed);
  const size_t longest = 1 + dice() % 100;

  const Pieces whole_turns = cut(model.conversation(), whole());
  const Pieces pieces = cut(model.conversation(), at_random(dice, longest));
  const Outcome uncut = model.play(whole_turns, conditions);
  check_soundness(model, uncut);
  const bool is_broken = model.truth(WSBPF_IN).is_broken || model.truth(WSBPF_OUT).is_broken;
  if (is_opened && !is_broken) check_same(model.contradiction(uncut));

  if (plan.flags & Plan::kBusy) conditions.lag = 1 + dice() % 8;
  for (const Pieces& in_order : {pieces, twice(pieces), overlapping(pieces, dice, longest)}) {
    const Outcome outcome = model.play(in_order, conditions);
    check_soundness(model, outcome);
    if (is_opened && !is_broken) check_same(difference(uncut, outcome));
  }

  Pieces swapped = pieces;
  for (size_t i = 0; i + 1 < swapped.size(); ++i) {
    if (dice() % 4 == 0 && swapped[i].direction == WSBPF_IN &&
        swapped[i + 1].direction == WSBPF_IN) {
      std::swap(swapped[i], swapped[i + 1]);
    }
    swapped[i].unseen = dice() % 16 == 0;
  }
  check_soundness(model, model.play(swapped, conditions));
  return 0;
}
