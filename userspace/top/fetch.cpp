#include "top/fetch.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "core/text.h"
#include "top/parse.h"

namespace wsbpf::top {
namespace {

// Keeps one answer at about a megabyte however many rows are wanted.
constexpr std::size_t kRowsPerPage = 1000;

// `target_of` makes the target of a page from its cursor (empty for the first page) and from the
// number of rows had so far.
template <typename Row, typename TargetOf>
Result<Page<Row>> fetch_rows(const Fetch& fetch, Result<Page<Row>> (*parse)(std::string_view),
                             std::size_t max_rows, TargetOf target_of) {
  Page<Row> all;
  while (true) {
    const std::string target = target_of(all.next_cursor, all.rows.size());
    const auto body = fetch(target);
    if (!body) return tl::unexpected(body.error());
    auto page = parse(*body);
    if (!page) return wrap(target, page.error());
    std::move(page->rows.begin(), page->rows.end(), std::back_inserter(all.rows));
    all.total = std::max(page->total, all.rows.size());
    all.next_cursor = std::move(page->next_cursor);
    // An empty page would bring us back here for ever.
    if (all.next_cursor.empty() || page->rows.empty() || all.rows.size() >= max_rows) return all;
  }
}

std::string page_target(const std::string& path, const std::string& cursor) {
  return cursor.empty() ? path : path + "?cursor=" + percent_encode(cursor);
}

std::string connections_target(const Query& query, const std::string& cursor, std::size_t had) {
  const std::size_t limit = std::min(query.max_rows - had, kRowsPerPage);
  const std::string target =
      fmt::format("/api/connections?sort={}&limit={}", percent_encode(query.sort), limit);
  return cursor.empty() ? target : target + "&cursor=" + percent_encode(cursor);
}

}  // namespace

Result<Model> fetch_model(const Fetch& fetch, const Query& query) {
  const auto body = fetch("/api/status");
  if (!body) return tl::unexpected(body.error());
  auto status = parse_status(*body);
  if (!status) return wrap("/api/status", status.error());

  auto listeners = fetch_rows(
      fetch, parse_listeners, kAllRows,
      [](const std::string& cursor, std::size_t) { return page_target("/api/listeners", cursor); });
  if (!listeners) return tl::unexpected(listeners.error());

  auto alerts = fetch_rows(
      fetch, parse_alerts, kAllRows,
      [](const std::string& cursor, std::size_t) { return page_target("/api/alerts", cursor); });
  if (!alerts) return tl::unexpected(alerts.error());

  auto connections = fetch_rows(fetch, parse_connections, query.max_rows,
                                [&query](const std::string& cursor, std::size_t had) {
                                  return connections_target(query, cursor, had);
                                });
  if (!connections) return tl::unexpected(connections.error());

  return Model{.status = std::move(*status),
               .listeners = std::move(listeners->rows),
               .alerts = std::move(alerts->rows),
               .connections = std::move(connections->rows),
               .connections_total = connections->total};
}

}  // namespace wsbpf::top
