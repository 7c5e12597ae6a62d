// `wsbpf events`: what happens, as it happens.
#include <fmt/format.h>
#include <unistd.h>

#include <clocale>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/event_text.h"
#include "cli/filter_argument.h"
#include "cli/output.h"
#include "core/duration.h"

namespace wsbpf {
namespace {

struct EventsOptions {
  std::string format = "table";
  std::string since;
  bool follow = true;
};

// Cuts what arrives in pieces into lines, and prints each.
class LinePrinter {
 public:
  explicit LinePrinter(bool color) : color_(color) {}

  Result<void> take(std::string_view piece) {
    text_ += piece;
    std::string out;
    size_t begin = 0;
    for (size_t end = text_.find('\n'); end != std::string::npos; end = text_.find('\n', begin)) {
      out += event_text(std::string_view(text_).substr(begin, end - begin), color_) + '\n';
      begin = end + 1;
    }
    text_.erase(0, begin);
    return out.empty() ? Result<void>() : print(out);
  }

 private:
  bool color_;
  std::string text_;  // the begin of a line
};

Result<ExitCode> events(const BackendSettings& settings, const EventsOptions& options,
                        const std::vector<std::string>& words, bool color) {
  const auto filter = filter_parameter(words);
  if (!filter) return tl::unexpected(filter.error());
  if (!options.since.empty()) {
    if (const auto since = parse_duration(options.since); !since) {
      return wrap("--since", since.error());
    }
  }
  const auto backend = open_backend(settings);
  if (!backend) return tl::unexpected(backend.error());
  std::string target = options.follow ? "/api/events?follow=true" : "/api/events?follow=false";
  if (!options.since.empty()) target += "&since=" + options.since;
  target += *filter;

  const bool as_lines = options.format == "jsonl";
  std::setlocale(LC_CTYPE, "C.UTF-8");  // for the width of characters
  Result<void> printed;
  if (!as_lines) printed = print(event_titles(color) + '\n');
  if (!printed) return tl::unexpected(printed.error());
  LinePrinter lines(color);
  const auto got = (*backend)->get(
      target,
      [&](std::string_view piece) {
        printed = as_lines ? print(piece) : lines.take(piece);
        return printed.has_value();
      },
      options.follow ? Patience::kForEver : Patience::kTenSeconds);
  if (!printed) return tl::unexpected(printed.error());
  if (!got) return tl::unexpected(got.error());
  return ExitCode::kOk;
}

}  // namespace

void add_events(CLI::App& app, Action& chosen) {
  CLI::App* command =
      app.add_subcommand("events", "follow what happens: opens, closes with verdicts, alerts");
  command->footer("\nFollows until Ctrl-C. Times are in UTC.");
  const auto settings = add_backend_options(*command);
  const auto options = std::make_shared<EventsOptions>();
  const auto words = add_filter_argument(*command);
  command->add_option("-o,--output", options->format, "table or jsonl (default table)")
      ->check(CLI::IsMember({"table", "jsonl"}))
      ->type_name("FORMAT");
  command
      ->add_option("--since", options->since,
                   "begin with what happened in the last 30s, 10m, 2h, as far as the daemon "
                   "remembers")
      ->type_name("DURATION");
  command->add_flag("!--no-follow", options->follow, "end with what has happened; with --since");
  const auto color = add_color_option(*command);
  command->callback([&chosen, settings, options, words, color] {
    chosen = [settings, options, words, color] {
      return events(*settings, *options, *words, wants_color(*color, isatty(STDOUT_FILENO) != 0));
    };
  });
}

}  // namespace wsbpf
