// Things to match filters against.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "core/filter.h"
#include "kernel_records.h"

namespace wsbpf {

inline constexpr uint64_t kFilterNow_ns = 1'000'000'000'000;

// In CLOSE_WAIT for 90 s, 10 minutes old, idle for 45 s.
inline Connection some_connection() {
  Connection connection;
  connection.cookie = 7;
  connection.opened_ns = kFilterNow_ns - 600_s;
  connection.state_since_ns = kFilterNow_ns - 90_s;
  connection.sampled_ns = kFilterNow_ns;
  connection.local_address = address_of("10.0.0.1");
  connection.remote_address = address_of("10.0.3.7");
  connection.local_port = 8080;
  connection.remote_port = 40000;
  connection.netns = 4026531840;
  connection.unread_bytes = 1;
  connection.unacked_bytes = 1500;
  connection.unsent_bytes = 500;
  connection.retransmits = 3;
  connection.srtt_us = 150'000;
  connection.idle_ms = 45'000;
  connection.family = AF_INET;
  connection.state = TcpState::kCloseWait;
  connection.sampled = true;
  return connection;
}

inline Process some_process() {
  return {.pid = 4121,
          .start_time = 1,
          .comm = "node",
          .place = {.cgroup = "/kubepods/x",
                    .container_id = "0123456789abcdef0123456789abcdef",
                    .namespace_name = "shop",
                    .pod = "chat-7f",
                    .container = "app"}};
}

inline Filter filter_of(std::string_view text) {
  auto filter = Filter::parse(text);
  EXPECT_TRUE(filter.has_value()) << text << "\n" << filter.error().message;
  return filter.value_or(Filter());
}

// The whole message, or "" where there is no error.
inline std::string filter_refusal(std::string_view text) {
  const auto filter = Filter::parse(text);
  EXPECT_FALSE(filter.has_value()) << text;
  if (filter) return {};
  EXPECT_EQ(filter.error().exit_code, ExitCode::kUsage);
  return filter.error().message;
}

inline std::string filter_problem(std::string_view text) {
  return std::string(first_line(filter_refusal(text)));
}

}  // namespace wsbpf
