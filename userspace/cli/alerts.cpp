// `wsbpf alerts`: what is pending or firing; `wsbpf check`: the same as an exit code.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "core/text.h"

namespace wsbpf {
namespace {

using Json = nlohmann::json;

Result<Json> fetch_alerts(const BackendSettings& settings) {
  const auto backend = open_backend(settings);
  if (!backend) return tl::unexpected(backend.error());
  const auto body = get_text(**backend, "/api/alerts");
  if (!body) return tl::unexpected(body.error());
  Json parsed = Json::parse(*body, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("alerts")) {
    return fail("the daemon's answer is not what this version understands: is it older?");
  }
  return parsed;
}

void print_alert(const Json& alert) {
  fmt::print("{} {} {} since {}\n  {}\n  {}\n", alert.value("state", ""),
             alert.value("severity", ""), alert.value("name", ""), alert.value("since", ""),
             printable(alert.value("summary", "")), alert.value("runbook", ""));
}

}  // namespace

void add_alerts(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand("alerts", "show what is pending or firing");
  const auto settings = add_backend_options(*command);
  settings->wait_for_alerts = true;
  const auto format = std::make_shared<std::string>("table");
  command->add_option("-o,--output", *format, "table or json (default table)")
      ->check(CLI::IsMember({"table", "json"}))
      ->type_name("FORMAT");
  command->callback([&chosen, settings, format] {
    chosen = [settings, format]() -> Result<ExitCode> {
      const auto alerts = fetch_alerts(*settings);
      if (!alerts) return tl::unexpected(alerts.error());
      if (*format == "json") {
        fmt::print("{}\n", alerts->dump());
        return ExitCode::kOk;
      }
      const Json& items = alerts->at("alerts");
      if (items.empty()) fmt::print("nothing is pending or firing\n");
      for (const Json& alert : items) print_alert(alert);
      return ExitCode::kOk;
    };
  });
}

void add_check(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand(
      "check", "exit 0 when no alert is firing, 3 when one is, 1 without a daemon");
  const auto settings = add_backend_options(*command);
  settings->wait_for_alerts = true;
  settings->may_observe = false;
  command->add_flag("--observe", settings->may_observe,
                    "without a daemon, observe for some seconds instead of failing");
  command->callback([&chosen, settings] {
    chosen = [settings]() -> Result<ExitCode> {
      const auto alerts = fetch_alerts(*settings);
      if (!alerts) return tl::unexpected(alerts.error());
      ExitCode code = ExitCode::kOk;
      for (const Json& alert : alerts->at("alerts")) {
        if (alert.value("state", "") != "firing") continue;
        print_alert(alert);
        code = ExitCode::kAlertFiring;
      }
      if (code == ExitCode::kOk) fmt::print("no alert is firing\n");
      return code;
    };
  });
}

}  // namespace wsbpf
