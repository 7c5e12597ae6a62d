// Port lists, read and written.
#include "core/ports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wsbpf {
namespace {

using testing::HasSubstr;

TEST(Ports, ReadsNumbersAndRanges) {
  const auto ports = parse_ports("80,9000-9002,8080");
  ASSERT_TRUE(ports.has_value());
  EXPECT_EQ(ports->count(), 5u);
  for (const size_t port : {80u, 8080u, 9000u, 9001u, 9002u}) EXPECT_TRUE((*ports)[port]) << port;
}

TEST(Ports, TakesTheWholeRangeThereIs) {
  const auto ports = parse_ports("1-65535");
  ASSERT_TRUE(ports.has_value());
  EXPECT_EQ(ports->count(), 65535u);
  EXPECT_FALSE((*ports)[0]);
}

TEST(Ports, ARangeMayHoldOnePort) { EXPECT_EQ(parse_ports("443-443")->count(), 1u); }

TEST(Ports, RepetitionsAreTheSamePort) { EXPECT_EQ(parse_ports("80,80,79-81")->count(), 3u); }

TEST(Ports, NamesThePartThatIsWrong) {
  const char* const wrong[] = {"",    "x",   "0",   "65536",     "-80", "80-",           "90-80",
                               "+80", "80 ", "80x", "80-90-100", "1.5", "99999999999999"};
  for (const std::string part : wrong) {
    for (const std::string& text : {part, "443," + part, part + ",443"}) {
      const auto ports = parse_ports(text);
      ASSERT_FALSE(ports.has_value()) << text;
      EXPECT_THAT(ports.error().message, HasSubstr("'" + part + "'")) << text;
      EXPECT_EQ(ports.error().exit_code, ExitCode::kUsage);
    }
  }
}

TEST(Ports, AutoIsOneOfAList) {
  EXPECT_EQ(parse_port_list("auto").value(), (PortList{{}, true}));
  EXPECT_EQ(parse_port_list("8080").value(), (PortList{*parse_ports("8080"), false}));
  for (const char* const text : {"8080,auto", "auto,8080", "auto,8080,auto"}) {
    EXPECT_EQ(parse_port_list(text).value(), (PortList{*parse_ports("8080"), true})) << text;
  }
}

TEST(Ports, AutoIsOneWord) {
  for (const std::string part : {"", "Auto", "auto ", "automatic", "auto-8080", "8080-auto"}) {
    const auto list = parse_port_list("443," + part);
    ASSERT_FALSE(list.has_value()) << part;
    EXPECT_THAT(list.error().message, HasSubstr("'" + part + "'"));
    EXPECT_THAT(list.error().message, HasSubstr(" auto, or a list"));
  }
}

// A recording holds what was watched, and not what was to be found.
TEST(Ports, WhereAutoIsNotToBeHadItIsNotOffered) {
  const auto ports = parse_ports("443,auto");
  ASSERT_FALSE(ports.has_value());
  EXPECT_THAT(ports.error().message, HasSubstr("'auto'"));
  EXPECT_THAT(ports.error().message, testing::Not(HasSubstr("auto,")));
}

TEST(Ports, ShowsControlCharactersAsEscapes) {
  EXPECT_THAT(parse_ports("\x1b[2J").error().message, HasSubstr("'\\x1b[2J'"));
}

TEST(Ports, WritesTheShortestList) {
  EXPECT_EQ(ports_text({}), "");
  EXPECT_EQ(ports_text(*parse_ports("443,80,81,82,8080")), "80-82,443,8080");
  EXPECT_EQ(ports_text(*parse_ports("65534-65535,1")), "1,65534-65535");
}

TEST(Ports, ReadsBackAuto) {
  for (const char* const text : {"auto", "80-82,443,auto"}) {
    const auto list = parse_port_list(text);
    ASSERT_TRUE(list.has_value());
    EXPECT_EQ(ports_text(list->ports, list->discover), text);
  }
}

TEST(Ports, ReadsBackWhatItWrites) {
  for (const char* const text : {"80,443,3000,8000,8080,8443", "1-65535", "1,3,5-7,65535"}) {
    const auto ports = parse_ports(text);
    ASSERT_TRUE(ports.has_value());
    EXPECT_TRUE(parse_ports(ports_text(*ports)).value() == *ports) << text;
    EXPECT_EQ(ports_text(*ports), text);
  }
}

}  // namespace
}  // namespace wsbpf
