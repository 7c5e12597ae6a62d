// Durations as they are written in flags.
#include "core/duration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wsbpf {
namespace {

using namespace std::chrono_literals;

TEST(Duration, ReadsEveryUnit) {
  EXPECT_EQ(parse_duration("300ms"), 300ms);
  EXPECT_EQ(parse_duration("3s"), 3s);
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("2h"), 2h);
  EXPECT_EQ(parse_duration("0s"), 0s);
}

TEST(Duration, ReadsFractions) {
  EXPECT_EQ(parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(parse_duration("0.25ms"), 250us);
}

TEST(Duration, RefusesWhatIsNoDuration) {
  for (const char* const text : {"", "3", "s", "3 s", " 3s", "3s ", "-3s", "3d", "3S", "1e3s",
                                 "nans", "infs", "3s4", "1h30m", "0x3s"}) {
    const auto duration = parse_duration(text);
    ASSERT_FALSE(duration.has_value()) << text;
    EXPECT_EQ(duration.error().exit_code, ExitCode::kUsage);
    EXPECT_THAT(duration.error().message, testing::HasSubstr("'" + std::string(text) + "'"));
  }
}

TEST(Duration, RefusesWhatWouldNotEnd) {
  EXPECT_TRUE(parse_duration("8784h").has_value());  // a leap year
  EXPECT_FALSE(parse_duration("8785h").has_value());
  EXPECT_FALSE(parse_duration("99999999999999999999h").has_value());
}

}  // namespace
}  // namespace wsbpf
