#include "alert/alert.h"

#include <fmt/format.h>

#include <set>

#include "core/text.h"

namespace wsbpf {

namespace {

// What an alert on its way back to normal says: the state of affairs, not what it was.
void take_measure(Alert& alert, const Finding& finding) {
  alert.finding.value = finding.value;
  alert.finding.summary = finding.summary;
}

}  // namespace

std::string runbook_of(std::string_view alert) { return fmt::format("docs/alerts.md#{}", alert); }

std::string owners_text(const ListenerSummary& listener) {
  std::string text = listener.comm.empty() ? "an unknown process" : printable(listener.comm);
  if (!listener.owners.empty()) {
    const Process& first = listener.owners.front();
    text = fmt::format("{}[{}]", printable(first.comm), first.pid);
  }
  if (listener.owners.size() > 1) text += fmt::format(" and {} more", listener.owners.size() - 1);
  const Place& place = listener.place;
  if (!place.pod.empty()) {
    text += fmt::format(" in pod {}/{}", printable(place.namespace_name), printable(place.pod));
  }
  return text;
}

// A severity falls only after it has been lower for as long as an alert takes to resolve.
Severity AlertMachine::settled_severity(Entry& entry, Severity found, uint64_t now_ns) {
  if (found >= entry.alert.finding.severity) {
    entry.milder_since_ns = 0;
    return found;
  }
  if (entry.milder_since_ns == 0) entry.milder_since_ns = now_ns;
  if (now_ns - entry.milder_since_ns < kResolveAfter_ns) return entry.alert.finding.severity;
  return found;
}

std::vector<Alert> AlertMachine::update(uint64_t now_ns, const std::vector<Finding>& findings) {
  std::vector<Alert> changes;
  std::set<std::pair<std::string_view, ListenerKey>> out_of_bounds;
  for (const Finding& finding : findings) {
    const auto key = std::pair(finding.alert, finding.listener);
    if (finding.level == Finding::Level::kInBounds) {
      if (const auto known = entries_.find(key); known != entries_.end()) {
        take_measure(known->second.alert, finding);
      }
      continue;
    }
    out_of_bounds.insert(key);
    const bool firing = finding.level == Finding::Level::kFiring;

    const auto [known, is_new] = entries_.try_emplace(key);
    Entry& entry = known->second;
    Alert& alert = entry.alert;
    const bool starts_firing = firing && (is_new || alert.state == AlertState::kPending);
    if (!firing && !is_new && alert.state == AlertState::kFiring) {  // on its way back
      if (entry.in_bounds_since_ns == 0) entry.in_bounds_since_ns = now_ns;
      take_measure(alert, finding);
      continue;
    }
    const Severity severity = settled_severity(entry, finding.severity, now_ns);
    const bool severity_changed = firing && !is_new && alert.finding.severity != severity;
    entry.in_bounds_since_ns = 0;
    alert.finding = finding;
    if (alert.state == AlertState::kFiring && !is_new) alert.finding.severity = severity;
    if (is_new || starts_firing) {
      alert.state = firing ? AlertState::kFiring : AlertState::kPending;
      alert.since_ns = now_ns;
    }
    if (is_new || starts_firing || severity_changed) changes.push_back(alert);
  }

  for (auto it = entries_.begin(); it != entries_.end();) {
    Entry& entry = it->second;
    if (!out_of_bounds.contains(it->first) && entry.in_bounds_since_ns == 0) {
      entry.in_bounds_since_ns = now_ns;
    }
    if (entry.in_bounds_since_ns == 0 || now_ns - entry.in_bounds_since_ns < kResolveAfter_ns) {
      ++it;
      continue;
    }
    if (entry.alert.state == AlertState::kFiring) {
      entry.alert.state = AlertState::kResolved;
      entry.alert.since_ns = now_ns;
      changes.push_back(entry.alert);
    }
    it = entries_.erase(it);
  }
  return changes;
}

std::vector<Alert> AlertMachine::active() const {
  std::vector<Alert> alerts;
  for (const auto& [key, entry] : entries_) alerts.push_back(entry.alert);
  return alerts;
}

}  // namespace wsbpf
