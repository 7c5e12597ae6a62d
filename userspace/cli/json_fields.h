// The API's JSON, field by field, as text for a person: what is missing, null or of another type is
// not known.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "core/result.h"

namespace wsbpf {

// For an answer that lacks what it must have.
tl::unexpected<Error> not_understood();

// The member, or null where there is none, or `object` is no object.
const nlohmann::json& field(const nlohmann::json& object, const char* key);

std::optional<double> number_field(const nlohmann::json& object, const char* key);
std::optional<int64_t> whole_field(const nlohmann::json& object, const char* key);
std::string text_field(const nlohmann::json& object, const char* key);  // printable(); or ""

// "12:03:04.123" of the member "time", which is as RFC 3339 has it, in UTC.
std::string clock_field(const nlohmann::json& object);

// Of a connection.
std::string endpoint_field(const nlohmann::json& connection, const char* key);  // "10.0.3.7:443"
std::string age_field(const nlohmann::json& connection, const char* seconds, const char* source);
std::string owner_field(const nlohmann::json& connection);      // "node[4121]"
std::string pod_field(const nlohmann::json& connection);        // "shop/chat-7f"
std::string websocket_field(const nlohmann::json& connection);  // "open", "(tls)"
// ">=12" where not all were read.
std::string messages_field(const nlohmann::json& connection, const char* key);

}  // namespace wsbpf
