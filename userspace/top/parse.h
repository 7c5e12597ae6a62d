// The daemon's JSON into the model. A field that is missing, null or of another type is unknown,
// so that an older or newer daemon can be watched; only a body that is no JSON object is an error.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "top/model.h"

namespace wsbpf::top {

// One page of a list of the API.
template <typename Row>
struct ListPage {
  std::vector<Row> rows;
  std::size_t total = 0;    // in the whole list
  std::string next_cursor;  // empty on the last page
};

Result<Status> parse_status(std::string_view body);
Result<ListPage<Listener>> parse_listeners(std::string_view body);
Result<ListPage<History>> parse_history(std::string_view body);
Result<ListPage<Alert>> parse_alerts(std::string_view body);
Result<ListPage<Connection>> parse_connections(std::string_view body);
Result<Disconnects> parse_disconnects(std::string_view body);
Result<Explanation> parse_explanation(std::string_view body);

}  // namespace wsbpf::top
