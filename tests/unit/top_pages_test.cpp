// The other tabs, one connection, one alert, the help: whole screens as text.
#include <gtest/gtest.h>

#include <string>

#include "top_models.h"

namespace wsbpf::top {
namespace {

using TopPages = TopTest;

Disconnect reset_by_peer() {
  Disconnect disconnect;
  disconnect.time = "2026-11-22T12:19:57.500Z";
  disconnect.ended_unix_seconds = 1795349997.5;
  disconnect.ending = {.verdict = "peer_reset",
                       .initiator = "remote",
                       .mechanism = "rst",
                       .race = "",
                       .confidence = 0.9};
  disconnect.connection = established();
  return disconnect;
}

Model model_with_disconnects() {
  Model model = calm_model();
  Disconnect closed = reset_by_peer();
  closed.time = "2026-11-22T12:05:00.000Z";
  closed.ended_unix_seconds = 1795349100;
  closed.ending.verdict = "local_close";
  closed.ending.initiator = "local";
  closed.ending.mechanism = "fin";
  closed.ending.race = "";
  model.disconnects.list = loaded<Disconnect>({reset_by_peer(), closed});
  model.disconnects.list.total = 230;
  model.disconnects.by_verdict = {{"peer_reset", 212}, {"local_close", 18}};
  model.disconnects.since = "2026-11-22T09:12:11.000Z";
  return model;
}

Explanation vanished_peer() {
  Explanation explanation;
  explanation.id = "8471948";
  explanation.connection = established();
  explanation.ending = {.verdict = "peer_vanished",
                        .initiator = "kernel",
                        .mechanism = "timeout",
                        .race = "",
                        .confidence = 0.9};
  explanation.summary =
      "The peer 10.0.3.7:51234 stopped answering: what was sent again 8 times was never "
      "acknowledged, and the kernel gave up.";
  explanation.timeline = {
      {"2026-11-22T11:00:00.000Z", 4800, true, "opened, accepted by node[4121]"},
      {"2026-11-22T12:19:30.250Z", 29.75, false, "last heard of"},
      {"2026-11-22T12:19:57.500Z", 2.5, false, "given up by the kernel (ETIMEDOUT)"}};
  explanation.evidence = {{"error", "ETIMEDOUT", "the error that the socket was left with"},
                          {"unacked_bytes", "6", "sent, and never acknowledged by the peer"},
                          {"longest_silence_seconds", "0", ""}};
  explanation.advice = {
      "Ping every 30 s and give up after a missed pong: the kernel alone takes up to 15 minutes.",
      "Look at the network between the two, first of all at what changed at that time."};
  explanation.documentation = "docs/verdicts.md#peer_vanished";
  return explanation;
}

View detail_of(int width, int height) {
  View view = view_of(width, height);
  view.page = Page::kConnection;
  view.page_id = "8471948";
  return view;
}

TEST_F(TopPages, Disconnects) {
  EXPECT_EQ(text_of(model_with_disconnects(), view_of(80, 10, Tab::kDisconnects)), R"(
wsbpf 0.1.0  node web-1  kernel 6.12.8-amd64  up 3h12m  role server
connections 2  opens/s 12.4  closes/s 11.9  lost 0  alerts none
 Listeners 1  Connections 2 [Disconnects 230] Alerts 0
peer_reset 212   local_close 18   since 09:12:11.000 UTC
    AGO VERDICT            BY          AGE   IDLE OWNER       PEER
>  2.5s peer_reset         remote   14m03s   0.2s node[4121]  10.0.3.7:51234
 15m00s local_close        local    14m03s   0.2s node[4121]  10.0.3.7:51234


1-4 of 230 newest first   Enter why   / filter   Tab next   ? help   q quit
)");
}

TEST_F(TopPages, DisconnectsInTwoHundredColumns) {
  EXPECT_EQ(text_of(model_with_disconnects(), view_of(200, 10, Tab::kDisconnects)), R"(
wsbpf 0.1.0  node web-1  kernel 6.12.8-amd64  up 3h12m  role server
connections 2  opens/s 12.4  closes/s 11.9  lost 0  alerts none
 Listeners 1  Connections 2 [Disconnects 230] Alerts 0
peer_reset 212   local_close 18   since 09:12:11.000 UTC
    AGO TIME (UTC)   VERDICT            SURE BY      HOW       RACE                   AGE   IDLE  PORT OWNER                            PEER
>  2.5s 12:19:57.500 peer_reset         0.90 remote  rst       -                   14m03s   0.2s  8080 node[4121]                       10.0.3.7:51234
 15m00s 12:05:00.000 local_close        0.90 local   fin       -                   14m03s   0.2s  8080 node[4121]                       10.0.3.7:51234


1-4 of 230 newest first   Enter why   / filter   Tab next   ? help   q quit   space freeze
)");
}

TEST_F(TopPages, CloseCodesHaveAColumnWhereThereAreSome) {
  Model model = model_with_disconnects();
  model.disconnects.list.rows[0].connection.websocket = {.phase = "ended", .close_code = 1006};
  const std::string text = text_of(model, view_of(110, 10, Tab::kDisconnects));
  EXPECT_TRUE(contains(text, " CODE ")) << text;
  EXPECT_TRUE(contains(text, " 1006 ")) << text;
  EXPECT_FALSE(
      contains(text_of(model_with_disconnects(), view_of(110, 10, Tab::kDisconnects)), "CODE"));
}

TEST_F(TopPages, EndsThatWereNotMeantStandOut) {
  const Frame frame = render(model_with_disconnects(), view_of(80, 10, Tab::kDisconnects));
  EXPECT_EQ(style_of(frame, "peer_reset  "), Style::kNotice);
  EXPECT_EQ(style_of(frame, "local_close  "), Style::kPlain);
}

TEST_F(TopPages, NothingHasEnded) {
  Model model = calm_model();
  View view = view_of(80, 10, Tab::kDisconnects);
  EXPECT_TRUE(contains(text_of(model, view), "\nasking …\n"));
  model.disconnects.list.loaded = true;
  EXPECT_TRUE(contains(text_of(model, view), "\nnothing has ended yet\n"));
  view.filter = "pid = 7";
  EXPECT_TRUE(contains(text_of(model, view), "\nnothing has ended yet that the filter"));
}

TEST_F(TopPages, Listeners) {
  Model model = calm_model();
  model.listeners.rows.push_back(node_listener());
  model.listeners.rows[1].key.port = 443;
  model.listeners.rows[1].owners.push_back({.pid = 4122, .comm = "node"});
  model.listeners.rows[1].states = {.established = 12345};
  model.listeners.total = 2;
  EXPECT_EQ(text_of(model, view_of(80, 10, Tab::kListeners)), R"(
wsbpf 0.1.0  node web-1  kernel 6.12.8-amd64  up 3h12m  role server
connections 2  opens/s 12.4  closes/s 11.9  lost 0  alerts none
[Listeners 1] Connections 2  Disconnects  Alerts 0
  PORT OWNER           ESTAB   CLOSE_W  STUCK LAST 60s     FIN_W TIME_W ACCEPT-Q
> 8080 node[4121]  █▊    130 ▉      63   0/50     ▁▁▁▁▃▅▇█     4     17    0/511
   443 no…[4121]+1 ███ 12345         0   0/50                  0      0    0/511



1-2 of 2   Enter connections   Tab next   ? help   q quit   space freeze
)");
}

TEST_F(TopPages, Alerts) {
  Model model = calm_model();
  Alert pending = events_lost_alert();
  pending.state = "pending";
  model.alerts = loaded<Alert>({pending, close_wait_alert()});
  model.status.alerts_firing = 1;
  model.status.alerts_pending = 1;
  EXPECT_EQ(text_of(model, view_of(80, 10, Tab::kAlerts)), R"(
wsbpf 0.1.0  node web-1  kernel 6.12.8-amd64  up 3h12m  role server
connections 2  opens/s 12.4  closes/s 11.9  lost 0  alerts 1 firing, 1 pending
CRITICAL CloseWaitAccumulation :8080  63 connections of node[4121] have sat in
CLOSE_WAIT for 3 s
 Listeners 1  Connections 2  Disconnects [Alerts 2]
 SEVERITY STATE    ALERT                    LISTENER       VALUE    LIMIT  SINCE
>critical firing   CloseWaitAccumulation    :8080             63       50  2m30s
 warning  pending  EventsLost               -                  -        -      -

1-2 of 2   Enter all of it   Tab next   ? help   q quit   space freeze
)");
  EXPECT_TRUE(contains(text_of(model, view_of(200, 10, Tab::kAlerts)), "SUMMARY"));
}

TEST_F(TopPages, OneAlert) {
  Model model = calm_model();
  model.alerts = loaded<Alert>({close_wait_alert()});
  View view = view_of(80, 18, Tab::kAlerts);
  view.page = Page::kAlert;
  view.page_id = "CloseWaitAccumulation 4026531840 8080 server";
  EXPECT_EQ(text_of(model, view), R"(
wsbpf 0.1.0  node web-1  kernel 6.12.8-amd64  up 3h12m  role server
connections 2  opens/s 12.4  closes/s 11.9  lost 0  alerts none
 Listeners 1  Connections 2  Disconnects [Alerts 0]
CRITICAL CloseWaitAccumulation (firing)

63 connections of node[4121] have sat in CLOSE_WAIT for 3 s

listener  :8080
process   node
value     63
limit     50
since     2026-11-22T12:17:30.000Z
runbook   https://example.org/alerts.md#CloseWaitAccumulation




lines 1-10 of 10   Esc back   arrows read on   ? help
)");
  model.alerts = loaded<Alert>({});
  EXPECT_TRUE(contains(text_of(model, view), "\nit is neither pending nor firing any more\n"));
}

TEST_F(TopPages, OneConnectionThatHasEnded) {
  Model model = calm_model();
  model.explanation = vanished_peer();
  EXPECT_EQ(text_of(model, detail_of(80, 34)), R"(
wsbpf 0.1.0  node web-1  kernel 6.12.8-amd64  up 3h12m  role server
connections 2  opens/s 12.4  closes/s 11.9  lost 0  alerts none
 Listeners 1 [Connections 2] Disconnects  Alerts 0
connection 8471948   peer_vanished (confidence 0.90)
local 10.0.0.5:8080   peer 10.0.3.7:51234   owner node[4121]   begun by kernel
by means of timeout   age 14m03s   idle 0.2s

The peer 10.0.3.7:51234 stopped answering: what was sent again 8 times was never
acknowledged, and the kernel gave up.

what to do
  • Ping every 30 s and give up after a missed pong: the kernel alone takes up
    to 15 minutes.
  • Look at the network between the two, first of all at what changed at that
    time.

timeline (UTC)
  11:00:00.000   ≥1h20m ago  opened, accepted by node[4121]
  12:19:30.250      29s ago  last heard of
  12:19:57.500     2.5s ago  given up by the kernel (ETIMEDOUT)

evidence
  error                     ETIMEDOUT     the error that the socket was left
                                          with
  unacked_bytes             6             sent, and never acknowledged by the
                                          peer
  longest_silence_seconds   0

more
  docs/verdicts.md#peer_vanished



lines 1-27 of 27   Esc back   arrows read on   ? help
)");
}

TEST_F(TopPages, OneConnectionThatLivesInTwoHundredColumns) {
  Model model = calm_model();
  model.explanation = vanished_peer();
  model.explanation->live = true;
  model.explanation->ending = {};
  EXPECT_EQ(text_of(model, detail_of(200, 28)), R"(
wsbpf 0.1.0  node web-1  kernel 6.12.8-amd64  up 3h12m  role server
connections 2  opens/s 12.4  closes/s 11.9  lost 0  alerts none
 Listeners 1 [Connections 2] Disconnects  Alerts 0
connection 8471948   established
local 10.0.0.5:8080   peer 10.0.3.7:51234   owner node[4121]   age 14m03s   idle 0.2s

The peer 10.0.3.7:51234 stopped answering: what was sent again 8 times was never acknowledged, and the kernel gave up.

what to do
  • Ping every 30 s and give up after a missed pong: the kernel alone takes up to 15 minutes.
  • Look at the network between the two, first of all at what changed at that time.

timeline (UTC)
  11:00:00.000   ≥1h20m ago  opened, accepted by node[4121]
  12:19:30.250      29s ago  last heard of
  12:19:57.500     2.5s ago  given up by the kernel (ETIMEDOUT)

evidence
  error                     ETIMEDOUT     the error that the socket was left with
  unacked_bytes             6             sent, and never acknowledged by the peer
  longest_silence_seconds   0

more
  docs/verdicts.md#peer_vanished



lines 1-21 of 21   Esc back   arrows read on   ? help
)");
}

TEST_F(TopPages, TheLastFramesOfOneConnection) {
  Model model = calm_model();
  model.explanation = vanished_peer();
  model.explanation->frames = {
      {"2026-11-22T12:19:10.000Z", 49.5, "received", "text", 123, false, true},
      {"2026-11-22T12:19:12.000Z", 47.5, "sent", "continuation", 67'108'863, true, false}};
  EXPECT_TRUE(contains(text_of(model, detail_of(80, 44)), R"(
last frames (UTC)
  12:19:10.000      49s ago  received  text          123 bytes
  12:19:12.000      47s ago  sent      continuation  >= 67108863 bytes, more to
                             follow
)"));
}

TEST_F(TopPages, OneConnectionIsScrolled) {
  Model model = calm_model();
  model.explanation = vanished_peer();
  View view = detail_of(80, 12);
  view.text_first = 1000;
  view = settle(view, model);
  EXPECT_EQ(view.text_first, view.text_lines - view.page_rows);
  EXPECT_TRUE(contains(text_of(model, view), "\n  docs/verdicts.md#peer_vanished\nlines "));
}

TEST_F(TopPages, AConnectionThatIsNotKnown) {
  Model model = calm_model();
  EXPECT_TRUE(contains(text_of(model, detail_of(80, 12)), "\nasking …\n"));
  model.explanation = vanished_peer();
  model.explanation->id = "another";
  EXPECT_TRUE(contains(text_of(model, detail_of(80, 12)), "\nasking …\n"));
  model.refused = Error{"no connection has the id 8471948"};
  EXPECT_TRUE(contains(text_of(model, detail_of(80, 12)), "\nno connection has the id 8471948\n"));
}

TEST_F(TopPages, Help) {
  View view = view_of(80, 50);
  view.help = true;
  EXPECT_EQ(text_of(calm_model(), view), R"(
 keys
  arrows, j k     the row above or below; PgUp, PgDn, Home, End and the wheel,
                  too
  Tab, 1 2 3 4    listeners, connections, disconnects, alerts; also by a click
  Enter           all about the row: a connection's timeline, evidence and
                  advice, an alert's summary, a listener's connections; also by
                  a double click
  Esc             back
  s or >, <       sort by the next column, the previous one; also by a click on
                  its title
  r               reverse the order
  /               filter, as in: state close-wait and idle gt 30s; an empty one
                  shows all
  space           freeze the screen, and go on
  d               seconds from one refresh to the next
  Ctrl-L          draw the screen anew
  q               quit

 columns
  STUCK           in CLOSE_WAIT (the peer has closed, the owner has not called
                  close() yet) for longer than --close-wait-for /
                  --close-wait-threshold
  LAST 60s        how many were stuck in each of the last 60 seconds; as high as
                  the threshold or the most
  HALF-O          half-open: sent to without an answer, or probed by keepalive
  ACCEPT-Q        connections not yet accepted / the most that may wait (full:
                  dropped)
  SINCE           time in this state
  IDLE            time since the last byte in either direction
  RECV-Q, SEND-Q  bytes the owner has not read; bytes the peer has not
                  acknowledged, sent or not
  RETR            segments sent again
  BY, HOW         who began the end of the connection, and by what
  ≥               from before the daemon started watching: at least this long
  -               not known














lines 1-35 of 35   arrows read on   any other key back
)");
}

}  // namespace
}  // namespace wsbpf::top
