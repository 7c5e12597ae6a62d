// The values of filters as they are written: states, ports, addresses, durations.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/filter_term.h"

namespace wsbpf {

// Lower case, with '-' for '_': how names and choices are compared.
std::string filter_spelling(std::string_view word);

// The states and groups of states to offer, as ss(8) writes them.
std::vector<std::string_view> state_choices();

// Reads a value of `word` into `term`; false where it is none.
bool read_filter_value(const FilterWord& word, std::string_view text, FilterTerm& term);

// What a value of `word` is, for an error: "a port such as :8080".
std::string filter_value_description(const FilterWord& word);

}  // namespace wsbpf
