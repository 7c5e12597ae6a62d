// `wsbpf explain`: what became of one connection, why, and what to do.
#include <fmt/format.h>
#include <unistd.h>

#include <clocale>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/commands.h"
#include "cli/explanation_text.h"
#include "cli/json_fields.h"
#include "cli/output.h"
#include "core/connection_id.h"
#include "core/text.h"

namespace wsbpf {
namespace {

struct ExplainOptions {
  std::string id;
  std::string format = "table";
};

Result<ExitCode> explain_connection(const BackendSettings& settings, const ExplainOptions& options,
                                    bool color) {
  if (!parse_connection_id(options.id)) {
    return fail(
        fmt::format("'{}' is no connection's id: write one as `wsbpf list -o wide` shows it, "
                    "such as 6699 or 6699.1, or 0x1a2b for the sk:1a2b of `ss -e`",
                    printable(options.id)),
        ExitCode::kUsage);
  }
  const auto backend = open_backend(settings);
  if (!backend) return tl::unexpected(backend.error());
  const auto body = get_text(**backend, "/api/explain?id=" + options.id);
  if (!body) return tl::unexpected(body.error());
  if (options.format == "json") {
    if (auto printed = print(*body); !printed) return tl::unexpected(printed.error());
    return ExitCode::kOk;
  }
  const auto explanation = nlohmann::json::parse(*body, nullptr, false);
  if (!explanation.is_object() || !explanation.contains("summary")) {
    return not_understood();
  }
  std::setlocale(LC_CTYPE, "C.UTF-8");  // for the width of characters
  if (auto printed = print(explanation_text(explanation, terminal_width(), color)); !printed) {
    return tl::unexpected(printed.error());
  }
  return ExitCode::kOk;
}

}  // namespace

void add_explain(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand(
      "explain", "explain one connection: what happened, what shows that, and what to do");
  const auto settings = add_backend_options(*command);
  const auto options = std::make_shared<ExplainOptions>();
  command
      ->add_option("ID", options->id,
                   "the connection's id, as `wsbpf list -o wide` and `wsbpf events` show it; or "
                   "0x1a2b for the sk:1a2b of `ss -e`")
      ->required();
  command->add_option("-o,--output", options->format, "table or json (default table)")
      ->check(CLI::IsMember({"table", "json"}))
      ->type_name("FORMAT");
  const auto color = add_color_option(*command);
  command->callback([&chosen, settings, options, color] {
    chosen = [settings, options, color] {
      return explain_connection(*settings, *options,
                                wants_color(*color, isatty(STDOUT_FILENO) != 0));
    };
  });
}

}  // namespace wsbpf
