// Small drawings, and what becomes of them in ASCII.
#include <gtest/gtest.h>

#include <string>

#include "top/ascii.h"
#include "top/sparkline.h"
#include "top_models.h"

namespace wsbpf::top {
namespace {

using TopSparkline = TopTest;
using Values = std::vector<std::optional<std::int64_t>>;

std::string text(const Line& line) {
  std::string joined;
  for (const Span& span : line) joined += span.text;
  return joined;
}

TEST_F(TopSparkline, BarsAreAShareToAnEighth) {
  EXPECT_EQ(text(bar(0, 10, 4, Style::kPlain)), "    ");
  EXPECT_EQ(text(bar(10, 10, 4, Style::kPlain)), "████");
  EXPECT_EQ(text(bar(5, 10, 4, Style::kPlain)), "██  ");
  EXPECT_EQ(text(bar(17, 32, 4, Style::kPlain)), "██▏ ");
  EXPECT_EQ(text(bar(1, 1000000, 4, Style::kPlain)), "▏   ");
  EXPECT_EQ(text(bar(20, 10, 4, Style::kPlain)), "████");
  EXPECT_EQ(text(bar(1, 0, 2, Style::kPlain)), "  ");
  EXPECT_EQ(text(bar(1, 1, 0, Style::kPlain)), "");
}

TEST_F(TopSparkline, TheThresholdIsTheTopUntilItIsPassed) {
  EXPECT_EQ(text(sparkline({0, 1, 25, 50}, 50, 4)), "▁▂▅█");
  EXPECT_EQ(text(sparkline({0, 50, 100}, 50, 3)), "▁▅█");
  EXPECT_EQ(text(sparkline({0, 0}, {}, 2)), "▁▁");
}

TEST_F(TopSparkline, WhatPassesTheThresholdIsCritical) {
  const Line line = sparkline({0, 50, 51}, 50, 3);
  ASSERT_EQ(line.size(), 3u);
  EXPECT_EQ(line[0].style, Style::kLabel);
  EXPECT_EQ(line[1].style, Style::kNotice);
  EXPECT_EQ(line[2].style, Style::kCritical);
}

TEST_F(TopSparkline, ValuesThatShareAColumnShowTheirGreatest) {
  EXPECT_EQ(text(sparkline({0, 50, 0, 0, 0, 0}, 50, 3)), "█▁▁");
  Values values(60, 0);
  values[59] = 51;
  const std::string narrow = text(sparkline(values, 50, 12));
  EXPECT_EQ(narrow, "▁▁▁▁▁▁▁▁▁▁▁█");
}

TEST_F(TopSparkline, WhatIsNotKnownIsBlank) {
  EXPECT_EQ(text(sparkline({{}, {}, 0, 50}, 50, 4)), "  ▁█");
  EXPECT_EQ(text(sparkline({{}, 0, {}, {}}, 50, 2)), "▁ ");
  EXPECT_EQ(text(sparkline({}, 50, 3)), "   ");
}

TEST_F(TopSparkline, EveryWidthIsFilled) {
  for (int width = 0; width < 130; ++width) {
    EXPECT_EQ(line_width(sparkline(Values(60, 7), 5, width)), width);
    EXPECT_EQ(line_width(bar(7, 9, width, Style::kPlain)), width);
  }
}

TEST_F(TopSparkline, AsciiKeepsEveryColumn) {
  Frame frame{.lines = {{{"≥1s ▁▂█ ██▏ e\u0301日x…", Style::kNotice}}}, .spots = {}, .cursor = {}};
  const Frame ascii = to_ascii(frame);
  EXPECT_EQ(text(ascii.lines[0]), ">1s _.# ##| e??x~");
  EXPECT_EQ(ascii.lines[0][0].style, Style::kNotice);
  EXPECT_EQ(line_width(ascii.lines[0]), line_width(frame.lines[0]));
}

}  // namespace
}  // namespace wsbpf::top
