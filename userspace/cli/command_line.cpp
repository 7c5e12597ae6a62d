#include <fmt/format.h>

#include <cstdio>

#include "cli/commands.h"
#include "cli/run_options.h"
#include "core/text.h"

namespace wsbpf {
namespace {

constexpr char kFooter[] =
    "\nWatches WebSocket connections from inside the kernel; the applications are not touched.\n"
    "Start the daemon with `sudo wsbpf run`, then look with `sudo wsbpf top`.\n"
    "Exit codes: 0 fine, 1 failure, 2 wrong usage, 3 an alert is firing (check), 4 the kernel or\n"
    "the privileges lack something.";

int report(const Error& error) {
  fmt::print(stderr, "wsbpf: {}\n", error.message);
  return static_cast<int>(error.exit_code);
}

}  // namespace

std::shared_ptr<BackendSettings> add_backend_options(CLI::App& command) {
  auto settings = std::make_shared<BackendSettings>();
  settings->socket = kDefaultSocket;
  settings->ports = kDefaultPorts;
  command
      .add_option("--socket", settings->socket,
                  fmt::format("the daemon's socket (default {})", kDefaultSocket))
      ->envname("WSBPF_SOCKET")
      ->type_name("PATH");
  command
      .add_option(
          "-p,--port", settings->ports,
          fmt::format("ports to watch where no daemon runs, and auto (default {})", kDefaultPorts))
      ->type_name("PORTS");
  command.add_flag("--no-websocket", settings->no_websocket,
                   "read no packets where no daemon runs: TCP alone");
  return settings;
}

std::unique_ptr<CLI::App> make_app(Action& chosen) {
  auto app = std::make_unique<CLI::App>(
      "wsbpf: why WebSocket connections end, seen from the kernel", "wsbpf");
  app->set_version_flag("--version", "wsbpf " WSBPF_VERSION);
  app->footer(kFooter);
  app->require_subcommand(0, 1);  // else a word of a filter could be another one: `list comm top`
  add_run(*app, chosen);
  add_top(*app, chosen);
  add_list(*app, chosen);
  add_events(*app, chosen);
  add_explain(*app, chosen);
  add_alerts(*app, chosen);
  add_check(*app, chosen);
  add_doctor(*app, chosen);
  add_record(*app, chosen);
  add_replay(*app, chosen);
  add_completion(*app, chosen);
  return app;
}

int run_command_line(int argc, const char* const* argv) {
  Action chosen;
  const auto owned = make_app(chosen);
  CLI::App& app = *owned;
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help and --version
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    const auto chosen_commands = app.get_subcommands();
    const std::string command =
        chosen_commands.empty() ? "" : chosen_commands.front()->get_name() + " ";
    return report({fmt::format("{}; see `wsbpf {}--help`", printable(error.what()), command),
                   ExitCode::kUsage});
  }
  if (!chosen) {
    fmt::print("{}", app.help());
    return static_cast<int>(ExitCode::kOk);
  }
  const auto result = chosen();
  return result ? static_cast<int>(*result) : report(result.error());
}

}  // namespace wsbpf
