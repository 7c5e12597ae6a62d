#include "alert/half_open.h"

#include <fmt/format.h>

#include <algorithm>

namespace wsbpf {
namespace {

constexpr uint32_t kCriticalFactor = 10;

uint32_t unanswered_of(const ListenerSummary& listener) {
  return listener.half_open[static_cast<size_t>(HalfOpen::kUnacked)] +
         listener.half_open[static_cast<size_t>(HalfOpen::kProbing)];
}

// Are handshakes what there is to tell of, rather than connections?
bool is_of_handshakes(const ListenerSummary& listener) {
  const bool many = listener.stuck_handshakes > kHalfOpenThreshold;
  return listener.stuck_handshakes > (many ? listener.half_open_stuck : unanswered_of(listener));
}

std::string summary_text(const ListenerSummary& listener) {
  if (is_of_handshakes(listener)) {
    return fmt::format(
        "{} handshakes on port {}, of {}, hang: their SYN+ACK is sent again and again, and no ACK "
        "comes",
        listener.stuck_handshakes, listener.key.port, owners_text(listener));
  }
  return fmt::format(
      "{} connections on port {}, owned by {}, are half-open: what was sent to their peers, or "
      "asked of them, is not answered ({} unacked, {} probing; {} unheard of for 15 s)",
      unanswered_of(listener), listener.key.port, owners_text(listener),
      listener.half_open[static_cast<size_t>(HalfOpen::kUnacked)],
      listener.half_open[static_cast<size_t>(HalfOpen::kProbing)], listener.half_open_stuck);
}

}  // namespace

std::vector<Finding> evaluate_half_open(const std::vector<ListenerSummary>& listeners) {
  std::vector<Finding> findings;
  for (const ListenerSummary& listener : listeners) {
    if (listener.key.role != Role::kServer) continue;
    const uint32_t worst = std::max(listener.half_open_stuck, listener.stuck_handshakes);
    Finding finding;
    finding.alert = kHalfOpenAccumulation;
    finding.listener = listener.key;
    finding.comm = listener.comm;
    finding.place = listener.place;
    finding.threshold = kHalfOpenThreshold;
    if (worst > kHalfOpenThreshold) {
      finding.level = Finding::Level::kFiring;
    } else if (unanswered_of(listener) > kHalfOpenThreshold) {
      finding.level = Finding::Level::kPending;
    }
    const bool pending = finding.level == Finding::Level::kPending;
    finding.value = pending ? unanswered_of(listener) : worst;
    finding.severity =
        worst >= kHalfOpenThreshold * kCriticalFactor ? Severity::kCritical : Severity::kWarning;
    finding.summary = summary_text(listener);
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace wsbpf
