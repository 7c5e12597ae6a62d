#include "model/scenario.h"

#include <fmt/format.h>

#include <algorithm>

namespace wsbpf::model {
namespace {

// No byte of it twice in a row, and none that would be a sensible header.
std::string filling(size_t length) {
  std::string bytes(length, '\0');
  uint32_t value = static_cast<uint32_t>(length) * 2654435761u + 1;
  for (char& byte : bytes) {
    value = value * 1664525 + 1013904223;
    byte = static_cast<char>(value >> 24);
  }
  return bytes;
}

std::string close_frame(uint16_t code, std::string_view reason, bool masked) {
  return write_frame({.opcode = kClose, .payload = close_payload(code, reason), .masked = masked});
}

int reading(const wsbpf_websocket_direction& direction) {
  return direction.reading & WSBPF_READING_MASK;
}

// The last of `frames`, as the ring keeps them.
bool ends_with(const std::vector<FrameRead>& frames, const std::vector<FrameRead>& last) {
  if (last.size() > frames.size()) return false;
  return std::equal(last.rbegin(), last.rend(), frames.rbegin(),
                    [](const FrameRead& seen, const FrameRead& truth) {
                      return seen.opcode == truth.opcode && seen.final == truth.final &&
                             seen.length == std::min<uint64_t>(truth.length, WSBPF_FRAME_LENGTH);
                    });
}

}  // namespace

FramesRead Scenario::frames_of(int direction) const {
  const Streams streams = streams_of(conversation);
  return read_frames(std::string_view(streams[direction]).substr(frames_from[direction]),
                     direction == client, compressed);
}

std::string request(std::string_view fields, std::string_view line) {
  return fmt::format("{}\r\nHost: chat.example\r\nUser-Agent: model\r\n{}\r\n", line, fields);
}

std::string response(std::string_view fields, std::string_view line) {
  return fmt::format("{}\r\nServer: model\r\n{}\r\n", line, fields);
}

std::string from_client(uint8_t opcode, size_t length, bool final) {
  return write_frame(
      {.opcode = opcode, .payload = filling(length), .final = final, .masked = true});
}

std::string from_server(uint8_t opcode, size_t length, bool final) {
  return write_frame({.opcode = opcode, .payload = filling(length), .final = final});
}

std::string client_close(uint16_t code, std::string_view reason) {
  return close_frame(code, reason, true);
}

std::string server_close(uint16_t code, std::string_view reason) {
  return close_frame(code, reason, false);
}

Scenario opened(std::vector<Turn> frames, bool compressed) {
  constexpr std::string_view kExtension =
      "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
  Scenario scenario;
  scenario.compressed = compressed;
  scenario.conversation = {
      {WSBPF_IN, request(std::string(kUpgradeFields) + std::string(compressed ? kExtension : ""))},
      {WSBPF_OUT,
       response(std::string(kAcceptFields) + std::string(compressed ? kExtension : ""))}};
  for (const Turn& head : scenario.conversation) {
    scenario.frames_from[head.direction] = head.bytes.size();
  }
  for (Turn& turn : frames) scenario.conversation.push_back(std::move(turn));
  return scenario;
}

Scenario opened_with_frames_behind_101(std::vector<Turn> frames) {
  Scenario scenario = opened({});
  scenario.conversation.back().bytes += frames.front().bytes;
  scenario.conversation.insert(scenario.conversation.end(), frames.begin() + 1, frames.end());
  return scenario;
}

Scenario arbitrary(std::mt19937& dice, int turns) {
  constexpr std::array<size_t, 12> kLengths = {0,   1,   2,    5,     124,   125,
                                               126, 127, 1000, 65535, 65536, 70000};
  constexpr std::array<uint16_t, 6> kCodes = {1000, 1001, 1002, 1011, 3000, 4999};
  std::vector<Turn> frames;
  std::array<bool, WSBPF_DIRECTIONS> in_message{};
  for (int i = 0; i < turns; ++i) {
    const int direction = static_cast<int>(dice() % 2);
    std::string bytes;
    for (unsigned count = 1 + dice() % 4; count > 0; --count) {
      uint8_t opcode = static_cast<uint8_t>(kText + dice() % 2);
      bool final = true;
      // The longest make a stream long, and the test with it: not often.
      size_t length = kLengths[dice() % (dice() % 16 == 0 ? kLengths.size() : 9)];
      if (dice() % 4 == 0) {
        opcode = dice() % 2 == 0 ? kPing : kPong;
        length = std::min<size_t>(length, 125);
      } else {
        final = dice() % 3 != 0;
        if (in_message[direction]) opcode = kContinuation;
        in_message[direction] = !final;
      }
      bytes += write_frame({.opcode = opcode,
                            .payload = filling(length),
                            .final = final,
                            .masked = direction == WSBPF_IN,
                            .mask = static_cast<uint32_t>(dice())});
    }
    frames.push_back({direction, std::move(bytes)});
  }
  const uint16_t code = kCodes[dice() % kCodes.size()];
  frames.push_back({WSBPF_OUT, server_close(code, "so long")});
  frames.push_back({WSBPF_IN, dice() % 4 == 0 ? from_client(kClose, 0) : client_close(code)});
  return opened(std::move(frames));
}

Scenario as_client(Scenario scenario) {
  scenario.conversation = mirrored(std::move(scenario.conversation));
  std::swap(scenario.frames_from[WSBPF_IN], scenario.frames_from[WSBPF_OUT]);
  scenario.client = 1 - scenario.client;
  return scenario;
}

Model::Model(const Scenario& scenario)
    : conversation_(scenario.conversation),
      client_(scenario.client),
      streams_(streams_of(scenario.conversation)),
      truth_{scenario.frames_of(WSBPF_IN), scenario.frames_of(WSBPF_OUT)} {}

Outcome Model::play(const Pieces& pieces, const Conditions& conditions) const {
  return model::play(streams_, pieces, conditions);
}

std::string Model::contradiction(const Outcome& outcome) const {
  if (!outcome.failure.empty()) return outcome.failure;
  if (!outcome.state) return "it is not followed";
  if (outcome.state->missed_bytes != 0) {
    return fmt::format("missed {} bytes", outcome.state->missed_bytes);
  }
  for (int direction = 0; direction < WSBPF_DIRECTIONS; ++direction) {
    const FramesRead& truth = truth_[direction];
    const wsbpf_websocket_direction& seen = outcome.state->directions[direction];
    const auto differ = [direction](std::string_view what, uint64_t is, uint64_t should) {
      return fmt::format("direction {}: {} is {} instead of {}", direction, what, is, should);
    };
    if (reading(seen) != WSBPF_READING_FRAMES) {
      return differ("reading", reading(seen), WSBPF_READING_FRAMES);
    }
    if (seen.messages != truth.messages) return differ("messages", seen.messages, truth.messages);
    if (seen.message_bytes != truth.message_bytes) {
      return differ("message_bytes", seen.message_bytes, truth.message_bytes);
    }
    if (seen.close_code != truth.close_code) {
      return differ("close_code", seen.close_code, truth.close_code);
    }
    if (seen.violations != std::min(truth.violations, 255u)) {
      return differ("violations", seen.violations, truth.violations);
    }
    if (!ends_with(truth.frames, outcome.frames[direction])) {
      return fmt::format("direction {}: the frames differ", direction);
    }
    if (outcome.frames[direction].size() <
        std::min<size_t>(truth.frames.size(), WSBPF_FRAMES_KEPT)) {
      return differ("frames", outcome.frames[direction].size(), truth.frames.size());
    }
  }
  return {};
}

bool is_in_step(const Outcome& outcome) {
  if (!outcome.state) return false;
  return std::all_of(std::begin(outcome.state->directions), std::end(outcome.state->directions),
                     [](const wsbpf_websocket_direction& direction) {
                       return reading(direction) == WSBPF_READING_FRAMES;
                     });
}

bool is_read_to_the_end(const Outcome& outcome) {
  // What has proven itself was not read from its beginning on.
  return is_in_step(outcome) && outcome.state->missed_bytes == 0 &&
         (outcome.state->bits & WSBPF_WEBSOCKET_PROVEN) == 0 && outcome.behind[WSBPF_IN] == 0 &&
         outcome.behind[WSBPF_OUT] == 0;
}

// What was not counted was missed, or is behind what was read: nothing falls between.
std::string Model::unaccounted(const Outcome& outcome) const {
  if ((outcome.state->bits & WSBPF_WEBSOCKET_STATUS) != 101) return {};
  uint64_t said = outcome.state->missed_bytes;
  uint64_t truth = 0;
  for (int direction = 0; direction < WSBPF_DIRECTIONS; ++direction) {
    said += outcome.state->directions[direction].message_bytes + outcome.behind[direction];
    truth += truth_[direction].message_bytes;
  }
  if (said >= truth) return {};
  return fmt::format("of {} bytes {} are neither read nor missed", truth, truth - said);
}

std::string Model::contradiction_unless_lost(const Outcome& outcome) const {
  if (!outcome.failure.empty()) return outcome.failure;
  if (!outcome.state) return "it is not followed";
  if (is_read_to_the_end(outcome)) return contradiction(outcome);
  for (int direction = 0; direction < WSBPF_DIRECTIONS; ++direction) {
    const FramesRead& truth = truth_[direction];
    const wsbpf_websocket_direction& seen = outcome.state->directions[direction];
    const auto exceeds = [direction](std::string_view what, uint64_t is, uint64_t should) {
      return fmt::format("direction {}: {} is {}, more than {}", direction, what, is, should);
    };
    if (seen.messages > truth.messages) return exceeds("messages", seen.messages, truth.messages);
    if (seen.message_bytes > truth.message_bytes) {
      return exceeds("message_bytes", seen.message_bytes, truth.message_bytes);
    }
    if (seen.close_code != 0 && seen.close_code != truth.close_code) {
      return fmt::format("direction {}: close_code is {} instead of {} or none", direction,
                         seen.close_code, truth.close_code);
    }
    if (seen.violations > truth.violations) {
      return exceeds("violations", seen.violations, truth.violations);
    }
  }
  return unaccounted(outcome);
}

}  // namespace wsbpf::model
