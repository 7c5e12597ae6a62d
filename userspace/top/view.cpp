#include "top/view.h"

#include <algorithm>

namespace wsbpf::top {
namespace {

// Narrower than this there is no sparkline.
constexpr int kHistoryWidth = 60;

// Rows beyond the screen on either side, for the next few steps.
constexpr int kMargin = 8;

Topic topic_of(const View& view) {
  if (view.page == Page::kConnection) return Topic::kExplanation;
  switch (view.tab) {
    case Tab::kListeners:
      return Topic::kListeners;
    case Tab::kConnections:
      return Topic::kConnections;
    case Tab::kDisconnects:
      return Topic::kDisconnects;
    case Tab::kAlerts:
      return Topic::kAlerts;
  }
  return Topic::kConnections;
}

bool is_long(Topic topic) { return topic == Topic::kConnections || topic == Topic::kDisconnects; }

}  // namespace

Query query_for(const View& view) {
  Query query{.topic = topic_of(view)};
  query.history = view.width >= kHistoryWidth &&
                  (query.topic == Topic::kListeners || query.topic == Topic::kConnections);
  if (query.topic == Topic::kExplanation) query.id = view.page_id;
  if (query.topic == Topic::kConnections) query.sort = sort_text(view.sort);
  if (is_long(query.topic)) {
    query.filter = view.filter;
    if (view.batch) return query;
    const int begin = std::max(0, view.place().first - kMargin);
    const int end = view.place().first + std::max(1, view.height) + kMargin;
    query.first = static_cast<std::size_t>(begin);
    query.max_rows = static_cast<std::size_t>(end - begin);
  }
  return query;
}

bool covers(const Query& asked, const View& view) {
  if (!is_long(asked.topic)) return true;
  const auto first = static_cast<std::size_t>(std::max(0, view.place().first));
  const int last = std::min(view.place().first + view.page_rows, view.rows_end);
  return first >= asked.first &&
         static_cast<std::size_t>(std::max(0, last)) - std::min<std::size_t>(asked.first, last) <=
             asked.max_rows;
}

View answered(View view, const Model& answer) {
  if (!view.prompt || !view.prompt->asked) return view;
  if (answer.refused) return failed(std::move(view), answer.refused->message);
  view.prompt.reset();
  return view;
}

View failed(View view, const std::string& message) {
  if (!view.prompt || !view.prompt->asked) return view;
  view.prompt->asked = false;
  view.prompt->error = message;
  view.filter = view.earlier_filter;
  return view;
}

}  // namespace wsbpf::top
