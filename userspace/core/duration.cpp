#include "core/duration.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "core/text.h"

namespace wsbpf {
namespace {

struct Unit {
  std::string_view suffix;
  double nanoseconds;
};

constexpr Unit kUnits[] = {{"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
constexpr double kLongest_ns = 366 * 24 * 3600e9;  // beyond a year it is a mistake

}  // namespace

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error == std::errc{}) {
    const std::string_view suffix(rest, static_cast<size_t>(end - rest));
    for (const Unit& unit : kUnits) {
      const double nanoseconds = number * unit.nanoseconds;
      if (suffix != unit.suffix || number < 0) continue;
      if (nanoseconds <= kLongest_ns) return std::chrono::nanoseconds(std::llround(nanoseconds));
      return fail(fmt::format("bad duration '{}': a year is the most", printable(text)),
                  ExitCode::kUsage);
    }
  }
  return fail(
      fmt::format("bad duration '{}': write a number and a unit, such as 300ms, 3s, 5m or 2h",
                  printable(text)),
      ExitCode::kUsage);
}

}  // namespace wsbpf
