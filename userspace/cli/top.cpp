// `wsbpf top`: hands the daemon's answers to the view.
#include "top/top.h"

#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include "cli/commands.h"
#include "cli/output.h"
#include "core/filter.h"

namespace wsbpf {

void add_top(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand("top", "look at listeners and connections live");
  const auto backend_settings = add_backend_options(*command);
  const auto view = std::make_shared<top::Settings>();
  command->add_option("-d,--delay", view->delay_seconds, "seconds between refreshes (default 1)")
      ->type_name("SECONDS");
  command
      ->add_option(
          "-s,--sort", view->sort,
          fmt::format("sort by a column: {}; -COLUMN for descending, +COLUMN for ascending",
                      fmt::join(top::sort_columns(), " ")))
      ->type_name("COLUMN");
  command
      ->add_option("-F,--filter", view->filter,
                   "show only what it lets through, such as 'state close-wait'")
      ->type_name("FILTER");
  command->add_flag("--ascii", view->ascii, "draw with ASCII alone");
  command->add_flag("-b,--batch", view->batch,
                    "print plain frames; so it does where stdout is no terminal");
  command->add_option("-n,--iterations", view->iterations, "end after so many frames")
      ->check(CLI::Range(1, 1'000'000'000))
      ->type_name("N");
  const auto color = add_color_option(*command);
  command->callback([&chosen, backend_settings, view, color] {
    chosen = [backend_settings, view, color]() -> Result<ExitCode> {
      if (const auto delay = top::check_delay(view->delay_seconds); !delay) {
        return tl::unexpected(delay.error());
      }
      if (const auto sort = top::parse_sort(view->sort); !sort) return wrap("--sort", sort.error());
      if (const auto filter = Filter::parse(view->filter); !filter) {
        return tl::unexpected(filter.error());
      }
      const auto backend = open_backend(*backend_settings);
      if (!backend) return tl::unexpected(backend.error());
      if (!isatty(STDOUT_FILENO)) view->batch = true;
      view->color = wants_color(*color, !view->batch);
      view->fetch = [backend = *backend](const std::string& target) {
        return get_text(*backend, target);
      };
      if (auto result = top::run(*view); !result) return tl::unexpected(result.error());
      return ExitCode::kOk;
    };
  });
}

}  // namespace wsbpf
