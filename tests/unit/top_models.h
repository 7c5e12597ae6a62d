// Models and views for tests of what `wsbpf top` shows.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "top/frame.h"
#include "top/model.h"
#include "top/render.h"
#include "top/terminal.h"
#include "top/view.h"

namespace wsbpf::top {

// Widths are those of the C library.
class TopTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { use_utf8_locale(); }
};

inline Status calm_status() {
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
  status.listeners = 1;
  status.close_wait_threshold = 50;
  status.close_wait_for_seconds = 3.0;
  return status;
}

inline Listener node_listener() {
  Listener listener;
  listener.key = {.netns = 4026531840, .port = 8080, .role = "server"};
  listener.owners = {{.pid = 4121, .comm = "node"}};
  listener.states = {
      .established = 130, .close_wait = 63, .fin_wait = 4, .time_wait = 17, .other = 2};
  listener.accept_queue = {.length = 0, .limit = 511};
  listener.opens_per_second = 12.0;
  listener.closes_per_second = 11.5;
  return listener;
}

// Nothing known for 20 s, then calm, then ever more up to 63 stuck.
inline History rising_history() {
  History history{.listener = node_listener().key, .close_wait_stuck = {}};
  history.close_wait_stuck.resize(20);
  for (int i = 0; i < 20; ++i) history.close_wait_stuck.emplace_back(0);
  for (int i = 1; i <= 20; ++i) history.close_wait_stuck.emplace_back(i * 63 / 20);
  return history;
}

inline Connection established() {
  Connection connection;
  connection.id = "8471948";
  connection.state = "established";
  connection.age_seconds = 843;
  connection.state_age_seconds = 843;
  connection.idle_seconds = 0.25;
  connection.unread_bytes = 0;
  connection.send_queue_bytes = 65536;
  connection.retransmits = 3;
  connection.srtt_seconds = 0.0123;
  connection.owner = {.pid = 4121, .comm = "node"};
  connection.local = {.address = "10.0.0.5", .port = 8080};
  connection.remote = {.address = "10.0.3.7", .port = 51234};
  return connection;
}

inline Connection in_close_wait() {
  Connection connection = established();
  connection.id = "8471000";
  connection.state = "close_wait";
  connection.age_seconds = 90061;
  connection.age_is_lower_bound = true;
  connection.state_age_seconds = 2;
  connection.state_age_is_lower_bound = true;
  connection.idle_seconds = 2;
  connection.send_queue_bytes = 0;
  connection.retransmits = 0;
  connection.srtt_seconds.reset();
  connection.remote = {.address = "2001:db8::8a2e:370:7334", .port = 443};
  return connection;
}

template <typename Row>
Rows<Row> loaded(std::vector<Row> rows) {
  const std::size_t total = rows.size();
  return {.rows = std::move(rows), .first = 0, .total = total, .loaded = true};
}

inline Model calm_model() {
  Model model;
  model.status = calm_status();
  model.listeners = loaded<Listener>({node_listener()});
  model.history = {rising_history()};
  model.connections = loaded<Connection>({in_close_wait(), established()});
  model.alerts = loaded<Alert>({});
  model.taken_unix_seconds = 1795350000;  // 2026-11-22T12:20:00Z
  return model;
}

// `count` connections whose ids and ports count up.
inline Model crowded_model(int count) {
  Model model = calm_model();
  std::vector<Connection> connections(static_cast<std::size_t>(count), established());
  for (int i = 0; i < count; ++i) {
    connections[static_cast<std::size_t>(i)].id = std::to_string(1000 + i);
    connections[static_cast<std::size_t>(i)].remote.port = 50000 + i;
  }
  model.connections = loaded(std::move(connections));
  model.status.connections = count;
  return model;
}

inline Alert close_wait_alert() {
  Alert alert;
  alert.name = "CloseWaitAccumulation";
  alert.critical = true;
  alert.state = "firing";
  alert.listener = node_listener().key;
  alert.comm = "node";
  alert.value = 63;
  alert.threshold = 50;
  alert.since = "2026-11-22T12:17:30.000Z";
  alert.since_unix_seconds = 1795349850;
  alert.summary = "63 connections of node[4121] have sat in CLOSE_WAIT for 3 s";
  alert.runbook = "https://example.org/alerts.md#CloseWaitAccumulation";
  return alert;
}

inline Alert events_lost_alert() {
  Alert alert;
  alert.name = "EventsLost";
  alert.state = "firing";
  alert.summary = "34 events";
  return alert;
}

inline View view_of(int width, int height) {
  View view;
  view.width = width;
  view.height = height;
  return view;
}

inline View view_of(int width, int height, Tab tab) {
  View view = view_of(width, height);
  view.tab = tab;
  return view;
}

inline View batch_of(int width) {
  View view = view_of(width, 0);
  view.batch = true;
  return view;
}

inline std::string text_of(const Model& model, const View& view) {
  return "\n" + plain_text(render(model, view));
}

inline bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// The first piece of text that contains `part`.
inline Span span_with(const Frame& frame, std::string_view part) {
  for (const Line& line : frame.lines) {
    for (const Span& span : line) {
      if (contains(span.text, part)) return span;
    }
  }
  ADD_FAILURE() << part << " is not in the frame";
  return {};
}

inline Style style_of(const Frame& frame, std::string_view part) {
  return span_with(frame, part).style;
}

}  // namespace wsbpf::top
