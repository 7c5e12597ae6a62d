#include "top/sort.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace wsbpf::top {
namespace {

// What people look for is the largest number and the first name.
bool is_number(std::string_view column) {
  return column != "state" && column != "phase" && column != "pid" && column != "comm" &&
         column != "local" && column != "peer";
}

}  // namespace

const std::vector<std::string>& sort_columns() {
  static const std::vector<std::string> columns = {
      "state",         "state_age",   "age",  "idle",  "recv_q",
      "send_q",        "retransmits", "srtt", "phase", "messages_received",
      "messages_sent", "ping_rtt",    "pid",  "comm",  "peer",
      "local"};
  return columns;
}

Result<Sort> parse_sort(std::string_view text) {
  const bool directed = text.starts_with('-') || text.starts_with('+');
  const std::string_view name = directed ? text.substr(1) : text;
  const auto& columns = sort_columns();
  const auto found = std::find(columns.begin(), columns.end(), name);
  if (found == columns.end()) {
    return fail(
        fmt::format("cannot sort by '{}': the columns are {}", text, fmt::join(columns, ", ")),
        ExitCode::kUsage);
  }
  Sort sort = natural_sort(static_cast<std::size_t>(found - columns.begin()));
  if (directed) sort.descending = text.front() == '-';
  return sort;
}

Sort natural_sort(std::size_t column) {
  return {.column = column, .descending = is_number(sort_columns()[column])};
}

std::string sort_text(const Sort& sort) {
  return (sort.descending ? "-" : "") + sort_columns()[sort.column];
}

Sort neighbour_sort(const Sort& sort, int steps) {
  const int count = static_cast<int>(sort_columns().size());
  const int column = (static_cast<int>(sort.column) + steps) % count;
  return natural_sort(static_cast<std::size_t>(column < 0 ? column + count : column));
}

}  // namespace wsbpf::top
