// A table with a few connections, and everything around it that the outputs show.
#pragma once

#include <initializer_list>
#include <string>

#include "kernel_records.h"
#include "serve/observed.h"

namespace wsbpf {

// Outputs are made as of a hundred seconds after boot.
inline constexpr uint64_t kNow_ns = 100'000'000'000;

struct Scene {
  explicit Scene(const Watch& watch = watch_of({8080, 9090}, true, true))
      : table(watch, processes) {
    processes.run(4121, "node");
    observed.table = &table;
    observed.now_ns = kNow_ns;
    observed.wall_clock_offset_ns = 1'700'000'000'250'000'000 - kNow_ns;
    observed.status.version = "1.2.3";
    observed.status.node = "node-a";
    observed.status.started_ns = kNow_ns - 60'000'000'000;
  }

  template <typename... Records>
  void apply(const Records&... records) {
    (table.apply(Event(records)), ...);
    summarize();
  }

  // One made after the other, as the steps of WebSocketRecords must be: the arguments of a function
  // are made in any order.
  void apply(std::initializer_list<Event> records) {
    for (const Event& record : records) table.apply(record);
    summarize();
  }

  void sweep(const Sweep& sweep) {
    apply_sweep(table, sweep);
    summarize();
  }

  void summarize() { observed.listeners = table.summarize(kNow_ns, 3'000'000'000); }

  // An alert of the server listener on `port`.
  void fire(uint16_t port, Severity severity) {
    Alert alert;
    alert.state = AlertState::kFiring;
    alert.since_ns = kNow_ns - 10'000'000'000;
    alert.finding.alert = "CloseWaitAccumulation";
    alert.finding.listener = {1, port, Role::kServer};
    alert.finding.comm = "node";
    alert.finding.level = Finding::Level::kFiring;
    alert.finding.severity = severity;
    alert.finding.value = 63;
    alert.finding.threshold = 50;
    alert.finding.summary = "63 connections";
    observed.alerts.push_back(alert);
  }

  FakeProcesses processes;
  ConnectionTable table;
  Observed observed;
};

}  // namespace wsbpf
