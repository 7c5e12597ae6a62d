#include "model/frames.h"

#include <algorithm>

namespace wsbpf::model {
namespace {

char byte(uint64_t value) { return static_cast<char>(value & 0xff); }

std::string big_endian(uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += byte(value >> (8 * i));
  return text;
}

uint64_t from_big_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

}  // namespace

std::string write_header(const FrameToWrite& frame, uint64_t length, int length_bytes) {
  const uint64_t short_length = length_bytes == 0 ? length : length_bytes == 2 ? 126 : 127;
  std::string bytes;
  bytes += byte((frame.final ? 0x80u : 0u) | frame.reserved_bits << 4 | frame.opcode);
  bytes += byte((frame.masked ? 0x80u : 0u) | short_length);
  bytes += big_endian(length, length_bytes);
  if (frame.masked) bytes += big_endian(frame.mask, 4);
  return bytes;
}

std::string write_frame(const FrameToWrite& frame) {
  const size_t length = frame.payload.size();
  std::string bytes = write_header(frame, length, length < 126 ? 0 : length < 65536 ? 2 : 8);
  if (!frame.masked) return bytes + frame.payload;
  const std::string mask = big_endian(frame.mask, 4);
  for (size_t i = 0; i < length; ++i) bytes += byte(frame.payload[i] ^ mask[i % 4]);
  return bytes;
}

std::string close_payload(uint16_t code, std::string_view reason) {
  return big_endian(code, 2) + std::string(reason);
}

bool may_be_sent(uint16_t code) {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

FramesRead read_frames(std::string_view bytes, bool from_client, bool compressed) {
  FramesRead read;
  bool in_message = false;
  size_t at = 0;
  while (at < bytes.size()) {
    const size_t left = bytes.size() - at;
    if (left < 2) break;
    const auto first = static_cast<uint8_t>(bytes[at]);
    const auto second = static_cast<uint8_t>(bytes[at + 1]);
    const size_t length_bytes = (second & 0x7f) == 126 ? 2 : (second & 0x7f) == 127 ? 8 : 0;
    const bool masked = second & 0x80;
    const size_t header = 2 + length_bytes + (masked ? 4 : 0);
    if (left < header) break;

    const bool final = first & 0x80;
    const uint8_t reserved_bits = first >> 4 & 7;
    const uint8_t opcode = first & 0xf;
    const uint64_t length =
        length_bytes == 0 ? second & 0x7f : from_big_endian(bytes.substr(at + 2, length_bytes));
    const bool is_data = opcode <= kBinary;
    const bool is_control = opcode >= kClose;
    const std::string_view payload =
        bytes.substr(at + header, std::min<uint64_t>(length, left - header));

    bool malformed = masked != from_client;
    malformed |= opcode > kPong || (opcode > kBinary && opcode < kClose);
    malformed |= (reserved_bits & 3) != 0;
    malformed |= (reserved_bits & 4) != 0 && (!compressed || !is_data);
    malformed |= is_control && (!final || (second & 0x7f) > 125);
    malformed |= !is_control && length >> 63 != 0;
    malformed |= !is_control && length_bytes == 2 && length < 126;
    malformed |= !is_control && length_bytes == 8 && length < 65536;
    read.violations += malformed;
    if (length >> 63 != 0) {
      read.is_broken = true;
      return read;
    }
    // Of data: out of place, or behind a Close.
    if (is_data) {
      read.violations += (opcode == kContinuation) != in_message || read.close_code != 0;
    }
    if (opcode == kClose) {
      // What is too long for a control frame, or is written as if it were, says nothing.
      uint16_t code = 1005;
      if (length >= 2 && length_bytes == 0) {
        if (payload.size() < 2) break;
        code = static_cast<uint16_t>(from_big_endian(payload.substr(0, 2)));
        if (masked) {
          code ^= static_cast<uint16_t>(from_big_endian(bytes.substr(at + header - 4, 2)));
        }
        read.violations += !may_be_sent(code);
      }
      read.violations += length == 1;
      read.violations += read.close_code != 0;
      if (read.close_code == 0) read.close_code = code == 0 ? 1005 : code;
    }

    read.frames.push_back({opcode, final, length});
    if (is_data) {
      in_message = !final;
      read.messages += final;
      read.message_bytes += length;
    }
    if (length > left - header) {
      read.ends_with_frame = false;
      return read;
    }
    at += header + length;
  }
  read.ends_with_frame = at == bytes.size();
  return read;
}

}  // namespace wsbpf::model
