#include "core/filter_value.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/connection_id.h"
#include "core/duration.h"

namespace wsbpf {
namespace {

constexpr uint32_t bit(TcpState state) { return 1u << static_cast<unsigned>(state); }

constexpr uint32_t kAllStates = (1u << kTcpStateSlots) - 2;
constexpr uint32_t kBucketStates = bit(TcpState::kSynRecv) | bit(TcpState::kTimeWait);
constexpr uint32_t kConnectedStates =
    kAllStates & ~(bit(TcpState::kListen) | bit(TcpState::kClose) | kBucketStates);

// As iproute2's misc/ss.c has them. Its manual counts the bucket among the connected, its code does
// not.
struct StateName {
  std::string_view name;
  uint32_t states;
};
constexpr StateName kStateNames[] = {
    {"established", bit(TcpState::kEstablished)},
    {"syn-sent", bit(TcpState::kSynSent)},
    {"syn-recv", bit(TcpState::kSynRecv)},
    {"fin-wait-1", bit(TcpState::kFinWait1)},
    {"fin-wait-2", bit(TcpState::kFinWait2)},
    {"time-wait", bit(TcpState::kTimeWait)},
    {"close", bit(TcpState::kClose)},
    {"close-wait", bit(TcpState::kCloseWait)},
    {"last-ack", bit(TcpState::kLastAck)},
    {"listen", bit(TcpState::kListen)},
    {"closing", bit(TcpState::kClosing)},
    {"all", kAllStates},
    {"connected", kConnectedStates},
    {"synchronized", kConnectedStates & ~bit(TcpState::kSynSent)},
    {"bucket", kBucketStates},
    {"big", kAllStates & ~kBucketStates},
    // Other spellings of ss, and of our own JSON; not offered.
    {"fin-wait1", bit(TcpState::kFinWait1)},
    {"fin-wait2", bit(TcpState::kFinWait2)},
    {"closed", bit(TcpState::kClose)},
    {"unconnected", bit(TcpState::kClose)},
    {"listening", bit(TcpState::kListen)},
    {"syn-rcv", bit(TcpState::kSynRecv)},
    {"estab", bit(TcpState::kEstablished)},
};
constexpr size_t kOfferedStates = 16;

// Where WebSockets are found, by the names in /etc/services.
constexpr std::pair<std::string_view, uint16_t> kServices[] = {
    {"http", 80}, {"https", 443}, {"http-alt", 8080}};

template <typename Unsigned>
bool read_number(std::string_view text, Unsigned& number) {
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && rest == end;
}

bool read_choice(const FilterWord& word, std::string_view text, FilterTerm& term) {
  const std::string spelling = filter_spelling(text);
  if (word.name == "state" || word.name == "exclude") {
    for (const StateName& state : kStateNames) {
      if (state.name == spelling) term.choices = state.states;
    }
    return term.choices != 0;
  }
  for (size_t i = 0; i < word.choices.size(); ++i) {
    if (filter_spelling(word.choices[i]) == spelling) term.choices = 1u << i;
  }
  return term.choices != 0;
}

// ":8080", "8080" or ":https".
bool read_port(std::string_view text, uint16_t& port) {
  if (text.starts_with(':')) text.remove_prefix(1);
  for (const auto& [name, number] : kServices) {
    if (name != text) continue;
    port = number;
    return true;
  }
  return read_number(text, port);
}

// The port behind the last colon, except in "2001:db8::1", where each belongs to the address.
bool split_port(std::string_view& host, FilterTerm& term) {
  const size_t colon = host.rfind(':');
  if (colon == std::string_view::npos) return true;
  const bool bracketed = host.starts_with('[');
  if (bracketed ? host.find(']', colon) != std::string_view::npos : host.find(':') != colon) {
    return true;
  }
  const std::string_view text = host.substr(colon + 1);
  host = host.substr(0, colon);
  if (text == "*") return true;
  uint16_t port = 0;
  if (text.starts_with(':') || !read_port(text, port)) return false;
  term.port = port;
  return true;
}

// ADDRESS[/PREFIX][:PORT], with an IPv6 address in brackets where a port follows.
bool read_host(std::string_view text, FilterTerm& term) {
  if (!split_port(text, term)) return false;
  if (text.empty()) return term.port.has_value();  // ":8080"
  if (text == "*" || text == "[*]") return true;
  std::string_view prefix;
  bool has_prefix = false;
  const auto take_prefix = [&] {
    const size_t slash = text.rfind('/');
    if (slash == std::string_view::npos) return true;
    if (std::exchange(has_prefix, true)) return false;
    prefix = text.substr(slash + 1);
    text = text.substr(0, slash);
    return true;
  };
  if (!take_prefix()) return false;
  const bool bracketed = text.starts_with('[');
  if (bracketed && !text.ends_with(']')) {  // "[2001:db8::/32]": the slash was inside
    if (!prefix.ends_with(']')) return false;
    prefix.remove_suffix(1);
    text.remove_prefix(1);
  } else if (bracketed) {
    text = text.substr(1, text.size() - 2);
    if (!take_prefix()) return false;
  }
  const auto parsed = parse_address(text);
  if (!parsed || (bracketed && parsed->family != AF_INET6)) return false;
  term.address = parsed->address;
  term.family = parsed->family;
  const uint8_t most = term.family == AF_INET ? 32 : 128;
  term.prefix_bits = most;
  return !has_prefix || (read_number(prefix, term.prefix_bits) && term.prefix_bits <= most);
}

bool read_id(std::string_view text, FilterTerm& term) {
  const auto id = parse_connection_id(text);
  if (!id) return false;
  term.number = id->cookie;
  term.generation = id->generation;
  return true;
}

}  // namespace

std::string filter_spelling(std::string_view word) {
  std::string spelling(word);
  for (char& c : spelling) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '_') c = '-';
  }
  return spelling;
}

std::vector<std::string_view> state_choices() {
  std::vector<std::string_view> names;
  for (size_t i = 0; i < kOfferedStates; ++i) names.push_back(kStateNames[i].name);
  return names;
}

bool read_filter_value(const FilterWord& word, std::string_view text, FilterTerm& term) {
  switch (word.value) {
    case FilterValue::kChoice:
      return read_choice(word, text, term);
    case FilterValue::kNumber:
      return read_number(text, term.number);
    case FilterValue::kDuration: {
      const auto duration = parse_duration(text);
      if (duration) term.number = static_cast<uint64_t>(duration->count());
      return duration.has_value();
    }
    case FilterValue::kPort: {
      uint16_t port = 0;
      const bool is_port = read_port(text, port);
      term.number = port;
      return is_port;
    }
    case FilterValue::kHost:
      return read_host(text, term);
    case FilterValue::kText:
      term.text = text;
      return !text.empty();
    case FilterValue::kId:
      return read_id(text, term);
  }
  return false;
}

std::string filter_value_description(const FilterWord& word) {
  constexpr size_t kFewChoices = 7;
  switch (word.value) {
    case FilterValue::kChoice: {
      if (word.choices.size() <= kFewChoices) {
        return fmt::format("one of {}", fmt::join(word.choices, ", "));
      }
      const std::string_view kind = word.name == "exclude" ? "state" : word.name;
      return fmt::format("{} {} such as {}", kind == "initiator" ? "an" : "a", kind, word.example);
    }
    case FilterValue::kNumber:
      return fmt::format("a whole number such as {}", word.example);
    case FilterValue::kDuration:
      return fmt::format("a duration such as {} (units: ms s m h)", word.example);
    case FilterValue::kPort:
      return fmt::format("a port such as {}", word.example);
    case FilterValue::kHost:
      return fmt::format("an address such as {} or [2001:db8::1]:443", word.example);
    case FilterValue::kText:
      return fmt::format("a name such as {}", word.example);
    case FilterValue::kId:
      return fmt::format("a connection's id such as {}", word.example);
  }
  return {};
}

}  // namespace wsbpf
