// Fields of the daemon's JSON: one that is missing, null or of another type is unknown. Text comes
// out printable.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace wsbpf::top {

using Json = nlohmann::json;

Result<Json> parse_object(std::string_view body);

// The member, or null: a member of what is no object is as unknown as a missing one.
const Json& member(const Json& object, const char* name);

// The member if it is an array, else null, over which a loop does nothing.
const Json& list_member(const Json& object, const char* name);

std::string text(const Json& value);
std::optional<double> number(const Json& value);
std::optional<std::int64_t> integer(const Json& value);
std::int64_t count(const Json& value);  // 0 where it is unknown

// Of a connection: what the peer has not acknowledged, sent or not.
std::optional<std::int64_t> send_queue_of(const Json& connection);

// Seconds since 1970 of a time such as "2026-11-22T09:55:08.428Z".
std::optional<double> unix_seconds(const std::string& time);

}  // namespace wsbpf::top
