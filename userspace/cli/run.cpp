// `wsbpf run`: the daemon's command line.
#include <fmt/format.h>

#include <cstdlib>
#include <map>
#include <memory>

#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/run_options.h"

namespace wsbpf {
namespace {

constexpr char kFooter[] =
    "\nEvery option may also come from the environment (--close-wait-for: WSBPF_CLOSE_WAIT_FOR)\n"
    "or from the file of --config, as a key (close-wait-for = \"3s\"). Flags beat the "
    "environment,\n"
    "which beats the file. SIGHUP reads the file again: ports, thresholds and log level change\n"
    "while everything goes on; the event log is opened anew.";

std::string help_of(const RunOption& row) {
  const bool has_default = row.default_value != nullptr && *row.default_value != '\0';
  if (row.value == nullptr || !has_default) return row.help;
  return fmt::format("{} (default {})", row.help, row.default_value);
}

}  // namespace

void add_run(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand("run", "observe: the daemon, in the foreground");
  command->footer(kFooter);
  const auto flags = std::make_shared<RawOptions>();
  const auto add = [&](const std::string& name, const char* value, const std::string& help) {
    const auto keep = [flags, name](const std::string& text) { (*flags)[name] = text; };
    if (value == nullptr) {
      command->add_flag_callback(
          "--" + name, [keep] { keep("true"); }, help);
    } else if (name == "port") {
      command
          ->add_option_function<std::vector<std::string>>(
              "-p,--port",
              [keep](const std::vector<std::string>& lists) {
                keep(fmt::format("{}", fmt::join(lists, ",")));
              },
              help)
          ->expected(1)
          ->take_all()
          ->type_name(value);
    } else {
      command->add_option_function<std::string>("--" + name, keep, help)->type_name(value);
    }
  };
  for (const RunOption& row : run_option_table()) add(row.name, row.value, help_of(row));
  add("config", "FILE", "read options from a TOML file");

  command->callback([&chosen, flags] {
    chosen = [flags]() -> Result<ExitCode> {
      const auto resolve = [flags] {
        return resolve_run_options(
            *flags, [](const char* name) -> const char* { return std::getenv(name); });
      };
      const auto options = resolve();
      if (!options) return tl::unexpected(options.error());
      Daemon daemon(*options, resolve);
      if (auto ended = daemon.run(); !ended) return tl::unexpected(ended.error());
      return ExitCode::kOk;
    };
  });
}

}  // namespace wsbpf
