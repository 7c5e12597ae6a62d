#include "cli/explanation_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "cli/json_fields.h"
#include "cli/output.h"
#include "cli/paint.h"
#include "top/format.h"
#include "top/width.h"

namespace wsbpf {
namespace {

using Json = nlohmann::json;
using top::Align;
using top::display_width;
using top::fit;

constexpr int kLeastWidth = 40;
constexpr int kLeastText = 24;  // columns; a text that had fewer goes onto lines of its own

class Writer {
 public:
  Writer(int width, bool color) : width_(std::max(width, kLeastWidth)), color_(color) {}

  // `text` behind `prefix`, and under itself where it takes several lines.
  void add(std::string prefix, const std::string& text, std::string_view how = {}) {
    std::string indent(static_cast<size_t>(display_width(prefix)), ' ');
    if (width_ - display_width(prefix) < kLeastText) {  // on lines of its own
      prefix.erase(prefix.find_last_not_of(' ') + 1);
      out_ += prefix + '\n';
      prefix = indent = "    ";
    }
    std::string wrapped;
    append_wrapped(wrapped, text, indent, width_);
    wrapped.pop_back();
    out_ += prefix + painted(wrapped, how, color_) + '\n';
  }

  void title(const std::string& text) { out_ += '\n' + painted(text, kBold, color_) + '\n'; }

  void blank() { out_ += '\n'; }

  std::string take() { return std::move(out_); }

 private:
  int width_;
  bool color_;
  std::string out_;
};

std::string identity(const Json& explanation) {
  const Json& connection = field(explanation, "connection");
  const std::string pod = pod_field(connection);
  return fmt::format("{}  local {}  peer {}  {}  {}{}", text_field(explanation, "id"),
                     endpoint_field(connection, "local"), endpoint_field(connection, "remote"),
                     text_field(connection, "state"), owner_field(connection),
                     pod == top::kUnknown ? "" : "  " + pod);
}

std::string verdict(const Json& explanation) {
  const std::string race = text_field(explanation, "race");
  return fmt::format("{}, begun by {}, by {}{}, confidence {:.2f}",
                     text_field(explanation, "verdict"), text_field(explanation, "initiator"),
                     text_field(explanation, "mechanism"), race.empty() ? "" : ", race " + race,
                     number_field(explanation, "confidence").value_or(0));
}

// Since the entry before: "+12.3 s"; longer spans as everywhere.
std::string step(double seconds) {
  if (seconds < 600) return fmt::format("+{:.1f} s", seconds);
  return "+" + top::duration_text(seconds);
}

int widest(const Json& items, const char* key) {
  int width = 0;
  for (const Json& item : items) width = std::max(width, display_width(text_field(item, key)));
  return width;
}

void add_timeline(Writer& writer, const Json& timeline) {
  writer.title("TIMELINE (UTC)");
  const int what_width = widest(timeline, "what");
  double before = 0;
  bool first = true;
  for (const Json& entry : timeline) {
    const double ago = number_field(entry, "seconds_ago").value_or(0);
    const bool least = field(entry, "at_least") == true;
    const std::string span = first ? "" : step(std::max(0.0, before - ago));
    writer.add(fmt::format("  {}{}  {}  {}  ", least ? "<=" : "  ", clock_field(entry),
                           fit(span, 9, Align::kRight), fit(text_field(entry, "what"), what_width)),
               text_field(entry, "text"));
    before = ago;
    first = false;
  }
}

// "sent      text    123 bytes"; the last of each direction.
void add_frames(Writer& writer, const Json& frames) {
  if (frames.empty()) return;
  writer.title("LAST FRAMES (UTC)");
  const int opcode_width = widest(frames, "opcode");
  double before = 0;
  bool first = true;
  for (const Json& frame : frames) {
    const double ago = number_field(frame, "seconds_ago").value_or(0);
    const std::string span = first ? "" : step(std::max(0.0, before - ago));
    writer.add(fmt::format("    {}  {}  {}  {}  ", clock_field(frame), fit(span, 9, Align::kRight),
                           fit(text_field(frame, "direction"), 8),
                           fit(text_field(frame, "opcode"), opcode_width)),
               top::frame_length_text(number_field(frame, "length"),
                                      field(frame, "length_at_least") == true,
                                      field(frame, "final") == true));
    before = ago;
    first = false;
  }
}

void add_evidence(Writer& writer, const Json& evidence) {
  writer.title("EVIDENCE");
  constexpr int kWidestValue = 26;
  const int name_width = widest(evidence, "name");
  const int value_width = std::min(widest(evidence, "value"), kWidestValue);
  for (const Json& item : evidence) {
    const std::string value = text_field(item, "value");
    writer.add(fmt::format("  {}  {}  ", fit(text_field(item, "name"), name_width),
                           display_width(value) > value_width ? value : fit(value, value_width)),
               text_field(item, "meaning"));
  }
}

}  // namespace

std::string explanation_text(const Json& explanation, int width, bool color) {
  Writer writer(width, color);
  writer.add("", text_field(explanation, "summary"), kBold);
  writer.blank();
  writer.add("connection  ", identity(explanation));
  if (!text_field(explanation, "verdict").empty()) {
    writer.add("verdict     ", verdict(explanation));
  }
  add_timeline(writer, field(explanation, "timeline"));
  add_frames(writer, field(explanation, "frames"));
  add_evidence(writer, field(explanation, "evidence"));
  writer.title("WHAT TO DO");
  for (const Json& advice : field(explanation, "advice")) {
    writer.add("  - ", text_field({{"text", advice}}, "text"));
  }
  if (const std::string page = text_field(explanation, "documentation"); !page.empty()) {
    writer.blank();
    writer.add("", "More: " + page, kFaint);
  }
  return writer.take();
}

}  // namespace wsbpf
