// What happens, as lines of JSON: the event log's, and those of a replay.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "alert/alert.h"
#include "core/connection.h"
#include "core/tombstones.h"
#include "core/verdict.h"
#include "serve/observed.h"

namespace wsbpf {

// What all lines need to know.
struct EventContext {
  const Observed* observed = nullptr;
  std::string node_json;  // the node's name, by json_string()
};

// Each returns one line without its end.
std::string opened_line(const EventContext& context, const Connection& connection);
std::string closed_line(const EventContext& context, const Connection& connection,
                        const Evidence& evidence, const Judgement& judgement);
std::string half_open_line(const EventContext& context, const Connection& connection);
std::string race_line(const EventContext& context, Race race, const Tombstone& tombstone,
                      uint64_t time_ns);
std::string alert_line(const EventContext& context, const Alert& alert);
std::string lost_line(const EventContext& context, std::string_view reason, uint64_t count);

}  // namespace wsbpf
