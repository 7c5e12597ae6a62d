// One round of questions to the daemon.
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

struct Query {
  std::string sort;  // as the API takes it: a column, with '-' in front for descending
  std::size_t max_rows = kAllRows;
};

// Asks for status, listeners, alerts and the first `max_rows` connections. Lists that the daemon
// cuts into pages are followed to their end. The first error ends the round and is returned as is.
Result<Model> fetch_model(const Fetch& fetch, const Query& query);

}  // namespace wsbpf::top
