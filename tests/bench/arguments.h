// The command lines of the loads: flags that each take a number, and --help.
#pragma once

#include <charconv>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>

struct Flag {
  std::string_view name;  // with its dashes
  unsigned* value;        // holds the default before
  unsigned least = 0;
  unsigned most = UINT_MAX;
};

// Fills in the values; prints `usage` and exits where the arguments are not to be understood.
inline void parse_arguments(int argc, char** argv, const char* usage, std::span<const Flag> flags) {
  const auto give_up = [usage](int status) {
    std::fputs(usage, status == 0 ? stdout : stderr);
    std::exit(status);
  };
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--help") give_up(0);
    if (i + 1 == argc) give_up(2);
    const std::string_view text = argv[++i];
    const char* const end = text.data() + text.size();
    bool is_known = false;
    for (const Flag& flag : flags) {
      if (flag.name != name) continue;
      is_known = true;
      const auto [rest, error] = std::from_chars(text.data(), end, *flag.value);
      if (error != std::errc{} || rest != end) give_up(2);
      if (*flag.value < flag.least || *flag.value > flag.most) give_up(2);
    }
    if (!is_known) give_up(2);
  }
}
