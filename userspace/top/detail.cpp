#include "top/detail.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include "core/text.h"
#include "top/format.h"
#include "top/prose.h"
#include "top/width.h"

namespace wsbpf::top {
namespace {

constexpr int kIndent = 2;
constexpr int kClockWidth = 14;  // 09:55:08.428 and a gap
constexpr int kAgoWidth = 13;    // ≥14m03s ago and a gap
constexpr int kNarrow = 72;      // below this a moment's clock is left out
constexpr int kNameWidth = 26;   // longest_silence_seconds and a gap; the WebSocket's are longer
constexpr int kValueWidth = 14;
constexpr int kDirectionWidth = 8;  // received

void append_section(std::vector<Line>& lines, std::string_view title, std::vector<Line> content) {
  if (content.empty()) return;
  lines.emplace_back();
  lines.push_back({{std::string(title), Style::kStrong}});
  append_lines(lines, std::move(content));
}

Line heading(const Explanation& explanation) {
  const Connection& connection = explanation.connection;
  Line line{{fmt::format("connection {}", explanation.id), Style::kStrong}};
  const Ending& ending = explanation.ending;
  if (explanation.live) {
    line.push_back({fmt::format("   {}", connection.state), Style::kNotice});
  } else {
    line.push_back({fmt::format("   {}", ending.verdict), Style::kNotice});
    if (ending.confidence) {
      line.push_back({fmt::format(" (confidence {:.2f})", *ending.confidence), Style::kLabel});
    }
  }
  return line;
}

// "HOW fin", for those values that there are.
std::vector<Line> fact_lines(const Explanation& explanation, int width) {
  const Connection& connection = explanation.connection;
  const Ending& ending = explanation.ending;
  const std::string pod = workload_text(connection.workload);
  const std::pair<const char*, std::string> facts[] = {
      {"local", endpoint_text(connection.local)},
      {"peer", endpoint_text(connection.remote)},
      {"owner", owner_text(connection.owner)},
      {"pod", pod == kUnknown ? "" : pod},
      {"begun by", ending.initiator},
      {"by means of", ending.mechanism},
      {"race", ending.race},
      {"half-open", connection.half_open},
      {"age", at_least_text(connection.age_seconds, connection.age_is_lower_bound)},
      {"idle", duration_text(connection.idle_seconds)},
  };
  std::vector<Line> lines(1);
  int used = 0;
  for (const auto& [label, value] : facts) {
    if (value.empty()) continue;
    const int needed = display_width(label) + 1 + display_width(value);
    if (used > 0 && used + 3 + needed > width) {
      lines.emplace_back();
      used = 0;
    }
    if (used > 0) lines.back().push_back({"   "});
    used += needed + (used > 0 ? 3 : 0);
    lines.back().push_back({fmt::format("{} ", label), Style::kLabel});
    lines.back().push_back({value});
  }
  return lines;
}

std::string ago_text(const Moment& moment) {
  if (!moment.seconds_ago) return kUnknown;
  return at_least_text(moment.seconds_ago, moment.at_least) + " ago";
}

std::vector<Line> timeline_lines(const Explanation& explanation, int width) {
  std::vector<Line> lines;
  for (const Moment& moment : explanation.timeline) {
    std::string label(kIndent, ' ');
    if (width >= kNarrow) label += fit(clock_text(moment.time), kClockWidth);
    label += fit(ago_text(moment), kAgoWidth - kIndent, Align::kRight) + "  ";
    append_lines(lines, labelled(label, moment.text, display_width(label), width));
  }
  return lines;
}

std::vector<Line> frame_lines(const Explanation& explanation, int width) {
  int opcode_width = 0;
  for (const SeenFrame& frame : explanation.frames) {
    opcode_width = std::max(opcode_width, display_width(frame.opcode));
  }
  std::vector<Line> lines;
  for (const SeenFrame& frame : explanation.frames) {
    std::string label(kIndent, ' ');
    if (width >= kNarrow) label += fit(clock_text(frame.time), kClockWidth);
    const std::string ago =
        frame.seconds_ago ? duration_text(frame.seconds_ago) + " ago" : kUnknown;
    label += fit(ago, kAgoWidth - kIndent, Align::kRight) + "  ";
    const std::string what = fmt::format(
        "{}  {}  {}", fit(frame.direction, kDirectionWidth), fit(frame.opcode, opcode_width),
        frame_length_text(frame.length, frame.length_at_least, frame.final));
    append_lines(lines, labelled(label, what, display_width(label), width));
  }
  return lines;
}

// Name, value, and what it means: beside them, or where the screen is narrow on the next line.
std::vector<Line> evidence_lines(const Explanation& explanation, int width) {
  int name_width = kNameWidth;
  for (const Evidence& evidence : explanation.evidence) {
    name_width = std::max(name_width, display_width(evidence.name) + 2);
  }
  std::vector<Line> lines;
  for (const Evidence& evidence : explanation.evidence) {
    const std::string name = fit("  " + evidence.name, kIndent + name_width);
    const int value_width = std::max(kValueWidth, display_width(evidence.value) + 2);
    const int beside = kIndent + name_width + value_width;
    Line first{{name, Style::kLabel}, {fit(evidence.value, value_width), Style::kStrong}};
    if (evidence.meaning.empty()) {
      lines.push_back(std::move(first));
    } else if (width - beside >= 30) {
      std::vector<Line> meaning = wrapped(evidence.meaning, Style::kPlain, beside, width);
      first.push_back(meaning.front().back());
      meaning.front() = std::move(first);
      append_lines(lines, std::move(meaning));
    } else {
      lines.push_back(std::move(first));
      append_lines(lines, wrapped(evidence.meaning, Style::kPlain, 2 * kIndent, width));
    }
  }
  return lines;
}

std::vector<Line> advice_lines(const Explanation& explanation, int width) {
  std::vector<Line> lines;
  for (const std::string& advice : explanation.advice) {
    append_lines(lines, labelled("  •", advice, 2 * kIndent, width));
  }
  return lines;
}

}  // namespace

std::vector<Line> connection_page(const Model& model, const View& view) {
  const int width = view.width;
  const bool is_loaded = model.explanation && model.explanation->id == view.page_id;
  if (!is_loaded) {
    if (!model.refused) return wrapped(asking_text(view), Style::kLabel, 0, width);
    return wrapped(printable(model.refused->message), Style::kWarning, 0, width);
  }
  const Explanation& explanation = *model.explanation;
  std::vector<Line> lines{heading(explanation)};
  append_lines(lines, fact_lines(explanation, width));
  if (!explanation.summary.empty()) {
    lines.emplace_back();
    append_lines(lines, wrapped(explanation.summary, Style::kPlain, 0, width));
  }
  if (model.refused) {  // it has been forgotten since
    lines.emplace_back();
    append_lines(lines, wrapped(printable(model.refused->message), Style::kWarning, 0, width));
  }
  append_section(lines, "what to do", advice_lines(explanation, width));
  append_section(lines, width >= kNarrow ? "timeline (UTC)" : "timeline",
                 timeline_lines(explanation, width));
  append_section(lines, width >= kNarrow ? "last frames (UTC)" : "last frames",
                 frame_lines(explanation, width));
  append_section(lines, "evidence", evidence_lines(explanation, width));
  if (!explanation.documentation.empty()) {
    append_section(lines, "more",
                   wrapped(explanation.documentation, Style::kPlain, kIndent, width));
  }
  return lines;
}

}  // namespace wsbpf::top
