// /api/events and /api/disconnects: what the journal holds, and what comes to it.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

#include "core/filter.h"
#include "serve/event_lines.h"
#include "serve/journal.h"
#include "serve/response.h"

namespace wsbpf {

struct EventQuery {
  std::optional<std::chrono::nanoseconds> since;  // begin so long ago; else with what comes
  bool follow = true;                             // else end with what has come
  Filter filter = {};  // what was lost is told all the same: who filters does not see it otherwise
};

// JSON lines, one an event, written straight from the journal. Who reads slower than events come is
// told how many were missed, and goes on with the oldest that is still there. `journal` and
// `context.observed` must outlive the answer.
Response stream_events(const EventQuery& query, const Journal& journal, EventContext context);

struct DisconnectQuery {
  size_t limit = 100;
  size_t offset = 0;
  Filter filter = {};
};

// The connections that ended lately, newest first, with how many ended for each reason: those that
// the filter lets through.
Response list_disconnects(const DisconnectQuery& query, const Journal& journal,
                          const EventContext& context);

}  // namespace wsbpf
