// One screenful as styled text, knowing nothing of terminals: tests compare it as plain text,
// batch mode prints it, terminal.cpp draws it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wsbpf::top {

// What a piece of text means; looks.cpp decides how that looks.
enum class Style {
  kPlain,
  kLabel,        // names of values, keys, bars of what is well
  kStrong,       // values worth finding quickly
  kTitle,        // column titles, tabs
  kSortedTitle,  // the column that the rows are sorted by, the tab that is open
  kNotice,       // a connection in CLOSE_WAIT, a value that should be 0
  kWarning,      // something is wrong with what is watched or with the watching
  kCritical,
};
inline constexpr std::size_t kStyles = 8;

struct Span {
  std::string text;
  Style style = Style::kPlain;
  bool selected = false;  // belongs to the row that keys act on

  bool operator==(const Span&) const = default;
};

using Line = std::vector<Span>;

// A place on the screen that a click does something to.
struct Spot {
  enum class Kind { kTab, kSort, kRow };

  Kind kind = Kind::kRow;
  int x = 0;
  int y = 0;
  int width = 0;
  std::size_t index = 0;  // of the tab, of the column in sort_columns(), of the row in its list

  bool operator==(const Spot&) const = default;
};

struct Cursor {
  int x = 0;
  int y = 0;

  bool operator==(const Cursor&) const = default;
};

struct Frame {
  std::vector<Line> lines;
  std::vector<Spot> spots;
  std::optional<Cursor> cursor;  // where text is typed

  bool operator==(const Frame&) const = default;
};

void append_lines(std::vector<Line>& lines, std::vector<Line> more);

int line_width(const Line& line);

// The line cut to `width` columns.
Line clip_line(const Line& line, int width);

// The line cut or filled up to exactly `width` columns.
Line fit_line(Line line, int width, Style filling = Style::kPlain);

const Spot* spot_at(const Frame& frame, int x, int y);

// The lines without styles and trailing spaces, each ended by a newline.
std::string plain_text(const Frame& frame);

}  // namespace wsbpf::top
