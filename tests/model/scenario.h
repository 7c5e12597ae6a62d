// WebSocket connections as they are in order, with what they are to be read as.
#pragma once

#include <array>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "model/conversation.h"
#include "model/frames.h"
#include "model/player.h"

namespace wsbpf::model {

struct Scenario {
  Conversation conversation;
  std::array<size_t, WSBPF_DIRECTIONS> frames_from{};  // where heads end
  int client = WSBPF_IN;
  bool compressed = false;

  FramesRead frames_of(int direction) const;
};

inline constexpr std::string_view kUpgradeFields =
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n";

// A request with these fields, each ended by CR LF.
std::string request(std::string_view fields = kUpgradeFields,
                    std::string_view line = "GET /chat?room=1 HTTP/1.1");

inline constexpr std::string_view kAcceptFields =
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

std::string response(std::string_view fields = kAcceptFields,
                     std::string_view line = "HTTP/1.1 101 Switching Protocols");

// A frame as the client and as the server writes it, with `length` bytes that look like none.
std::string from_client(uint8_t opcode, size_t length, bool final = true);
std::string from_server(uint8_t opcode, size_t length, bool final = true);
std::string client_close(uint16_t code, std::string_view reason = {});
std::string server_close(uint16_t code, std::string_view reason = {});

// A handshake and then these turns: in from the client, out from the server.
Scenario opened(std::vector<Turn> frames, bool compressed = false);

// The same, where the first turn's frames come with the last bytes of the 101.
Scenario opened_with_frames_behind_101(std::vector<Turn> frames);

// Messages of all lengths and kinds, whole and fragmented, with pings within, and a Close at the
// end.
Scenario arbitrary(std::mt19937& dice, int turns);

// As the connecting end sees it.
Scenario as_client(Scenario scenario);

bool is_in_step(const Outcome& outcome);

// In step, and nothing was left out: it ought to be the truth.
bool is_read_to_the_end(const Outcome& outcome);

// A scenario to be played again and again.
class Model {
 public:
  explicit Model(const Scenario& scenario);

  const Conversation& conversation() const { return conversation_; }
  int client() const { return client_; }
  const FramesRead& truth(int direction) const { return truth_[direction]; }
  size_t bytes() const { return streams_[WSBPF_IN].size() + streams_[WSBPF_OUT].size(); }

  Outcome play(const Pieces& pieces, const Conditions& conditions = {}) const;

  // What is wrong with the outcome; empty: nothing.
  std::string contradiction(const Outcome& outcome) const;

  // The same for segments out of order: the truth, or out of step and less than that.
  std::string contradiction_unless_lost(const Outcome& outcome) const;

 private:
  std::string unaccounted(const Outcome& outcome) const;

  Conversation conversation_;
  int client_;
  Streams streams_;
  std::array<FramesRead, WSBPF_DIRECTIONS> truth_;
};

}  // namespace wsbpf::model
