// `wsbpf list`: the connections now, once or again and again.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <clocale>
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <vector>

#include "cli/commands.h"
#include "cli/connection_text.h"
#include "cli/filter_argument.h"
#include "cli/json_fields.h"
#include "cli/output.h"
#include "cli/paint.h"
#include "core/filter.h"
#include "core/text.h"
#include "serve/connection_list.h"
#include "serve/short_lists.h"
#include "top/terminal.h"
#include "top/width.h"

namespace wsbpf {
namespace {

struct ListOptions {
  std::string format = "table";
  std::string sort = "id";
  size_t limit = 0;  // 0: all
  bool watch = false;
  double delay_seconds = 2;
  bool color = false;

  bool is_table() const { return format == "table" || format == "wide"; }
};

constexpr top::TerminalSize kUsualSize = {.lines = 24, .columns = 80};

std::string target_of(const ListOptions& options, const std::string& filter, size_t limit) {
  std::string target = "/api/connections?sort=" + options.sort + filter;
  if (limit > 0) target += fmt::format("&limit={}", limit);
  return options.format == "json" ? target : target + "&format=jsonl";
}

// Prints the answer as it comes.
Result<void> pass_on(Backend& backend, const std::string& target) {
  Result<void> printed;
  const auto got = backend.get(target, [&printed](std::string_view piece) {
    printed = print(piece);
    return printed.has_value();
  });
  return printed ? got : printed;
}

// When a connection in CLOSE_WAIT is stuck is the daemon's to say.
Result<double> stuck_after_seconds(Backend& backend) {
  const auto status = get_text(backend, "/api/status");
  if (!status) return tl::unexpected(status.error());
  const auto json = nlohmann::json::parse(*status, nullptr, false);
  return number_field(json, "close_wait_for_seconds").value_or(3);
}

Result<std::string> table(Backend& backend, const ListOptions& options, const std::string& filter,
                          std::optional<top::TerminalSize> screen) {
  ConnectionTextStyle style;
  style.wide = options.format == "wide";
  style.color = options.color;
  if (options.color) {  // the only use of it
    const auto seconds = stuck_after_seconds(backend);
    if (!seconds) return tl::unexpected(seconds.error());
    style.stuck_after_seconds = *seconds;
  }
  size_t limit = options.limit;
  if (screen) {  // no more than can be seen: a line is the head's, one the titles'
    const auto seen = static_cast<size_t>(std::max(1, screen->lines - 2));
    limit = limit == 0 ? seen : std::min(limit, seen);
    style.width = screen->columns;
  }
  const auto lines = get_text(backend, target_of(options, filter, limit));
  if (!lines) return tl::unexpected(lines.error());
  return connection_text(*lines, style);
}

Result<void> list_once(Backend& backend, const ListOptions& options, const std::string& filter) {
  if (!options.is_table()) return pass_on(backend, target_of(options, filter, options.limit));
  const auto text = table(backend, options, filter, std::nullopt);
  return text ? print(*text) : tl::unexpected(text.error());
}

// Over what was there, without clearing first, which would flicker.
std::string redrawn(std::string_view text, int lines) {
  std::string out = "\x1b[H";
  for (int line = 0; line < lines && !text.empty(); ++line) {
    const std::string_view shown = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), shown.size() + 1));
    if (line > 0) out += "\r\n";
    out += fmt::format("{}\x1b[K", shown);
  }
  return out + "\x1b[J";
}

// Every so often, until somebody ends it. A daemon that is gone is waited for.
class Watch {
 public:
  Watch(Backend& backend, const ListOptions& options, std::string filter, std::string shown_filter)
      : backend_(backend),
        options_(options),
        filter_(std::move(filter)),
        title_(fmt::format("wsbpf list {}", printable(shown_filter))),
        on_terminal_(options.is_table() && isatty(STDOUT_FILENO) != 0) {}

  Result<ExitCode> run() {
    if (on_terminal_) {
      if (auto cleared = print("\x1b[2J"); !cleared) return tl::unexpected(cleared.error());
    }
    for (bool first = true;; first = false) {
      const auto shown = on_terminal_ ? redraw() : print_next(first);
      if (!shown) return tl::unexpected(shown.error());
      std::this_thread::sleep_for(std::chrono::duration<double>(options_.delay_seconds));
    }
  }

 private:
  Result<void> redraw() {
    const auto screen = top::terminal_size().value_or(kUsualSize);
    auto text = table(backend_, options_, filter_, screen);
    if (!text && text.error().exit_code != ExitCode::kFailure) return tl::unexpected(text.error());
    if (text) last_ = std::move(*text);
    const std::string head =
        text ? fmt::format("{}  every {} s  {:%H:%M:%S}", title_, options_.delay_seconds,
                           fmt::localtime(std::time(nullptr)))
             : fmt::format("{}; trying again", first_line(text.error().message));
    const std::string clipped = top::clip(head, screen.columns);
    return print(redrawn(painted(clipped, text ? kFaint : kRed, options_.color) + '\n' + last_,
                         screen.lines));
  }

  Result<void> print_next(bool first) {
    if (options_.is_table() && !first && !missing_) {
      if (auto printed = print("\n"); !printed) return printed;
    }
    auto listed = list_once(backend_, options_, filter_);
    if (listed) {
      if (missing_) fmt::print(stderr, "wsbpf: the daemon answers again\n");
      missing_ = false;
      return {};
    }
    if (std::ferror(stdout) != 0 || listed.error().exit_code != ExitCode::kFailure) return listed;
    if (!missing_) fmt::print(stderr, "wsbpf: {}; trying again\n", listed.error().message);
    missing_ = true;
    return {};
  }

  Backend& backend_;
  const ListOptions& options_;
  std::string filter_;
  std::string title_;
  bool on_terminal_;
  bool missing_ = false;  // the daemon, since it was last asked
  std::string last_;      // the table that was shown last
};

Result<ExitCode> list(const BackendSettings& settings, const ListOptions& options,
                      const std::vector<std::string>& words) {
  const auto filter = filter_parameter(words);
  if (!filter) return tl::unexpected(filter.error());
  const auto backend = open_backend(settings);
  if (!backend) return tl::unexpected(backend.error());
  std::setlocale(LC_CTYPE, "C.UTF-8");  // for the width of characters
  if (options.watch) return Watch(**backend, options, *filter, joined(words)).run();
  if (auto listed = list_once(**backend, options, *filter); !listed) {
    return tl::unexpected(listed.error());
  }
  return ExitCode::kOk;
}

// The columns that can be sorted by are checked here, before anything is asked or observed.
std::string check_sort(const std::string& sort) {
  const std::string name = sort.starts_with('-') ? sort.substr(1) : sort;
  const auto& columns = sort_columns();
  if (std::find(columns.begin(), columns.end(), name) != columns.end()) return "";
  return bad_sort(name, columns).value().message;
}

}  // namespace

void add_list(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand("list", "show the connections now");
  command->footer(
      "\nFilters: docs/filters.md. For example:\n"
      "  wsbpf list state close-wait and close-wait-age gt 1m --sort -state_age\n"
      "  wsbpf list dst 10.0.0.0/8 and not comm nginx -o wide");
  const auto settings = add_backend_options(*command);
  const auto options = std::make_shared<ListOptions>();
  const auto words = add_filter_argument(*command);
  command->add_option("-o,--output", options->format, "table, wide, json or jsonl (default table)")
      ->check(CLI::IsMember({"table", "wide", "json", "jsonl"}))
      ->type_name("FORMAT");
  command
      ->add_option("--sort", options->sort,
                   fmt::format("sort by a column: {}; -COLUMN for descending (default id)",
                               fmt::join(sort_columns(), " ")))
      ->check(check_sort)
      ->type_name("COLUMN");
  command->add_option("--limit", options->limit, "show so many at most")
      ->check(CLI::Range(1, 1'000'000'000))
      ->type_name("N");
  command->add_flag("--watch", options->watch, "list again and again, until Ctrl-C");
  command
      ->add_option("-d,--delay", options->delay_seconds,
                   "seconds between lists, with --watch (default 2)")
      ->check(CLI::Range(0.1, 3600.0))
      ->type_name("SECONDS");
  const auto color = add_color_option(*command);
  command->callback([&chosen, settings, options, words, color] {
    chosen = [settings, options, words, color] {
      options->color = wants_color(*color, isatty(STDOUT_FILENO) != 0);
      return list(*settings, *options, *words);
    };
  });
}

}  // namespace wsbpf
