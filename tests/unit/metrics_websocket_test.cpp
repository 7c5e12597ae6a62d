// The metrics of WebSockets.
#include "serve/metrics_websocket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "observed_builder.h"
#include "serve/metrics.h"

namespace wsbpf {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Numbers = std::initializer_list<uint16_t>;

class WebSocketMetricsTest : public testing::Test {
 protected:
  // A line of the exposition, of the listener on 8080.
  static std::string series(const std::string& name, const std::string& label, int value) {
    return "\nwsbpf_websocket_" + name +
           R"({port="8080",role="server",namespace="",pod="",container="",comm="")" +
           (label.empty() ? "" : "," + label) + "} " + std::to_string(value) + "\n";
  }

  std::string text() { return metrics_text(scene_.observed); }

  // A connection that is not counted yet, opened at 10 s.
  Sock next_sock() {
    Sock sock;
    sock.cookie = ++cookies_;
    scene_.apply(accepted(10_s, sock));
    return sock;
  }

  WebSocketRecords opened_websocket() {
    WebSocketRecords records{next_sock()};
    scene_.apply({records.requested(11_s), records.answered(12_s)});
    return records;
  }

  void answered(uint16_t status) {
    WebSocketRecords records{next_sock()};
    scene_.apply({records.requested(11_s), records.answered(12_s, status)});
  }

  // One that is closed by the peer with a Close frame that bears `code`.
  void closed_with(uint16_t code) {
    const Sock sock = next_sock();
    WebSocketRecords records{sock};
    scene_.apply({records.requested(11_s), records.answered(12_s),
                  records.close(13_s, WSBPF_IN, code), records.ended(14_s),
                  left(14_s, sock, TcpState::kCloseWait), entered(14_s, sock, TcpState::kLastAck),
                  closed(14_s, sock, TcpState::kLastAck), destroyed(14_s, sock)});
    scene_.table.advance(20_s);
    scene_.summarize();
  }

  uint64_t cookies_ = 0;
  Scene scene_{watch_of({8080})};
};

TEST_F(WebSocketMetricsTest, CountsConnectionsByPhase) {
  next_sock();
  opened_websocket();
  opened_websocket();
  answered(404);
  EXPECT_THAT(text(), AllOf(HasSubstr(series("connections", R"(phase="none")", 1)),
                            HasSubstr(series("connections", R"(phase="open")", 2)),
                            HasSubstr(series("connections", R"(phase="rejected")", 1)),
                            HasSubstr(series("connections", R"(phase="closing")", 0)),
                            HasSubstr(series("connections", R"(phase="unknown")", 0))));
}

TEST_F(WebSocketMetricsTest, WhatCannotBeReadHasAReasonAndNoPhase) {
  scene_.apply(unreadable(11_s, next_sock(), WSBPF_UNREADABLE_TLS),
               unreadable(11_s, next_sock(), WSBPF_UNREADABLE_TLS),
               unreadable(11_s, next_sock(), WSBPF_UNREADABLE_HTTP2));
  EXPECT_THAT(text(), AllOf(HasSubstr(series("unread_connections", R"(reason="tls")", 2)),
                            HasSubstr(series("unread_connections", R"(reason="http2")", 1)),
                            HasSubstr(series("unread_connections", R"(reason="other")", 0)),
                            HasSubstr(series("connections", R"(phase="none")", 0)),
                            Not(HasSubstr(R"(reason="off")"))));
}

TEST_F(WebSocketMetricsTest, CountsUpgradesByTheirStatusOrItsClass) {
  for (const uint16_t status :
       Numbers{101, 200, 400, 401, 403, 404, 426, 429, 500, 502, 503, 504}) {
    answered(status);
    EXPECT_THAT(text(),
                HasSubstr(series("upgrades_total", "status=\"" + std::to_string(status) + '"', 1)));
  }
  for (const uint16_t status : Numbers{204, 301, 302, 418, 499, 505, 199, 999}) answered(status);
  EXPECT_THAT(text(), AllOf(HasSubstr(series("upgrades_total", R"(status="1xx")", 1)),
                            HasSubstr(series("upgrades_total", R"(status="2xx")", 1)),
                            HasSubstr(series("upgrades_total", R"(status="3xx")", 2)),
                            HasSubstr(series("upgrades_total", R"(status="4xx")", 2)),
                            HasSubstr(series("upgrades_total", R"(status="5xx")", 2))));
}

TEST_F(WebSocketMetricsTest, CountsRequestsWithoutAnAnswer) {
  const auto end_at = [this](uint64_t time_ns) {
    const Sock sock = next_sock();
    WebSocketRecords records{sock};
    scene_.apply({records.requested(11_s), records.ended(time_ns),
                  closed(time_ns, sock, TcpState::kEstablished)});
  };
  end_at(12_s);
  end_at(12_s);
  end_at(60_s);
  EXPECT_THAT(text(), AllOf(HasSubstr(series("upgrades_total", R"(status="no_response")", 2)),
                            HasSubstr(series("upgrades_total", R"(status="timeout")", 1))));
}

TEST_F(WebSocketMetricsTest, CountsMessagesAndTheirBytesByDirection) {
  WebSocketRecords records = opened_websocket();
  scene_.apply({records.message(20_s, WSBPF_IN, 100), records.message(21_s, WSBPF_IN, 20),
                records.message(22_s, WSBPF_OUT, 7)});
  EXPECT_THAT(text(),
              AllOf(HasSubstr(series("messages_total", R"(direction="received")", 2)),
                    HasSubstr(series("messages_total", R"(direction="sent")", 1)),
                    HasSubstr(series("message_bytes_total", R"(direction="received")", 120)),
                    HasSubstr(series("message_bytes_total", R"(direction="sent")", 7))));
}

TEST_F(WebSocketMetricsTest, CountsCloseCodes) {
  for (const uint16_t code :
       Numbers{1000, 1001, 1005, 1015, 1016, 2999, 3000, 3999, 4000, 4999, 5000}) {
    closed_with(code);
  }
  const auto count = [](const std::string& code, int value) {
    return series("close_codes_total", "code=\"" + code + R"(",initiator="remote")", value);
  };
  EXPECT_THAT(text(), AllOf(HasSubstr(count("1000", 1)), HasSubstr(count("1001", 1)),
                            HasSubstr(count("1005", 1)), HasSubstr(count("1015", 1)),
                            HasSubstr(count("3xxx", 2)), HasSubstr(count("4xxx", 2)),
                            HasSubstr(count("other", 3)), Not(HasSubstr(R"(code="1016")"))));
}

TEST_F(WebSocketMetricsTest, AnEndWithoutACloseFrameIs1006OrNotCertain) {
  for (const uint32_t behind : {0, 4}) {
    const Sock sock = next_sock();
    WebSocketRecords records{sock};
    scene_.apply({records.requested(11_s), records.answered(12_s), records.ended(14_s, {behind, 0}),
                  closed(14_s, sock, TcpState::kEstablished), destroyed(14_s, sock)});
  }
  scene_.table.advance(20_s);
  scene_.summarize();
  EXPECT_THAT(text(), AllOf(HasSubstr(R"(comm="",code="1006",initiator=")"),
                            HasSubstr(R"(comm="",code="none",initiator=")")));
}

TEST_F(WebSocketMetricsTest, MeasuresPingsWithTheLabelsOfHistograms) {
  EXPECT_THAT(text(), Not(HasSubstr("ping_rtt"))) << "there was none";
  WebSocketRecords records = opened_websocket();
  scene_.apply({records.ping(20_s, WSBPF_OUT), records.pong(20'030_ms, WSBPF_IN)});
  const std::string labels = R"({port="8080",role="server",namespace="",pod="")";
  EXPECT_THAT(
      text(),
      AllOf(HasSubstr("\nwsbpf_websocket_ping_rtt_seconds_bucket" + labels + ",le=\"0.025\"} 0\n"),
            HasSubstr("\nwsbpf_websocket_ping_rtt_seconds_bucket" + labels + ",le=\"0.05\"} 1\n"),
            HasSubstr("\nwsbpf_websocket_ping_rtt_seconds_bucket" + labels + ",le=\"+Inf\"} 1\n"),
            HasSubstr("\nwsbpf_websocket_ping_rtt_seconds_count" + labels + "} 1\n"),
            HasSubstr("\nwsbpf_websocket_ping_rtt_seconds_sum" + labels + "} 0.03\n")));
}

TEST_F(WebSocketMetricsTest, CountsViolationsMissedBytesAndStrippedUpgrades) {
  WebSocketRecords records = opened_websocket();
  records.state.directions[WSBPF_IN].violations = 3;
  scene_.apply({records.lost(20_s, WSBPF_IN, 512)});
  WebSocketRecords stripped{next_sock()};
  scene_.apply({stripped.requested(11_s, WSBPF_WEBSOCKET_KEY), stripped.answered(12_s, 400)});
  EXPECT_THAT(text(), AllOf(HasSubstr(series("violations_total", "", 3)),
                            HasSubstr(series("missed_bytes_total", "", 512)),
                            HasSubstr(series("stripped_upgrades_total", "", 1))));
}

TEST_F(WebSocketMetricsTest, WithoutAWebSocketThereIsNothingToCount) {
  next_sock();
  EXPECT_THAT(text(), AllOf(Not(HasSubstr("wsbpf_websocket_messages_total")),
                            Not(HasSubstr("wsbpf_websocket_upgrades_total")),
                            Not(HasSubstr("wsbpf_websocket_violations_total"))));
}

TEST_F(WebSocketMetricsTest, SwitchedOffOnlyThatIsSaid) {
  Watch watch = watch_of({8080});
  watch.websocket = false;
  Scene scene(watch);
  scene.apply(accepted(10_s, Sock{}));
  const std::string text = metrics_text(scene.observed);
  EXPECT_THAT(text, AllOf(HasSubstr(series("unread_connections", R"(reason="off")", 1)),
                          Not(HasSubstr("wsbpf_websocket_connections")),
                          Not(HasSubstr(R"(reason="tls")"))));
}

}  // namespace
}  // namespace wsbpf
