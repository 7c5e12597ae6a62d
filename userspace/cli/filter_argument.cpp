#include "cli/filter_argument.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/filter.h"
#include "core/text.h"

namespace wsbpf {

std::shared_ptr<std::vector<std::string>> add_filter_argument(CLI::App& command) {
  const auto words = std::make_shared<std::vector<std::string>>();
  command
      .add_option("FILTER", *words,
                  "what to show, as in ss: state close-wait, sport = :8080, dst 10.0.0.0/8, comm "
                  "node, age gt 5m; with and, or, not, ( )")
      ->type_name("");
  return words;
}

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

Result<std::string> filter_parameter(const std::vector<std::string>& words) {
  const std::string text = joined(words);
  const auto filter = Filter::parse(text);
  if (!filter) return tl::unexpected(filter.error());
  return filter->matches_everything() ? "" : "&filter=" + percent_encode(text);
}

}  // namespace wsbpf
