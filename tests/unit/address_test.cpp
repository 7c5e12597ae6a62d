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

}  // namespace
}  // namespace wsbpf
