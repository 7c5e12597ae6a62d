// The exposition for Prometheus.
#include "serve/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <string>

#include "observed_builder.h"

namespace wsbpf {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::Gt;
using testing::HasSubstr;
using testing::Le;
using testing::Not;

// The value of every series, by its name and labels.
std::map<std::string, double> series_of(const Observed& observed) {
  std::map<std::string, double> series;
  std::string repeated;
  std::istringstream lines(metrics_text(observed));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    const size_t space = line.rfind(' ');
    const bool is_new = series.emplace(line.substr(0, space), std::stod(line.substr(space))).second;
    if (!is_new) repeated = line;
  }
  EXPECT_EQ(repeated, "");
  return series;
}

std::string labels(const std::string& port, const std::string& comm, const std::string& more = "",
                   const std::string& role = "server") {
  return "{port=\"" + port + "\",role=\"" + role +
         "\",namespace=\"\",pod=\"\",container=\"\",comm=\"" + comm + "\"" + more + "}";
}

std::string histogram_labels(const std::string& port, const std::string& more = "") {
  return "{port=\"" + port + R"(",role="server",namespace="",pod="")" + more + "}";
}

TEST(Metrics, CountsConnectionsByState) {
  Scene scene;
  scene.apply(listening(1_s, listen_sock(9), 4121), accepted(1_s, Sock{.cookie = 1}),
              accepted(1_s, Sock{.cookie = 2}), accepted(1_s, Sock{.cookie = 3}),
              entered(20_s, Sock{.cookie = 2}, TcpState::kCloseWait),
              entered(98_s, Sock{.cookie = 3}, TcpState::kCloseWait));
  const auto series = series_of(scene.observed);
  const auto of_state = [&](const char* name, const char* state) {
    return series.at(name + labels("8080", "node", R"(,state=")" + std::string(state) + '"'));
  };
  EXPECT_EQ(of_state("wsbpf_tcp_connections", "established"), 1);
  EXPECT_EQ(of_state("wsbpf_tcp_connections", "close_wait"), 2);
  EXPECT_EQ(of_state("wsbpf_tcp_connections", "time_wait"), 0);
  EXPECT_EQ(of_state("wsbpf_state_age_max_seconds", "close_wait"), 80);
  EXPECT_EQ(series.at("wsbpf_close_wait_stuck_connections" + labels("8080", "node")), 1);
  EXPECT_EQ(series.at("wsbpf_connections_opened_total" + labels("8080", "node")), 3);
  EXPECT_FALSE(
      series.contains("wsbpf_tcp_connections" + labels("8080", "node", R"(,state="listen")")));
}

TEST(Metrics, NeverNamesAPeerPidOrCookie) {
  Scene scene;
  scene.apply(listening(1_s, listen_sock(9), 4121),
              accepted(1_s, Sock{.cookie = 987654321, .remote_port = 43210}));
  EXPECT_THAT(metrics_text(scene.observed),
              AllOf(Not(HasSubstr("10.0.3.7")), Not(HasSubstr("43210")), Not(HasSubstr("4121")),
                    Not(HasSubstr("987654321"))));
}

TEST(Metrics, TellsQueuesRetransmissionsAndResets) {
  Scene scene;
  scene.observed.status.reset_reasons = {{14, "TCP_ABORT_ON_LINGER"}};
  scene.apply(listening(1_s, listen_sock(9), 4121), accepted(1_s, Sock{}),
              retransmitted(2_s, Sock{}, 1),
              reset(3_s, Sock{}, TcpState::kEstablished, WSBPF_RESET_RECEIVED),
              reset(3_s, Sock{}, TcpState::kEstablished, WSBPF_RESET_SENT, 14),
              reset(3_s, Sock{}, TcpState::kEstablished, WSBPF_RESET_SENT, 77));
  scene.sweep({.started_ns = 4_s,
               .sockets = {sample(4_s, listen_sock(9), TcpState::kListen, 0,
                                  {.unread_bytes = 3, .unacked_bytes = 511}),
                           sample(4_s, Sock{}, TcpState::kEstablished)}});
  const auto series = series_of(scene.observed);
  EXPECT_EQ(series.at("wsbpf_accept_queue_length" + labels("8080", "node")), 3);
  EXPECT_EQ(series.at("wsbpf_accept_queue_limit" + labels("8080", "node")), 511);
  EXPECT_EQ(series.at("wsbpf_retransmitted_segments_total" + labels("8080", "node")), 1);
  for (const char* const kind :
       {R"(,direction="received",reason="")", R"(,direction="sent",reason="TCP_ABORT_ON_LINGER")",
        R"(,direction="sent",reason="77")"}) {
    EXPECT_EQ(series.at("wsbpf_resets_total" + labels("8080", "node", kind)), 1) << kind;
  }
}

// An alert is a single listener's, so that of the stuck ones the greatest number counts.
TEST(Metrics, ListenersWithTheSameLabelsAreOne) {
  Scene scene;
  scene.apply(accepted(1_s, Sock{.cookie = 1, .netns = 1}),
              accepted(1_s, Sock{.cookie = 2, .netns = 2}),
              accepted(1_s, Sock{.cookie = 3, .netns = 2}),
              entered(10_s, Sock{.cookie = 1}, TcpState::kCloseWait),
              entered(50_s, Sock{.cookie = 2, .netns = 2}, TcpState::kCloseWait),
              entered(50_s, Sock{.cookie = 3, .netns = 2}, TcpState::kCloseWait));
  const auto series = series_of(scene.observed);
  EXPECT_EQ(series.at("wsbpf_connections_opened_total" + labels("8080", "")), 3);
  EXPECT_EQ(series.at("wsbpf_close_wait_stuck_connections" + labels("8080", "")), 2);
  EXPECT_EQ(series.at("wsbpf_state_age_max_seconds" + labels("8080", "", R"(,state="close_wait")")),
            90);
}

TEST(Metrics, NamesThatLookTheSameAreOneSeries) {
  Scene scene;
  scene.processes.run(1, "\x01");
  scene.processes.run(2, "\\x01");
  scene.apply(listening(1_s, listen_sock(9, 8080, 1), 1),
              listening(1_s, listen_sock(10, 8080, 2), 2));
  const auto series = series_of(scene.observed);
  EXPECT_TRUE(series.contains("wsbpf_connections_opened_total" + labels("8080", R"(\\x01)")));
}

TEST(Metrics, PodsAreTheirOwnSeries) {
  Scene scene;
  scene.processes.run(1, "node", 1, {"/a", "a", "shop", "chat-7f", "server"});
  scene.processes.run(2, "node", 1, {"/b", "b", "shop", "chat-8e", "server"});
  for (const uint32_t pid : {1u, 2u}) {
    const Sock sock{.cookie = pid, .netns = pid};
    scene.apply(listening(1_s, listen_sock(10 + pid, 8080, pid), pid), accepted(1_s, sock),
                destroyed(2_s, sock));
  }
  const auto series = series_of(scene.observed);
  for (const std::string pod : {"chat-7f", "chat-8e"}) {
    const std::string place = R"({port="8080",role="server",namespace="shop",pod=")" + pod + R"(")";
    const std::string more = R"(,container="server",comm="node")";
    EXPECT_EQ(series.at("wsbpf_connections_opened_total" + place + more + "}"), 1) << pod;
    EXPECT_EQ(series.at("wsbpf_tcp_connections" + place + more + R"(,state="close_wait"})"), 0);
    EXPECT_EQ(series.at("wsbpf_connection_duration_seconds_count" + place + "}"), 1) << pod;
  }
  EXPECT_FALSE(series.contains("wsbpf_connections_opened_total" + labels("8080", "node")));
}

// A pod that has gone keeps its series for as long as its listener is remembered.
TEST(Metrics, APodOutlivesItsProcess) {
  Scene scene;
  scene.processes.run(1, "node", 1, {"/a", "a", "shop", "chat-7f", "server"});
  const Sock listener = listen_sock(9);
  scene.apply(listening(1_s, listener, 1), closed(2_s, listener, TcpState::kListen),
              destroyed(2_s, listener));
  scene.processes.exit(1);
  const std::string opened =
      R"(wsbpf_connections_opened_total{port="8080",role="server",namespace="shop",)"
      R"(pod="chat-7f",container="server",comm="node"})";
  scene.sweep({.started_ns = 10_s, .files = true});
  EXPECT_TRUE(series_of(scene.observed).contains(opened));
  scene.sweep({.started_ns = 2_s + 14 * 60_s, .files = true});
  EXPECT_TRUE(series_of(scene.observed).contains(opened));
  scene.sweep({.started_ns = 2_s + 15 * 60_s, .files = true});
  EXPECT_FALSE(series_of(scene.observed).contains(opened));
}

TEST(Metrics, HostileNamesStayInTheirLabel) {
  Scene scene;
  scene.processes.run(1, "a\"\n\\b", 1, {.pod = "\x1b"});
  scene.apply(listening(1_s, listen_sock(9), 1));
  EXPECT_TRUE(series_of(scene.observed)
                  .contains(R"(wsbpf_connections_opened_total{port="8080",role="server",)"
                            R"(namespace="",pod="\\x1b",container="",comm="a\"\\n\\b"})"));
}

TEST(Metrics, RolesAreTheirOwnSeries) {
  Scene scene;
  scene.apply(accepted(1_s, Sock{.cookie = 1}), connected(1_s, client_sock(2)));
  const auto series = series_of(scene.observed);
  EXPECT_EQ(series.at("wsbpf_connections_opened_total" + labels("8080", "")), 1);
  EXPECT_EQ(series.at("wsbpf_connections_opened_total" + labels("8080", "", "", "client")), 1);
}

TEST(Metrics, HistogramsAreCumulativeAndConsistent) {
  Scene scene;
  uint64_t cookie = 1;
  for (const uint64_t age_seconds : {0, 5, 5, 45, 4000}) {
    const Sock sock{.cookie = cookie++, .netns = 1 + static_cast<uint32_t>(cookie % 2)};
    scene.apply(accepted(0, sock),
                closed(age_seconds * 1_s, sock, TcpState::kEstablished, {.idle_ms = 2000}));
  }
  const auto series = series_of(scene.observed);
  const auto bucket = [&](const char* bound) {
    return series.at("wsbpf_connection_duration_seconds_bucket" +
                     histogram_labels("8080", R"(,le=")" + std::string(bound) + '"'));
  };
  EXPECT_EQ(bucket("1"), 1);
  EXPECT_EQ(bucket("10"), 3);
  EXPECT_EQ(bucket("60"), 4);
  EXPECT_EQ(bucket("3600"), 4);
  EXPECT_EQ(bucket("7200"), 5);
  EXPECT_EQ(bucket("+Inf"), 5);
  EXPECT_EQ(series.at("wsbpf_connection_duration_seconds_count" + histogram_labels("8080")), 5);
  EXPECT_EQ(series.at("wsbpf_connection_duration_seconds_sum" + histogram_labels("8080")), 4055);
  EXPECT_EQ(series.at("wsbpf_idle_at_close_seconds_sum" + histogram_labels("8080")), 10);
}

TEST(Metrics, HistogramsMergeWhatDiffersInCommOnly) {
  Scene scene;
  scene.processes.run(1, "a");
  scene.processes.run(2, "b");
  scene.apply(
      listening(1_s, listen_sock(9, 8080, 1), 1), listening(1_s, listen_sock(10, 8080, 2), 2),
      accepted(1_s, Sock{.cookie = 1, .netns = 1}), accepted(1_s, Sock{.cookie = 2, .netns = 2}),
      destroyed(2_s, Sock{.cookie = 1, .netns = 1}), destroyed(2_s, Sock{.cookie = 2, .netns = 2}));
  EXPECT_EQ(series_of(scene.observed)
                .at("wsbpf_connection_duration_seconds_count" + histogram_labels("8080")),
            2);
}

TEST(Metrics, AlertsFireInTheirSeverityOnly) {
  Scene scene;
  scene.apply(accepted(1_s, Sock{.cookie = 1}),
              accepted(1_s, Sock{.cookie = 2, .local_port = 9090}), connected(1_s, client_sock(3)));
  scene.fire(8080, Severity::kCritical);
  const auto series = series_of(scene.observed);
  const auto firing = [&](const char* port, const char* severity) {
    return series.at("wsbpf_alerts_firing" + labels(port, "",
                                                    R"(,alert="CloseWaitAccumulation",severity=")" +
                                                        std::string(severity) + '"'));
  };
  EXPECT_EQ(firing("8080", "critical"), 1);
  EXPECT_EQ(firing("8080", "warning"), 0);
  EXPECT_EQ(firing("9090", "critical"), 0);
  scene.observed.alerts[0].state = AlertState::kPending;
  EXPECT_EQ(series_of(scene.observed)
                .at("wsbpf_alerts_firing" +
                    labels("8080", "", R"(,alert="CloseWaitAccumulation",severity="critical")")),
            0);
}

TEST(Metrics, TellsOfItself) {
  Scene scene;
  scene.observed.status.events = {{"opened", 7}};
  scene.observed.status.lost.ring_buffer = {{"set_state", 3}};
  scene.observed.status.lost.recursion = 4;
  scene.observed.status.usage.resident_bytes = 1 << 20;
  scene.sweep({.started_ns = 2_s, .sockets = {sample(2_s, Sock{}, TcpState::kEstablished)}});
  const auto series = series_of(scene.observed);
  EXPECT_EQ(series.at(R"(wsbpf_events_total{type="opened"})"), 7);
  EXPECT_EQ(series.at(R"(wsbpf_events_lost_total{reason="ring_buffer",program="set_state"})"), 3);
  EXPECT_EQ(series.at(R"(wsbpf_events_lost_total{reason="recursion",program=""})"), 4);
  EXPECT_EQ(series.at(R"(wsbpf_reconcile_corrections_total{kind="opened"})"), 1);
  EXPECT_EQ(series.at(R"(wsbpf_build_info{version="1.2.3",node="node-a"})"), 1);
  EXPECT_EQ(series.at("process_resident_memory_bytes"), 1 << 20);
}

TEST(Metrics, TimesProgramsOnlyWhereTheyAreTimed) {
  Scene scene;
  EXPECT_THAT(metrics_text(scene.observed), Not(HasSubstr("wsbpf_bpf_program")));
  scene.observed.status.programs = {{.name = "set_state", .runs = 4, .run_ns = 2'000'000'000}};
  const auto series = series_of(scene.observed);
  EXPECT_EQ(series.at(R"(wsbpf_bpf_program_runs_total{program="set_state"})"), 4);
  EXPECT_EQ(series.at(R"(wsbpf_bpf_program_run_seconds_total{program="set_state"})"), 2);
}

TEST(Metrics, EachFamilyIsExplainedOnce) {
  Scene scene;
  scene.apply(accepted(1_s, Sock{.cookie = 1}), connected(1_s, client_sock(2)));
  std::set<std::string> types;
  std::istringstream lines(metrics_text(scene.observed));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) {
      EXPECT_TRUE(types.insert(line).second) << line;
      EXPECT_THAT(line, testing::AnyOf(HasSubstr(" wsbpf_"), HasSubstr(" process_")));
    }
    if (line.starts_with("# HELP ")) {
      EXPECT_THAT(line, EndsWith("."));
    }
  }
  EXPECT_GT(types.size(), 10u);
}

// --- very many listeners
// --------------------------------------------------------------------------

// One listener on each of `count` ports, of which the later have the more connections; each port's
// connections were also reset for `reasons` different reasons.
void crowd(Scene& scene, uint16_t count, int reasons) {
  uint64_t cookie = 1;
  for (uint16_t i = 1; i <= count; ++i) {
    for (uint16_t connection = 0; connection <= i / 100; ++connection) {
      const Sock sock{.cookie = cookie++, .local_port = i};
      scene.table.apply(accepted(1_s, sock));
      for (int reason = 0; reason < reasons; ++reason) {
        scene.table.apply(reset(2_s, sock, TcpState::kEstablished, WSBPF_RESET_SENT, reason));
      }
    }
  }
  scene.summarize();
}

Watch all_ports() {
  Watch watch;
  watch.ports.set();
  return watch;
}

double sum_of(const std::map<std::string, double>& series, const std::string& name) {
  double sum = 0;
  for (const auto& [key, value] : series) {
    if (key.starts_with(name + "{")) sum += value;
  }
  return sum;
}

TEST(MetricsLimit, BelowItEveryListenerHasItsSeries) {
  Scene scene(all_ports());
  crowd(scene, 50, 1);
  const auto series = series_of(scene.observed);
  EXPECT_TRUE(series.contains("wsbpf_connections_opened_total" + labels("1", "")));
  EXPECT_FALSE(series.contains("wsbpf_connections_opened_total" + labels("other", "")));
}

TEST(MetricsLimit, AboveItTheSmallestAreOther) {
  Scene scene(all_ports());
  crowd(scene, 400, 1);
  const auto series = series_of(scene.observed);
  EXPECT_THAT(series.size(), Le(kSeriesLimit));
  EXPECT_TRUE(series.contains("wsbpf_connections_opened_total" + labels("400", "")));
  EXPECT_FALSE(series.contains("wsbpf_connections_opened_total" + labels("1", "")));
  EXPECT_THAT(series.at("wsbpf_connections_opened_total" + labels("other", "")), Gt(300));
}

TEST(MetricsLimit, NothingIsLostInOther) {
  Scene scene(all_ports());
  crowd(scene, 400, 1);
  const auto series = series_of(scene.observed);
  const auto connections = static_cast<double>(scene.table.connections().size());
  EXPECT_EQ(sum_of(series, "wsbpf_connections_opened_total"), connections);
  EXPECT_EQ(sum_of(series, "wsbpf_tcp_connections"), connections);
}

TEST(MetricsLimit, HoldsHoweverManyPodsThereAre) {
  Scene scene;
  for (uint32_t pid = 1; pid <= 300; ++pid) {
    const std::string number = std::to_string(pid);
    scene.processes.run(pid, "node", 1, {"/", number, "shop", "chat-" + number, "server"});
    scene.table.apply(listening(1_s, listen_sock(pid, 8080, pid), pid));
  }
  scene.summarize();
  const auto series = series_of(scene.observed);
  EXPECT_THAT(series.size(), Le(kSeriesLimit));
  EXPECT_TRUE(series.contains("wsbpf_connections_opened_total" + labels("other", "")));
}

TEST(MetricsLimit, HoldsHoweverManyReasonsResetsHave) {
  Scene scene(all_ports());
  crowd(scene, 400, 20);
  EXPECT_THAT(series_of(scene.observed).size(), Le(kSeriesLimit));
}

}  // namespace
}  // namespace wsbpf
