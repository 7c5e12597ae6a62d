#include "serve/metrics_websocket.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <optional>

namespace wsbpf {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

// A label for each status that means something by itself, else for its class.
std::string upgrade_label(UpgradeStatus status) {
  constexpr UpgradeStatus kKnown[] = {101, 200, 400, 401, 403, 404, 426, 429, 500, 502, 503, 504};
  if (status == kUpgradeUnanswered) return "no_response";
  if (status == kUpgradeTimedOut) return "timeout";
  const bool known = std::find(std::begin(kKnown), std::end(kKnown), status) != std::end(kKnown);
  if (known) return std::to_string(status);
  return fmt::format("{}xx", std::clamp(status / 100, 1, 5));
}

// RFC 6455 section 7.4: those of the protocol by themselves, of libraries and applications their
// range.
std::string close_code_label(uint16_t code) {
  if (code == 0) return "none";
  if (code >= 1000 && code <= 1015) return std::to_string(code);
  if (code >= 3000 && code <= 3999) return "3xxx";
  return code >= 4000 && code <= 4999 ? "4xxx" : "other";
}

uint64_t observations(const PingHistogram& histogram) {
  return std::accumulate(histogram.counts.begin(), histogram.counts.end(), uint64_t{0});
}

Labels with(const Labels& labels, Labels more) {
  Labels all = labels;
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  return all;
}

constexpr const char* kDirectionNames[] = {"received", "sent"};

// Reasons why connections are not read, or not whole; the last one, "off", is that of all of them
// or of none.
constexpr size_t kReasons = kUnreadNames.size() - 1;

struct NumberRow {
  const char* name;
  const char* help;
  uint64_t WebSocketGroup::*value;
};

constexpr NumberRow kNumberRows[] = {
    {"wsbpf_websocket_stripped_upgrades_total",
     "Requests for a WebSocket whose upgrade a proxy has not passed on.",
     &WebSocketGroup::stripped_upgrades},
    {"wsbpf_websocket_violations_total", "Violations of the WebSocket protocol (RFC 6455).",
     &WebSocketGroup::violations},
    {"wsbpf_websocket_missed_bytes_total", "Bytes of WebSockets that passed without being read.",
     &WebSocketGroup::missed_bytes},
};

struct DirectionRow {
  const char* name;
  const char* help;
  std::array<uint64_t, WSBPF_DIRECTIONS> WebSocketGroup::*values;
};

constexpr DirectionRow kDirectionRows[] = {
    {"wsbpf_websocket_messages_total", "WebSocket messages.", &WebSocketGroup::messages},
    {"wsbpf_websocket_message_bytes_total",
     "Payload of WebSocket messages, compressed where it is so on the wire.",
     &WebSocketGroup::message_bytes},
};

void add_connections(Exposition& out, const std::vector<LabelledWebSockets>& groups) {
  MetricFamily phases{"wsbpf_websocket_connections",
                      "Connections that can be read, by the phase of their WebSocket.",
                      MetricType::Gauge,
                      {}};
  MetricFamily& unread = out.family(
      "wsbpf_websocket_unread_connections",
      "Connections that are not read, or not whole (desynced), by reason.", MetricType::Gauge);
  for (const auto& [labels, group] : groups) {
    for (size_t reason = 1; reason <= kReasons; ++reason) {
      const bool is_off = reason == static_cast<size_t>(Unread::kOff);
      if (is_off == group->reading) continue;
      add_value(unread, with(labels, {{"reason", std::string(kUnreadNames[reason])}}),
                group->unread[reason]);
    }
    if (!group->reading) continue;
    for (size_t phase = 0; phase < kPhaseNames.size(); ++phase) {
      add_value(phases, with(labels, {{"phase", std::string(kPhaseNames[phase])}}),
                group->phases[phase]);
    }
  }
  out.families.push_back(std::move(phases));
}

}  // namespace

void WebSocketGroup::add(const ListenerSummary& summary, const WebSocketTotals& totals,
                         bool is_reading) {
  reading = is_reading;
  for (size_t i = 0; i < phases.size(); ++i) phases[i] += summary.phases[i];
  for (size_t i = 0; i < unread.size(); ++i) unread[i] += summary.unread[i];
  for (const auto& [status, count] : totals.upgrades) upgrades[upgrade_label(status)] += count;
  for (const auto& [key, count] : totals.close_codes) {
    close_codes[{close_code_label(key.first), key.second}] += count;
  }
  for (size_t direction = 0; direction < WSBPF_DIRECTIONS; ++direction) {
    messages[direction] += totals.messages[direction];
    message_bytes[direction] += totals.message_bytes[direction];
  }
  stripped_upgrades += totals.stripped_upgrades;
  violations += totals.violations;
  missed_bytes += totals.missed_bytes;
  ping_rtt += totals.ping_rtt;
}

bool WebSocketGroup::has_websockets() const {
  const auto is_any = [this](Phase phase) { return phases[static_cast<size_t>(phase)] > 0; };
  return !upgrades.empty() || !close_codes.empty() ||
         messages[WSBPF_IN] + messages[WSBPF_OUT] > 0 || missed_bytes > 0 || violations > 0 ||
         is_any(Phase::kUpgrading) || is_any(Phase::kOpen) || is_any(Phase::kClosing) ||
         is_any(Phase::kEnded) || is_any(Phase::kRejected);
}

size_t WebSocketGroup::series() const {
  if (!reading) return 1;
  size_t series = kReasons - 1 + kPhaseNames.size();
  if (has_websockets()) series += std::size(kNumberRows) + 2 * std::size(kDirectionRows);
  if (observations(ping_rtt) > 0) series += series_of(ping_rtt);
  return series + upgrades.size() + close_codes.size();
}

void add_websockets(Exposition& out, const std::vector<LabelledWebSockets>& groups) {
  add_connections(out, groups);
  std::vector<LabelledWebSockets> counted = groups;
  std::erase_if(counted, [](const auto& each) { return !each.group->has_websockets(); });

  MetricFamily& upgrades =
      out.family("wsbpf_websocket_upgrades_total",
                 "Requests for a WebSocket by the status of their answer.", MetricType::Counter);
  for (const auto& [labels, group] : counted) {
    for (const auto& [status, count] : group->upgrades) {
      add_value(upgrades, with(labels, {{"status", status}}), static_cast<double>(count));
    }
  }
  MetricFamily& close_codes =
      out.family("wsbpf_websocket_close_codes_total",
                 "WebSockets that ended, by the code of the first Close frame; 1006: there was "
                 "none, none: there may have been one.",
                 MetricType::Counter);
  for (const auto& [labels, group] : counted) {
    for (const auto& [key, count] : group->close_codes) {
      add_value(close_codes,
                with(labels,
                     {{"code", key.first}, {"initiator", std::string(initiator_name(key.second))}}),
                static_cast<double>(count));
    }
  }
  for (const DirectionRow& row : kDirectionRows) {
    MetricFamily& family = out.family(row.name, row.help, MetricType::Counter);
    for (const auto& [labels, group] : counted) {
      for (size_t direction = 0; direction < WSBPF_DIRECTIONS; ++direction) {
        add_value(family, with(labels, {{"direction", kDirectionNames[direction]}}),
                  static_cast<double>((group->*row.values)[direction]));
      }
    }
  }
  for (const NumberRow& row : kNumberRows) {
    MetricFamily& family = out.family(row.name, row.help, MetricType::Counter);
    for (const auto& [labels, group] : counted) {
      add_value(family, labels, static_cast<double>(group->*row.value));
    }
  }
}

void add_pings(Exposition& out, const std::vector<LabelledPings>& groups) {
  MetricFamily& pings = out.family("wsbpf_websocket_ping_rtt_seconds", "From a ping to its pong.",
                                   MetricType::Histogram);
  for (const auto& [labels, ping_rtt] : groups) {
    if (observations(*ping_rtt) > 0) add_histogram(pings, labels, *ping_rtt);
  }
}

}  // namespace wsbpf
