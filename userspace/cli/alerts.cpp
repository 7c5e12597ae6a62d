// `wsbpf alerts`: what is pending or firing; `wsbpf check`: the same as an exit code.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/json_fields.h"
#include "cli/output.h"
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
    return not_understood();
  }
  return parsed;
}

std::string alert_text(const Json& alert) {
  return fmt::format("{} {} {} since {}\n  {}\n  {}\n", alert.value("state", ""),
                     alert.value("severity", ""), alert.value("name", ""), alert.value("since", ""),
                     printable(alert.value("summary", "")), alert.value("runbook", ""));
}

// Prints and, where that works, ends with `code`.
Result<ExitCode> print_and_end(const std::string& text, ExitCode code) {
  if (auto printed = print(text); !printed) return tl::unexpected(printed.error());
  return code;
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
        return print_and_end(alerts->dump() + "\n", ExitCode::kOk);
      }
      const Json& items = alerts->at("alerts");
      std::string text = items.empty() ? "nothing is pending or firing\n" : "";
      for (const Json& alert : items) text += alert_text(alert);
      return print_and_end(text, ExitCode::kOk);
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
      std::string firing;
      for (const Json& alert : alerts->at("alerts")) {
        if (alert.value("state", "") != "firing") continue;
        firing += alert_text(alert);
      }
      if (firing.empty()) return print_and_end("no alert is firing\n", ExitCode::kOk);
      return print_and_end(firing, ExitCode::kAlertFiring);
    };
  });
}

}  // namespace wsbpf
