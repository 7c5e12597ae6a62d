#include "cli/run_options.h"

#include <fmt/format.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>

#include "core/duration.h"
#include "core/ports.h"
#include "core/text.h"
#include "source/pod_names.h"

namespace wsbpf {
namespace {

tl::unexpected<Error> bad_value(const std::string& value, std::string_view choices) {
  return fail(fmt::format("bad value '{}': {}", printable(value), choices), ExitCode::kUsage);
}

template <size_t N>
Result<void> choose(std::string& out, const std::string& value,
                    const std::array<std::string_view, N>& choices) {
  if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
    return bad_value(value, fmt::format("use one of {}", fmt::join(choices, " ")));
  }
  out = value;
  return {};
}

Result<void> set_text(std::string& out, const std::string& value) {
  out = value;
  return {};
}

Result<void> set_switch(bool& out, const std::string& value) {
  if (value != "true" && value != "false") return bad_value(value, "use true or false");
  out = value == "true";
  return {};
}

Result<void> set_duration(uint64_t& out_ns, const std::string& value) {
  const auto duration = parse_duration(value);
  if (!duration) return tl::unexpected(duration.error());
  out_ns = static_cast<uint64_t>(duration->count());
  return {};
}

Result<void> apply_ports(RunOptions& options, const std::string& value) {
  const auto list = parse_port_list(value);
  if (!list) return tl::unexpected(list.error());
  options.watch.ports = list->ports;
  options.watch.discover = list->discover;
  return {};
}

Result<void> apply_no_websocket(RunOptions& options, const std::string& value) {
  bool off = false;
  if (auto set = set_switch(off, value); !set) return set;
  options.watch.websocket = !off;
  return {};
}

Result<void> apply_role(RunOptions& options, const std::string& value) {
  std::string role;
  if (auto chosen = choose(role, value, kRoles); !chosen) return chosen;
  options.watch.server = role != "client";
  options.watch.client = role != "server";
  return {};
}

Result<void> apply_threshold(RunOptions& options, const std::string& value) {
  uint32_t threshold = 0;
  const char* const end = value.data() + value.size();
  const auto [rest, error] = std::from_chars(value.data(), end, threshold);
  if (error != std::errc{} || rest != end) return bad_value(value, "use a whole number");
  options.close_wait.threshold = threshold;
  return {};
}

Result<void> apply_sweep(RunOptions& options, const std::string& value) {
  const auto duration = parse_duration(value);
  if (!duration) return tl::unexpected(duration.error());
  if (*duration < std::chrono::milliseconds(500)) {
    return bad_value(value, "the shortest sweep interval is 500ms");
  }
  options.sweep = *duration;
  return {};
}

// What BPF_MAP_CREATE asks of a ring buffer: a power of two, in whole pages.
Result<void> apply_ring_bytes(RunOptions& options, const std::string& value) {
  const char* const end = value.data() + value.size();
  const auto [rest, error] = std::from_chars(value.data(), end, options.ring_bytes);
  const auto page_bytes = static_cast<uint32_t>(getpagesize());
  constexpr uint32_t kMost = 1u << 30;
  if (error != std::errc{} || rest != end || !std::has_single_bit(options.ring_bytes) ||
      options.ring_bytes < page_bytes || options.ring_bytes > kMost) {
    return bad_value(value, fmt::format("use a power of two from {} to {}", page_bytes, kMost));
  }
  return {};
}

// Where to read the file from; not an option of the file itself.
std::string config_path(const RawOptions& flags, const Environment& environment) {
  if (const auto flag = flags.find("config"); flag != flags.end()) return flag->second;
  const char* const variable = environment("WSBPF_CONFIG");
  return variable != nullptr ? variable : "";
}

bool is_option(std::string_view name) {
  const auto& table = run_option_table();
  return std::any_of(table.begin(), table.end(),
                     [name](const RunOption& row) { return name == row.name; });
}

// A value as it would be written after a flag; lists become "8080,9000-9100".
std::optional<std::string> flag_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  const auto* list = node.as_array();
  if (list == nullptr) return std::nullopt;
  std::string joined;
  for (const toml::node& item : *list) {
    const auto text = item.is_array() ? std::nullopt : flag_text(item);
    if (!text) return std::nullopt;
    joined += (joined.empty() ? "" : ",") + *text;
  }
  return joined;
}

Result<RawOptions> read_config(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return fail(fmt::format("{} is a folder: name a TOML file", printable(path)), ExitCode::kUsage);
  }
  if (access(path.c_str(), R_OK) != 0) {
    return fail(fmt::format("cannot read the configuration file {}: {}", printable(path),
                            std::strerror(errno)),
                ExitCode::kUsage);
  }
  toml::table table;
  try {
    table = toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    const auto line = error.source().begin.line;
    return fail(
        fmt::format("{}{}: {}; write TOML, as in port = [8080, \"9000-9100\"]", printable(path),
                    line > 0 ? fmt::format(", line {}", line) : "", printable(error.description())),
        ExitCode::kUsage);
  }
  RawOptions raw;
  for (const auto& [key, value] : table) {
    if (!is_option(key.str())) {
      return fail(
          fmt::format("{}: unknown key '{}': keys are the long flags of `wsbpf run` without "
                      "their dashes",
                      printable(path), printable(key.str())),
          ExitCode::kUsage);
    }
    auto text = flag_text(value);
    if (!text) {
      return fail(fmt::format("{}: {}: write a string, a number, true or false, or a list of them",
                              printable(path), printable(key.str())),
                  ExitCode::kUsage);
    }
    raw[std::string(key.str())] = std::move(*text);
  }
  return raw;
}

std::string default_node_name(const Environment& environment) {
  if (const char* const name = environment("NODE_NAME"); name != nullptr && *name != '\0') {
    return name;
  }
  char name[256] = "";
  gethostname(name, sizeof(name) - 1);
  return name;
}

}  // namespace

const std::vector<RunOption>& run_option_table() {
  static const std::vector<RunOption> table = {
      {"port", "PORTS", kDefaultPorts,
       "ports to watch: numbers and ranges (8080,8443,9000-9100), and auto for those where a "
       "listener answers WebSocket upgrades; may be repeated",
       apply_ports},
      {"role", "ROLE", "server",
       "watch connections accepted on these ports (server), made to them (client), or both",
       apply_role},
      {"no-websocket", nullptr, "false",
       "read no packets: neither handshakes nor messages nor close codes, TCP alone",
       apply_no_websocket},
      {"listen", "ADDR:PORT", "127.0.0.1:19435",
       "where the API and metrics are served over HTTP; '' turns it off",
       [](RunOptions& o, const std::string& v) { return set_text(o.listen, v); }},
      {"metrics-listen", "ADDR:PORT", "",
       "where only /metrics, /healthz and /readyz are served, for a cluster's Prometheus; off",
       [](RunOptions& o, const std::string& v) { return set_text(o.metrics_listen, v); }},
      {"socket", "PATH", kDefaultSocket, "the Unix socket that the other commands ask",
       [](RunOptions& o, const std::string& v) { return set_text(o.socket, v); }},
      {"state-file", "PATH", kDefaultStateFile,
       "keeps the ages of connections across restarts; '' turns it off",
       [](RunOptions& o, const std::string& v) { return set_text(o.state_file, v); }},
      {"container-logs", "DIR", kContainerLogs,
       "the names of the kubelet's links here tell pods by container id; '' turns it off",
       [](RunOptions& o, const std::string& v) { return set_text(o.container_logs, v); }},
      {"node-name", "NAME", nullptr, "this node's name in every output; else NODE_NAME, the host's",
       [](RunOptions& o, const std::string& v) { return set_text(o.node_name, v); }},
      {"close-wait-threshold", "COUNT", "50",
       "CloseWaitAccumulation fires above so many stuck in CLOSE_WAIT", apply_threshold},
      {"close-wait-for", "DURATION", "3s",
       "a connection is stuck when it has been in CLOSE_WAIT for so long",
       [](RunOptions& o, const std::string& v) { return set_duration(o.close_wait.for_ns, v); }},
      {"sweep", "DURATION", "5s",
       "how often the table is checked against the kernel; less often where that costs too much",
       apply_sweep},
      {"event-log", "FILE", "", "append what happens as JSON lines; - for stdout",
       [](RunOptions& o, const std::string& v) { return set_text(o.event_log, v); }},
      {"ring-bytes", "BYTES", "4194304",
       "the buffer between kernel and daemon; larger where events are lost", apply_ring_bytes},
      {"bpf-stats", nullptr, "false",
       "time the BPF programs; costs every BPF program on the host some time",
       [](RunOptions& o, const std::string& v) { return set_switch(o.bpf_stats, v); }},
      {"expose-peers", nullptr, "false", "show whole peer addresses on --listen, too",
       [](RunOptions& o, const std::string& v) { return set_switch(o.expose_peers, v); }},
      {"log-level", "LEVEL", "info", "debug, info, warning, error or off",
       [](RunOptions& o, const std::string& v) { return choose(o.log_level, v, kLogLevels); }},
      {"log-format", "FORMAT", "text", "text or json",
       [](RunOptions& o, const std::string& v) { return choose(o.log_format, v, kLogFormats); }},
  };
  return table;
}

std::string environment_name(const std::string& option) {
  std::string name = "WSBPF_" + option;
  for (char& c : name)
    c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

Result<void> check_discovery(const Watch& watch) {
  if (!watch.discover || watch.websocket) return {};
  return fail(
      "--port auto knows listeners by the WebSocket upgrades that they answer, which "
      "--no-websocket leaves unread: leave out one of the two",
      ExitCode::kUsage);
}

Result<RunOptions> resolve_run_options(const RawOptions& flags, const Environment& environment) {
  RawOptions file;
  const std::string path = config_path(flags, environment);
  if (!path.empty()) {
    auto read = read_config(path);
    if (!read) return tl::unexpected(read.error());
    file = std::move(*read);
  }

  RunOptions options;
  options.node_name = default_node_name(environment);
  for (const RunOption& row : run_option_table()) {
    const std::string variable = environment_name(row.name);
    std::string value;
    std::string origin;
    if (const auto flag = flags.find(row.name); flag != flags.end()) {
      value = flag->second;
      origin = fmt::format("--{}", row.name);
    } else if (const char* const text = environment(variable.c_str())) {
      value = text;
      origin = variable;
    } else if (const auto key = file.find(row.name); key != file.end()) {
      value = key->second;
      origin = fmt::format("{}: {}", path, row.name);
    } else if (row.default_value != nullptr) {
      value = row.default_value;
    } else {
      continue;
    }
    if (auto applied = row.apply(options, value); !applied) return wrap(origin, applied.error());
  }
  if (auto possible = check_discovery(options.watch); !possible) {
    return tl::unexpected(possible.error());
  }
  return options;
}

}  // namespace wsbpf
