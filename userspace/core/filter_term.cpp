#include "core/filter_term.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "core/address.h"
#include "core/filter_value.h"

namespace wsbpf {
namespace {

using Term = FilterTerm;
using Subject = FilterSubject;
using Number = std::optional<uint64_t>;

template <typename Value>
bool holds(const Value& value, Comparison comparison, const Value& with) {
  switch (comparison) {
    case Comparison::kEqual:
      return value == with;
    case Comparison::kNotEqual:
      return value != with;
    case Comparison::kLess:
      return value < with;
    case Comparison::kLessOrEqual:
      return value <= with;
    case Comparison::kGreater:
      return value > with;
    case Comparison::kGreaterOrEqual:
      return value >= with;
  }
  return false;
}

// How a term is matched, by where its value comes from.

template <auto Get>
bool number(const Term& term, const Subject& subject) {
  const Number value = Get(subject);
  return value && holds(*value, term.comparison, term.number);
}

template <auto Get>
bool choice(const Term& term, const Subject& subject) {
  const Number value = Get(subject);
  if (!value) return false;
  const bool meant = (term.choices >> *value & 1) != 0;
  return meant == (term.comparison == Comparison::kEqual);
}

// Of several values (a listener's owners) one is enough; "not equal" wants it to be none of them.
class Several {
 public:
  Several(Comparison comparison) : wants_(comparison != Comparison::kNotEqual) {}
  void add(bool fits) {
    known_ = true;
    fits_ = fits_ || fits;
  }
  bool result() const { return known_ && fits_ == wants_; }

 private:
  bool wants_;
  bool known_ = false;
  bool fits_ = false;
};

std::string_view comm_of(const Process& process) { return process.comm; }
std::string_view comm_of(const Subject& subject) { return subject.comm; }

template <auto Member>
std::string_view place_text(const Process& process) {
  return process.place.*Member;
}
template <auto Member>
std::string_view place_text(const Subject& subject) {
  return subject.place != nullptr ? std::string_view(subject.place->*Member) : std::string_view();
}

template <auto OfProcess, auto OfListener>
bool text(const Term& term, const Subject& subject) {
  Several several(term.comparison);
  const auto add = [&](std::string_view value) {
    if (!value.empty()) several.add(fits_pattern(value, term.text));
  };
  if (subject.owner != nullptr) add(OfProcess(*subject.owner));
  for (const Process& owner : subject.owners) add(OfProcess(owner));
  add(OfListener(subject));
  return several.result();
}

template <auto Member>
bool place(const Term& term, const Subject& subject) {
  return text<static_cast<std::string_view (*)(const Process&)>(place_text<Member>),
              static_cast<std::string_view (*)(const Subject&)>(place_text<Member>)>(term, subject);
}

bool comm(const Term& term, const Subject& subject) {
  return text<static_cast<std::string_view (*)(const Process&)>(comm_of),
              static_cast<std::string_view (*)(const Subject&)>(comm_of)>(term, subject);
}

// By its name in Kubernetes or by its id, of which the first twelve digits do, as docker prints it.
bool container(const Term& term, const Subject& subject) {
  constexpr size_t kShortId = 12;
  Several several(term.comparison);
  const auto add = [&](const Place& where) {
    const std::string_view id = where.container_id;
    if (!where.container.empty()) several.add(fits_pattern(where.container, term.text));
    if (id.empty()) return;
    several.add(fits_pattern(id, term.text) ||
                (term.text.size() >= kShortId && id.starts_with(term.text)));
  };
  if (subject.owner != nullptr) add(subject.owner->place);
  for (const Process& owner : subject.owners) add(owner.place);
  if (subject.place != nullptr) add(*subject.place);
  return several.result();
}

bool pid(const Term& term, const Subject& subject) {
  Several several(term.comparison);
  const Comparison comparison =
      term.comparison == Comparison::kNotEqual ? Comparison::kEqual : term.comparison;
  const auto add = [&](const Process& process) {
    several.add(holds(uint64_t{process.pid}, comparison, term.number));
  };
  if (subject.owner != nullptr) add(*subject.owner);
  for (const Process& owner : subject.owners) add(owner);
  return several.result();
}

bool source(const Term& term, const Subject& subject) {
  if (subject.connection == nullptr) return false;
  const Connection& c = *subject.connection;
  return names_host(term, c.local_address, c.family, c.local_port) ==
         (term.comparison == Comparison::kEqual);
}

bool destination(const Term& term, const Subject& subject) {
  if (subject.connection == nullptr) return false;
  const Connection& c = *subject.connection;
  const Address address =
      subject.redact_peer ? redacted(c.remote_address, c.family) : c.remote_address;
  return names_host(term, address, c.family, c.remote_port) ==
         (term.comparison == Comparison::kEqual);
}

bool id(const Term& term, const Subject& subject) {
  if (subject.connection == nullptr) return false;
  const bool same = subject.connection->cookie == term.number &&
                    subject.connection->generation == term.generation;
  return same == (term.comparison == Comparison::kEqual);
}

// Values as numbers; a choice is the number of its bit.

Number state(const Subject& s) {
  if (s.connection == nullptr) return std::nullopt;
  return static_cast<uint64_t>(s.connection->state);
}

// A listener's port is the local one of what it accepts, the remote one of what is made to it.
Number listener_port(const Subject& s, Role role) {
  if (s.listener == nullptr || s.listener->role != role) return std::nullopt;
  return s.listener->port;
}

Number local_port(const Subject& s) {
  return s.connection != nullptr ? s.connection->local_port : listener_port(s, Role::kServer);
}

Number remote_port(const Subject& s) {
  return s.connection != nullptr ? s.connection->remote_port : listener_port(s, Role::kClient);
}

Number netns(const Subject& s) {
  if (s.connection != nullptr) return s.connection->netns;
  return s.listener != nullptr ? Number(s.listener->netns) : std::nullopt;
}

Number role(const Subject& s) {
  if (s.connection != nullptr) return static_cast<uint64_t>(s.connection->role);
  return s.listener != nullptr ? Number(static_cast<uint64_t>(s.listener->role)) : std::nullopt;
}

template <auto Member>
Number outcome(const Subject& s) {
  const auto& value = s.*Member;
  return value ? Number(static_cast<uint64_t>(*value)) : std::nullopt;
}

Number phase(const Subject& s) {
  if (s.connection == nullptr) return std::nullopt;
  if (!is_read(unread_of(*s.connection, s.websocket))) return std::nullopt;
  return static_cast<uint64_t>(phase_of(*s.connection, s.websocket));
}

template <typename Value>
Number unless_zero(Value value) {
  return value != 0 ? Number(value) : std::nullopt;
}

Number close_code_of(const Subject& s) {
  return s.websocket != nullptr ? unless_zero(close_code(*s.websocket).value_or(0)) : std::nullopt;
}

Number upgrade_status_of(const Subject& s) {
  return s.websocket != nullptr ? unless_zero(upgrade_status(*s.websocket)) : std::nullopt;
}

Number half_open(const Subject& s) {
  if (s.connection == nullptr || s.connection->half_open == HalfOpen::kNo) return std::nullopt;
  return static_cast<uint64_t>(s.connection->half_open) - 1;
}

template <auto Since>
Number age_ns(const Subject& s) {
  if (s.connection == nullptr) return std::nullopt;
  const uint64_t then_ns = s.connection->*Since;
  return s.now_ns > then_ns ? s.now_ns - then_ns : 0;
}

Number close_wait_age_ns(const Subject& s) {
  const bool there = s.connection != nullptr && s.connection->state == TcpState::kCloseWait;
  return there ? age_ns<&Connection::state_since_ns>(s) : std::nullopt;
}

bool is_sampled(const Subject& s) { return s.connection != nullptr && s.connection->sampled; }

Number idle_ns(const Subject& s) {
  if (!is_sampled(s)) return std::nullopt;
  return idle_ms_at(*s.connection, s.now_ns) * 1'000'000;
}

template <auto Member>
Number sampled(const Subject& s) {
  return is_sampled(s) ? Number(s.connection->*Member) : std::nullopt;
}

Number retransmits(const Subject& s) {
  return s.connection != nullptr ? Number(s.connection->retransmits) : std::nullopt;
}

Number send_queue(const Subject& s) {
  return is_sampled(s) ? Number(send_queue_bytes(*s.connection)) : std::nullopt;
}

Number round_trip_ns(const Subject& s) {
  if (!is_sampled(s) || s.connection->srtt_us == 0) return std::nullopt;
  return uint64_t{s.connection->srtt_us} * 1'000;
}

template <size_t Count>
std::vector<std::string_view> all(const std::array<std::string_view, Count>& names) {
  return {names.begin(), names.end()};
}

constexpr std::array<std::string_view, 2> kRoleNames = {role_name(Role::kServer),
                                                        role_name(Role::kClient)};
constexpr std::array<std::string_view, 3> kHalfOpenKinds = {kHalfOpenNames[1], kHalfOpenNames[2],
                                                            kHalfOpenNames[3]};

// With those that no connection gets yet: who writes a filter for them need not wait.
std::vector<std::string_view> verdict_choices() {
  std::vector<std::string_view> names = all(kVerdictNames);
  names.insert(names.end(), {"idle_timeout", "max_lifetime"});
  return names;
}

}  // namespace

const std::vector<FilterWord>& filter_words() {
  using enum FilterValue;
  static const std::vector<FilterWord> words = {
      {"state", kChoice, "close-wait", "TCP state, or a group of states", choice<state>,
       state_choices()},
      {"exclude", kChoice, "established", "every other TCP state", choice<state>, state_choices()},
      {"sport", kPort, ":8080", "local port", number<local_port>},
      {"dport", kPort, ":443", "remote port", number<remote_port>},
      {"src", kHost, "10.0.0.1:8080", "local address, with a prefix or a port", source},
      {"dst", kHost, "10.0.0.0/8", "remote address, with a prefix or a port", destination},
      {"pod", kText, "chat-*", "the owner's pod", place<&Place::pod>},
      {"namespace", kText, "shop", "the owner's Kubernetes namespace",
       place<&Place::namespace_name>},
      {"container", kText, "app", "the owner's container, by name or id", container},
      {"comm", kText, "node", "the owner's name", comm},
      {"pid", kNumber, "4121", "the owner's process id", pid},
      {"netns", kNumber, "4026531840", "inode of the network namespace", number<netns>},
      {"role", kChoice, "server", "accepted here (server) or made here", choice<role>,
       all(kRoleNames)},
      {"id", kId, "8471948", "one connection", id},
      {"verdict", kChoice, "peer_vanished", "why it ended", choice<outcome<&Subject::verdict>>,
       verdict_choices()},
      {"initiator", kChoice, "remote", "who began the end", choice<outcome<&Subject::initiator>>,
       all(kInitiatorNames)},
      {"race", kChoice, "reset_after_fin", "what crossed at the end",
       choice<outcome<&Subject::race>>, all(kRaceNames), true},
      {"phase", kChoice, "open", "of the WebSocket", choice<phase>, all(kPhaseNames)},
      {"close-code", kNumber, "1006", "why the WebSocket was closed", number<close_code_of>},
      {"upgrade-status", kNumber, "403", "how the request for it was answered",
       number<upgrade_status_of>},
      {"half-open", kChoice, "unacked", "the peer may be gone", choice<half_open>,
       all(kHalfOpenKinds), true},
      {"age", kDuration, "5m", "since it was established", number<age_ns<&Connection::opened_ns>>},
      {"idle", kDuration, "30s", "since data last passed", number<idle_ns>},
      {"state-age", kDuration, "10s", "since it entered its state",
       number<age_ns<&Connection::state_since_ns>>},
      {"close-wait-age", kDuration, "1m", "since it entered CLOSE_WAIT, while it is there",
       number<close_wait_age_ns>},
      {"recv-q", kNumber, "1", "bytes that the application has not read",
       number<sampled<&Connection::unread_bytes>>},
      {"send-q", kNumber, "1000", "bytes not acknowledged by the peer, sent or not",
       number<send_queue>},
      {"retransmits", kNumber, "3", "segments sent again", number<retransmits>},
      {"srtt", kDuration, "100ms", "smoothed round trip", number<round_trip_ns>},
  };
  return words;
}

const std::vector<ComparisonNames>& filter_comparisons() {
  using enum Comparison;
  static const std::vector<ComparisonNames> comparisons = {
      {kEqual, {"=", "==", "eq"}}, {kNotEqual, {"!=", "ne", "neq"}},
      {kLess, {"<", "lt"}},        {kLessOrEqual, {"<=", "le", "leq"}},
      {kGreater, {">", "gt"}},     {kGreaterOrEqual, {">=", "ge", "geq"}},
  };
  return comparisons;
}

bool names_host(const FilterTerm& term, const Address& address, uint8_t family, uint16_t port) {
  if (term.port && *term.port != port) return false;
  if (term.family == 0) return true;
  Address seen = address;
  if (term.family != family) {
    // As in ss, an IPv4 address names IPv4 peers of IPv6 sockets, too (RFC 4291 section 2.5.5.2);
    // one that is written as ::ffff:10.0.0.1 names only those.
    if (term.family != AF_INET || !is_v4_mapped(address, family)) return false;
    seen = {};
    std::copy(address.begin() + 12, address.end(), seen.begin());
  }
  const size_t whole_bytes = term.prefix_bits / 8;
  if (!std::equal(seen.begin(), seen.begin() + static_cast<std::ptrdiff_t>(whole_bytes),
                  term.address.begin())) {
    return false;
  }
  const unsigned bits = term.prefix_bits % 8;
  return bits == 0 || (seen[whole_bytes] ^ term.address[whole_bytes]) >> (8 - bits) == 0;
}

// Goes back only to the last '*': O(text × pattern) at worst, without recursion.
bool fits_pattern(std::string_view text, std::string_view pattern) {
  constexpr size_t kNowhere = std::string_view::npos;
  size_t at = 0;
  size_t in_pattern = 0;
  size_t star = kNowhere;
  size_t after_star = 0;
  while (at < text.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      star = in_pattern++;
      after_star = at;
    } else if (in_pattern < pattern.size() && pattern[in_pattern] == text[at]) {
      ++in_pattern;
      ++at;
    } else if (star != kNowhere) {
      in_pattern = star + 1;
      at = ++after_star;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', in_pattern) == kNowhere;
}

}  // namespace wsbpf
