// Whole frames as text: what a person sees, and that it fits.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "top/frame.h"
#include "top/model.h"
#include "top/parse.h"
#include "top/render.h"
#include "top/terminal.h"
#include "top/view.h"
#include "top/width.h"

namespace wsbpf::top {
namespace {

Status calm_status() {
  Status status;
  status.version = "0.1.0";
  status.node = "web-1";
  status.kernel = "6.12.8-amd64";
  status.ports = "443,8080";
  status.role = "server";
  status.uptime_seconds = 11533.2;
  status.opens_per_second = 12.43;
  status.closes_per_second = 11.9;
  status.connections = 2;
  status.close_wait_threshold = 50;
  status.close_wait_for_seconds = 3.0;
  return status;
}

Listener node_listener() {
  Listener listener;
  listener.port = 8080;
  listener.role = "server";
  listener.owners = {{.pid = 4121, .comm = "node"}};
  listener.states = {
      .established = 130, .close_wait = 1, .fin_wait = 4, .time_wait = 17, .other = 2};
  listener.accept_queue = {.length = 0, .limit = 511};
  listener.opens_per_second = 12.0;
  listener.closes_per_second = 11.5;
  return listener;
}

Connection established() {
  Connection connection;
  connection.state = "established";
  connection.age_seconds = 843;
  connection.state_age_seconds = 843;
  connection.idle_seconds = 0.25;
  connection.unread_bytes = 0;
  connection.unacked_bytes = 65536;
  connection.retransmits = 3;
  connection.srtt_seconds = 0.0123;
  connection.owner = {.pid = 4121, .comm = "node"};
  connection.local = {.address = "10.0.0.5", .port = 8080};
  connection.remote = {.address = "10.0.3.7", .port = 51234};
  return connection;
}

Connection in_close_wait() {
  Connection connection = established();
  connection.state = "close_wait";
  connection.age_seconds = 90061;
  connection.age_is_lower_bound = true;
  connection.state_age_seconds = 2;
  connection.idle_seconds = 2;
  connection.unacked_bytes = 0;
  connection.retransmits = 0;
  connection.srtt_seconds.reset();
  connection.remote = {.address = "2001:db8::8a2e:370:7334", .port = 443};
  return connection;
}

Model calm_model() {
  Model model;
  model.status = calm_status();
  model.listeners = {node_listener()};
  model.connections = {in_close_wait(), established()};
  model.connections_total = 2;
  return model;
}

View view_of(int width, int height) {
  View view;
  view.width = width;
  view.height = height;
  return view;
}

View batch_of(int width) {
  View view = view_of(width, 0);
  view.batch = true;
  return view;
}

std::string text_of(const Model& model, const View& view) {
  return "\n" + plain_text(render(model, view));
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// The style of the first piece of text that contains `part`.
Style style_of(const Frame& frame, std::string_view part) {
  for (const Line& line : frame.lines) {
    for (const Span& span : line) {
      if (contains(span.text, part)) return span.style;
    }
  }
  ADD_FAILURE() << part << " is not in the frame";
  return Style::kPlain;
}

class TopRender : public testing::Test {
 protected:
  static void SetUpTestSuite() { use_utf8_locale(); }
};

TEST_F(TopRender, EightyColumns) {
  EXPECT_EQ(text_of(calm_model(), view_of(80, 10)), R"(
wsbpf 0.1.0   node web-1   kernel 6.12.8-amd64   up 3h12m   role server
connections 2   opens/s 12.4   closes/s 11.9   alerts none
 PORT OWNER      ESTAB CLOSE_W  STUCK FIN_W TIME_W OTHER ACCEPT-Q OPEN/S CLOSE/S
 8080 node[4121]   130       1   0/50     4     17     2    0/511   12.0    11.5
STATE           AGE  SINCE   IDLE RECV-Q SEND-Q OWNER      PEER
close_wait   ≥1d01h   2.0s   2.0s      0      0 node[4121] …::8a2e:370:7334]:443
established  14m03s 14m03s   0.2s      0  64.0K node[4121] 10.0.3.7:51234


1-2 of 2 by state ↑   q quit  s < > sort  r reverse  ? help
)");
}

TEST_F(TopRender, TwoHundredColumns) {
  EXPECT_EQ(text_of(calm_model(), view_of(200, 8)), R"(
wsbpf 0.1.0   node web-1   kernel 6.12.8-amd64   up 3h12m   role server
connections 2   opens/s 12.4   closes/s 11.9   alerts none
 PORT ROLE   OWNER                      ESTAB   CLOSE_W       STUCK   FIN_W   TIME_W   OTHER    ACCEPT-Q   OPEN/S  CLOSE/S
 8080 server node[4121]                   130         1        0/50       4       17       2       0/511     12.0     11.5
STATE           AGE  SINCE   IDLE RECV-Q SEND-Q   RETR   SRTT OWNER                    PEER                                            LOCAL
close_wait   ≥1d01h   2.0s   2.0s      0      0      0      - node[4121]               [2001:db8::8a2e:370:7334]:443                   10.0.0.5:8080
established  14m03s 14m03s   0.2s      0  64.0K      3   12ms node[4121]               10.0.3.7:51234                                  10.0.0.5:8080
1-2 of 2 by state ↑   q quit  s < > sort  r reverse  ? help
)");
}

TEST_F(TopRender, BatchShowsEveryRowAndNoFooter) {
  Model model = calm_model();
  model.connections.assign(30, established());
  model.connections_total = 30;
  const Frame frame = render(model, batch_of(80));
  EXPECT_EQ(frame.lines.size(), 2 + 2 + 1 + 30u);
  EXPECT_FALSE(contains(plain_text(frame), "quit"));
}

TEST_F(TopRender, PodsGetAColumnWhereThereIsRoom) {
  Model model = calm_model();
  model.connections = {established()};
  model.connections_total = 1;
  model.connections[0].workload = {.name_space = "shop", .pod = "chat-7f"};
  EXPECT_TRUE(contains(text_of(model, view_of(200, 10)), " shop/chat-7f\n"));
  EXPECT_FALSE(contains(text_of(model, view_of(80, 10)), "shop"));
}

TEST_F(TopRender, NoListeners) {
  Model model;
  model.status = calm_status();
  model.status.connections = 0;
  EXPECT_EQ(text_of(model, view_of(80, 8)), R"(
wsbpf 0.1.0   node web-1   kernel 6.12.8-amd64   up 3h12m   role server
connections 0   opens/s 12.4   closes/s 11.9   alerts none
 PORT OWNER      ESTAB CLOSE_W  STUCK FIN_W TIME_W OTHER ACCEPT-Q OPEN/S CLOSE/S
nothing listens on the watched ports 443,8080
STATE           AGE  SINCE   IDLE RECV-Q SEND-Q OWNER      PEER
no connections

0-0 of 0 by state ↑   q quit  s < > sort  r reverse  ? help
)");
}

TEST_F(TopRender, WhatIsNotKnownIsADash) {
  Model model;
  model.listeners = {Listener{}};
  model.connections = {Connection{}};
  model.connections_total = 1;
  EXPECT_EQ(text_of(model, batch_of(120)), R"(
up -
connections -   opens/s -   closes/s -   alerts none
 PORT ROLE   OWNER                    ESTAB   CLOSE_W       STUCK   FIN_W   TIME_W   OTHER    ACCEPT-Q   OPEN/S  CLOSE/S
    -        -                            0         0         0/-       0        0       0           -        -        -
STATE           AGE  SINCE   IDLE RECV-Q SEND-Q   RETR   SRTT OWNER        PEER                   LOCAL
-                 -      -      -      -      -      -      - -            -                      -
)");
}

TEST_F(TopRender, LostEventsAreAWarning) {
  Model model = calm_model();
  model.status.lost = {{"decode", 34}, {"ring_buffer", 1200}};
  const Frame frame = render(model, view_of(120, 10));
  EXPECT_EQ(style_of(frame, "1234 events lost (decode 34, ring_buffer 1200)"), Style::kWarning);
}

TEST_F(TopRender, LostEventsAreSaidOnce) {
  Model model = calm_model();
  model.status.lost = {{"ring_buffer", 34}};
  model.alerts = {{.name = "EventsLost", .firing = true, .port = {}, .summary = "34 events"}};
  const std::string text = text_of(model, view_of(120, 10));
  EXPECT_TRUE(contains(text, "WARNING EventsLost  34 events\n"));
  EXPECT_FALSE(contains(text, "events lost"));
}

TEST_F(TopRender, NoEventsLostNoWarning) {
  EXPECT_FALSE(contains(text_of(calm_model(), view_of(120, 10)), "lost"));
}

TEST_F(TopRender, DegradedObservationSaysWhy) {
  Model model = calm_model();
  model.status.degraded = true;
  model.status.reasons = {"no procfs"};
  EXPECT_TRUE(contains(text_of(model, view_of(80, 10)), "\ndegraded: no procfs\n"));
  model.status.coverage_partial = true;
  EXPECT_TRUE(contains(text_of(model, view_of(80, 10)), "\ncoverage is partial: no procfs\n"));
}

TEST_F(TopRender, FiringAlertsShowTheirSummaryTheWorstFirst) {
  Model model = calm_model();
  model.status.alerts_firing = 2;
  model.status.alerts_pending = 1;
  model.alerts = {{.name = "EventsLost", .firing = true, .port = {}, .summary = "34 events"},
                  {.name = "ReconnectStorm", .port = 443, .summary = "only pending"},
                  {.name = "CloseWaitAccumulation",
                   .critical = true,
                   .firing = true,
                   .port = 8080,
                   .summary = "63 connections of node[4121] have sat in CLOSE_WAIT for 3 s"}};
  const Frame frame = render(model, view_of(80, 24));
  EXPECT_EQ(style_of(frame, "CRITICAL CloseWaitAccumulation"), Style::kCritical);
  EXPECT_TRUE(contains(plain_text(frame),
                       "alerts 2 firing, 1 pending\n"
                       "CRITICAL CloseWaitAccumulation :8080  63 connections of node[4121] have "
                       "sat in\n"
                       "CLOSE_WAIT for 3 s\n"
                       "WARNING EventsLost  34 events\n"
                       " PORT"));
}

TEST_F(TopRender, AlertsLeaveRoomForTheConnections) {
  Model model = calm_model();
  model.alerts.assign(
      40, {.name = "ReconnectStorm", .firing = true, .port = 443, .summary = "600 a minute"});
  const std::string text = text_of(model, view_of(80, 24));
  EXPECT_TRUE(contains(text, "… and more: see wsbpf alerts"));
  EXPECT_TRUE(contains(text, "\nestablished "));
}

TEST_F(TopRender, ManyListenersLeaveRoomForTheConnectionsThoseInTroubleFirst) {
  Model model = calm_model();
  model.listeners.assign(40, node_listener());
  model.listeners.back().port = 9000;
  model.listeners.back().close_wait_stuck = 63;
  const std::string text = text_of(model, view_of(80, 24));
  EXPECT_TRUE(contains(text, "\n 9000 node[4121]   130       1  63/50"));
  EXPECT_TRUE(contains(text, "\n… 35 more listeners\n"));
  EXPECT_TRUE(contains(text, "\nestablished "));
}

TEST_F(TopRender, RolesAreToldApartWhereBothAreWatched) {
  Model model = calm_model();
  EXPECT_FALSE(contains(text_of(model, view_of(80, 24)), "ROLE"));
  model.listeners.push_back(node_listener());
  model.listeners.back().role = "client";
  const std::string text = text_of(model, view_of(80, 24));
  EXPECT_TRUE(contains(text, "\n 8080 server node[4121] "));
  EXPECT_TRUE(contains(text, "\n 8080 client node[4121] "));
}

TEST_F(TopRender, StuckAboveTheThresholdAndAFullAcceptQueueAreCritical) {
  Model model = calm_model();
  model.listeners[0].close_wait_stuck = 51;
  model.listeners[0].accept_queue = {.length = 511, .limit = 511};
  const Frame frame = render(model, view_of(80, 24));
  EXPECT_EQ(style_of(frame, "51/50"), Style::kCritical);
  EXPECT_EQ(style_of(frame, "511/511"), Style::kCritical);
}

TEST_F(TopRender, StuckUpToTheThresholdIsNotCritical) {
  Model model = calm_model();
  model.listeners[0].close_wait_stuck = 50;
  const Frame frame = render(model, view_of(80, 24));
  EXPECT_EQ(style_of(frame, "50/50"), Style::kNotice);
  EXPECT_EQ(style_of(frame, "0/511"), Style::kPlain);
}

TEST_F(TopRender, CloseWaitStandsOutAndMoreSoOnceItIsStuck) {
  Model model = calm_model();
  EXPECT_EQ(style_of(render(model, view_of(80, 24)), "close_wait"), Style::kNotice);
  model.connections[0].state_age_seconds = 3.0;
  EXPECT_EQ(style_of(render(model, view_of(80, 24)), "close_wait"), Style::kCritical);
  EXPECT_EQ(style_of(render(model, view_of(80, 24)), "established"), Style::kPlain);
}

TEST_F(TopRender, AgesFromBeforeTheStartAreLowerBounds) {
  Model model = calm_model();
  EXPECT_TRUE(contains(text_of(model, view_of(80, 24)), "close_wait   ≥1d01h   2.0s"));
  EXPECT_TRUE(contains(text_of(model, view_of(80, 24)), "established  14m03s 14m03s"));
}

TEST_F(TopRender, HostileCommIsEscapedAndKeepsTheColumnsAligned) {
  const auto connections = parse_connections(R"({"connections":[
      {"state":"established","owner":{"pid":7,"comm":"\u001b[31mx\u202e"},
       "remote":{"address":"10.0.3.7","port":1}},
      {"state":"established","owner":{"pid":8,"comm":"日本e\u0301"},
       "remote":{"address":"10.0.3.8","port":2}}],"total":2})");
  ASSERT_TRUE(connections);
  Model model;
  model.connections = connections->rows;
  model.connections_total = connections->total;
  const std::string text = text_of(model, batch_of(200));
  EXPECT_TRUE(contains(text, " \\x1b[31mx\\u202e[7]       10.0.3.7:1")) << text;
  EXPECT_TRUE(contains(text, " 日本e\u0301[8]                 10.0.3.8:2")) << text;
}

TEST_F(TopRender, TheColumnSortedByIsShownHoweverNarrowTheScreen) {
  View view = view_of(80, 24);
  EXPECT_FALSE(contains(text_of(calm_model(), view), "SRTT"));
  view.sort = *parse_sort("srtt");
  EXPECT_EQ(style_of(render(calm_model(), view), "SRTT"), Style::kSortedTitle);
  EXPECT_TRUE(contains(text_of(calm_model(), view), "1-2 of 2 by srtt ↓"));
}

TEST_F(TopRender, BannerComesFirst) {
  View view = view_of(80, 24);
  view.banner = "THE DAEMON IS GONE";
  const Frame frame = render(calm_model(), view);
  EXPECT_EQ(style_of(frame, "THE DAEMON IS GONE"), Style::kCritical);
}

TEST_F(TopRender, ScrollingShowsTheRowsFromThereOn) {
  Model model = calm_model();
  model.connections.assign(100, established());
  for (std::size_t i = 0; i < 100; ++i) {
    model.connections[i].remote.port = static_cast<int>(50000 + i);
  }
  model.connections_total = 100;
  View view = view_of(80, 24);
  view.scroll = 1000;
  view = settle(view, model);
  EXPECT_EQ(view.page_rows, 18);
  EXPECT_EQ(view.scroll, 82);
  const std::string text = text_of(model, view);
  EXPECT_TRUE(contains(text, "10.0.3.7:50082"));
  EXPECT_TRUE(contains(text, "10.0.3.7:50099\n83-100 of 100 by state"));
  EXPECT_FALSE(contains(text, "50081"));
}

TEST_F(TopRender, EverySizeIsKeptToAndNoneCrashes) {
  Model model = calm_model();
  model.alerts = {{.name = "ReconnectStorm", .firing = true, .port = 443, .summary = "日本 storm"}};
  for (const bool help : {false, true}) {
    for (int width = 0; width <= 130; ++width) {
      for (const int height : {0, 1, 2, 3, 5, 8, 24}) {
        View view = view_of(width, height);
        view.help = help;
        const Frame frame = render(model, view);
        EXPECT_LE(frame.lines.size(), static_cast<std::size_t>(height));
        for (const Line& line : frame.lines) {
          int used = 0;
          for (const Span& span : line) used += display_width(span.text);
          EXPECT_LE(used, width) << width << "x" << height;
        }
      }
    }
  }
}

}  // namespace
}  // namespace wsbpf::top
