#include "top/header.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "top/alerts.h"
#include "top/format.h"
#include "top/width.h"

namespace wsbpf::top {
namespace {

struct Notice {
  std::string text;
  Style style = Style::kWarning;
};

constexpr std::size_t kLinesPerNotice = 2;

struct Value {
  std::string_view label;
  std::string text;
  Style style = Style::kStrong;
};

// Side by side, on as many lines as that takes; values that are empty are left out.
std::vector<Line> value_lines(const std::vector<Value>& values, int width) {
  constexpr std::string_view kGap = "  ";
  std::vector<Line> lines(1);
  int used = 0;
  for (const Value& value : values) {
    if (value.text.empty()) continue;
    const int needed = display_width(value.label) + 1 + display_width(value.text);
    if (used > 0 && used + display_width(kGap) + needed > width) {
      lines.emplace_back();
      used = 0;
    }
    if (used > 0) {
      lines.back().push_back({std::string(kGap), Style::kPlain});
      used += display_width(kGap);
    }
    lines.back().push_back({fmt::format("{} ", value.label), Style::kLabel});
    lines.back().push_back({value.text, value.style});
    used += needed;
  }
  return lines;
}

std::vector<Line> identity_lines(const Status& status, const std::string& time, int width) {
  return value_lines({{"wsbpf", status.version},
                      {"time", time},
                      {"node", status.node},
                      {"kernel", status.kernel},
                      {"up", duration_text(status.uptime_seconds)},
                      {"role", status.role}},
                     width);
}

std::string alerts_text(const Status& status) {
  if (status.alerts_firing == 0 && status.alerts_pending == 0) return "none";
  if (status.alerts_pending == 0) return fmt::format("{} firing", status.alerts_firing);
  if (status.alerts_firing == 0) return fmt::format("{} pending", status.alerts_pending);
  return fmt::format("{} firing, {} pending", status.alerts_firing, status.alerts_pending);
}

std::int64_t lost_events(const Status& status) {
  std::int64_t total = 0;
  for (const auto& [reason, events] : status.lost) total += events;
  return total;
}

std::vector<Line> load_lines(const Status& status, int width) {
  const std::int64_t lost = lost_events(status);
  return value_lines({{"connections", count_text(status.connections)},
                      {"opens/s", rate_text(status.opens_per_second)},
                      {"closes/s", rate_text(status.closes_per_second)},
                      {"lost", count_text(lost), lost > 0 ? Style::kWarning : Style::kStrong},
                      {"alerts", alerts_text(status),
                       status.alerts_firing > 0 ? Style::kCritical : Style::kStrong}},
                     width);
}

std::string lost_text(const Status& status) {
  std::string reasons;
  for (const auto& [reason, events] : status.lost) {
    reasons += fmt::format("{}{} {}", reasons.empty() ? "" : ", ", reason, events);
  }
  return fmt::format(
      "{} events lost ({}): the next sweep repairs counts and states, some verdicts stay unknown",
      lost_events(status), reasons);
}

std::string alert_text(const Alert& alert) {
  const std::string listener = alert.listener ? " " + listener_text(*alert.listener) : "";
  return fmt::format("{} {}{}  {}", alert.critical ? "CRITICAL" : "WARNING", alert.name, listener,
                     alert.summary);
}

std::vector<Notice> alert_notices(const Model& model) {
  std::vector<Notice> notices;
  for (const Alert* alert : ordered_alerts(model)) {
    if (alert->state != "firing") continue;
    notices.push_back({alert_text(*alert), alert->critical ? Style::kCritical : Style::kWarning});
  }
  return notices;
}

bool is_said_by_an_alert(const std::string& reason, const Model& model) {
  const auto& alerts = model.alerts.rows;
  return std::any_of(alerts.begin(), alerts.end(), [&reason](const Alert& alert) {
    return alert.state == "firing" && alert.summary == reason;
  });
}

std::vector<Notice> degraded_notices(const Model& model) {
  const Status& status = model.status;
  if (!status.degraded && !status.coverage_partial) return {};
  const char* what = status.coverage_partial ? "coverage is partial" : "degraded";
  if (status.reasons.empty()) return {{what}};
  std::vector<Notice> notices;
  for (const std::string& reason : status.reasons) {
    if (is_said_by_an_alert(reason, model)) continue;
    notices.push_back({fmt::format("{}: {}", what, reason)});
  }
  return notices;
}

// Once EventsLost has resolved, nothing else tells of what was lost.
bool tells_of_losses(const Model& model) {
  const auto& alerts = model.alerts.rows;
  return std::any_of(alerts.begin(), alerts.end(), [](const Alert& alert) {
    return alert.state == "firing" && alert.name == "EventsLost";
  });
}

// The worst first: what does not fit is cut off at the end.
std::vector<Notice> notices_of(const Model& model) {
  std::vector<Notice> notices = alert_notices(model);
  if (!model.status.lost.empty() && !tells_of_losses(model)) {
    notices.push_back({lost_text(model.status)});
  }
  for (Notice& notice : degraded_notices(model)) notices.push_back(std::move(notice));
  return notices;
}

std::vector<Line> wrapped_notices(const std::vector<Notice>& notices, int width) {
  std::vector<Line> lines;
  for (const Notice& notice : notices) {
    for (std::string& text : wrap_text(notice.text, width, kLinesPerNotice)) {
      lines.push_back({{std::move(text), notice.style}});
    }
  }
  return lines;
}

}  // namespace

std::vector<Line> header_lines(const Model& model, const View& view) {
  // On a screen time is now.
  const std::string time = view.batch ? utc_text(model.taken_unix_seconds) : "";
  std::vector<Line> lines = identity_lines(model.status, time, view.width);
  append_lines(lines, load_lines(model.status, view.width));
  return lines;
}

std::vector<Line> banner_lines(const View& view) {
  if (view.banner.empty()) return {};
  return wrapped_notices({{view.banner, Style::kCritical}}, view.width);
}

std::vector<Line> notice_lines(const Model& model, const View& view, int most) {
  std::vector<Line> lines = wrapped_notices(notices_of(model), view.width);
  const auto room = static_cast<std::size_t>(std::max(1, most));
  if (!view.batch && lines.size() > room) {
    lines.resize(room);
    lines.back() = {{"… and more: see the alerts (4), and /api/status", Style::kWarning}};
  }
  return lines;
}

}  // namespace wsbpf::top
