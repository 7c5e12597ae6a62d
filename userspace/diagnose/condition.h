// What a living connection is at: healthy, or hanging in some way.
#pragma once

#include <string>
#include <string_view>

#include "diagnose/phrases.h"

namespace wsbpf {

// In the order in which they are tried: the first that fits is given.
enum class Condition : uint8_t {
  kEnded,  // and its verdict is not there yet
  kDescriptorOpen,
  kConnecting,
  kCloseWaitBrief,
  kCloseWaitStuck,
  kCloseWaitUnread,
  kCloseWaitLeaked,
  kCloseWaitRead,
  kCloseWait,
  kPeerUnacked,
  kPeerProbed,
  kPeerSilent,
  kPeerNotReading,
  kOwnFin,
  kHalfClosed,
  kLastAck,
  kClosing,
  kNotSampled,
  kStalled,
  kUpgradeRefused,
  kUpgradeAwaited,
  kCloseUnfinished,
  kPingUnanswered,
  kOutOfStep,  // of its WebSocket not everything could be read
  kHealthy,
};

inline constexpr size_t kConditionCount = static_cast<size_t>(Condition::kHealthy) + 1;

Condition condition_of(const Case& c);

// In one sentence.
std::string condition_summary(const Case& c, Condition condition);

// Where to read on; "": nowhere.
std::string_view condition_documentation(Condition condition);

}  // namespace wsbpf
