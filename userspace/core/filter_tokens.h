// A filter's text as words, strings and signs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/filter_term.h"
#include "core/result.h"

namespace wsbpf {

struct FilterToken {
  enum class Kind : uint8_t { kEnd, kWord, kString, kOpen, kClose, kNot, kAnd, kOr, kComparison };

  Kind kind = Kind::kEnd;
  size_t begin = 0;  // bytes of the filter
  size_t end = 0;
  std::string text;  // of a word or, without its quotes, a string
  Comparison comparison{};
};

// The token that begins at `at` or, after spaces, behind it. Error: a string without its end.
Result<FilterToken> next_filter_token(std::string_view filter, size_t at);

// What is wrong at `offset` of a filter, with the place shown (exit code: usage).
Error filter_error(std::string_view filter, size_t offset, std::string_view problem);

// The one of `candidates` that `word` may be a slip of, or "".
std::string_view nearest_word(std::string_view word,
                              const std::vector<std::string_view>& candidates);

}  // namespace wsbpf
