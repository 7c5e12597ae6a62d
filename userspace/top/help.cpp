#include "top/help.h"

#include <cstddef>
#include <string>
#include <utility>

#include "top/width.h"

namespace wsbpf::top {
namespace {

struct Entry {
  const char* term;
  const char* meaning;
};

constexpr int kIndent = 18;
constexpr std::size_t kLinesPerMeaning = 2;

constexpr Entry kKeys[] = {
    {"q", "quit"},
    {"s or >, <", "sort by the next column, the previous one"},
    {"r", "reverse the order"},
    {"arrows", "scroll through the connections, as do PgUp, PgDn, Home and End"},
    {"?", "this page; any key leaves it"},
};

constexpr Entry kWords[] = {
    {"CLOSE_W", "in CLOSE_WAIT: the peer has closed, the owner has not called close() yet"},
    {"STUCK", "of those, longer there than --close-wait-for / --close-wait-threshold"},
    {"ACCEPT-Q", "connections not yet accepted / the most that may wait (full: dropped)"},
    {"SINCE", "time in this state"},
    {"IDLE", "time since the last byte in either direction"},
    {"RECV-Q, SEND-Q", "bytes the owner has not read, bytes the peer has not acknowledged"},
    {"RETR", "segments retransmitted"},
    {"≥", "opened before the daemon started watching: at least this old"},
    {"-", "not known"},
};

void append_entry(std::vector<Line>& lines, const Entry& entry, int width) {
  std::string term = entry.term;
  for (std::string& text : wrap_text(entry.meaning, width - kIndent, kLinesPerMeaning)) {
    lines.push_back({{"  " + fit(term, kIndent - 2), Style::kStrong}, {std::move(text)}});
    term.clear();
  }
}

}  // namespace

std::vector<Line> help_lines(int width) {
  std::vector<Line> lines;
  lines.push_back({{fit("wsbpf top: keys", width), Style::kTitle}});
  for (const Entry& entry : kKeys) append_entry(lines, entry, width);
  lines.push_back({});
  lines.push_back({{fit("columns", width), Style::kTitle}});
  for (const Entry& entry : kWords) append_entry(lines, entry, width);
  return lines;
}

}  // namespace wsbpf::top
