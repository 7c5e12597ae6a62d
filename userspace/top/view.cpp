#include "top/view.h"

#include <algorithm>
#include <utility>

namespace wsbpf::top {
namespace {

// Narrower than this there is no sparkline.
constexpr int kHistoryWidth = 60;

// Rows beyond the screen on either side, for the next few steps.
constexpr int kMargin = 8;

Topic list_topic_of(const View& view) {
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

Topic topic_of(const View& view) {
  return view.page == Page::kConnection ? Topic::kExplanation : list_topic_of(view);
}

bool is_long(Topic topic) { return topic == Topic::kConnections || topic == Topic::kDisconnects; }

}  // namespace

Query query_for(const View& view) {
  Query query = list_query(view);
  if (topic_of(view) == Topic::kExplanation) query = {.topic = Topic::kExplanation};
  query.history = view.width >= kHistoryWidth &&
                  (query.topic == Topic::kListeners || query.topic == Topic::kConnections);
  if (query.topic == Topic::kExplanation) query.id = view.page_id;
  if (is_long(query.topic)) {
    if (view.batch) return query;
    const int begin = std::max(0, view.place().first - kMargin);
    const int end = view.place().first + std::max(1, view.height) + kMargin;
    query.first = static_cast<std::size_t>(begin);
    query.max_rows = static_cast<std::size_t>(end - begin);
  }
  return query;
}

Query list_query(const View& view) {
  Query query{.topic = list_topic_of(view)};
  if (query.topic == Topic::kConnections) query.sort = sort_text(view.sort);
  if (is_long(query.topic)) query.filter = view.filter;
  return query;
}

std::string asking_text(const View& view) {
  return view.gone ? "the daemon is gone: not loaded" : "asking …";
}

std::string not_loaded_text(const View& view) {
  return view.frozen ? "not loaded: space goes on" : asking_text(view);
}

View with_earlier_filter(View view) {
  if (!view.earlier) return view;
  Filtered earlier = *std::exchange(view.earlier, std::nullopt);
  view.filter = std::move(earlier.filter);
  view.listeners_filter = std::move(earlier.listeners_filter);
  view.places = std::move(earlier.places);
  return view;
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
  return with_earlier_filter(std::move(view));
}

}  // namespace wsbpf::top
