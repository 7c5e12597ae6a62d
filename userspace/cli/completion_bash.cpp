// The completion script of bash; it needs nothing but bash 4.4 itself.
#include <fmt/format.h>

#include "cli/completion.h"

namespace wsbpf::completion {
namespace {

constexpr char kHead[] = R"bash(# bash completion for wsbpf, made by `wsbpf completion bash`.
# Load it with: source <(wsbpf completion bash)

)bash";

constexpr char kFunctions[] = R"bash(
# Ids of connections, from a daemon that answers at once; else none.
_wsbpf_ids() {
  local program=${COMP_WORDS[0]} socket=() i
  for ((i = 2; i < COMP_CWORD; ++i)); do
    [[ ${COMP_WORDS[i - 1]} != --socket ]] || socket=(--socket "${COMP_WORDS[i]}")
  done
  timeout 1 "$program" check "${socket[@]}" &>/dev/null
  [[ $? == [03] ]] || return
  timeout 1 "$program" list -o jsonl --sort -state_age --limit 50 "${socket[@]}" 2>/dev/null |
    sed -n 's/^{"id":"\([0-9.]*\)".*/\1/p'
}

# A word of a filter: $1 is what there is of it, $2 and $3 the words before, the nearest first.
_wsbpf_filter() {
  local head= field=$2 earlier=$3 words word
  # All of a filter may be one word, in quotes; the last part of that is what is being written.
  if [[ $1 == *' '* ]]; then
    head="${1% *} "
    read -ra words <<<"$head"
    field=${words[-1]} earlier=
    ((${#words[@]} < 2)) || earlier=${words[-2]}
  fi
  [[ " $_wsbpf_comparisons " != *" $field "* ]] || field=$earlier
  words=$(_wsbpf_field_values "$field")
  COMPREPLY=()
  for word in ${words:-$_wsbpf_filter_words}; do
    [[ $head$word != "$1"* ]] || COMPREPLY+=("$head$word")
  done
}

_wsbpf() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} earlier=
  local command= kind= words= direction= i
  ((COMP_CWORD < 2)) || earlier=${COMP_WORDS[COMP_CWORD - 2]}
  # bash takes --sort=age for three words.
  if [[ $word == = ]]; then
    word=
  elif [[ $before == = ]]; then
    before=$earlier
  fi
  for ((i = 1; i < COMP_CWORD; ++i)); do
    [[ ${COMP_WORDS[i]} != -* ]] || continue
    command=${COMP_WORDS[i]}
    break
  done
  if ! _wsbpf_value "$command" "$before"; then
    if [[ $word == -* ]]; then
      kind=words words=$(_wsbpf_options "$command")
    else
      _wsbpf_argument "$command"
    fi
  fi
  COMPREPLY=()
  case $kind in
  words) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word") ;;
  column)
    [[ $word != [-+]* ]] || direction=${word:0:1}
    mapfile -t COMPREPLY < <(compgen -P "$direction" -W "$words" -- "${word#[-+]}")
    ;;
  file)
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
    ;;
  folder)
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -d -- "$word")
    ;;
  filter) _wsbpf_filter "${word#[\'\"]}" "$before" "$earlier" ;;
  connection) mapfile -t COMPREPLY < <(compgen -W "$(_wsbpf_ids)" -- "$word") ;;
  esac
}

complete -F _wsbpf wsbpf
)bash";

std::string_view kind_name(ValueKind kind) {
  switch (kind) {
    case ValueKind::kFree:
      return "free";
    case ValueKind::kWords:
      return "words";
    case ValueKind::kColumn:
      return "column";
    case ValueKind::kFile:
      return "file";
    case ValueKind::kFolder:
      return "folder";
    case ValueKind::kFilter:
      return "filter";
    case ValueKind::kConnection:
      return "connection";
  }
  return "";
}

std::string assignment(const Value& value) {
  std::string text = fmt::format("kind={}", kind_name(value.kind));
  if (!value.words.empty()) text += fmt::format(" words='{}'", fmt::join(value.words, " "));
  return text;
}

std::string all_names(const std::vector<Option>& options) {
  std::string names;
  for (const Option& option : options) {
    names += fmt::format("{}{}", names.empty() ? "" : " ", fmt::join(option.names, " "));
  }
  return names;
}

// A function that sets `kind` and `words` for the value of option $2 of command $1, or fails.
std::string values(const Vocabulary& all) {
  std::string text = "_wsbpf_value() {\n  case \"$1 $2\" in\n";
  for (const Command& command : all.commands) {
    for (const Option& option : command.options) {
      if (!option.value) continue;
      std::string patterns;
      for (const std::string& name : option.names) {
        patterns += fmt::format("{}'{} {}'", patterns.empty() ? "" : " | ", command.name, name);
      }
      text += fmt::format("  {}) {} ;;\n", patterns, assignment(*option.value));
    }
  }
  return text + "  *) return 1 ;;\n  esac\n}\n\n";
}

std::string arguments(const Vocabulary& all) {
  std::string names;
  std::string text = "_wsbpf_argument() {\n  case $1 in\n";
  for (const Command& command : all.commands) {
    names += fmt::format("{}{}", names.empty() ? "" : " ", command.name);
    if (!command.argument) continue;
    text += fmt::format("  {}) {} ;;\n", command.name, assignment(*command.argument));
  }
  return text + fmt::format("  '') kind=words words='{}' ;;\n  esac\n}}\n\n", names);
}

std::string options(const Vocabulary& all) {
  std::string text = "_wsbpf_options() {\n  case $1 in\n";
  text += fmt::format("  '') echo '{}' ;;\n", all_names(all.options));
  for (const Command& command : all.commands) {
    text += fmt::format("  {}) echo '{}' ;;\n", command.name, all_names(command.options));
  }
  return text + "  esac\n}\n\n";
}

std::string fields(const Vocabulary& all) {
  std::string names;
  std::string text = "_wsbpf_field_values() {\n  case $1 in\n";
  for (const FilterField& field : all.fields) {
    names += field.name + " ";
    if (field.values.empty()) continue;
    text += fmt::format("  {}) echo '{}' ;;\n", field.name, fmt::join(field.values, " "));
  }
  text += "  esac\n}\n\n";
  text += fmt::format("_wsbpf_filter_words='{}{}'\n", names, fmt::join(all.connectives, " "));
  return text + fmt::format("_wsbpf_comparisons='{}'\n", fmt::join(all.comparisons, " "));
}

}  // namespace

std::string bash_script(const Vocabulary& all) {
  return kHead + values(all) + arguments(all) + options(all) + fields(all) + kFunctions;
}

}  // namespace wsbpf::completion
