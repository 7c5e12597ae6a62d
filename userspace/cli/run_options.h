// The options of `wsbpf run`: one table for flags, environment, configuration file and help.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alert/close_wait.h"
#include "core/connection_table.h"
#include "core/result.h"

namespace wsbpf {

inline constexpr char kDefaultPorts[] = "80,443,3000,8000,8080,8443";
inline constexpr char kDefaultSocket[] = "/run/wsbpf/wsbpf.sock";
inline constexpr char kDefaultStateFile[] = "/var/lib/wsbpf/state";

inline constexpr std::array<std::string_view, 3> kRoles = {"server", "client", "both"};
inline constexpr std::array<std::string_view, 5> kLogLevels = {"debug", "info", "warning", "error",
                                                               "off"};
inline constexpr std::array<std::string_view, 2> kLogFormats = {"text", "json"};

struct RunOptions {
  Watch watch;
  std::string listen;          // "": off
  std::string metrics_listen;  // "": off
  std::string socket;
  std::string state_file;
  std::string container_logs;  // "": off
  std::string node_name;
  CloseWaitSettings close_wait;
  std::chrono::nanoseconds sweep{};
  std::string event_log;  // "": off, "-": stdout
  std::string log_level;
  std::string log_format;
  uint32_t ring_bytes = 0;
  bool bpf_stats = false;
  bool expose_peers = false;
};

struct RunOption {
  const char* name;           // of the flag without dashes, and of the key in the file
  const char* value;          // what the value is called in help; nullptr: a switch
  const char* default_value;  // nullptr: see help
  const char* help;
  Result<void> (*apply)(RunOptions& options, const std::string& value);
};

const std::vector<RunOption>& run_option_table();

// Values as they were written, by name of the option.
using RawOptions = std::map<std::string, std::string>;

// The environment variable of an option: "close-wait-for" -> "WSBPF_CLOSE_WAIT_FOR".
std::string environment_name(const std::string& option);

// Whether ports can be discovered with what else was asked for (exit code: usage).
Result<void> check_discovery(const Watch& watch);

// Puts everything together: flags beat WSBPF_* beat the file (`flags["config"]` or WSBPF_CONFIG,
// TOML) beat the defaults. Errors say where the bad value came from (exit code: usage).
using Environment = std::function<const char*(const char* name)>;
Result<RunOptions> resolve_run_options(const RawOptions& flags, const Environment& environment);

}  // namespace wsbpf
