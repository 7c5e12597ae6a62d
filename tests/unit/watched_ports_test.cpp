// The ports that are watched: asked for, and discovered.
#include "core/watched_ports.h"

#include <gtest/gtest.h>

namespace wsbpf {
namespace {

PortList list(const char* text) { return parse_port_list(text).value(); }
std::string text(const PortSet& ports) { return ports_text(ports); }

TEST(WatchedPorts, AreThoseThatWereAskedFor) {
  WatchedPorts ports(list("80,8080"));
  EXPECT_EQ(ports.left(), 0u);
  EXPECT_FALSE(ports.discover(9000));  // told before the programs knew that none is wanted
  EXPECT_EQ(text(ports.all()), "80,8080");
  EXPECT_EQ(text(ports.discovered()), "");
}

TEST(WatchedPorts, ADiscoveredOneIsNewOnce) {
  WatchedPorts ports(list("8080,auto"));
  EXPECT_TRUE(ports.discover(9000));
  EXPECT_FALSE(ports.discover(9000));
  EXPECT_FALSE(ports.discover(8080));
  EXPECT_FALSE(ports.discover(0));
  EXPECT_EQ(text(ports.all()), "8080,9000");
  EXPECT_EQ(text(ports.discovered()), "9000");
}

TEST(WatchedPorts, WhatWasDiscoveredStaysWhileMoreIsToBe) {
  WatchedPorts ports(list("auto"));
  ports.discover(9000);
  ports.ask(list("443,auto"));
  EXPECT_EQ(text(ports.all()), "443,9000");
  ports.ask(list("9000,auto"));
  EXPECT_EQ(text(ports.discovered()), "");
  ports.ask(list("auto"));
  EXPECT_EQ(text(ports.discovered()), "9000");
  ports.ask(list("443"));
  EXPECT_EQ(text(ports.all()), "443");
  ports.ask(list("auto"));
  EXPECT_EQ(text(ports.all()), "");
}

TEST(WatchedPorts, NotAnyNumberIsDiscovered) {
  WatchedPorts ports(list("1,auto"));
  for (size_t found = 0; found < WatchedPorts::kMostDiscovered; ++found) {
    EXPECT_EQ(ports.left(), WatchedPorts::kMostDiscovered - found);
    EXPECT_TRUE(ports.discover(static_cast<uint16_t>(1000 + found)));
  }
  EXPECT_EQ(ports.left(), 0u);
  EXPECT_FALSE(ports.discover(65535));
  EXPECT_EQ(text(ports.all()), "1,1000-1063");
}

}  // namespace
}  // namespace wsbpf
