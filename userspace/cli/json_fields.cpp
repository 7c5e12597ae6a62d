#include "cli/json_fields.h"

#include "core/text.h"
#include "top/format.h"

namespace wsbpf {

using Json = nlohmann::json;

const Json& field(const Json& object, const char* key) {
  static const Json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

std::optional<double> number_field(const Json& object, const char* key) {
  const Json& value = field(object, key);
  if (!value.is_number()) return std::nullopt;
  return value.get<double>();
}

std::optional<int64_t> whole_field(const Json& object, const char* key) {
  const Json& value = field(object, key);
  if (!value.is_number_integer()) return std::nullopt;
  return value.get<int64_t>();
}

std::string text_field(const Json& object, const char* key) {
  const Json& value = field(object, key);
  return value.is_string() ? printable(value.get_ref<const std::string&>()) : "";
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

}  // namespace wsbpf
