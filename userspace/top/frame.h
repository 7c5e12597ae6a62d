// One screenful as styled text, knowing nothing of terminals: tests compare it as plain text,
// batch mode prints it, terminal.cpp draws it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace wsbpf::top {

// What a piece of text means; terminal.cpp decides how that looks.
enum class Style {
  kPlain,
  kLabel,        // names of values, keys
  kStrong,       // values worth finding quickly
  kTitle,        // column titles
  kSortedTitle,  // the column that the rows are sorted by
  kNotice,       // a connection in CLOSE_WAIT, a value that should be 0
  kWarning,      // something is wrong with what is watched or with the watching
  kCritical,
};

struct Span {
  std::string text;
  Style style = Style::kPlain;
};

using Line = std::vector<Span>;

struct Frame {
  std::vector<Line> lines;
};

void append_lines(std::vector<Line>& lines, std::vector<Line> more);

// The line cut to `width` columns.
Line clip_line(const Line& line, int width);

// The lines without styles and trailing spaces, each ended by a newline.
std::string plain_text(const Frame& frame);

}  // namespace wsbpf::top
