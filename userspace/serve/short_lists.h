// /api/listeners, /api/history and /api/alerts: filtered, sorted and cut into pages.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/filter.h"
#include "core/result.h"
#include "serve/observed.h"

namespace wsbpf {

struct ListQuery {
  Filter filter;
  std::string sort;  // a column, with '-' in front for descending; "": in the order of identities
  std::optional<size_t> limit;
  std::string cursor;  // next_cursor of the page before
};

// The columns that each can be sorted by.
std::vector<std::string_view> listener_sort_columns();
std::vector<std::string_view> alert_sort_columns();

// {"listeners":[…],"total":N,"next_cursor":…}, and likewise "history" and "alerts". `total` counts
// what the filter lets through. Errors are the reader's: a column or a cursor that is not one (exit
// code: usage).
Result<nlohmann::ordered_json> list_listeners(const ListQuery& query, const Observed& observed);
// As list_listeners(): how each was in kHistorySpans[span].
Result<nlohmann::ordered_json> list_history(const ListQuery& query, const Observed& observed,
                                            size_t span);
Result<nlohmann::ordered_json> list_alerts(const ListQuery& query, const Observed& observed);

// For all lists: that a cursor is none, and that it is of another order than the one asked for.
tl::unexpected<Error> bad_cursor(std::string_view cursor);
tl::unexpected<Error> cursor_of_another_sort(std::string_view cursor_sort, std::string_view sort);
tl::unexpected<Error> bad_sort(std::string_view sort, const std::vector<std::string_view>& columns);

}  // namespace wsbpf
