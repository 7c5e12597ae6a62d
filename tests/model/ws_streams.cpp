// Compares what the kernel's parser reads in recorded connections with what npm's `ws` said that it
// received: whole, cut at every byte, byte by byte, sent again; from both ends.
// usage: model_streams RECORDINGS     (by ws_streams.mjs)
#include <fmt/format.h>

#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>

#include "model/player.h"
#include "model/scenario.h"

namespace {

using namespace wsbpf::model;

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

// Heads end where their empty lines do.
Scenario scenario_of(const nlohmann::json& recording) {
  Scenario scenario;
  scenario.compressed = recording.at("compressed");
  for (const auto& turn : recording.at("turns")) {
    scenario.conversation.push_back({turn.at("direction"), from_hex(turn.at("hex"))});
  }
  const Streams streams = streams_of(scenario.conversation);
  for (int direction = 0; direction < WSBPF_DIRECTIONS; ++direction) {
    scenario.frames_from[direction] = streams[direction].find("\r\n\r\n") + 4;
  }
  return scenario;
}

// Is what `ws` said the same as what the reference decoder, and so the parser, is to say?
std::string contradiction(const Model& model, const nlohmann::json& recording) {
  for (int direction = 0; direction < WSBPF_DIRECTIONS; ++direction) {
    std::vector<FrameRead> frames;
    for (const auto& frame : recording.at("frames").at(direction)) {
      frames.push_back({frame.at("opcode"), frame.at("final"), frame.at("length")});
    }
    const FramesRead& truth = model.truth(direction);
    if (truth.frames != frames) {
      return fmt::format("direction {}: ws received {} frames, there are {}", direction,
                         frames.size(), truth.frames.size());
    }
    if (truth.close_code != recording.at("closeCodes").at(direction)) {
      return fmt::format("direction {}: ws received another code than {}", direction,
                         truth.close_code);
    }
    if (truth.violations != 0) return "ws violated RFC 6455";
  }
  return {};
}

std::string contradiction(const Model& model, const Pieces& pieces, const char* manner) {
  const std::string what = model.contradiction(model.play(pieces, {.client = model.client()}));
  return what.empty() ? what : fmt::format("{}: {}", manner, what);
}

std::string contradiction(const Scenario& scenario, const nlohmann::json& recording) {
  const Model model(scenario);
  std::mt19937 dice(1);
  std::string what = contradiction(model, recording);
  const auto check = [&](const Cutter& cutter, const char* manner) {
    if (what.empty()) what = contradiction(model, cut(model.conversation(), cutter), manner);
  };
  check(whole(), "whole");
  check(each_byte(), "byte by byte");
  for (size_t position = 1; position < model.bytes(); ++position) {
    check(at(position), fmt::format("cut at {}", position).c_str());
  }
  for (int i = 0; i < 100; ++i) check(at_random(dice, 1 + dice() % 300), "cut at random");
  if (what.empty()) {
    const Pieces pieces = cut(model.conversation(), at_random(dice, 50));
    what = contradiction(model, twice(pieces), "every segment twice");
    if (what.empty()) {
      what = contradiction(model, overlapping(pieces, dice, 80), "overlapping segments");
    }
  }
  return what;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: model_streams RECORDINGS\n";
    return 2;
  }
  int failures = 0;
  int frames = 0;
  const auto recordings = nlohmann::json::parse(std::ifstream(argv[1]));
  for (const auto& recording : recordings) {
    const Scenario as_server = scenario_of(recording);
    for (const Scenario& scenario : {as_server, as_client(as_server)}) {
      auto seen_from = recording;
      if (scenario.client == WSBPF_OUT) {
        std::swap(seen_from["frames"][WSBPF_IN], seen_from["frames"][WSBPF_OUT]);
        std::swap(seen_from["closeCodes"][WSBPF_IN], seen_from["closeCodes"][WSBPF_OUT]);
      }
      const std::string what = contradiction(scenario, seen_from);
      if (what.empty()) continue;
      std::cerr << fmt::format("{} (seen by the {}): {}\n", recording.at("name").get<std::string>(),
                               scenario.client == WSBPF_OUT ? "client" : "server", what);
      ++failures;
    }
    for (const auto& of_direction : recording.at("frames")) {
      frames += static_cast<int>(of_direction.size());
    }
  }
  std::cout << fmt::format("{} connections with {} frames: {} failed\n", recordings.size(), frames,
                           failures);
  return failures == 0 && frames > 0 ? 0 : 1;
}
