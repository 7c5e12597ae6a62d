#include "core/filter_tokens.h"

#include <algorithm>
#include <utility>

#include "core/filter_value.h"

namespace wsbpf {
namespace {

using Kind = FilterToken::Kind;

constexpr std::string_view kSpaces = " \t\n\r\v\f";
constexpr std::string_view kQuotes = "\"'";
constexpr std::string_view kEndsOfWords = " \t\n\r\v\f()!&|=<>\"'";

// The longer signs first.
constexpr std::pair<std::string_view, Kind> kSigns[] = {
    {"(", Kind::kOpen}, {")", Kind::kClose}, {"&&", Kind::kAnd}, {"&", Kind::kAnd},
    {"||", Kind::kOr},  {"|", Kind::kOr},    {"!", Kind::kNot}};
constexpr std::pair<std::string_view, Kind> kWords[] = {
    {"and", Kind::kAnd}, {"or", Kind::kOr}, {"not", Kind::kNot}};

bool is_sign(std::string_view name) { return kEndsOfWords.find(name[0]) != std::string_view::npos; }

// A comparison's sign at the beginning of `rest`: the longest, so that "<=" is not "<".
std::string_view comparison_sign(std::string_view rest, FilterToken& token) {
  std::string_view longest;
  for (const auto& [comparison, names] : filter_comparisons()) {
    for (const std::string_view name : names) {
      if (!is_sign(name) || !rest.starts_with(name) || name.size() <= longest.size()) continue;
      longest = name;
      token.comparison = comparison;
    }
  }
  if (!longest.empty()) token.kind = Kind::kComparison;
  return longest;
}

void recognize_word(FilterToken& token) {
  const std::string spelling = filter_spelling(token.text);
  token.kind = Kind::kWord;
  for (const auto& [name, kind] : kWords) {
    if (name == spelling) token.kind = kind;
  }
  for (const auto& [comparison, names] : filter_comparisons()) {
    if (std::find(names.begin(), names.end(), spelling) == names.end()) continue;
    token.kind = Kind::kComparison;
    token.comparison = comparison;
  }
}

// From the opening quote on; a backslash takes the next byte as it is. False: it does not end.
bool read_string(std::string_view rest, FilterToken& token) {
  token.kind = Kind::kString;
  for (size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == rest[0]) {
      token.end = token.begin + i + 1;
      return true;
    }
    if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
    token.text += rest[i];
  }
  return false;
}

}  // namespace

Result<FilterToken> next_filter_token(std::string_view filter, size_t at) {
  FilterToken token;
  token.begin = std::min(filter.find_first_not_of(kSpaces, at), filter.size());
  token.end = token.begin;
  const std::string_view rest = filter.substr(token.begin);
  if (rest.empty()) return token;
  if (kQuotes.find(rest[0]) != std::string_view::npos) {
    if (read_string(rest, token)) return token;
    return tl::unexpected(
        filter_error(filter, token.begin, "the string that begins here has no end"));
  }
  if (const std::string_view sign = comparison_sign(rest, token); !sign.empty()) {
    token.end += sign.size();
    return token;
  }
  for (const auto& [sign, kind] : kSigns) {
    if (!rest.starts_with(sign)) continue;
    token.kind = kind;
    token.end += sign.size();
    return token;
  }
  token.text = rest.substr(0, rest.find_first_of(kEndsOfWords));
  token.end += token.text.size();
  recognize_word(token);
  return token;
}

}  // namespace wsbpf
