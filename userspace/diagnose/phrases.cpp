#include "diagnose/phrases.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <csignal>
#include <cstring>

#include "core/connection_record.h"
#include "core/text.h"

namespace wsbpf {
namespace {

const Evidence kNoEvidence{};

const WebSocket* websocket_of(const ExplanationSubject& subject) {
  const WebSocket* websocket = subject.websocket;
  if (websocket == nullptr && subject.evidence != nullptr && subject.evidence->websocket) {
    websocket = &*subject.evidence->websocket;
  }
  return websocket != nullptr && is_websocket(*websocket) ? websocket : nullptr;
}

std::string process_text(uint32_t pid, std::string_view comm) {
  return fmt::format("{}[{}]", printable(comm), pid);
}

std::string at_least(AgeSource source, uint64_t nanoseconds) {
  return (source == AgeSource::kLowerBound ? "at least " : "") + span_text(nanoseconds);
}

}  // namespace

Case::Case(const ExplanationSubject& of)
    : subject(of),
      connection(*of.connection),
      evidence(of.evidence != nullptr ? *of.evidence : kNoEvidence),
      verdict(of.judgement != nullptr ? of.judgement->verdict : Verdict::kUnknown),
      websocket(websocket_of(of)) {}

bool Case::has_current_streak() const {
  if (has_ended() || evidence.streak.segments == 0) return false;
  const uint64_t heard_ns = since(connection.sampled_ns, uint64_t{connection.heard_ms} * 1'000'000);
  return connection.unacked_bytes > 0 && evidence.streak.began_ns > heard_ns;
}

bool Case::shows_age_of_fin() const {
  return connection.state == TcpState::kCloseWait &&
         connection.state_age_source == AgeSource::kLowerBound && is_sampled_in_state();
}

uint64_t Case::state_age_ns() const {
  const uint64_t known_ns = since(subject.now_ns, connection.state_since_ns);
  if (!shows_age_of_fin()) return known_ns;
  // What was heard last is the FIN, or came after it.
  const uint64_t heard_ns = since(connection.sampled_ns, uint64_t{connection.heard_ms} * 1'000'000);
  return std::max(known_ns, since(subject.now_ns, heard_ns));
}

uint32_t Case::unread_bytes() const {
  return std::max(unread_data(at_end()), unread_data(evidence.at_close));
}

uint32_t Case::zero_window_ms() const {
  return std::max(at_end().zero_window_ms, evidence.at_close.zero_window_ms);
}

std::string span_text(uint64_t nanoseconds) { return span_text_ms(nanoseconds / 1'000'000); }

std::string span_text_ms(uint64_t milliseconds) {
  const uint64_t seconds = milliseconds / 1'000;
  if (milliseconds < 1'000) return fmt::format("{} ms", milliseconds);
  if (seconds < 10) return fmt::format("{}.{} s", seconds, milliseconds % 1'000 / 100);
  if (seconds < 120) return fmt::format("{} s", seconds);
  const uint64_t minutes = seconds / 60;
  if (minutes < 120) return fmt::format("{} min", minutes);
  const uint64_t hours = minutes / 60;
  if (hours < 48) return fmt::format("{} h {} min", hours, minutes % 60);
  return fmt::format("{} d {} h", hours / 24, hours % 24);
}

std::string count_of(uint64_t count, std::string_view one) {
  return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

std::string peer_address(const Case& c) {
  const Connection& connection = c.connection;
  const Address address = c.subject.redact_peer
                              ? redacted(connection.remote_address, connection.family)
                              : connection.remote_address;
  const std::string text = address_text(address, connection.family);
  if (text.find(':') == std::string::npos) {
    return fmt::format("{}:{}", text, connection.remote_port);
  }
  return fmt::format("[{}]:{}", text, connection.remote_port);
}

std::string peer(const Case& c) { return fmt::format("the peer ({})", peer_address(c)); }

std::string application(const Case& c) {
  const Process* const owner = c.subject.owner;
  if (owner == nullptr) return "the application";
  return fmt::format("the application ({})", process_text(owner->pid, owner->comm));
}

std::string closer(const Case& c) {
  const uint32_t pid = c.evidence.closer.pid;
  const Process* const owner = c.subject.owner;
  if (pid == 0) return "our end";
  if (owner != nullptr && owner->pid == pid) return application(c);
  return fmt::format("process {}", pid);
}

// wait(2): the status is in the second byte, the signal in the lowest seven bits.
std::string exit_text(const wsbpf_closer& closer) {
  const int signal = closer.exit_code & 0x7f;
  if (signal == 0) return fmt::format("exited with status {}", closer.exit_code >> 8 & 0xff);
  const char* const name = sigabbrev_np(signal);
  return name != nullptr ? fmt::format("was ended by SIG{}", name)
                         : fmt::format("was ended by signal {}", signal);
}

std::string error_text(int32_t error) {
  const char* const name = strerrorname_np(error);
  const char* const description = strerrordesc_np(error);
  if (name == nullptr || description == nullptr) return fmt::format("error {}", error);
  return fmt::format("{} ({})", name, description);
}

std::string reason_text(const Case& c, const ResetSeen& reset) {
  if (c.subject.reset_reasons == nullptr) return "";
  const auto found = c.subject.reset_reasons->find(reset.reason);
  return found != c.subject.reset_reasons->end() ? found->second : "";
}

std::string lasted(const Case& c, uint64_t until_ns) {
  return at_least(c.connection.age_source, since(until_ns, c.connection.opened_ns));
}

std::string life(const Case& c) {
  return lasted(c, c.has_ended() ? c.closed_ns() : c.subject.now_ns);
}

std::string after_life(const Case& c) {
  return c.saw_departure() ? " after " + life_before_end(c) : "";
}

std::string life_before_end(const Case& c) { return lasted(c, c.evidence.left_ns); }

std::string state_age(const Case& c) {
  return at_least(c.connection.state_age_source, c.state_age_ns());
}

std::string_view data_last_passed(uint32_t retransmits) {
  return retransmits > 0 ? "data last passed, or was sent again," : "data last passed";
}

std::string ending(const Case& c) {
  const Mechanism mechanism = c.subject.judgement->mechanism;
  const Initiator initiator = tcp_initiator(c.evidence);
  const bool by_fin =
      c.evidence.left_to == TcpState::kCloseWait || c.evidence.left_to == TcpState::kFinWait1;
  if (initiator == Initiator::kKernel) return "the kernel gave up";
  if (initiator == Initiator::kUnknown) return "the connection ended";
  const std::string_view who = initiator == Initiator::kLocal ? "our end" : "the peer";
  if (mechanism == Mechanism::kFin) return fmt::format("{} closed the connection", who);
  if (mechanism == Mechanism::kTimeout) {
    return fmt::format("{} had closed, and the kernel gave up", who);
  }
  if (by_fin) return fmt::format("{} closed, and a reset ended the connection", who);
  return fmt::format("{} reset the connection", who);
}

std::string sentence(std::string text) {
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text + '.';
}

}  // namespace wsbpf
