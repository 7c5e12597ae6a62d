// The grammar of filters:
//   either     = all { "or" all }
//   all        = negation { [ "and" ] negation }
//   negation   = { "not" } ( "(" either ")" | states | comparison )
//   states     = ( "state" | "exclude" ) [ "=" ] STATE { ( "state" | "exclude" ) [ "=" ] STATE }
//   comparison = NAME [ [ OPERATOR ] VALUE ]
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/filter.h"
#include "core/filter_tokens.h"
#include "core/filter_value.h"
#include "core/text.h"

namespace wsbpf {

// Descends only where a parenthesis opens, and no further than kDeepest.
class FilterParser {
 public:
  explicit FilterParser(std::string_view text) : text_(text) {}

  Result<Filter> parse();

 private:
  using Kind = FilterToken::Kind;
  using Action = Filter::Action;

  bool either(size_t depth);
  bool all(size_t depth);
  bool negation(size_t depth);
  bool parentheses(size_t depth);
  bool comparison();
  bool states(const FilterWord& first);
  bool value_of(const FilterWord& word, FilterTerm& term);
  bool stands_alone(const FilterWord& word) const;

  bool begins_negation() const;
  const FilterWord* word_here() const;
  bool advance();
  bool wrong(size_t offset, std::string_view problem);
  bool expected(std::string_view what);
  std::string found() const;
  size_t emit(Action action, size_t operand = 0);
  void land(const std::vector<size_t>& jumps);
  void test(FilterTerm term);
  void write(std::string_view text);

  std::string_view text_;
  FilterToken token_;
  size_t behind_last_ = 0;  // where the token before this one ended
  Filter filter_;
  Error error_;
};

namespace {

bool is_state_word(const FilterWord* word) {
  return word != nullptr && (word->name == "state" || word->name == "exclude");
}

// A value as it reads back: bare where nothing in it could be taken for something else.
std::string quoted(std::string_view value) {
  const bool is_bare = std::all_of(value.begin(), value.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_.:*/[]").find(c) != std::string_view::npos;
  });
  const auto token = next_filter_token(value, 0);
  if (is_bare && token && token->kind == FilterToken::Kind::kWord) return std::string(value);
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string clipped(std::string_view text) {
  constexpr size_t kLongest = 40;
  if (text.size() <= kLongest) return printable(text);
  size_t length = 0;
  while (length < kLongest) length += first_character(text.substr(length));
  return printable(text.substr(0, length)) + "…";
}

std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates) {
  const std::string_view nearest = nearest_word(word, candidates);
  return nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest);
}

const FilterWord* find_word(std::string_view name) {
  const std::string spelling = filter_spelling(name);
  for (const FilterWord& word : filter_words()) {
    if (word.name == spelling) return &word;
  }
  return nullptr;
}

std::vector<std::string_view> word_names() {
  std::vector<std::string_view> names = {"and", "or", "not"};
  for (const FilterWord& word : filter_words()) names.push_back(word.name);
  return names;
}

std::string_view usual_name(Comparison comparison) {
  for (const auto& [known, names] : filter_comparisons()) {
    if (known == comparison) return names.front();
  }
  return {};
}

}  // namespace

Result<Filter> FilterParser::parse() {
  if (text_.size() > Filter::kMostBytes) {
    return fail(fmt::format("the filter is {} bytes long: {} are the most", text_.size(),
                            Filter::kMostBytes),
                ExitCode::kUsage);
  }
  if (!advance()) return tl::unexpected(error_);
  if (token_.kind == Kind::kEnd) return Filter();
  if (!either(0)) return tl::unexpected(error_);
  if (token_.kind != Kind::kEnd) {
    expected("'and', 'or' or the end");
    return tl::unexpected(error_);
  }
  return std::move(filter_);
}

bool FilterParser::either(size_t depth) {
  std::vector<size_t> jumps;
  if (!all(depth)) return false;
  while (token_.kind == Kind::kOr) {
    jumps.push_back(emit(Action::kSkipIfTrue));
    write("or");
    if (!advance() || !all(depth)) return false;
  }
  land(jumps);
  return true;
}

bool FilterParser::all(size_t depth) {
  std::vector<size_t> jumps;
  if (!negation(depth)) return false;
  while (token_.kind == Kind::kAnd || begins_negation()) {
    jumps.push_back(emit(Action::kSkipIfFalse));
    write("and");
    if (token_.kind == Kind::kAnd && !advance()) return false;
    if (!negation(depth)) return false;
  }
  land(jumps);
  return true;
}

bool FilterParser::negation(size_t depth) {
  bool negated = false;
  while (token_.kind == Kind::kNot) {
    negated = !negated;
    if (!advance()) return false;
  }
  if (negated) write("not");
  if (token_.kind == Kind::kOpen) {
    if (!parentheses(depth + 1)) return false;
  } else if (!comparison()) {
    return false;
  }
  if (negated) emit(Action::kNegate);
  return true;
}

bool FilterParser::parentheses(size_t depth) {
  if (depth > Filter::kDeepest) {
    return wrong(token_.begin,
                 fmt::format("more than {} parentheses within each other", Filter::kDeepest));
  }
  write("(");
  if (!advance() || !either(depth)) return false;
  if (token_.kind != Kind::kClose) return expected("'and', 'or' or ')'");
  write(")");
  return advance();
}

bool FilterParser::comparison() {
  if (token_.kind != Kind::kWord) return expected("a name such as state, sport or comm");
  const FilterWord* word = word_here();
  if (word == nullptr) {
    return wrong(token_.begin, fmt::format("expected a name such as state, sport or comm, not {}{}",
                                           found(), suggestion(token_.text, word_names())));
  }
  if (is_state_word(word)) return states(*word);
  if (!advance()) return false;
  FilterTerm term;
  term.matches = word->matches;
  if (token_.kind == Kind::kComparison) {
    term.comparison = token_.comparison;
    const bool equality =
        term.comparison == Comparison::kEqual || term.comparison == Comparison::kNotEqual;
    if (!equality && !is_ordered(word->value)) {
      return wrong(token_.begin, fmt::format("{} is compared by = or != only", word->name));
    }
    if (!advance()) return false;
  } else if (stands_alone(*word)) {
    term.choices = UINT32_MAX;
    write(word->name);
    test(std::move(term));
    return true;
  }
  const FilterToken value = token_;
  if (!value_of(*word, term)) return false;
  write(fmt::format("{} {} {}", word->name, usual_name(term.comparison), quoted(value.text)));
  test(std::move(term));
  return true;
}

// What ss(8) understands by `state A state B exclude C`: one set of states, in the order in which
// it is written, which begins empty with `state` and full with `exclude`.
bool FilterParser::states(const FilterWord& first) {
  FilterTerm set;
  set.matches = first.matches;
  set.choices = first.name == "state" ? 0 : UINT32_MAX;
  for (const FilterWord* word = &first; is_state_word(word); word = word_here()) {
    bool excluded = word->name == "exclude";
    if (!advance()) return false;
    if (token_.kind == Kind::kComparison) {
      const bool negated = token_.comparison == Comparison::kNotEqual && !excluded;
      if (!negated && token_.comparison != Comparison::kEqual) {
        return wrong(token_.begin, fmt::format("{} is compared by = {}only", word->name,
                                               excluded ? "" : "or != "));
      }
      if (negated && word == &first && set.choices == 0) set.choices = UINT32_MAX;
      excluded = excluded || negated;
      if (!advance()) return false;
    }
    const std::string value = filter_spelling(token_.text);
    FilterTerm one;
    if (!value_of(*word, one)) return false;
    set.choices = excluded ? set.choices & ~one.choices : set.choices | one.choices;
    write(fmt::format("{} {}", excluded ? "exclude" : "state", value));
  }
  test(std::move(set));
  return true;
}

bool FilterParser::value_of(const FilterWord& word, FilterTerm& term) {
  if (token_.kind != Kind::kWord && token_.kind != Kind::kString) {
    return expected(filter_value_description(word));
  }
  if (!read_filter_value(word, token_.text, term)) {
    return wrong(token_.begin, fmt::format("expected {}, not {}{}", filter_value_description(word),
                                           found(), suggestion(token_.text, word.choices)));
  }
  return advance();
}

// Nothing that could be its value follows.
bool FilterParser::stands_alone(const FilterWord& word) const {
  if (!word.may_stand_alone) return false;
  return (token_.kind != Kind::kWord && token_.kind != Kind::kString) || word_here() != nullptr;
}

bool FilterParser::begins_negation() const {
  return token_.kind == Kind::kNot || token_.kind == Kind::kOpen || token_.kind == Kind::kWord ||
         token_.kind == Kind::kString;
}

const FilterWord* FilterParser::word_here() const {
  return token_.kind == Kind::kWord ? find_word(token_.text) : nullptr;
}

bool FilterParser::advance() {
  behind_last_ = token_.end;
  auto next = next_filter_token(text_, token_.end);
  if (!next) {
    error_ = std::move(next.error());
    return false;
  }
  token_ = std::move(*next);
  return true;
}

bool FilterParser::wrong(size_t offset, std::string_view problem) {
  error_ = filter_error(text_, offset, problem);
  return false;
}

bool FilterParser::expected(std::string_view what) {
  // At the end, behind the last word rather than behind the spaces after it.
  const size_t offset = token_.kind == Kind::kEnd ? behind_last_ : token_.begin;
  return wrong(offset, fmt::format("expected {}, not {}", what, found()));
}

std::string FilterParser::found() const {
  if (token_.kind == Kind::kEnd) return "the end";
  return fmt::format("'{}'", clipped(text_.substr(token_.begin, token_.end - token_.begin)));
}

size_t FilterParser::emit(Action action, size_t operand) {
  filter_.steps_.push_back({action, static_cast<uint32_t>(operand)});
  return filter_.steps_.size() - 1;
}

void FilterParser::land(const std::vector<size_t>& jumps) {
  for (const size_t jump : jumps) {
    filter_.steps_[jump].operand = static_cast<uint32_t>(filter_.steps_.size());
  }
}

void FilterParser::test(FilterTerm term) {
  emit(Action::kTest, filter_.terms_.size());
  filter_.terms_.push_back(std::move(term));
}

void FilterParser::write(std::string_view text) {
  if (!filter_.text_.empty()) filter_.text_ += ' ';
  filter_.text_ += text;
}

Result<Filter> Filter::parse(std::string_view text) { return FilterParser(text).parse(); }

}  // namespace wsbpf
