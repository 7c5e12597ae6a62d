// Events as lines for a person.
#include "cli/event_text.h"

#include <gtest/gtest.h>

#include <clocale>
#include <string>

namespace wsbpf {
namespace {

class EventText : public testing::Test {
 protected:
  static void SetUpTestSuite() { std::setlocale(LC_CTYPE, "C.UTF-8"); }

  static std::string connection_event(const std::string& type, const std::string& more = "",
                                      const std::string& comm = "node") {
    return R"({"type":")" + type +
           R"(","time":"2026-11-22T12:03:04.123Z","node":"vm","connection":{"id":"7.2",)"
           R"("local":{"address":"10.0.0.1","port":8080},)"
           R"("remote":{"address":"2001:db8::1","port":40000},"age_seconds":843.2,)"
           R"("age_source":"lower_bound","idle_seconds":2.04,"half_open":"unacked",)"
           R"("owner":{"pid":4121,"comm":")" +
           comm + R"("}})" + more + "}";
  }
};

TEST_F(EventText, LinesStandUnderTheirTitles) {
  const std::string closed = connection_event(
      "closed", R"(,"verdict":"peer_reset","initiator":"remote","mechanism":"rst",)"
                R"("race":"reset_during_close")");
  const std::string text =
      event_titles(false) + '\n' + event_text(connection_event("opened"), false) + '\n' +
      event_text(closed, false) + '\n' + event_text(connection_event("half_open"), false) + '\n';
  EXPECT_EQ("\n" + text, R"(
TIME (UTC)    EVENT      VERDICT               BY                   AGE    IDLE  OWNER             PEER                   LOCAL                  ID
12:03:04.123  opened     -                                     >=14m03s    2.0s  node[4121]        [2001:db8::1]:40000    10.0.0.1:8080          7.2
12:03:04.123  closed     peer_reset            remote rst      >=14m03s    2.0s  node[4121]        [2001:db8::1]:40000    10.0.0.1:8080          7.2  race reset_during_close
12:03:04.123  half-open  unacked                               >=14m03s    2.0s  node[4121]        [2001:db8::1]:40000    10.0.0.1:8080          7.2
)");
}

TEST_F(EventText, ACloseCodeIsSaidWhereThereIsOne) {
  const std::string closed =
      R"({"type":"closed","time":"2026-11-22T12:03:04.123Z","verdict":"peer_reset",)"
      R"("connection":{"id":"7.2","websocket":{"phase":"ended","close_code":1006}}})";
  EXPECT_TRUE(event_text(closed, false).ends_with("  7.2  code 1006")) << event_text(closed, false);
}

TEST_F(EventText, WhatIsOfNoConnectionIsSaid) {
  EXPECT_EQ(event_text(R"({"type":"race","time":"2026-11-22T12:03:04.123Z","race":"late_reset",)"
                       R"("connection_id":"7","seconds_after_end":2.5,"listener":{"port":8080}})",
                       false),
            "12:03:04.123  race       late_reset            2.5s after the end of 7, port 8080");
  EXPECT_EQ(event_text(R"({"type":"alert","time":"2026-11-22T12:03:04.123Z","alert":{"name":)"
                       R"("CloseWaitAccumulation","state":"firing","severity":"warning",)"
                       R"("summary":"63 connections"}})",
                       false),
            "12:03:04.123  ALERT      CloseWaitAccumulation  firing warning  63 connections");
  EXPECT_EQ(event_text(R"({"type":"lost","time":"2026-11-22T12:03:04.123Z",)"
                       R"("lost":{"reason":"ring_buffer","count":3}})",
                       false),
            "12:03:04.123  LOST       ring_buffer           3 of the kernel's records; a sweep "
            "repairs the counts");
  EXPECT_EQ(
      event_text(R"({"type":"missed","time":"2026-11-22T12:03:04.123Z","count":17})", false),
      "12:03:04.123  MISSED     17 events are not shown: they came faster than they are read");
  EXPECT_EQ(
      event_text(R"({"type":"missed","time":"2026-11-22T12:03:04.123Z","count":null})", false),
      "12:03:04.123  MISSED     what is older is not remembered any more");
}

// The colour of a verdict tells whether anybody has to look at it.
TEST_F(EventText, OnlyUncleanEndsStandOut) {
  const auto color_of = [](const std::string& verdict, const std::string& status = "null") {
    const std::string text =
        event_text(connection_event("closed", R"(,"verdict":")" + verdict +
                                                  R"(","evidence":{"closed_by":{"exit_status":)" +
                                                  status + "}}"),
                   true);
    const size_t at = text.find(verdict);
    return text.substr(at - 3, 2);
  };
  constexpr char kGreen[] = "32";
  constexpr char kYellow[] = "33";
  EXPECT_EQ(color_of("local_close"), kGreen);
  EXPECT_EQ(color_of("remote_close"), kGreen);
  EXPECT_EQ(color_of("process_exit", "0"), kGreen);
  EXPECT_EQ(color_of("process_exit", "1"), kYellow);
  EXPECT_EQ(color_of("process_exit"), kYellow);
  EXPECT_EQ(color_of("peer_reset"), kYellow);
}

TEST_F(EventText, WithoutColorsThereIsNoEscape) {
  EXPECT_EQ(event_text(connection_event("opened"), false).find('\x1b'), std::string::npos);
  EXPECT_EQ(event_titles(false).find('\x1b'), std::string::npos);
}

TEST_F(EventText, HostileNamesAreEscaped) {
  const std::string text = event_text(connection_event("opened", "", R"(\u001b[2J\u202e)"), false);
  EXPECT_NE(text.find(R"(\x1b[2J\u202e[4121])"), std::string::npos) << text;
}

TEST_F(EventText, WhatIsNotUnderstoodIsShownEscaped) {
  EXPECT_EQ(event_text("{\"type\":\"new\x1b\"}", false), R"({"type":"new\x1b"})");
  EXPECT_EQ(event_text("", false), "");
}

}  // namespace
}  // namespace wsbpf
