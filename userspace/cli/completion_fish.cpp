// The completion script of fish.
#include <fmt/format.h>

#include "cli/completion.h"

namespace wsbpf::completion {
namespace {

constexpr char kHead[] =
    R"fish(# fish completion for wsbpf, made by `wsbpf completion fish`. Save it as wsbpf.fish in
# ~/.config/fish/completions, or load it with: wsbpf completion fish | source

function __wsbpf_in --description 'Is this the command on the command line? Without any: is there none?'
    set -l words (commandline -opc)
    for word in $words[2..]
        string match -q -- '-*' $word; and continue
        test "$word" = "$argv[1]"
        return
    end
    test -z "$argv[1]"
end

function __wsbpf_columns --description 'The columns to sort by, with the direction in front'
    set -l direction (commandline -ct | string replace -r -- '^--\w+=' '' | string match -r -- '^[-+]')
    printf '%s\n' "$direction"$argv
end

function __wsbpf_connections --description 'Connections, from a daemon that answers at once; else none'
    set -l words (commandline -opc)
    set -l program $words[1]
    set -l socket
    if set -l at (contains -i -- --socket $words)
        set socket --socket $words[(math $at + 1)]
    end
    timeout 1 $program check $socket >/dev/null 2>&1
    contains $status 0 3; or return
    timeout 1 $program list -o jsonl --sort -state_age --limit 50 $socket 2>/dev/null |
        string replace -rf -- '^\{"id":"([0-9.]+)".*"remote":\{"address":"([^"]*)","port":(\d+)\}.*"state":"(\w+)".*' '$1\t$4, peer $2 port $3'
end

)fish";

// Within single quotes.
std::string quoted(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string completes(const Value& value) {
  switch (value.kind) {
    case ValueKind::kFree:
      return " -x";
    case ValueKind::kWords:
      return fmt::format(" -x -a '{}'", fmt::join(value.words, " "));
    case ValueKind::kColumn:
      return fmt::format(" -x -a '(__wsbpf_columns {})'", fmt::join(value.words, " "));
    case ValueKind::kFile:
      return " -r -F";
    case ValueKind::kFolder:
      return " -x -a '(__fish_complete_directories)'";
    case ValueKind::kFilter:
      return " -x -a '(__wsbpf_filter)'";
    case ValueKind::kConnection:
      return " -x -a '(__wsbpf_connections)'";
  }
  return "";
}

std::string complete(const std::string& command, std::string_view rest) {
  return fmt::format("complete -c wsbpf -n '__wsbpf_in {}'{}\n", command.empty() ? "\"\"" : command,
                     rest);
}

std::string option_line(const std::string& command, const Option& option) {
  std::string text;
  for (const std::string& name : option.names) {
    const bool is_long = name.starts_with("--");
    text += fmt::format(" {} {}", is_long ? "-l" : "-s", name.substr(is_long ? 2 : 1));
  }
  if (option.value) text += completes(*option.value);
  return complete(command, fmt::format("{} -d '{}'", text, quoted(option.help)));
}

std::string filter(const Vocabulary& all) {
  std::string text =
      R"(function __wsbpf_filter --description 'The words of a filter, of which one token may hold several'
    set -l token (commandline -ct | string replace -r -- '^(--\w+=)?[\'"]?' '')
    set -l head (string match -r -- '^.* ' $token)
    set -l words (commandline -opc) (string split -n ' ' -- $head)
    set -l field $words[-1]
)";
  text += fmt::format("    contains -- \"$field\" '{}'; and set field $words[-2]\n",
                      fmt::join(all.comparisons, "' '"));
  text += "    set -l candidates\n    switch \"$field\"\n";
  std::string words;
  for (const FilterField& field : all.fields) {
    words += fmt::format("{}\\t'{}' ", field.name, quoted(field.help));
    if (field.values.empty()) continue;
    text += fmt::format("        case {}\n            set candidates {}\n", field.name,
                        fmt::join(field.values, " "));
  }
  text += fmt::format("        case '*'\n            set candidates {}{}\n    end\n", words,
                      fmt::join(all.connectives, " "));
  return text + "    printf '%s\\n' \"$head\"$candidates\nend\n\n";
}

}  // namespace

std::string fish_script(const Vocabulary& all) {
  std::string text = kHead + filter(all) + "complete -c wsbpf -f\n";
  for (const Option& option : all.options) text += option_line("", option);
  for (const Command& command : all.commands) {
    text += complete("", fmt::format(" -a {} -d '{}'", command.name, quoted(command.help)));
  }
  for (const Command& command : all.commands) {
    for (const Option& option : command.options) text += option_line(command.name, option);
    if (command.argument) text += complete(command.name, completes(*command.argument));
  }
  return text;
}

}  // namespace wsbpf::completion
