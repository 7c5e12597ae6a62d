// The order of the connection table, as the API names it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace wsbpf::top {

// The columns that connections can be sorted by, in the order that '<' and '>' walk through.
const std::vector<std::string>& sort_columns();

struct Sort {
  std::size_t column = 0;  // index into sort_columns()
  bool descending = false;

  bool operator==(const Sort&) const = default;
};

// Reads "column" (numbers largest first, text and addresses in their own order), "-column"
// (descending) or "+column" (ascending). An error names the legal columns (exit code: usage).
Result<Sort> parse_sort(std::string_view text);

// As the API takes it: "column" or "-column".
std::string sort_text(const Sort& sort);

// Numbers largest first, text and addresses in their own order.
Sort natural_sort(std::size_t column);

// The order of the column `steps` further in sort_columns(), in its natural direction; past either
// end it goes on at the other.
Sort neighbour_sort(const Sort& sort, int steps);

}  // namespace wsbpf::top
