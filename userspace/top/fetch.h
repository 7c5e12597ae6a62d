// One round of questions to the daemon: no more than the screen shows.
#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <string>

#include "core/result.h"
#include "top/model.h"

namespace wsbpf::top {

// GETs a target such as "/api/status" from the daemon and returns the body of a 200 answer.
using Fetch = std::function<Result<std::string>(const std::string& target)>;

constexpr std::size_t kAllRows = std::numeric_limits<std::size_t>::max();

// What the greater part of the screen is about.
enum class Topic { kListeners, kConnections, kDisconnects, kAlerts, kExplanation };

struct Query {
  Topic topic = Topic::kConnections;
  std::string sort = {};    // as the API takes it: a column, with '-' in front for descending
  std::string filter = {};  // empty: all
  std::string id = {};      // of the connection to explain
  std::size_t first = 0;    // rows of the list to skip
  std::size_t max_rows = kAllRows;
  bool history = false;  // there is room for it

  bool operator==(const Query&) const = default;
};

// But for the part of the list.
bool same_question(const Query& a, const Query& b);

Question question_of(const Query& query);

// Asks for the status and for what the query is about; for alerts only if there are some. Lists of
// which all is wanted are followed page by page. An error of the first question ends the round and
// is returned as is; one in the place of the rows becomes part of the answer (`refused`).
Result<Model> fetch_model(const Fetch& fetch, const Query& query);

// All of the model is from this time.
void set_taken(Model& model, double unix_seconds);

// The answer is of a daemon that was started after the one that gave what is kept.
bool is_other_daemon(const Model& kept, const Model& answer);

// `kept` with what `answer` knows better. What another daemon knew is not kept.
Model merged(Model kept, Model answer);

}  // namespace wsbpf::top
