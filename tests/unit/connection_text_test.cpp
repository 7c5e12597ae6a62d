// Connections as a table for a person.
#include "cli/connection_text.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <clocale>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace wsbpf {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string row(std::string_view id, std::string_view state, double state_age,
                std::string_view half_open = "null", std::string_view comm = "node",
                std::string_view more = "") {
  return fmt::format(
      R"({{"id":"{}","role":"server","netns":1,"local":{{"address":"10.0.0.1","port":8080}},)"
      R"("remote":{{"address":"10.0.3.7","port":40000}},"state":"{}","state_age_seconds":{},)"
      R"("age_seconds":100,"idle_seconds":3,"half_open":{},"unread_bytes":1,"unacked_bytes":10,"unsent_bytes":32,)"
      R"("owner":{{"pid":4121,"comm":"{}"}}{}}})"
      "\n",
      id, state, state_age, half_open, comm, more);
}

class ConnectionTextTest : public testing::Test {
 protected:
  ConnectionTextTest() { std::setlocale(LC_CTYPE, "C.UTF-8"); }
};

TEST_F(ConnectionTextTest, IsATable) {
  EXPECT_EQ(
      *connection_text(
          row("1", "established", 90) + row("2", "close_wait", 5, "null", "node",
                                            R"(,"websocket":null,"websocket_unread":"tls")"),
          {}),
      "STATE        IN-STATE    AGE  IDLE  HALF-OPEN  WS     RECV-Q  SEND-Q  LOCAL          PEER "
      "           OWNER\n"
      "established     1m30s  1m40s  3.0s  -          -           1      42  10.0.0.1:8080  "
      "10.0.3.7:40000  node[4121]\n"
      "close_wait       5.0s  1m40s  3.0s  -          (tls)       1      42  10.0.0.1:8080  "
      "10.0.3.7:40000  node[4121]\n");
}

// The cells below a title, from the top; none of them holds a space.
std::vector<std::string> cells_below(const std::string& table, const std::string& title) {
  const auto words_of = [](const std::string& line) {
    std::istringstream words(line);
    return std::vector<std::string>{std::istream_iterator<std::string>(words), {}};
  };
  std::istringstream lines(table);
  std::string line;
  std::getline(lines, line);
  const std::vector<std::string> titles = words_of(line);
  const auto column = std::find(titles.begin(), titles.end(), title) - titles.begin();
  std::vector<std::string> cells;
  while (std::getline(lines, line)) cells.push_back(words_of(line).at(column));
  return cells;
}

TEST_F(ConnectionTextTest, WebSocketsAreWide) {
  const auto of = [](const char* websocket, const char* unread) {
    return row("1", "established", 90, "null", "node",
               fmt::format(R"(,"websocket":{},"websocket_unread":{})", websocket, unread));
  };
  const std::string table = *connection_text(
      of(R"({"phase":"open","messages_received":123456,"messages_sent":7,"ping_rtt_seconds":0.012,)"
         R"("close_code":null})",
         "null") +
          of(R"({"phase":"closing","messages_received":3,"messages_sent":0,)"
             R"("ping_rtt_seconds":null,"close_code":1001,"counts_at_least":true})",
             R"("desynced")") +
          of("null", R"("http2")"),
      {.wide = true});
  using Cells = std::vector<std::string>;
  EXPECT_EQ(cells_below(table, "WS"), (Cells{"open", "closing", "(http2)"})) << table;
  EXPECT_EQ(cells_below(table, "MSG-IN"), (Cells{"123k", ">=3", "-"})) << table;
  EXPECT_EQ(cells_below(table, "MSG-OUT"), (Cells{"7", ">=0", "-"})) << table;
  EXPECT_EQ(cells_below(table, "PING-RTT"), (Cells{"12ms", "-", "-"})) << table;
  EXPECT_EQ(cells_below(table, "CLOSE"), (Cells{"-", "1001", "-"})) << table;
}

TEST_F(ConnectionTextTest, WhatIsStuckOrHalfOpenStandsOut) {
  const std::string lines = row("1", "established", 90) + row("2", "close_wait", 2) +
                            row("3", "close_wait", 5) + row("4", "established", 9, R"("unacked")");
  const std::string painted = *connection_text(lines, {.wide = true, .color = true});
  EXPECT_THAT(painted, HasSubstr("\x1b[31m3 "));
  EXPECT_THAT(painted, HasSubstr("\x1b[33m4 "));
  EXPECT_THAT(painted, HasSubstr("\n1 "));
  EXPECT_THAT(painted, HasSubstr("\n2 "));
  EXPECT_THAT(*connection_text(lines, {.color = true, .stuck_after_seconds = 60}),
              Not(HasSubstr("\x1b[31m")));
  EXPECT_THAT(*connection_text(lines, {}), Not(HasSubstr("\x1b")));
}

TEST_F(ConnectionTextTest, IsNoWiderThanTheScreen) {
  const std::string text = *connection_text(row("1", "established", 90), {.width = 20});
  EXPECT_EQ(text, "STATE        IN-STA…\nestablished     1m3…\n");
}

TEST_F(ConnectionTextTest, HostileNamesAreEscaped) {
  EXPECT_THAT(*connection_text(row("1", "established", 1, "null", "\\u001b[2J\\u202e"), {}),
              HasSubstr("\\x1b[2J\\u202e[4121]"));
}

TEST_F(ConnectionTextTest, AnotherAnswerIsAnError) {
  EXPECT_FALSE(connection_text("no JSON\n", {}).has_value());
  EXPECT_FALSE(connection_text("{}\n", {}).has_value());
}

}  // namespace
}  // namespace wsbpf
