// Frames of RFC 6455: written as asked, also wrongly, and read from a whole stream at once, as
// section 5.2 says and without regard for segments.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wsbpf::model {

enum Opcode : uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10,
};

struct FrameToWrite {
  uint8_t opcode = kText;
  std::string payload;
  bool final = true;
  bool masked = false;
  uint8_t reserved_bits = 0;  // RSV1 is 4
  uint32_t mask = 0x37fa213d;
};

std::string write_frame(const FrameToWrite& frame);

// A header alone, whose length is said in `length_bytes` bytes: 0 (in the second byte), 2 or 8.
std::string write_header(const FrameToWrite& frame, uint64_t length, int length_bytes);

// The payload of a Close frame.
std::string close_payload(uint16_t code, std::string_view reason = {});

struct FrameRead {
  uint8_t opcode = 0;
  bool final = false;
  uint64_t length = 0;

  bool operator==(const FrameRead&) const = default;
};

struct FramesRead {
  std::vector<FrameRead> frames;  // whose header is complete
  uint32_t messages = 0;          // whose last frame is among them
  uint64_t message_bytes = 0;     // payload of data frames
  uint16_t close_code = 0;        // of the first Close frame; 1005: it bore none; 0: there was none
  uint32_t violations = 0;  // of RFC 6455, in a frame's form, its place and its code: one each
  bool is_broken = false;   // a length that no stream can have: there is no reading on
  bool ends_with_frame = true;
};

FramesRead read_frames(std::string_view bytes, bool from_client, bool compressed = false);

// May it stand in a Close frame? RFC 6455 section 7.4, and IANA's registry.
bool may_be_sent(uint16_t close_code);

}  // namespace wsbpf::model
