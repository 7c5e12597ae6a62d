// Values as text.
#include <gtest/gtest.h>

#include "top/format.h"

namespace wsbpf::top {
namespace {

TEST(TopFormat, Durations) {
  EXPECT_EQ(duration_text({}), "-");
  EXPECT_EQ(duration_text(-1), "-");
  EXPECT_EQ(duration_text(0), "0.0s");
  EXPECT_EQ(duration_text(3.25), "3.2s");
  EXPECT_EQ(duration_text(59.99), "59s");
  EXPECT_EQ(duration_text(843), "14m03s");
  EXPECT_EQ(duration_text(8040), "2h14m");
  EXPECT_EQ(duration_text(90061), "1d01h");
  EXPECT_EQ(duration_text(86400 * 365.0), "365d");
}

TEST(TopFormat, RoundTrips) {
  EXPECT_EQ(round_trip_text({}), "-");
  EXPECT_EQ(round_trip_text(0.000024), "24us");
  EXPECT_EQ(round_trip_text(0.0014), "1.4ms");
  EXPECT_EQ(round_trip_text(0.0123), "12ms");
  EXPECT_EQ(round_trip_text(1.25), "1.2s");
}

TEST(TopFormat, CountsSizesRates) {
  EXPECT_EQ(count_text({}), "-");
  EXPECT_EQ(count_text(99999), "99999");
  EXPECT_EQ(count_text(100000), "100k");
  EXPECT_EQ(count_text(12345678), "12.3M");
  EXPECT_EQ(size_text({}), "-");
  EXPECT_EQ(size_text(9999), "9999");
  EXPECT_EQ(size_text(65536), "64.0K");
  EXPECT_EQ(size_text(5LL << 30), "5.0G");
  EXPECT_EQ(rate_text({}), "-");
  EXPECT_EQ(rate_text(12.43), "12.4");
  EXPECT_EQ(rate_text(1234.5), "1234");
}

TEST(TopFormat, Owners) {
  EXPECT_EQ(owner_text({.pid = 4121, .comm = "node"}), "node[4121]");
  EXPECT_EQ(owner_text({.pid = {}, .comm = "node"}), "node");
  EXPECT_EQ(owner_text({.pid = 4121, .comm = ""}), "[4121]");
  EXPECT_EQ(owner_text({}), "-");
}

TEST(TopFormat, Endpoints) {
  EXPECT_EQ(endpoint_text({.address = "10.0.3.7", .port = 443}), "10.0.3.7:443");
  EXPECT_EQ(endpoint_text({.address = "2001:db8::1", .port = 443}), "[2001:db8::1]:443");
  EXPECT_EQ(endpoint_text({.address = "10.0.3.7", .port = {}}), "10.0.3.7");
  EXPECT_EQ(endpoint_text({}), "-");
}

TEST(TopFormat, Workloads) {
  EXPECT_EQ(workload_text({.name_space = "shop", .pod = "chat-7f"}), "shop/chat-7f");
  EXPECT_EQ(workload_text({.name_space = "", .pod = "chat-7f"}), "chat-7f");
  EXPECT_EQ(workload_text({}), "-");
}

}  // namespace
}  // namespace wsbpf::top
