// Filters as people write them: the vocabulary of ss(8) and ours, see docs/filters.md.
//   state close-wait and ( comm node or dst 10.0.0.0/8 ) and not close-wait-age lt 1m
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/filter_term.h"
#include "core/result.h"

namespace wsbpf {

class Filter {
 public:
  static constexpr size_t kMostBytes = 16 << 10;
  static constexpr size_t kDeepest = 200;  // parentheses within each other

  // Lets everything through.
  Filter() = default;

  // Reads a filter; one of spaces only lets everything through. The first line of an error says
  // what was expected at which column (counted in characters, from 1) and what is there; where it
  // helps, two more show the place with a caret below, for a terminal (exit code: usage).
  static Result<Filter> parse(std::string_view text);

  bool matches(const FilterSubject& subject) const;

  bool matches_everything() const { return steps_.empty(); }

  // The filter in one spelling, which parses to the same filter; of the printable kind unless a
  // string in it is not.
  const std::string& text() const { return text_; }

 private:
  friend class FilterParser;

  // A flat program over one truth value. The jumps are what makes `and` and `or` stop early.
  enum class Action : uint8_t { kTest, kNegate, kSkipIfFalse, kSkipIfTrue };
  struct Step {
    Action action{};
    uint32_t operand = 0;  // kTest: index of the term; skips: where to go on
  };

  std::vector<Step> steps_;
  std::vector<FilterTerm> terms_;
  std::string text_;
};

// The first line of an error of Filter::parse(), for where no caret can be shown.
std::string_view first_line(std::string_view message);

}  // namespace wsbpf
