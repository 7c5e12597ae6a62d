// The subcommands: each adds itself to the command line and, when it was chosen, runs.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "cli/backend.h"
#include "core/result.h"

namespace wsbpf {

// What a chosen subcommand does; the exit code where it succeeds.
using Action = std::function<Result<ExitCode>()>;

// Each sets `chosen` when its subcommand is the one on the command line.
void add_run(CLI::App& app, Action& chosen);
void add_list(CLI::App& app, Action& chosen);
void add_top(CLI::App& app, Action& chosen);
void add_events(CLI::App& app, Action& chosen);
void add_explain(CLI::App& app, Action& chosen);
void add_alerts(CLI::App& app, Action& chosen);
void add_record(CLI::App& app, Action& chosen);
void add_replay(CLI::App& app, Action& chosen);
void add_check(CLI::App& app, Action& chosen);
void add_doctor(CLI::App& app, Action& chosen);
void add_completion(CLI::App& app, Action& chosen);

// --socket and --port, as all reading commands have them.
std::shared_ptr<BackendSettings> add_backend_options(CLI::App& command);

// The whole command line: commands, options and their help, for parsing, completions and tests.
// `chosen` must outlive it.
std::unique_ptr<CLI::App> make_app(Action& chosen);

// Parses the command line and runs the chosen command. Returns the exit code.
int run_command_line(int argc, const char* const* argv);

}  // namespace wsbpf
