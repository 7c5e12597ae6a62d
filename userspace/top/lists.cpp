#include "top/lists.h"

#include <algorithm>
#include <cstddef>
#include <limits>

#include "top/alerts.h"
#include "top/connections.h"
#include "top/disconnects.h"
#include "top/listeners.h"

namespace wsbpf::top {
namespace {

int whole(std::size_t rows) {
  constexpr std::size_t kMost = std::numeric_limits<int>::max() / 4;
  return static_cast<int>(std::min(rows, kMost));
}

template <typename Row>
Extent extent_of_rows(const Rows<Row>& list, const View& view) {
  if (list.question && *list.question != question_of(list_query(view))) return {};
  return {.first = whole(list.first),
          .count = whole(list.rows.size()),
          .total = whole(std::max(list.total, list.rows.size())),
          .loaded = list.loaded};
}

}  // namespace

Extent extent_of(const Model& model, const View& view) {
  switch (view.tab) {
    case Tab::kListeners:
      return extent_of_rows(model.listeners, view);
    case Tab::kConnections:
      return extent_of_rows(model.connections, view);
    case Tab::kDisconnects:
      return extent_of_rows(model.disconnects.list, view);
    case Tab::kAlerts:
      return extent_of_rows(model.alerts, view);
  }
  return {};
}

double taken_unix_seconds(const Model& model, const View& view) {
  switch (view.tab) {
    case Tab::kListeners:
      return model.listeners.taken_unix_seconds;
    case Tab::kConnections:
      return model.connections.taken_unix_seconds;
    case Tab::kDisconnects:
      return model.disconnects.list.taken_unix_seconds;
    case Tab::kAlerts:
      return model.alerts.taken_unix_seconds;
  }
  return 0;
}

std::optional<std::int64_t> disconnects_total(const Model& model, const View& view) {
  if (view.tab != Tab::kDisconnects || !view.filter.empty()) return std::nullopt;
  const Extent extent = extent_of(model, view);
  if (!extent.loaded) return std::nullopt;
  return extent.total;
}

std::string row_id(const Model& model, const View& view, int row) {
  const auto index = static_cast<std::size_t>(row - extent_of(model, view).first);
  switch (view.tab) {
    case Tab::kListeners:
      return listener_id(ordered_listeners(model)[index]->key);
    case Tab::kConnections:
      return model.connections.rows[index].id;
    case Tab::kDisconnects:
      return model.disconnects.list.rows[index].connection.id;
    case Tab::kAlerts:
      return alert_id(*ordered_alerts(model)[index]);
  }
  return {};
}

Body body_of(const Model& model, const View& view, const Window& window) {
  switch (view.tab) {
    case Tab::kListeners:
      return listeners_body(model, view, window);
    case Tab::kConnections:
      return connections_body(model, view, window);
    case Tab::kDisconnects:
      return disconnects_body(model, view, window);
    case Tab::kAlerts:
      return alerts_body(model, view, window);
  }
  return {};
}

}  // namespace wsbpf::top
