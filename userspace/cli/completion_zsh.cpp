// The completion script of zsh.
#include <fmt/format.h>

#include "cli/completion.h"

namespace wsbpf::completion {
namespace {

constexpr char kHead[] = R"zsh(#compdef wsbpf
# zsh completion for wsbpf, made by `wsbpf completion zsh`. Save it as _wsbpf in a folder of $fpath,
# or load it after compinit with: source <(wsbpf completion zsh)

# The columns to sort by, given as further arguments, with a direction in front of any.
_wsbpf_columns() {
  compset -P '[-+]'
  compadd "$@"
}

# Connections, from a daemon that answers at once; else none.
_wsbpf_connections() {
  local -a socket connections
  [[ -z ${opt_args[--socket]} ]] || socket=(--socket ${(Q)opt_args[--socket]})
  timeout 1 $_wsbpf_program check $socket &>/dev/null
  [[ $? == [03] ]] || return 1
  connections=(${(f)"$(timeout 1 $_wsbpf_program list -o jsonl --sort -state_age --limit 50 $socket \
    2>/dev/null | sed -nE 's/^\{"id":"([0-9.]+)".*"remote":\{"address":"([^"]*)","port":([0-9]+)\}.*"state":"([a-z_0-9]+)".*/\1:\4, peer \2 port \3/p')"})
  _describe -V -t connections 'connection' connections
}

)zsh";

constexpr char kTail[] = R"zsh(
_wsbpf() {
  local curcontext=$curcontext _wsbpf_program=${(Q)~words[1]} state state_descr line
  local -A opt_args
  _arguments -C -s \
    "$_wsbpf_options[@]" \
    '1:command:_wsbpf_commands' \
    '*:: :->arguments'
  [[ $state == arguments ]] || return
  curcontext=${curcontext%:*:*}:wsbpf-$line[1]:
  (( $+functions[_wsbpf-$line[1]] )) && _wsbpf-$line[1]
}

# Autoloaded from $fpath, the file is the function's first call; sourced, it only defines it.
if [[ $funcstack[1] == _wsbpf ]]; then
  _wsbpf "$@"
else
  compdef _wsbpf wsbpf
fi
)zsh";

// A text within single quotes and, in a specification of _arguments, within brackets.
std::string quoted(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += R"('\'')";
    } else {
      if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out;
}

std::string action(const Value& value) {
  switch (value.kind) {
    case ValueKind::kFree:
      return " ";
    case ValueKind::kWords:
      return fmt::format("({})", fmt::join(value.words, " "));
    case ValueKind::kColumn:
      return fmt::format("_wsbpf_columns {}", fmt::join(value.words, " "));
    case ValueKind::kFile:
      return "_files";
    case ValueKind::kFolder:
      return "_files -/";
    case ValueKind::kFilter:
      return "_wsbpf_filter";
    case ValueKind::kConnection:
      return "_wsbpf_connections";
  }
  return "";
}

// One line for each name, as the forms of their values differ: -oVALUE, --output=VALUE.
std::string specifications(const Option& option, std::string_view indent) {
  std::string text;
  for (const std::string& name : option.names) {
    std::string front = option.may_repeat ? "*" : "";
    if (!option.may_repeat && option.names.size() > 1) {
      front = fmt::format("({})", fmt::join(option.names, " "));
    }
    std::string form = name;
    std::string value;
    if (option.value) {
      form += name.starts_with("--") ? "=" : "+";
      value = fmt::format(":{}:{}", quoted(option.value->name), action(*option.value));
    }
    text += fmt::format("{}'{}{}[{}]{}'", indent, front, form, quoted(option.help), value);
  }
  return text;
}

std::string command_function(const Command& command) {
  std::string text = fmt::format("_wsbpf-{}() {{\n  _arguments -s", command.name);
  for (const Option& option : command.options) text += specifications(option, " \\\n    ");
  if (command.argument) {
    const char* const where = command.argument->kind == ValueKind::kFilter ? "*" : "1";
    text += fmt::format(" \\\n    '{}:{}:{}'", where, quoted(command.argument->name),
                        action(*command.argument));
  }
  return text + "\n}\n\n";
}

std::string commands(const Vocabulary& all) {
  std::string text = "_wsbpf_commands() {\n  local -a commands=(\n";
  for (const Command& command : all.commands) {
    text += fmt::format("    '{}:{}'\n", command.name, quoted(command.help));
  }
  return text + "  )\n  _describe -t commands 'command' commands\n}\n\n";
}

std::string filter(const Vocabulary& all) {
  std::string text = R"(# The words of a filter, of which several may be in one pair of quotes.
_wsbpf_filter() {
  [[ -z $compstate[quote] ]] || compset -q
  local field=${words[CURRENT - 1]}
)";
  text +=
      fmt::format("  [[ $field != ('{}') ]] || field=${{words[CURRENT - 2]}}\n  case $field in\n",
                  fmt::join(all.comparisons, "'|'"));
  std::string names;
  for (const FilterField& field : all.fields) {
    names += fmt::format("'{}[{}]' ", field.name, quoted(field.help));
    if (field.values.empty()) continue;
    text += fmt::format("  {0}) _values '{0}' {1} ;;\n", field.name, fmt::join(field.values, " "));
  }
  return text + fmt::format("  *) _values 'filter' {}{} ;;\n  esac\n}}\n\n", names,
                            fmt::join(all.connectives, " "));
}

}  // namespace

std::string zsh_script(const Vocabulary& all) {
  std::string text = kHead + filter(all) + commands(all);
  for (const Command& command : all.commands) text += command_function(command);
  text += "_wsbpf_options=(";
  for (const Option& option : all.options) text += specifications(option, "\n  ");
  return text + "\n)\n" + kTail;
}

}  // namespace wsbpf::completion
