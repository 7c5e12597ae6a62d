#include "serve/short_lists.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <span>
#include <tuple>

#include "core/text.h"
#include "serve/filter_subjects.h"
#include "serve/json.h"

namespace wsbpf {
namespace {

using Json = nlohmann::ordered_json;

// Where an item stands: by a number or a text, and where these are the same by what it is. Texts
// are percent-encoded, so that a cursor can hold them.
struct Key {
  double number = 0;
  std::string text;
  std::string identity;

  bool operator<(const Key& other) const {
    return std::tie(number, text, identity) < std::tie(other.number, other.text, other.identity);
  }
};

// A column sorts by a number or by a text.
template <typename Item>
struct Column {
  std::string_view name;
  double (*number)(const Item&, const Observed&);
  std::string_view (*text)(const Item&) = nullptr;
};

// In the order of keys.
std::string identity_of(const ListenerKey& key) {
  return fmt::format("{:010}.{:05}.{}", key.netns, key.port, static_cast<unsigned>(key.role));
}
std::string identity_of(const ListenerSummary& listener) { return identity_of(listener.key); }
std::string identity_of(const Alert& alert) {
  return fmt::format("{}.{}", alert.finding.alert, identity_of(alert.finding.listener));
}

uint32_t count_of(const ListenerSummary& listener, TcpState state) {
  return listener.states[static_cast<size_t>(state)];
}

Rates rates_of(const ListenerSummary& listener, const Observed& observed) {
  const auto known = observed.rates.find(listener.key);
  return known == observed.rates.end() ? Rates() : known->second;
}

template <typename Item>
using Columns = std::span<const Column<Item>>;

constexpr Column<ListenerSummary> kListenerColumns[] = {
    {"port", [](const ListenerSummary& l, const Observed&) -> double { return l.key.port; }},
    {"connections",
     [](const ListenerSummary& l, const Observed&) -> double { return l.connections(); }},
    {"close_wait",
     [](const ListenerSummary& l, const Observed&) -> double {
       return count_of(l, TcpState::kCloseWait);
     }},
    {"stuck",
     [](const ListenerSummary& l, const Observed&) -> double { return l.close_wait_stuck; }},
    {"half_open",
     [](const ListenerSummary& l, const Observed&) -> double {
       double sum = 0;
       for (size_t kind = 1; kind < l.half_open.size(); ++kind) sum += l.half_open[kind];
       return sum;
     }},
    {"opens", [](const ListenerSummary& l,
                 const Observed& observed) { return rates_of(l, observed).opens; }},
    {"closes", [](const ListenerSummary& l,
                  const Observed& observed) { return rates_of(l, observed).closes; }},
    {"accept_queue",
     [](const ListenerSummary& l, const Observed&) -> double { return l.accept_queue; }},
    {"comm", nullptr, [](const ListenerSummary& l) -> std::string_view { return l.comm; }},
};

constexpr Column<Alert> kAlertColumns[] = {
    {"since", [](const Alert& a, const Observed&) { return static_cast<double>(a.since_ns); }},
    {"name", nullptr, [](const Alert& a) { return a.finding.alert; }},
    {"severity",
     [](const Alert& a, const Observed&) -> double {
       return static_cast<double>(a.finding.severity);
     }},
    {"value", [](const Alert& a, const Observed&) { return a.finding.value; }},
};

std::string cursor_of(std::string_view sort, const Key& key) {
  return fmt::format("{}:{}:{}:{}", sort, key.number, key.text, key.identity);
}

std::optional<Key> parse_key(std::string_view text) {
  const size_t first = text.find(':');
  const size_t second = text.find(':', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return std::nullopt;
  Key key;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + first, key.number);
  if (error != std::errc{} || rest != text.data() + first) return std::nullopt;
  key.text = text.substr(first + 1, second - first - 1);
  key.identity = text.substr(second + 1);
  if (key.identity.find(':') != std::string::npos) return std::nullopt;
  return key;
}

template <typename Item>
std::vector<std::string_view> names_of(Columns<Item> columns) {
  std::vector<std::string_view> names;
  for (const auto& column : columns) names.push_back(column.name);
  return names;
}

template <typename Item>
struct Row {
  Key key;
  const Item* item;
};

// What of `items` the filter let through, as a page. `json_of` makes an element of it.
template <typename Item, typename JsonOf>
Result<Json> page_of(std::string_view name, const ListQuery& query, const Observed& observed,
                     Columns<Item> columns, const std::vector<const Item*>& items, JsonOf json_of) {
  std::string_view sort = query.sort;
  const bool descending = sort.starts_with('-');
  if (descending) sort.remove_prefix(1);
  const auto column = std::find_if(columns.begin(), columns.end(),
                                   [&](const auto& known) { return known.name == sort; });
  const bool has_column = column != columns.end();
  if (!query.sort.empty() && !has_column) return bad_sort(sort, names_of(columns));

  std::vector<Row<Item>> rows;
  for (const Item* const item : items) {
    Key key;
    key.identity = identity_of(*item);
    if (has_column && column->number) key.number = column->number(*item, observed);
    if (has_column && column->text) key.text = percent_encode(column->text(*item));
    rows.push_back({std::move(key), item});
  }
  const auto before = [descending](const Key& a, const Key& b) {
    return descending ? b < a : a < b;
  };
  std::sort(rows.begin(), rows.end(),
            [&](const auto& a, const auto& b) { return before(a.key, b.key); });

  auto begin = rows.begin();
  if (!query.cursor.empty()) {
    const size_t colon = query.cursor.find(':');
    const auto last = colon == std::string::npos
                          ? std::nullopt
                          : parse_key(std::string_view(query.cursor).substr(colon + 1));
    if (!last) return bad_cursor(query.cursor);
    const std::string_view of = std::string_view(query.cursor).substr(0, colon);
    if (of != query.sort) return cursor_of_another_sort(of, query.sort);
    begin = std::find_if(rows.begin(), rows.end(),
                         [&](const auto& row) { return before(*last, row.key); });
  }
  const auto left = static_cast<size_t>(rows.end() - begin);
  const size_t count = std::min(left, query.limit.value_or(left));
  Json page = Json::array();
  for (size_t i = 0; i < count; ++i)
    page.push_back(json_of(*begin[static_cast<std::ptrdiff_t>(i)].item));
  Json next = nullptr;
  if (count < left && count > 0) {
    next = cursor_of(query.sort, begin[static_cast<std::ptrdiff_t>(count) - 1].key);
  }
  return Json{{std::string(name), std::move(page)},
              {"total", rows.size()},
              {"next_cursor", std::move(next)}};
}

}  // namespace

std::vector<std::string_view> listener_sort_columns() {
  return names_of(Columns<ListenerSummary>(kListenerColumns));
}

std::vector<std::string_view> alert_sort_columns() {
  return names_of(Columns<Alert>(kAlertColumns));
}

namespace {

template <typename JsonOf>
Result<Json> page_of_listeners(std::string_view name, const ListQuery& query,
                               const Observed& observed, JsonOf json_of) {
  std::vector<const ListenerSummary*> items;
  for (const ListenerSummary& listener : observed.listeners) {
    if (listener.is_live() && query.filter.matches(subject_of(listener)))
      items.push_back(&listener);
  }
  return page_of(name, query, observed, Columns<ListenerSummary>(kListenerColumns), items, json_of);
}

}  // namespace

Result<Json> list_listeners(const ListQuery& query, const Observed& observed) {
  return page_of_listeners("listeners", query, observed, [&](const ListenerSummary& listener) {
    return listener_json(observed, listener);
  });
}

Result<Json> list_history(const ListQuery& query, const Observed& observed, size_t span) {
  return page_of_listeners("history", query, observed, [&](const ListenerSummary& listener) {
    return history_json(observed, listener.key, span);
  });
}

Result<Json> list_alerts(const ListQuery& query, const Observed& observed) {
  std::vector<const Alert*> items;
  for (const Alert& alert : observed.alerts) {
    if (query.filter.matches(subject_of(alert, observed))) items.push_back(&alert);
  }
  return page_of("alerts", query, observed, Columns<Alert>(kAlertColumns), items,
                 [&](const Alert& a) { return alert_json(a, observed.wall_clock_offset_ns); });
}

tl::unexpected<Error> bad_cursor(std::string_view cursor) {
  return fail(
      fmt::format("'{}' is no cursor: use the next_cursor of the page before", printable(cursor)),
      ExitCode::kUsage);
}

tl::unexpected<Error> cursor_of_another_sort(std::string_view cursor_sort, std::string_view sort) {
  const auto shown = [](std::string_view name) {
    return name.empty() ? std::string("no sort") : fmt::format("sort={}", printable(name));
  };
  return fail(fmt::format("the cursor is of a list with {}, and does not fit one with {}: pass it "
                          "with the same sort as the page before, or begin without a cursor",
                          shown(cursor_sort), shown(sort)),
              ExitCode::kUsage);
}

tl::unexpected<Error> bad_sort(std::string_view sort,
                               const std::vector<std::string_view>& columns) {
  return fail(fmt::format("cannot sort by '{}': use one of {}, with - in front for descending",
                          printable(sort), fmt::join(columns, " ")),
              ExitCode::kUsage);
}

}  // namespace wsbpf
