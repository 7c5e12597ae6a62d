#include "top/help.h"

#include <string>

#include "top/prose.h"
#include "top/width.h"

namespace wsbpf::top {
namespace {

struct Entry {
  const char* term;
  const char* meaning;
};

constexpr int kTermWidth = 18;

constexpr Entry kKeys[] = {
    {"arrows, j k", "the row above or below; PgUp, PgDn, Home, End and the wheel, too"},
    {"Tab, 1 2 3 4", "listeners, connections, disconnects, alerts; also by a click"},
    {"Enter",
     "all about the row: a connection's timeline, evidence and advice, an alert's "
     "summary, a listener's connections; also by a double click"},
    {"Esc", "back"},
    {"s or >, <", "sort by the next column, the previous one; also by a click on its title"},
    {"r", "reverse the order"},
    {"/", "filter, as in: state close-wait and idle gt 30s; an empty one shows all"},
    {"space", "freeze the screen, and go on"},
    {"d", "seconds from one refresh to the next"},
    {"Ctrl-L", "draw the screen anew"},
    {"q", "quit"},
};

constexpr Entry kWords[] = {
    {"STUCK",
     "in CLOSE_WAIT (the peer has closed, the owner has not called close() yet) for "
     "longer than --close-wait-for / --close-wait-threshold"},
    {"LAST 60s",
     "how many were stuck in each of the last 60 seconds; as high as the threshold "
     "or the most"},
    {"HALF-O", "half-open: sent to without an answer, or probed by keepalive"},
    {"ACCEPT-Q", "connections not yet accepted / the most that may wait (full: dropped)"},
    {"SINCE", "time in this state"},
    {"IDLE", "time since the last byte in either direction"},
    {"RECV-Q, SEND-Q",
     "bytes the owner has not read; bytes the peer has not acknowledged, sent or not"},
    {"RETR", "segments sent again"},
    {"BY, HOW", "who began the end of the connection, and by what"},
    {"≥", "from before the daemon started watching: at least this long"},
    {"-", "not known"},
};

void append_entries(std::vector<Line>& lines, const char* title, const Entry* begin,
                    const Entry* end, int width) {
  lines.push_back({{fit(title, width), Style::kTitle}});
  for (const Entry* entry = begin; entry != end; ++entry) {
    std::vector<Line> wrapped_entry =
        labelled(std::string("  ") + entry->term, entry->meaning, kTermWidth, width);
    wrapped_entry.front().front().style = Style::kStrong;
    append_lines(lines, std::move(wrapped_entry));
  }
}

}  // namespace

std::vector<Line> help_lines(int width) {
  std::vector<Line> lines;
  append_entries(lines, " keys", std::begin(kKeys), std::end(kKeys), width);
  lines.emplace_back();
  append_entries(lines, " columns", std::begin(kWords), std::end(kWords), width);
  return lines;
}

}  // namespace wsbpf::top
