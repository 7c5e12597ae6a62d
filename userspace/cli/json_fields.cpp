#include "cli/json_fields.h"

#include "top/format.h"
#include "top/json_fields.h"

namespace wsbpf {

using Json = nlohmann::json;

tl::unexpected<Error> not_understood() {
  return fail("the daemon's answer is not what this version understands: is it older?");
}

const Json& field(const Json& object, const char* key) { return top::member(object, key); }

std::optional<double> number_field(const Json& object, const char* key) {
  return top::number(field(object, key));
}

std::optional<int64_t> whole_field(const Json& object, const char* key) {
  return top::integer(field(object, key));
}

std::string text_field(const Json& object, const char* key) {
  return top::text(field(object, key));
}

std::string clock_field(const Json& object) {
  const std::string time = text_field(object, "time");
  constexpr size_t kDate = 11;
  return time.size() > kDate + 1 ? time.substr(kDate, time.size() - kDate - 1) : time;
}

std::string endpoint_field(const Json& connection, const char* key) {
  const Json& end = field(connection, key);
  return top::endpoint_text({text_field(end, "address"), whole_field(end, "port")});
}

std::string age_field(const Json& connection, const char* seconds, const char* source) {
  const bool least = text_field(connection, source) == "lower_bound";
  return (least ? ">=" : "") + top::duration_text(number_field(connection, seconds));
}

std::string owner_field(const Json& connection) {
  const Json& process = field(connection, "owner");
  return top::owner_text({whole_field(process, "pid"), text_field(process, "comm")});
}

std::string pod_field(const Json& connection) {
  const Json& process = field(connection, "owner");
  return top::workload_text({text_field(process, "namespace"), text_field(process, "pod")});
}

std::string websocket_field(const Json& connection) {
  return top::websocket_text({.phase = text_field(field(connection, "websocket"), "phase"),
                              .unread = text_field(connection, "websocket_unread")});
}

std::string messages_field(const Json& connection, const char* key) {
  const Json& websocket = field(connection, "websocket");
  const auto messages = whole_field(websocket, key);
  const bool least = messages && field(websocket, "counts_at_least") == true;
  return (least ? ">=" : "") + top::count_text(messages);
}

}  // namespace wsbpf
