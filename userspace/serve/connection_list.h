// /api/connections: sorted, cut into pages, and written in pieces straight from the table, so that
// a hundred thousand connections are neither copied nor hold up the loop.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/filter.h"
#include "core/result.h"
#include "serve/json.h"
#include "serve/response.h"

namespace wsbpf {

struct ConnectionQuery {
  std::string sort = "id";  // a column of sort_columns(), with '-' in front for descending
  std::optional<size_t> limit;
  std::string cursor = {};  // next_cursor of the page before
  bool as_lines = false;    // one object a line and nothing around them
  Filter filter = {};       // what it lets through is listed, and counted in `total`
  size_t offset = 0;        // rows to skip, behind the cursor
};

// The columns that connections can be sorted by, for messages and help.
const std::vector<std::string_view>& sort_columns();

// Errors are the reader's: a column or a cursor that is not one (exit code: usage).
Result<Response> list_connections(const ConnectionQuery& query, const ConnectionTable& table,
                                  ConnectionContext context);

}  // namespace wsbpf
