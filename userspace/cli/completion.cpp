#include "cli/completion.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/run_options.h"
#include "core/filter_term.h"
#include "serve/connection_list.h"
#include "top/sort.h"

namespace wsbpf {
namespace completion {
namespace {

using Words = std::vector<std::string>;

template <typename Names>
Words words(const Names& names) {
  Words all;
  for (const auto& name : names) {
    if (!name.empty()) all.emplace_back(name);
  }
  return all;
}

Words durations() { return {"10s", "30s", "1m", "5m", "10m", "1h"}; }

Words values_of(const FilterWord& word) {
  return word.value == FilterValue::kDuration ? durations() : words(word.choices);
}

// Where the tree itself does not say what a value is, as its IsMember checks do.
struct Row {
  std::string_view command;  // "": any
  std::string_view name;     // of the option, or of the value as help calls it
  ValueKind kind;
  Words (*words)() = nullptr;
};

constexpr Row kValues[] = {
    {"list", "COLUMN", ValueKind::kColumn, [] { return words(sort_columns()); }},
    {"top", "COLUMN", ValueKind::kColumn, [] { return words(top::sort_columns()); }},
    {"run", "--role", ValueKind::kWords, [] { return words(kRoles); }},
    {"run", "--log-level", ValueKind::kWords, [] { return words(kLogLevels); }},
    {"run", "--log-format", ValueKind::kWords, [] { return words(kLogFormats); }},
    {"replay", "--speed", ValueKind::kWords,
     [] {
       return Words{"max", "1", "10", "100"};
     }},
    {"", "DURATION", ValueKind::kWords, durations},
    {"", "PATH", ValueKind::kFile},
    {"", "FILE", ValueKind::kFile},
    {"", "DIR", ValueKind::kFolder},
    {"", "FILTER", ValueKind::kFilter},
    {"", "ID", ValueKind::kConnection},
};

// The values of an IsMember check, which the type's name shows: "FORMAT:{table,json}".
Words members(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t open = type.find('{');
  const size_t close = type.find('}', open);
  if (close == std::string::npos) return {};
  return CLI::detail::split(type.substr(open + 1, close - open - 1), ',');
}

// What help calls the value, without the checks that its type's name shows behind it. An argument
// may have its own name only.
std::string value_name(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  if (type.empty() || type == "TEXT") return option.get_name();
  const size_t range = type.find(" in [");
  return type.substr(
      0, std::min(type.find(":{"), range == std::string::npos ? range : type.rfind(':', range)));
}

// The first words of a help text, which say what it is about; a single one says too little.
std::string summary(const std::string& help) {
  return help.substr(0,
                     std::min({help.find(';'), help.find(": ", help.find(' ')), help.find(" (")}));
}

Words names_of(const CLI::Option& option) {
  Words names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

Option read_option(const std::string& command, const CLI::Option& option) {
  Option read;
  read.names = names_of(option);
  read.help = summary(option.get_description());
  if (option.get_items_expected_max() > 0)
    read.value = value_of(command, read.names.back(), option);
  read.may_repeat = option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll ||
                    option.get_expected_max() > 1;
  return read;
}

std::vector<Option> read_options(const CLI::App& command, const std::string& name) {
  std::vector<Option> options;
  for (const CLI::Option* option : command.get_options()) {
    if (!option->nonpositional()) continue;
    options.push_back(read_option(name, *option));
  }
  return options;
}

Command read_command(const CLI::App& app) {
  Command command;
  command.name = app.get_name();
  command.help = summary(app.get_description());
  command.options = read_options(app, command.name);
  for (const CLI::Option* option : app.get_options()) {
    if (option->nonpositional()) continue;
    command.argument = value_of(command.name, option->get_name(), *option);
  }
  return command;
}

}  // namespace

Value value_of(const std::string& command, const std::string& name, const CLI::Option& option) {
  Value value;
  value.name = value_name(option);
  value.words = members(option);
  if (!value.words.empty()) {
    value.kind = ValueKind::kWords;
    return value;
  }
  const auto* row = std::find_if(std::begin(kValues), std::end(kValues), [&](const Row& each) {
    return (each.command.empty() || each.command == command) &&
           (each.name == name || each.name == value.name);
  });
  if (row == std::end(kValues)) return value;
  value.kind = row->kind;
  if (row->words != nullptr) value.words = row->words();
  return value;
}

Vocabulary vocabulary(const CLI::App& app) {
  Vocabulary all;
  all.options = read_options(app, "");
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    all.commands.push_back(read_command(*command));
  }
  for (const FilterWord& word : filter_words()) {
    all.fields.push_back({std::string(word.name), std::string(word.help), values_of(word)});
  }
  all.connectives = {"and", "or", "not"};
  for (const ComparisonNames& comparison : filter_comparisons()) {
    for (const auto name : comparison.names) all.comparisons.emplace_back(name);
  }
  return all;
}

}  // namespace completion

void add_completion(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand("completion", "print what completes commands in a shell");
  command->footer(
      "\nbash: source <(wsbpf completion bash)          in ~/.bashrc\n"
      "zsh:  source <(wsbpf completion zsh)           in ~/.zshrc, after compinit\n"
      "fish: wsbpf completion fish | source           in ~/.config/fish/config.fish\n"
      "cmake --install puts all three where each shell looks for them.");
  const auto shell = std::make_shared<std::string>();
  std::vector<std::string> shells;
  for (const auto& each : completion::kShells) shells.emplace_back(each.name);
  command->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember(shells))
      ->type_name("SHELL");
  command->callback([&app, &chosen, shell] {
    chosen = [&app, shell]() -> Result<ExitCode> {
      const auto* found = std::find_if(completion::kShells.begin(), completion::kShells.end(),
                                       [&](const auto& each) { return each.name == *shell; });
      if (auto printed = print(found->script(completion::vocabulary(app))); !printed) {
        return tl::unexpected(printed.error());
      }
      return ExitCode::kOk;
    };
  });
}

}  // namespace wsbpf
