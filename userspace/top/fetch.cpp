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

// A target with its parameters; those that are empty are left out.
class Target {
 public:
  explicit Target(std::string path) : text_(std::move(path)) {}

  Target& with(std::string_view name, std::string_view value) {
    if (value.empty()) return *this;
    text_ += fmt::format("{}{}={}", mark_, name, percent_encode(value));
    mark_ = '&';
    return *this;
  }

  Target& with(std::string_view name, std::size_t value) {
    return with(name, value == 0 ? "" : std::to_string(value));
  }

  const std::string& text() const { return text_; }

 private:
  std::string text_;
  char mark_ = '?';
};

template <typename Answer>
Result<Answer> ask(const Fetch& fetch, const Target& target,
                   Result<Answer> (*parse)(std::string_view)) {
  const auto body = fetch(target.text());
  if (!body) return tl::unexpected(body.error());
  auto answer = parse(*body);
  if (!answer) return wrap(target.text(), answer.error());
  return answer;
}

// `target_of` makes the target of a page from its cursor (empty for the first page) and from the
// number of rows had so far.
template <typename Row, typename TargetOf>
Result<Rows<Row>> ask_rows(const Fetch& fetch, Result<ListPage<Row>> (*parse)(std::string_view),
                           std::size_t max_rows, TargetOf target_of) {
  Rows<Row> all;
  all.loaded = true;
  for (std::string cursor;;) {
    auto page = ask(fetch, target_of(cursor, all.rows.size()), parse);
    if (!page) return tl::unexpected(page.error());
    std::move(page->rows.begin(), page->rows.end(), std::back_inserter(all.rows));
    all.total = std::max(page->total, all.rows.size());
    cursor = std::move(page->next_cursor);
    // An empty page would bring us back here for ever.
    if (cursor.empty() || page->rows.empty() || all.rows.size() >= max_rows) return all;
  }
}

template <typename Row>
Result<Rows<Row>> ask_all(const Fetch& fetch, const char* path,
                          Result<ListPage<Row>> (*parse)(std::string_view)) {
  return ask_rows(fetch, parse, kAllRows, [path](const std::string& cursor, std::size_t) {
    return Target(path).with("cursor", cursor);
  });
}

Result<Rows<Connection>> ask_connections(const Fetch& fetch, const Query& query) {
  auto rows = ask_rows(fetch, parse_connections, query.max_rows,
                       [&query](const std::string& cursor, std::size_t had) {
                         return Target("/api/connections")
                             .with("sort", query.sort)
                             .with("limit", std::min(query.max_rows - had, kRowsPerPage))
                             .with("offset", cursor.empty() ? query.first : 0)
                             .with("filter", query.filter)
                             .with("cursor", cursor);
                       });
  if (!rows) return rows;
  rows->first = query.first;
  rows->question = question_of(query);
  return rows;
}

Result<Disconnects> ask_disconnects(const Fetch& fetch, const Query& query) {
  auto disconnects = ask(fetch,
                         Target("/api/disconnects")
                             .with("limit", std::min(query.max_rows, kRowsPerPage))
                             .with("offset", query.first)
                             .with("filter", query.filter),
                         parse_disconnects);
  if (!disconnects) return disconnects;
  disconnects->list.loaded = true;
  disconnects->list.first = query.first;
  disconnects->list.question = question_of(query);
  disconnects->list.total =
      std::max(disconnects->list.total, query.first + disconnects->list.rows.size());
  return disconnects;
}

// Puts the answer into its place, or the error into the model.
template <typename Answer, typename Place>
void put(Model& model, Result<Answer> answer, Place& place) {
  if (answer) {
    place = std::move(*answer);
  } else {
    model.refused = answer.error();
  }
}

void ask_topic(const Fetch& fetch, const Query& query, Model& model) {
  switch (query.topic) {
    case Topic::kConnections:
      return put(model, ask_connections(fetch, query), model.connections);
    case Topic::kDisconnects:
      return put(model, ask_disconnects(fetch, query), model.disconnects);
    case Topic::kExplanation:
      return put(model, ask(fetch, Target("/api/explain").with("id", query.id), parse_explanation),
                 model.explanation);
    case Topic::kListeners:
    case Topic::kAlerts:
      return;  // have been asked for
  }
}

}  // namespace

bool same_question(const Query& a, const Query& b) {
  return a.topic == b.topic && question_of(a) == question_of(b) && a.id == b.id;
}

Question question_of(const Query& query) { return {.sort = query.sort, .filter = query.filter}; }

Result<Model> fetch_model(const Fetch& fetch, const Query& query) {
  Model model;
  auto status = ask(fetch, Target("/api/status"), parse_status);
  if (!status) return tl::unexpected(status.error());
  model.status = std::move(*status);

  if (query.topic == Topic::kListeners || query.topic == Topic::kConnections) {
    auto listeners = ask_all(fetch, "/api/listeners", parse_listeners);
    if (!listeners) return tl::unexpected(listeners.error());
    model.listeners = std::move(*listeners);
    if (query.history) {
      // Without it there is a drawing less, and that is all.
      auto history = ask(fetch, Target("/api/history").with("seconds", 60), parse_history);
      if (history) model.history = std::move(history->rows);
    }
  }
  model.alerts.loaded = true;
  if (model.status.alerts_firing + model.status.alerts_pending > 0 ||
      query.topic == Topic::kAlerts) {
    auto alerts = ask_all(fetch, "/api/alerts", parse_alerts);
    if (!alerts) return tl::unexpected(alerts.error());
    model.alerts = std::move(*alerts);
  }
  ask_topic(fetch, query, model);
  return model;
}

void set_taken(Model& model, double unix_seconds) {
  model.taken_unix_seconds = unix_seconds;
  model.listeners.taken_unix_seconds = unix_seconds;
  model.connections.taken_unix_seconds = unix_seconds;
  model.disconnects.list.taken_unix_seconds = unix_seconds;
  model.alerts.taken_unix_seconds = unix_seconds;
}

bool is_other_daemon(const Model& kept, const Model& answer) {
  // In a container every daemon may have the same pid; answers are under way for a while, and
  // clocks are set.
  constexpr double kSlack_seconds = 10;
  if (kept.status.pid && answer.status.pid && *kept.status.pid != *answer.status.pid) return true;
  if (!kept.status.uptime_seconds || !answer.status.uptime_seconds) return false;
  const double kept_start = kept.taken_unix_seconds - *kept.status.uptime_seconds;
  const double start = answer.taken_unix_seconds - *answer.status.uptime_seconds;
  return start > kept_start + kSlack_seconds;
}

Model merged(Model kept, Model answer) {
  if (is_other_daemon(kept, answer)) {
    Model anew;
    anew.explanation = std::move(kept.explanation);  // somebody may be reading it
    kept = std::move(anew);
  }
  if (answer.listeners.loaded) {
    kept.listeners = std::move(answer.listeners);
    kept.history = std::move(answer.history);
  }
  if (answer.connections.loaded) kept.connections = std::move(answer.connections);
  if (answer.disconnects.list.loaded) kept.disconnects = std::move(answer.disconnects);
  if (answer.explanation) kept.explanation = std::move(answer.explanation);
  kept.status = std::move(answer.status);
  kept.alerts = std::move(answer.alerts);
  kept.refused = std::move(answer.refused);
  kept.taken_unix_seconds = answer.taken_unix_seconds;
  return kept;
}

}  // namespace wsbpf::top
