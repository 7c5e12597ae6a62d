// Addresses as people write them, and as strangers may see them.
#include "core/address.h"

#include <gtest/gtest.h>

#include "kernel_records.h"

namespace wsbpf {
namespace {

std::string redacted_text(const char* text, uint8_t family) {
  return address_text(redacted(address_of(text), family), family);
}

TEST(Address, IsWrittenAsUsual) {
  EXPECT_EQ(address_text(address_of("10.0.3.7"), AF_INET), "10.0.3.7");
  EXPECT_EQ(address_text(address_of("2001:db8:0:0:0:0:0:1"), AF_INET6), "2001:db8::1");
  EXPECT_EQ(address_text(address_of("::"), AF_INET6), "::");
  EXPECT_EQ(address_text(address_of("::ffff:10.0.3.7"), AF_INET6), "::ffff:10.0.3.7");
}

TEST(Address, IPv4KeepsTwentyFourBits) {
  EXPECT_EQ(redacted_text("203.0.113.77", AF_INET), "203.0.113.0");
}

TEST(Address, IPv6KeepsFortyEightBits) {
  EXPECT_EQ(redacted_text("2001:db8:7:8:9:a:b:c", AF_INET6), "2001:db8:7::");
}

TEST(Address, MappedIPv4IsRedactedAsIPv4) {
  EXPECT_EQ(redacted_text("::ffff:203.0.113.77", AF_INET6), "::ffff:203.0.113.0");
}

TEST(Address, IsReadAsItIsWritten) {
  for (const char* const text : {"10.0.3.7", "0.0.0.0", "2001:db8::1", "::", "::ffff:10.0.3.7"}) {
    const auto parsed = parse_address(text);
    ASSERT_TRUE(parsed.has_value()) << text;
    EXPECT_EQ(address_text(parsed->address, parsed->family), text);
  }
  for (const char* const text : {"", "10.0.3", "10.0.3.256", "10.0.3.7 ", "1:2", "[::1]", "node",
                                 "2001:db8:0000:0000:0000:0000:0000:0000:0000:0000:0001"}) {
    EXPECT_FALSE(parse_address(text).has_value()) << text;
  }
  EXPECT_FALSE(parse_address(std::string_view("10.0.3.7\0", 9)).has_value());
}

}  // namespace
}  // namespace wsbpf
