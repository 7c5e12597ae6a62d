#include "top/sparkline.h"

#include <algorithm>
#include <cstddef>
#include <string>

namespace wsbpf::top {
namespace {

constexpr std::int64_t kEighths = 8;
constexpr const char* kFromLeft[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
// The lowest is a base line for 0.
constexpr const char* kFromBelow[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::int64_t kSteps = 7;  // above the base line

using Values = std::vector<std::optional<std::int64_t>>;

Values maxima(const Values& values, std::size_t columns) {
  if (values.size() <= columns) return values;
  Values result(columns);
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto& greatest = result[i * columns / values.size()];
    greatest = std::max(greatest, values[i]);  // nothing is less than any value
  }
  return result;
}

Span column(std::optional<std::int64_t> value, std::int64_t top,
            std::optional<std::int64_t> threshold) {
  if (!value) return {" "};
  if (*value <= 0) return {kFromBelow[0], Style::kLabel};
  const std::int64_t step = std::clamp<std::int64_t>((*value * kSteps + top - 1) / top, 1, kSteps);
  const bool beyond = threshold && *value > *threshold;
  return {kFromBelow[step], beyond ? Style::kCritical : Style::kNotice};
}

}  // namespace

Line bar(std::int64_t count, std::int64_t total, int width, Style style) {
  std::int64_t eighths = 0;
  if (count > 0 && total > 0) {
    const double share = std::min(1.0, static_cast<double>(count) / static_cast<double>(total));
    eighths = std::max<std::int64_t>(1, static_cast<std::int64_t>(share * width * kEighths + 0.5));
  }
  std::string text;
  for (std::int64_t i = 0; i < eighths / kEighths; ++i) text += "█";
  text += kFromLeft[eighths % kEighths];
  return fit_line({{std::move(text), style}}, width);
}

Line sparkline(const Values& values, std::optional<std::int64_t> threshold, int width) {
  if (width <= 0) return {};
  std::int64_t top = std::max<std::int64_t>(1, threshold.value_or(0));
  for (const auto& value : values) top = std::max(top, value.value_or(0));

  Line line;
  for (const auto& value : maxima(values, static_cast<std::size_t>(width))) {
    Span next = column(value, top, threshold);
    if (!line.empty() && line.back().style == next.style) {
      line.back().text += next.text;
    } else {
      line.push_back(std::move(next));
    }
  }
  return fit_line(std::move(line), width);
}

}  // namespace wsbpf::top
