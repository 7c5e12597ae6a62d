// Whole screens as text: what a person sees, and that it fits. The other tabs and pages are in
// top_pages_test.cpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "serve/connection_list.h"
#include "top/looks.h"
#include "top/parse.h"
#include "top/render.h"
#include "top/width.h"
#include "top_models.h"

namespace wsbpf::top {
namespace {

using TopRender = TopTest;

TEST_F(TopRender, EightyColumns) {
  EXPECT_EQ(text_of(calm_model(), view_of(80, 14)), R"(
wsbpf 0.1.0  node web-1  kernel 6.12.8-amd64  up 3h12m  role server
connections 2  opens/s 12.4  closes/s 11.9  lost 0  alerts none
 Listeners 1 [Connections 2] Disconnects  Alerts 0
  PORT OWNER           ESTAB   CLOSE_W  STUCK LAST 60s     FIN_W TIME_W ACCEPT-Q
  8080 node[4121]  █▊    130 ▉      63   0/50     ▁▁▁▁▃▅▇█     4     17    0/511
 STATE         SINCE     AGE   IDLE RECV-Q SEND-Q OWNER       PEER
>close_wait    ≥2.0s  ≥1d01h   2.0s      0      0 node[4121]  …a2e:370:7334]:443
 established  14m03s  14m03s   0.2s      0  64.0K node[4121]  10.0.3.7:51234





1-2 of 2 by STATE ↑   Enter why   / filter   s sort   Tab next   ? help   q quit
)");
}

TEST_F(TopRender, TwoHundredColumns) {
  EXPECT_EQ(text_of(calm_model(), view_of(200, 12)), R"(
wsbpf 0.1.0  node web-1  kernel 6.12.8-amd64  up 3h12m  role server
connections 2  opens/s 12.4  closes/s 11.9  lost 0  alerts none
 Listeners 1 [Connections 2] Disconnects  Alerts 0
  PORT ROLE   OWNER                                   ESTAB              CLOSE_W       STUCK HALF-O LAST 60s                                   FIN_W     TIME_W      OTHER    ACCEPT-Q   OPEN/S  CLOSE/S
  8080 server node[4121]               ████████▍        130 ████▏             63        0/50      0             ▁▁▁▁▁▁▁▁▁▁▁▁▂▂▃▃▄▅▅▆▆▇▇██ ▏        4 ▍       17 ▏        2       0/511     12.0     11.5
 STATE         SINCE     AGE   IDLE RECV-Q SEND-Q   RETR   SRTT HALF-OPEN OWNER                            PEER                                           LOCAL
>close_wait    ≥2.0s  ≥1d01h   2.0s      0      0      0      - -         node[4121]                       [2001:db8::8a2e:370:7334]:443                  10.0.0.5:8080
 established  14m03s  14m03s   0.2s      0  64.0K      3   12ms -         node[4121]                       10.0.3.7:51234                                 10.0.0.5:8080



1-2 of 2 by STATE ↑   Enter why   / filter   s sort   Tab next   ? help   q quit   space freeze
)");
}

TEST_F(TopRender, InAscii) {
  View view = view_of(80, 14);
  view.ascii = true;
  EXPECT_EQ(text_of(calm_model(), view), R"(
wsbpf 0.1.0  node web-1  kernel 6.12.8-amd64  up 3h12m  role server
connections 2  opens/s 12.4  closes/s 11.9  lost 0  alerts none
 Listeners 1 [Connections 2] Disconnects  Alerts 0
  PORT OWNER           ESTAB   CLOSE_W  STUCK LAST 60s     FIN_W TIME_W ACCEPT-Q
  8080 node[4121]  #=    130 #      63   0/50     ____:=*#     4     17    0/511
 STATE         SINCE     AGE   IDLE RECV-Q SEND-Q OWNER       PEER
>close_wait    >2.0s  >1d01h   2.0s      0      0 node[4121]  ~a2e:370:7334]:443
 established  14m03s  14m03s   0.2s      0  64.0K node[4121]  10.0.3.7:51234





1-2 of 2 by STATE ^   Enter why   / filter   s sort   Tab next   ? help   q quit
)");
}

TEST_F(TopRender, Batch) {
  EXPECT_EQ(text_of(calm_model(), batch_of(100)), R"(
wsbpf 0.1.0  time 12:20:00 UTC  node web-1  kernel 6.12.8-amd64  up 3h12m  role server
connections 2  opens/s 12.4  closes/s 11.9  lost 0  alerts none
 PORT OWNER           ESTAB   CLOSE_W  STUCK LAST 60s     FIN_W TIME_W OTHER ACCEPT-Q OPEN/S CLOSE/S
 8080 node[4121]  █▊    130 ▉      63   0/50     ▁▁▁▁▃▅▇█     4     17     2    0/511   12.0    11.5
STATE         SINCE     AGE   IDLE RECV-Q SEND-Q   RETR   SRTT OWNER           PEER
close_wait    ≥2.0s  ≥1d01h   2.0s      0      0      0      - node[4121]      …::8a2e:370:7334]:443
established  14m03s  14m03s   0.2s      0  64.0K      3   12ms node[4121]      10.0.3.7:51234
)");
}

TEST_F(TopRender, BatchTellsOfTheFilter) {
  View view = batch_of(100);
  EXPECT_FALSE(contains(text_of(calm_model(), view), "filter"));
  view.filter = "idle gt 30s";
  Model model = calm_model();
  model.status.connections = 514;
  EXPECT_TRUE(contains(text_of(model, view), "\n2 of 514, filter idle gt 30s\nSTATE "));
}

TEST_F(TopRender, BatchShowsEveryRow) {
  EXPECT_EQ(render(crowded_model(300), batch_of(80)).lines.size(), 3 + 2 + 1 + 300u);
}

TEST_F(TopRender, FrozenAndFiltered) {
  View view = view_of(80, 14);
  view.filter = "sport = :8080 and idle gt 30s";
  view.frozen = true;
  view.frozen_since = "14:03:22";
  EXPECT_EQ(text_of(calm_model(), view), R"(
wsbpf 0.1.0  node web-1  kernel 6.12.8-amd64  up 3h12m  role server
connections 2  opens/s 12.4  closes/s 11.9  lost 0  alerts none
 Listeners 1 [Connections 2] Disconnects  Alerts 0        FROZEN since 14:03:22
filter sport = :8080 and idle gt 30s   Esc: back
  PORT OWNER           ESTAB   CLOSE_W  STUCK LAST 60s     FIN_W TIME_W ACCEPT-Q
  8080 node[4121]  █▊    130 ▉      63   0/50     ▁▁▁▁▃▅▇█     4     17    0/511
 STATE         SINCE     AGE   IDLE RECV-Q SEND-Q OWNER       PEER
>close_wait    ≥2.0s  ≥1d01h   2.0s      0      0 node[4121]  …a2e:370:7334]:443
 established  14m03s  14m03s   0.2s      0  64.0K node[4121]  10.0.3.7:51234




1-2 of 2 by STATE ↑   Enter why   / filter   s sort   Tab next   ? help   q quit
)");
}

TEST_F(TopRender, TheDaemonIsGone) {
  View view = view_of(80, 14);
  view.banner =
      "THE DAEMON IS GONE (no such file): this is its last answer; trying again every 1.0s";
  view.gone = true;
  view.now_unix_seconds = 46;
  EXPECT_EQ(text_of(calm_model(), view), R"(
wsbpf 0.1.0  node web-1  kernel 6.12.8-amd64  up 3h12m  role server
connections 2  opens/s 12.4  closes/s 11.9  lost 0  alerts none
THE DAEMON IS GONE (no such file): this is its last answer; trying again every
1.0s
 Listeners 1 [Connections 2] Disconnects  Alerts 0                as of 46s ago
  PORT OWNER           ESTAB   CLOSE_W  STUCK LAST 60s     FIN_W TIME_W ACCEPT-Q
  8080 node[4121]  █▊    130 ▉      63   0/50     ▁▁▁▁▃▅▇█     4     17    0/511
 STATE         SINCE     AGE   IDLE RECV-Q SEND-Q OWNER       PEER
>close_wait    ≥2.0s  ≥1d01h   2.0s      0      0 node[4121]  …a2e:370:7334]:443
 established  14m03s  14m03s   0.2s      0  64.0K node[4121]  10.0.3.7:51234



1-2 of 2 by STATE ↑   Enter why   / filter   s sort   Tab next   ? help   q quit
)");
  EXPECT_EQ(style_of(render(calm_model(), view), "THE DAEMON IS GONE"), Style::kCritical);
}

TEST_F(TopRender, TheCountOfDisconnectsIsOneOfAllAndOfNow) {
  Model model = calm_model();
  model.disconnects.list.loaded = true;
  model.disconnects.list.total = 678;
  model.disconnects.list.question = Question{};
  EXPECT_TRUE(contains(text_of(model, view_of(80, 24, Tab::kDisconnects)), "[Disconnects 678]"));
  EXPECT_TRUE(contains(text_of(model, view_of(80, 24)), " Disconnects  Alerts"));
  View filtered = view_of(80, 24, Tab::kDisconnects);
  filtered.filter = "pid = 7";
  model.disconnects.list.question->filter = "pid = 7";
  EXPECT_TRUE(contains(text_of(model, filtered), "[Disconnects] Alerts"));
  EXPECT_TRUE(contains(text_of(model, filtered), " of 678 newest first"));
}

TEST_F(TopRender, ItIsBack) {
  View view = view_of(80, 14);
  view.news = "reconnected";
  const std::string text = text_of(calm_model(), view);
  EXPECT_TRUE(contains(text, "Alerts 0  ")) << text;
  EXPECT_TRUE(contains(text, "  reconnected\n  PORT")) << text;
}

TEST_F(TopRender, AFilterIsTyped) {
  View view = view_of(80, 14);
  view.prompt = Prompt{.line = InputLine("state close-wait and")};
  const Frame frame = render(calm_model(), view);
  EXPECT_EQ("\n" + plain_text(frame), R"(
wsbpf 0.1.0  node web-1  kernel 6.12.8-amd64  up 3h12m  role server
connections 2  opens/s 12.4  closes/s 11.9  lost 0  alerts none
 Listeners 1 [Connections 2] Disconnects  Alerts 0
  PORT OWNER           ESTAB   CLOSE_W  STUCK LAST 60s     FIN_W TIME_W ACCEPT-Q
  8080 node[4121]  █▊    130 ▉      63   0/50     ▁▁▁▁▃▅▇█     4     17    0/511
 STATE         SINCE     AGE   IDLE RECV-Q SEND-Q OWNER       PEER
>close_wait    ≥2.0s  ≥1d01h   2.0s      0      0 node[4121]  …a2e:370:7334]:443
 established  14m03s  14m03s   0.2s      0  64.0K node[4121]  10.0.3.7:51234




filter: state close-wait and
Enter applies   Esc leaves it   Ctrl-U Ctrl-W erase
)");
  EXPECT_EQ(frame.cursor, (Cursor{.x = 28, .y = 12}));
}

TEST_F(TopRender, AFilterIsRefused) {
  View view = view_of(80, 14);
  view.prompt = Prompt{.line = InputLine("state bogus"),
                       .error = "column 7 of the filter: no state\n  state bogus\n        ^"};
  const std::string text = text_of(calm_model(), view);
  EXPECT_TRUE(
      text.ends_with("filter: state bogus\n"
                     "column 7 of the filter: no state\n"
                     "  state bogus\n"
                     "        ^\n"))
      << text;
}

TEST_F(TopRender, WhatTheDaemonRefusesIsSaidInThePlaceOfRows) {
  Model model = calm_model();
  model.refused = Error{"it takes no \x1b filter", ExitCode::kUsage};
  EXPECT_EQ(style_of(render(model, view_of(80, 24)), "it takes no \\x1b filter"), Style::kWarning);
}

TEST_F(TopRender, NoListeners) {
  Model model = calm_model();
  model.listeners = loaded<Listener>({});
  model.connections = loaded<Connection>({});
  model.status.connections = 0;
  EXPECT_EQ(text_of(model, view_of(80, 12)), R"(
wsbpf 0.1.0  node web-1  kernel 6.12.8-amd64  up 3h12m  role server
connections 0  opens/s 12.4  closes/s 11.9  lost 0  alerts none
 Listeners 1 [Connections 0] Disconnects  Alerts 0
  PORT OWNER           ESTAB   CLOSE_W  STUCK LAST 60s     FIN_W TIME_W ACCEPT-Q
nothing listens on the watched ports 443,8080
 STATE         SINCE     AGE   IDLE RECV-Q SEND-Q OWNER       PEER
no connections




0-0 of 0 by STATE ↑   Enter why   / filter   s sort   Tab next   ? help   q quit
)");
}

TEST_F(TopRender, WhatIsNotKnownIsADash) {
  Model model;
  model.listeners = loaded<Listener>({Listener{}});
  model.connections = loaded<Connection>({Connection{}});
  EXPECT_EQ(text_of(model, batch_of(130)), R"(
time 00:00:00 UTC  up -
connections -  opens/s -  closes/s -  lost 0  alerts none
 PORT ROLE   OWNER              ESTAB     CLOSE_W    STUCK HALF-O LAST 60s         FIN_W  TIME_W  OTHER  ACCEPT-Q  OPEN/S  CLOSE/S
    -        -                      0           0      0/-      0                      0       0      0         -       -        -
STATE         SINCE     AGE   IDLE RECV-Q SEND-Q   RETR   SRTT HALF-OPEN OWNER          PEER                  LOCAL
-                 -       -      -      -      -      -      - -         -              -                     -
)");
}

TEST_F(TopRender, BeforeTheFirstRows) {
  EXPECT_TRUE(contains(text_of(Model{}, view_of(80, 24)), "\nasking …\n"));
  EXPECT_FALSE(contains(text_of(Model{}, view_of(80, 24)), "nothing listens"));
}

TEST_F(TopRender, PodsAndWebSocketsGetAColumnWhereThereAreSome) {
  Model model = calm_model();
  EXPECT_FALSE(contains(text_of(model, view_of(200, 14)), " POD"));
  EXPECT_FALSE(contains(text_of(model, view_of(200, 14)), " WS"));
  model.connections.rows[0].workload = {.name_space = "shop", .pod = "chat-7f"};
  model.connections.rows[0].websocket.phase = "closing";
  const std::string text = text_of(model, view_of(200, 14));
  EXPECT_TRUE(contains(text, " shop/chat-7f\n")) << text;
  EXPECT_TRUE(contains(text, " closing ")) << text;
  EXPECT_TRUE(contains(text_of(model, view_of(80, 14)), " closing "));
}

TEST_F(TopRender, WebSocketsOnWideAndNarrowScreens) {
  Model model = calm_model();
  model.listeners.rows[0].websockets = 128;
  model.connections.rows[0].websocket = {.phase = "closing",
                                         .unread = "desynced",
                                         .messages_received = 12,
                                         .messages_sent = 0,
                                         .close_code = 1001,
                                         .counts_at_least = true};
  model.connections.rows[1].websocket = {
      .phase = "open", .messages_received = 123456, .messages_sent = 7, .ping_rtt_seconds = 0.0123};
  EXPECT_EQ(text_of(model, view_of(200, 12)), R"(
wsbpf 0.1.0  node web-1  kernel 6.12.8-amd64  up 3h12m  role server
connections 2  opens/s 12.4  closes/s 11.9  lost 0  alerts none
 Listeners 1 [Connections 2] Disconnects  Alerts 0
  PORT ROLE   OWNER                                   ESTAB              CLOSE_W       STUCK HALF-O LAST 60s                           FIN_W     TIME_W      OTHER    ACCEPT-Q      WS   OPEN/S  CLOSE/S
  8080 server node[4121]               ████████▍        130 ████▏             63        0/50      0          ▁▁▁▁▁▁▁▁▁▁▂▃▃▄▅▆▆▇██ ▏        4 ▍       17 ▏        2       0/511     128     12.0     11.5
 STATE         SINCE     AGE   IDLE RECV-Q SEND-Q   RETR   SRTT HALF-OPEN WS         MSG-IN MSG-OUT   PING OWNER                      PEER                              LOCAL
>close_wait    ≥2.0s  ≥1d01h   2.0s      0      0      0      - -         closing       ≥12      ≥0      - node[4121]                 [2001:db8::8a2e:370:7334]:443     10.0.0.5:8080
 established  14m03s  14m03s   0.2s      0  64.0K      3   12ms -         open         123k       7   12ms node[4121]                 10.0.3.7:51234                    10.0.0.5:8080



1-2 of 2 by STATE ↑   Enter why   / filter   s sort   Tab next   ? help   q quit   space freeze
)");
  EXPECT_EQ(text_of(model, view_of(80, 14)), R"(
wsbpf 0.1.0  node web-1  kernel 6.12.8-amd64  up 3h12m  role server
connections 2  opens/s 12.4  closes/s 11.9  lost 0  alerts none
 Listeners 1 [Connections 2] Disconnects  Alerts 0
  PORT OWNER            ESTAB   CLOSE_W  STUCK LAST 60s     FIN_W ACCEPT-Q    WS
  8080 node[4121]  ██▍    130 ▉      63   0/50     ▁▁▁▁▃▅▇█     4    0/511   128
 STATE         SINCE     AGE   IDLE WS        OWNER         PEER
>close_wait    ≥2.0s  ≥1d01h   2.0s closing   node[4121]    …:8a2e:370:7334]:443
 established  14m03s  14m03s   0.2s open      node[4121]    10.0.3.7:51234





1-2 of 2 by STATE ↑   Enter why   / filter   s sort   Tab next   ? help   q quit
)");
}

TEST_F(TopRender, WhyAWebSocketIsNotReadIsLeftToWideScreens) {
  Model model = calm_model();
  model.connections.rows[0].websocket = {.unread = "tls"};
  model.connections.rows[1].websocket = {.phase = "none"};
  EXPECT_TRUE(contains(text_of(model, view_of(200, 14)), " (tls) "));
  EXPECT_TRUE(contains(text_of(model, view_of(200, 14)), " none "));
  EXPECT_FALSE(contains(text_of(model, view_of(80, 14)), "WS"));
  model.connections.rows[0].websocket = {.unread = "off"};
  EXPECT_FALSE(contains(text_of(model, view_of(200, 14)), " WS"));
}

TEST_F(TopRender, HalfOpenTakesRoomWhereThePeerIsInDoubt) {
  Model model = calm_model();
  model.connections.rows[1].half_open = "silent";
  EXPECT_FALSE(contains(text_of(model, view_of(80, 14)), "HALF-OPEN"));
  EXPECT_TRUE(contains(text_of(model, view_of(200, 14)), " silent "));
  model.connections.rows[1].half_open = "unacked";
  EXPECT_TRUE(contains(text_of(model, view_of(80, 14)), " unacked "));
  EXPECT_EQ(style_of(render(model, view_of(80, 14)), "unacked"), Style::kNotice);
}

TEST_F(TopRender, LostEventsAreAWarning) {
  Model model = calm_model();
  model.status.lost = {{"decode", 34}, {"ring_buffer", 1200}};
  const Frame frame = render(model, view_of(120, 24));
  EXPECT_EQ(style_of(frame, "1234 events lost (decode 34, ring_buffer 1200)"), Style::kWarning);
  EXPECT_TRUE(contains(plain_text(frame), "lost 1234"));
}

TEST_F(TopRender, LostEventsAreSaidOnce) {
  Model model = calm_model();
  model.status.lost = {{"ring_buffer", 34}};
  model.alerts = loaded<Alert>({events_lost_alert()});
  const std::string text = text_of(model, view_of(120, 24));
  EXPECT_TRUE(contains(text, "WARNING EventsLost  34 events\n"));
  EXPECT_FALSE(contains(text, "events lost"));
}

TEST_F(TopRender, WhatAnAlertSaysIsNoReasonOnceMore) {
  Model model = calm_model();
  model.status.degraded = true;
  model.status.reasons = {"34 events", "no procfs"};
  model.alerts = loaded<Alert>({events_lost_alert()});
  const std::string text = text_of(model, view_of(120, 24));
  EXPECT_TRUE(contains(text, "degraded: no procfs"));
  EXPECT_FALSE(contains(text, "degraded: 34 events"));
  model.alerts.rows[0].state = "pending";
  EXPECT_TRUE(contains(text_of(model, view_of(120, 24)), "degraded: 34 events"));
}

TEST_F(TopRender, DegradedObservationSaysWhy) {
  Model model = calm_model();
  model.status.degraded = true;
  model.status.reasons = {"no procfs"};
  EXPECT_TRUE(contains(text_of(model, view_of(80, 24)), "\ndegraded: no procfs\n"));
  model.status.coverage_partial = true;
  EXPECT_TRUE(contains(text_of(model, view_of(80, 24)), "\ncoverage is partial: no procfs\n"));
}

TEST_F(TopRender, FiringAlertsShowTheirSummaryTheWorstFirst) {
  Model model = calm_model();
  model.status.alerts_firing = 2;
  model.status.alerts_pending = 1;
  Alert pending = events_lost_alert();
  pending.state = "pending";
  pending.summary = "only pending";
  model.alerts = loaded<Alert>({events_lost_alert(), pending, close_wait_alert()});
  const Frame frame = render(model, view_of(80, 24));
  EXPECT_EQ(style_of(frame, "CRITICAL CloseWaitAccumulation"), Style::kCritical);
  EXPECT_TRUE(contains(plain_text(frame),
                       "alerts 2 firing, 1 pending\n"
                       "CRITICAL CloseWaitAccumulation :8080  63 connections of node[4121] have "
                       "sat in\n"
                       "CLOSE_WAIT for 3 s\n"
                       "WARNING EventsLost  34 events\n"
                       " Listeners"))
      << plain_text(frame);
}

TEST_F(TopRender, AlertsLeaveRoomForTheConnections) {
  Model model = calm_model();
  model.alerts = loaded(std::vector<Alert>(40, close_wait_alert()));
  const std::string text = text_of(model, view_of(80, 24));
  EXPECT_TRUE(contains(text, "… and more: see the alerts"));
  EXPECT_TRUE(contains(text, "\n established "));
}

TEST_F(TopRender, ManyListenersLeaveRoomForTheConnectionsThoseInTroubleFirst) {
  Model model = calm_model();
  model.listeners = loaded(std::vector<Listener>(40, node_listener()));
  model.listeners.rows.back().key.port = 9000;
  model.listeners.rows.back().close_wait_stuck = 63;
  const std::string text = text_of(model, view_of(80, 24));
  EXPECT_TRUE(contains(text, "\n  9000 node[4121]")) << text;
  EXPECT_TRUE(contains(text, " 63/50 "));
  EXPECT_TRUE(contains(text, "\n… 36 more listeners\n"));
  EXPECT_TRUE(contains(text, "\n established "));
}

TEST_F(TopRender, TheChosenListenerIsTheFirst) {
  Model model = calm_model();
  for (int port = 23101; port <= 23130; ++port) {
    model.listeners.rows.push_back(node_listener());
    model.listeners.rows.back().key.port = port;
  }
  View view = view_of(80, 24);
  EXPECT_FALSE(contains(text_of(model, view), "\n 23117 ")) << text_of(model, view);
  view.filter = "sport = :23117 and netns = 4026531840";
  EXPECT_TRUE(contains(text_of(model, view), "ACCEPT-Q\n 23117 ")) << text_of(model, view);
}

TEST_F(TopRender, TheProcessesNameGivesWayToItsPid) {
  Model model = calm_model();
  model.listeners.rows[0].owners = {{.pid = 17046, .comm = "python3"}};
  model.connections.rows[1].owner = {.pid = 17046, .comm = "python3"};
  const auto shown = [&model](int width) { return text_of(model, view_of(width, 14)); };
  EXPECT_TRUE(contains(shown(80), "\n  8080 pyt…[17046] ")) << shown(80);
  EXPECT_TRUE(contains(shown(80), " pyth…[17046] 10.0.3.7:51234")) << shown(80);
  EXPECT_TRUE(contains(shown(120), " python3[17046]   10.0.3.7:51234")) << shown(120);
  EXPECT_FALSE(contains(shown(120), "HALF-OPEN")) << shown(120);
  EXPECT_TRUE(contains(shown(120), "\n  8080 server python3[17046] ")) << shown(120);
  model.listeners.rows[0].states.time_wait = 0;
  EXPECT_TRUE(contains(shown(80), "\n  8080 python3[17046] ")) << shown(80);
  EXPECT_FALSE(contains(shown(80), "TIME_W")) << shown(80);
  model.listeners.rows[0].owners[0].comm = "gunicorn: maste";
  EXPECT_TRUE(contains(shown(120), "\n  8080 server gunicorn: maste[17046] ")) << shown(120);
  EXPECT_FALSE(contains(shown(120), "TIME_W")) << shown(120);
  EXPECT_TRUE(contains(shown(110), "\n  8080 gunicorn: maste[17046] ")) << shown(110);
  EXPECT_FALSE(contains(shown(110), "ROLE")) << shown(110);
}

TEST_F(TopRender, RolesAreToldApartWhereBothAreWatched) {
  Model model = calm_model();
  EXPECT_FALSE(contains(text_of(model, view_of(80, 24)), "ROLE"));
  model.listeners.rows.push_back(node_listener());
  model.listeners.rows.back().key.role = "client";
  const std::string text = text_of(model, view_of(80, 24));
  EXPECT_TRUE(contains(text, "\n  8080 server node[4121] "));
  EXPECT_TRUE(contains(text, "\n  8080 client node[4121] "));
}

TEST_F(TopRender, StuckAboveTheThresholdAndAFullAcceptQueueAreCritical) {
  Model model = calm_model();
  model.listeners.rows[0].close_wait_stuck = 51;
  model.listeners.rows[0].accept_queue = {.length = 512, .limit = 511, .full = true};
  const Frame frame = render(model, view_of(80, 24));
  EXPECT_EQ(style_of(frame, "51/50"), Style::kCritical);
  EXPECT_EQ(style_of(frame, "512/511"), Style::kCritical);
}

TEST_F(TopRender, StuckUpToTheThresholdIsNotCritical) {
  Model model = calm_model();
  model.listeners.rows[0].close_wait_stuck = 50;
  const Frame frame = render(model, view_of(80, 24));
  EXPECT_EQ(style_of(frame, "50/50"), Style::kNotice);
  EXPECT_EQ(style_of(frame, "0/511"), Style::kPlain);
}

TEST_F(TopRender, AQueueAtItsLimitTakesOneMore) {
  Model model = calm_model();
  model.listeners.rows[0].accept_queue = {.length = 511, .limit = 511, .full = false};
  EXPECT_EQ(style_of(render(model, view_of(80, 24)), "511/511"), Style::kPlain);
}

TEST_F(TopRender, HalfOpenConnectionsOfAListenerAreCounted) {
  Model model = calm_model();
  model.listeners.rows[0].half_open = 7;
  model.listeners.rows[0].half_open_stuck = 6;
  const Frame frame = render(model, view_of(80, 24));
  EXPECT_TRUE(contains(plain_text(frame), "HALF-O"));
  EXPECT_EQ(style_of(frame, "     7"), Style::kNotice);
}

TEST_F(TopRender, CloseWaitStandsOutAndMoreSoOnceItIsStuck) {
  Model model = calm_model();
  EXPECT_EQ(style_of(render(model, view_of(80, 24)), "close_wait"), Style::kNotice);
  model.connections.rows[0].state_age_seconds = 3.0;
  EXPECT_EQ(style_of(render(model, view_of(80, 24)), "close_wait"), Style::kCritical);
  EXPECT_EQ(style_of(render(model, view_of(80, 24)), "established"), Style::kPlain);
}

TEST_F(TopRender, TheSelectedRowIsMarkedWithAndWithoutColours) {
  View view = view_of(80, 24);
  view.place().selected = 1;
  const Frame frame = render(calm_model(), view);
  EXPECT_TRUE(contains(plain_text(frame), "\n>established "));
  EXPECT_TRUE(span_with(frame, "established").selected);
  EXPECT_FALSE(span_with(frame, "close_wait").selected);
}

TEST_F(TopRender, HostileTextIsEscapedAndKeepsTheColumnsAligned) {
  const auto connections = parse_connections(R"({"connections":[
      {"state":"established","owner":{"pid":7,"comm":"\u001b[31mx\u202e"},
       "remote":{"address":"10.0.3.7","port":1}},
      {"state":"established","owner":{"pid":8,"comm":"日本e\u0301"},
       "remote":{"address":"10.0.3.8","port":2}}],"total":2})");
  ASSERT_TRUE(connections);
  Model model;
  model.connections = loaded(connections->rows);
  const std::string text = text_of(model, batch_of(200));
  EXPECT_TRUE(contains(text, " \\x1b[31mx\\u202e[7]               10.0.3.7:1")) << text;
  EXPECT_TRUE(contains(text, " 日本e\u0301[8]                         10.0.3.8:2")) << text;
}

TEST_F(TopRender, TheOrderIsNamedByTheColumnsTitle) {
  View view = view_of(120, 24);
  for (const auto& [sort, said] : {std::pair{"state_age", "by SINCE ↓"},
                                   {"pid", "by OWNER pid ↑"},
                                   {"comm", "by OWNER comm ↑"}}) {
    view.sort = *parse_sort(sort);
    EXPECT_TRUE(contains(text_of(calm_model(), view), said)) << text_of(calm_model(), view);
  }
}

TEST_F(TopRender, TheColumnSortedByIsShownHoweverNarrowTheScreen) {
  View view = view_of(80, 24);
  EXPECT_FALSE(contains(text_of(calm_model(), view), "SRTT"));
  view.sort = *parse_sort("srtt");
  EXPECT_EQ(style_of(render(calm_model(), view), "SRTT"), Style::kSortedTitle);
  EXPECT_TRUE(contains(text_of(calm_model(), view), "1-2 of 2 by SRTT ↓"));
}

TEST_F(TopRender, EverySortColumnIsOneOfTheDaemons) {
  const auto& theirs = wsbpf::sort_columns();
  for (const std::string& column : sort_columns()) {
    EXPECT_NE(std::find(theirs.begin(), theirs.end(), column), theirs.end()) << column;
  }
}

TEST_F(TopRender, ClicksFindTheirPlaces) {
  const Frame frame = render(calm_model(), view_of(80, 24));
  const auto place_of = [&frame](std::string_view part) {
    for (std::size_t y = 0; y < frame.lines.size(); ++y) {
      int x = 0;
      for (const Span& span : frame.lines[y]) {
        if (contains(span.text, part)) return spot_at(frame, x + 1, static_cast<int>(y));
        x += display_width(span.text);
      }
    }
    return static_cast<const Spot*>(nullptr);
  };
  ASSERT_NE(place_of("Disconnects"), nullptr);
  EXPECT_EQ(place_of("Disconnects")->kind, Spot::Kind::kTab);
  EXPECT_EQ(place_of("Disconnects")->index, index_of(Tab::kDisconnects));
  EXPECT_EQ(place_of("IDLE")->kind, Spot::Kind::kSort);
  EXPECT_EQ(sort_columns()[place_of("IDLE")->index], "idle");
  EXPECT_EQ(place_of("established")->kind, Spot::Kind::kRow);
  EXPECT_EQ(place_of("established")->index, 1u);
  EXPECT_EQ(spot_at(frame, 1, 0), nullptr);
}

TEST_F(TopRender, RowsThatAreNotLoadedAreBlank) {
  Model model = crowded_model(10);
  model.connections.first = 100;
  model.connections.total = 1000;
  View view = view_of(80, 24);
  view.place().first = 98;
  view.place().selected = 100;
  const std::string text = text_of(model, view);
  EXPECT_TRUE(contains(text, "PEER\n\n\n>established ")) << text;
  EXPECT_TRUE(contains(text, "99-115 of 1000"));
}

// 1×1, 40×6, and whatever a window may be dragged to.
TEST_F(TopRender, EverySizeIsKeptToAndNoneCrashes) {
  Model model = crowded_model(30);
  model.alerts = loaded<Alert>({close_wait_alert()});
  model.alerts.rows[0].summary = "日本 storm";
  model.status.lost = {{"decode", 34}};
  std::vector<View> views(6);
  views[1].help = true;
  views[2].tab = Tab::kAlerts;
  views[3].tab = Tab::kListeners;
  views[4].prompt = Prompt{.line = InputLine(std::string(300, 'x')), .error = "a\nb\nc\nd\ne"};
  views[5].page = Page::kConnection;
  views[0].banner = "THE DAEMON IS GONE";
  for (View view : views) {
    for (int width = 0; width <= 130; ++width) {
      for (const int height : {0, 1, 2, 3, 4, 5, 6, 8, 24}) {
        view.width = width;
        view.height = height;
        const Frame frame = render(model, settle(view, model));
        EXPECT_EQ(frame.lines.size(), static_cast<std::size_t>(height));
        for (const Line& line : frame.lines) {
          EXPECT_LE(line_width(line), width) << width << "x" << height;
        }
      }
    }
  }
}

TEST_F(TopRender, ASmallScreenIsForTheList) {
  EXPECT_EQ(text_of(calm_model(), view_of(40, 6)), R"(
 Listeners 1 [Connections 2] Disconnect…
 STATE         SINCE OWNER
>close_wait    ≥2.0s node[4121]
 established  14m03s node[4121]

1-2 of 2 by STATE ↑   Enter why
)");
  EXPECT_EQ(text_of(calm_model(), view_of(12, 1)), "\n>close_wait\n");
  EXPECT_EQ(text_of(calm_model(), view_of(1, 1)), "\n>\n");
}

TEST_F(TopRender, FiveHundredColumnsAndTwoHundredLines) {
  const Frame frame = render(crowded_model(300), view_of(500, 200));
  EXPECT_EQ(frame.lines.size(), 200u);
  EXPECT_TRUE(contains(plain_text(frame), "1-193 of 300 by STATE"));
}

TEST(TopLooks, EachStyleIsToldFromPlainAndTheSelectionFromTheRest) {
  for (const Colors colors : {Colors::kNone, Colors::kBasic, Colors::kRich}) {
    const auto same = [](const Look& a, const Look& b) {
      return a.foreground == b.foreground && a.background == b.background && a.bold == b.bold &&
             a.reverse == b.reverse && a.underline == b.underline;
    };
    const Look plain = look_of(Style::kPlain, false, colors);
    for (const Style style : {Style::kTitle, Style::kNotice, Style::kCritical, Style::kStrong}) {
      EXPECT_FALSE(same(look_of(style, false, colors), plain));
    }
    EXPECT_FALSE(same(look_of(Style::kPlain, true, colors), plain));
    EXPECT_FALSE(
        same(look_of(Style::kCritical, false, colors), look_of(Style::kNotice, false, colors)));
  }
}

}  // namespace
}  // namespace wsbpf::top
