// One comparison of a filter, such as "sport = :8080", and the vocabulary it is made of.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/connection.h"
#include "core/listener.h"
#include "core/verdict.h"

namespace wsbpf {

// What a filter is matched against. What is not set is unknown, and a comparison with it is false.
struct FilterSubject {
  const Connection* connection = nullptr;
  uint64_t now_ns = 0;  // CLOCK_BOOTTIME; of a connection that has ended, when it did
  // Whoever asks is shown redacted peers: a filter must not tell more.
  bool redact_peer = false;
  const Process* owner = nullptr;        // of the connection
  const WebSocket* websocket = nullptr;  // likewise
  // Of a connection that has ended.
  std::optional<Verdict> verdict = {};
  std::optional<Initiator> initiator = {};
  std::optional<Race> race = {};
  // Where there is no connection: of a listener, or of what is said about it.
  const ListenerKey* listener = nullptr;
  std::string_view comm = {};
  const Place* place = nullptr;
  std::span<const Process> owners = {};
};

enum class FilterValue : uint8_t { kChoice, kNumber, kDuration, kPort, kHost, kText, kId };

enum class Comparison : uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual
};

struct FilterTerm {
  bool (*matches)(const FilterTerm&, const FilterSubject&) = nullptr;
  Comparison comparison = Comparison::kEqual;
  uint32_t choices = 0;  // kChoice: a bit for each that is meant
  uint64_t number = 0;   // kNumber, kPort; kDuration: nanoseconds; kId: the cookie
  uint32_t generation = 0;
  uint8_t family = 0;  // kHost; 0: any address
  uint8_t prefix_bits = 0;
  std::optional<uint16_t> port;
  Address address{};
  std::string text;  // kText: a pattern, see fits_pattern()
};

// A name that can be compared: for parsing, completions and help.
struct FilterWord {
  std::string_view name;  // lower case with hyphens; capitals and underscores are understood, too
  FilterValue value{};    // what it is compared with
  std::string_view example;  // of a value
  std::string_view help;
  bool (*matches)(const FilterTerm&, const FilterSubject&) = nullptr;
  std::vector<std::string_view> choices = {};  // kChoice: the values to offer
  bool may_stand_alone = false;                // without a value: whether there is any
};

// In the order in which help shows them.
const std::vector<FilterWord>& filter_words();

// The signs and words of each comparison; the first is the usual one.
struct ComparisonNames {
  Comparison comparison;
  std::vector<std::string_view> names;
};
const std::vector<ComparisonNames>& filter_comparisons();

// Other values are only equal or not.
constexpr bool is_ordered(FilterValue value) {
  return value == FilterValue::kNumber || value == FilterValue::kDuration ||
         value == FilterValue::kPort;
}

// "10.0.0.0/8", "[2001:db8::1]:443", "*": does it name this end?
bool names_host(const FilterTerm& term, const Address& address, uint8_t family, uint16_t port);

// Does `text` fit `pattern`, in which '*' stands for any run of bytes, also an empty one?
bool fits_pattern(std::string_view text, std::string_view pattern);

}  // namespace wsbpf
