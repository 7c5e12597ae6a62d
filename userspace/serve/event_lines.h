// What happens, as lines of JSON: the event log's, those of a replay, and those of who follows.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "alert/alert.h"
#include "core/connection.h"
#include "core/tombstones.h"
#include "core/verdict.h"
#include "serve/journal.h"
#include "serve/observed.h"

namespace wsbpf {

// What all lines need to know.
struct EventContext {
  const Observed* observed = nullptr;
  std::string node_json;  // the node's name, by json_string()
  bool redact_peers = false;
};

// Each returns one line without its end. `owner` is nullptr where it is not known, or nobody,
// `websocket` where nothing was read of one; when a connection opens, nothing has been.
std::string opened_line(const EventContext& context, const Connection& connection,
                        const Process* owner);
std::string closed_line(const EventContext& context, const Connection& connection,
                        const Process* owner, const Evidence& evidence, const Judgement& judgement);
std::string half_open_line(const EventContext& context, const Connection& connection,
                           const Process* owner, const WebSocket* websocket);
std::string race_line(const EventContext& context, Race race, const Tombstone& tombstone,
                      const ListenerKey& listener, uint64_t time_ns);
std::string alert_line(const EventContext& context, const Alert& alert);
// `time_ns`: when it was found out.
std::string lost_line(const EventContext& context, std::string_view reason, uint64_t count,
                      uint64_t time_ns);

// `count` events were not told to a reader who came too late for them; nullopt: nobody knows how
// many.
std::string missed_line(const EventContext& context, std::optional<uint64_t> count);

// The line of one of the above, as the journal has kept it.
std::string journal_line(const EventContext& context, const JournalEntry& entry);

}  // namespace wsbpf
