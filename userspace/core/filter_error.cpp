// What is wrong with a filter, shown to a person.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/filter_tokens.h"
#include "core/filter_value.h"
#include "core/text.h"

namespace wsbpf {
namespace {

// Of the line that shows the place: what is before it and what is behind.
constexpr size_t kColumnsBefore = 40;
constexpr size_t kColumnsBehind = 34;

// The expression around `offset`, and a caret below.
std::string picture(std::string_view filter, size_t offset) {
  std::vector<size_t> begins;  // of the characters before the place
  for (size_t at = 0; at < offset; at += first_character(filter.substr(at))) begins.push_back(at);
  std::string before;
  size_t columns = 0;
  while (!begins.empty()) {
    const size_t begin = begins.back();
    const std::string shown =
        printable(filter.substr(begin, first_character(filter.substr(begin))));
    const size_t width = display_columns(shown);
    if (columns + width > kColumnsBefore) break;
    before.insert(0, shown);
    columns += width;
    begins.pop_back();
  }
  if (!begins.empty()) {
    before.insert(0, "…");
    ++columns;
  }
  std::string behind;
  size_t columns_behind = 0;
  size_t at = offset;
  while (at < filter.size()) {
    const size_t length = first_character(filter.substr(at));
    const std::string shown = printable(filter.substr(at, length));
    columns_behind += display_columns(shown);
    if (columns_behind > kColumnsBehind) {
      behind += "…";
      break;
    }
    behind += shown;
    at += length;
  }
  return fmt::format("  {}{}\n  {}^", before, behind, std::string(columns, ' '));
}

size_t column_of(std::string_view filter, size_t offset) {
  size_t column = 1;
  for (size_t at = 0; at < offset; at += first_character(filter.substr(at))) ++column;
  return column;
}

// Insertions, deletions, changes and swaps of neighbours that lead from one to the other.
size_t distance(std::string_view from, std::string_view to) {
  std::vector<size_t> before_last(to.size() + 1);
  std::vector<size_t> last(to.size() + 1);
  std::vector<size_t> row(to.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  for (size_t i = 1; i <= from.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= to.size(); ++j) {
      const size_t change = last[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, change});
      const bool swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[to.size()];
}

}  // namespace

Error filter_error(std::string_view filter, size_t offset, std::string_view problem) {
  return {fmt::format("column {} of the filter: {}\n{}", column_of(filter, offset), problem,
                      picture(filter, offset)),
          ExitCode::kUsage};
}

std::string_view nearest_word(std::string_view word,
                              const std::vector<std::string_view>& candidates) {
  constexpr size_t kLongest = 32;
  if (word.size() > kLongest) return {};
  const std::string spelling = filter_spelling(word);
  std::string_view nearest;
  size_t least = std::min<size_t>(2, word.size() / 3) + 1;  // short words are near to too many
  for (const std::string_view candidate : candidates) {
    const size_t found = distance(spelling, filter_spelling(candidate));
    if (found >= least) continue;
    least = found;
    nearest = candidate;
  }
  return nearest;
}

}  // namespace wsbpf
