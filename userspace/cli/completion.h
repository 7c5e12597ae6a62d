// What a shell completes on the command line of wsbpf, read off the tree of commands and options,
// and the scripts that say it to each shell.
#pragma once

#include <CLI/CLI.hpp>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace wsbpf::completion {

enum class ValueKind {
  kFree,        // numbers, addresses, names: nothing to offer
  kWords,       // one of `words`
  kColumn,      // one of `words`, with - or + in front for a direction
  kFile,        // a path
  kFolder,      // the path of a folder
  kFilter,      // the words of a filter
  kConnection,  // the id of a connection, which the daemon knows
};

struct Value {
  ValueKind kind = ValueKind::kFree;
  std::string name;  // as help calls it: FORMAT
  std::vector<std::string> words;
};

struct Option {
  std::vector<std::string> names;  // with their dashes: -o, --output
  std::string help;                // a few words
  std::optional<Value> value;      // none: a switch
  bool may_repeat = false;
};

struct Command {
  std::string name;
  std::string help;
  std::vector<Option> options;
  std::optional<Value> argument;  // what stands without an option
};

// A word of the filter language that is compared with a value.
struct FilterField {
  std::string name;
  std::string help;
  std::vector<std::string> values;  // to offer; empty: any number, name or address
};

struct Vocabulary {
  std::vector<Option> options;  // before any command
  std::vector<Command> commands;
  std::vector<FilterField> fields;
  std::vector<std::string> connectives;  // between comparisons: and, or, not
  std::vector<std::string> comparisons;  // between a field and its value: =, eq, gt
};

Vocabulary vocabulary(const CLI::App& app);

// What the value of an option, or the argument `name`, of a command is.
Value value_of(const std::string& command, const std::string& name, const CLI::Option& option);

std::string bash_script(const Vocabulary& vocabulary);
std::string zsh_script(const Vocabulary& vocabulary);
std::string fish_script(const Vocabulary& vocabulary);

struct Shell {
  std::string_view name;
  std::string (*script)(const Vocabulary& vocabulary);
};

inline constexpr std::array<Shell, 3> kShells = {
    Shell{"bash", bash_script}, Shell{"zsh", zsh_script}, Shell{"fish", fish_script}};

}  // namespace wsbpf::completion
