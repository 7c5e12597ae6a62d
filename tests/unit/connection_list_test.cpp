// /api/connections: order, pages and pieces.
#include "serve/connection_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "observed_builder.h"

namespace wsbpf {
namespace {

using nlohmann::json;
using testing::HasSubstr;

using Ids = std::vector<std::string>;

ConnectionQuery sorted_by(std::string_view sort) {
  ConnectionQuery query;
  query.sort = sort;
  return query;
}

ConnectionQuery page_of(size_t limit, std::string_view sort = "id") {
  ConnectionQuery query = sorted_by(sort);
  query.limit = limit;
  return query;
}

ConnectionQuery after(const std::string& cursor, ConnectionQuery query = {}) {
  query.cursor = cursor;
  return query;
}

ConnectionQuery lines(bool as_lines = true) {
  ConnectionQuery query;
  query.as_lines = as_lines;
  return query;
}

std::string body_of(const Response& response) {
  std::string body;
  for (auto piece = response.next_piece(); piece; piece = response.next_piece()) body += *piece;
  return body;
}

class ConnectionListTest : public testing::Test {
 protected:
  // Connections 1 to `count`, in an order that is none.
  void open(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t cookie = 1 + (i * 7919) % count;
      scene_.table.apply(accepted(1_s + cookie * 1_ms, Sock{.cookie = cookie}));
    }
  }

  ConnectionContext context() {
    return {.now_ns = kNow_ns, .node_json = "\"node-a\"", .redact_peers = false};
  }

  json list(const ConnectionQuery& query) {
    const auto response = list_connections(query, scene_.table, context());
    EXPECT_TRUE(response.has_value());
    return json::parse(body_of(*response));
  }

  Ids ids(const ConnectionQuery& query) { return ids_of(list(query)); }

  static Ids ids_of(const json& page) {
    Ids ids;
    for (const json& connection : page["connections"]) ids.push_back(connection["id"]);
    return ids;
  }

  // Follows the cursors from the first page to the last.
  Ids walk(ConnectionQuery query) {
    Ids all;
    while (true) {
      const json page = list(query);
      EXPECT_LE(page["connections"].size(), *query.limit);
      const Ids ids = ids_of(page);
      all.insert(all.end(), ids.begin(), ids.end());
      if (page["next_cursor"].is_null()) return all;
      EXPECT_EQ(page["connections"].size(), *query.limit);
      query.cursor = page["next_cursor"];
    }
  }

  Scene scene_;
};

TEST_F(ConnectionListTest, NothingIsAListToo) {
  const json page = list({});
  EXPECT_TRUE(page["connections"].empty());
  EXPECT_EQ(page["total"], 0);
  EXPECT_TRUE(page["next_cursor"].is_null());
}

TEST_F(ConnectionListTest, IsInOrderOfIds) {
  open(10);
  EXPECT_EQ(ids({}), (Ids{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}));
  EXPECT_EQ(ids(sorted_by("-id")), (Ids{"10", "9", "8", "7", "6", "5", "4", "3", "2", "1"}));
}

TEST_F(ConnectionListTest, OlderIsGreaterInAge) {
  open(3);
  EXPECT_EQ(ids(sorted_by("age")), (Ids{"3", "2", "1"}));
  EXPECT_EQ(ids(sorted_by("-age")), (Ids{"1", "2", "3"}));
}

TEST_F(ConnectionListTest, SortsByEveryColumn) {
  scene_.processes.run(100, "zebra");
  scene_.processes.run(200, "ant");
  const Sock low{
      .cookie = 1, .local_port = 8080, .local_address = "10.0.0.1", .remote_address = "10.0.0.9"};
  const Sock high{
      .cookie = 2, .local_port = 9090, .local_address = "10.0.0.2", .remote_address = "10.0.0.10"};
  scene_.apply(accepted(1_s, high), accepted(2_s, low), entered(3_s, high, TcpState::kCloseWait),
               entered(4_s, low, TcpState::kCloseWait), entered(5_s, low, TcpState::kLastAck));
  scene_.sweep({.started_ns = 6_s,
                .sockets = {sample(6_s, low, TcpState::kLastAck, 200, {.unsent_bytes = 3}),
                            sample(6_s, high, TcpState::kCloseWait, 100,
                                   {.bytes_received = 2,
                                    .bytes_acked = 2,
                                    .unread_bytes = 2,
                                    .unacked_bytes = 2,
                                    .retransmits = 2,
                                    .srtt_us = 2,
                                    .idle_ms = 2})},
                .files = true});
  WebSocketRecords of_low{low};
  WebSocketRecords of_high{high};
  scene_.apply({of_low.requested(6_s), of_low.answered(6_s), of_low.message(6_s, WSBPF_OUT, 1),
                of_low.message(6_s, WSBPF_OUT, 1), of_low.message(6_s, WSBPF_IN, 1),
                of_high.requested(6_s), of_high.answered(6_s), of_high.message(6_s, WSBPF_OUT, 1),
                of_high.message(6_s, WSBPF_IN, 1), of_high.message(6_s, WSBPF_IN, 1),
                of_high.ping(6_s, WSBPF_OUT), of_high.pong(6'001_ms, WSBPF_IN)});
  const std::map<std::string_view, Ids> expected = {
      {"state", {"2", "1"}},         {"pid", {"2", "1"}},         {"id", {"1", "2"}},
      {"age", {"1", "2"}},           {"state_age", {"1", "2"}},   {"idle", {"1", "2"}},
      {"recv_q", {"1", "2"}},        {"send_q", {"2", "1"}},      {"received", {"1", "2"}},
      {"sent", {"1", "2"}},          {"retransmits", {"1", "2"}}, {"srtt", {"1", "2"}},
      {"port", {"1", "2"}},          {"comm", {"1", "2"}},        {"local", {"1", "2"}},
      {"peer", {"1", "2"}},          {"phase", {"1", "2"}},       {"messages_received", {"1", "2"}},
      {"messages_sent", {"2", "1"}}, {"ping_rtt", {"1", "2"}},
  };
  for (const std::string_view column : sort_columns()) {
    ASSERT_TRUE(expected.contains(column)) << column;
    EXPECT_EQ(ids(sorted_by(column)), expected.at(column)) << column;
    const Ids turned(expected.at(column).rbegin(), expected.at(column).rend());
    EXPECT_EQ(ids(sorted_by("-" + std::string(column))), turned) << column;
  }
}

TEST_F(ConnectionListTest, WhatCannotBeReadComesBeforeEveryPhase) {
  const Sock open{.cookie = 1};
  const Sock encrypted{.cookie = 2};
  const Sock closing{.cookie = 3};
  WebSocketRecords of_open{open};
  WebSocketRecords of_closing{closing};
  scene_.apply({accepted(1_s, open), accepted(1_s, encrypted), accepted(1_s, closing),
                of_open.requested(2_s), of_open.answered(2_s), of_closing.requested(2_s),
                of_closing.answered(2_s), of_closing.close(3_s, WSBPF_IN),
                unreadable(2_s, encrypted, WSBPF_UNREADABLE_TLS)});
  EXPECT_EQ(ids(sorted_by("phase")), (Ids{"2", "3", "1"}));
  const auto listed = [this](const char* filter) {
    ConnectionQuery query;
    query.filter = Filter::parse(filter).value_or(Filter());
    return ids(query);
  };
  EXPECT_EQ(listed("phase open"), (Ids{"1"}));
  EXPECT_EQ(listed("phase != open"), (Ids{"3"})) << "what cannot be read is in no phase";
  EXPECT_EQ(listed("not phase open"), (Ids{"2", "3"}));
}

TEST_F(ConnectionListTest, ALimitCutsAndTheTotalDoesNot) {
  open(10);
  const json page = list(page_of(3));
  EXPECT_EQ(ids_of(page), (Ids{"1", "2", "3"}));
  EXPECT_EQ(page["total"], 10);
  EXPECT_TRUE(page["next_cursor"].is_string());
}

TEST_F(ConnectionListTest, ALimitAboveWhatIsThereCutsNothing) {
  open(3);
  for (const size_t limit : {size_t{3}, size_t{4}, SIZE_MAX}) {
    const json page = list(page_of(limit));
    EXPECT_EQ(page["connections"].size(), 3u);
    EXPECT_TRUE(page["next_cursor"].is_null());
  }
}

TEST_F(ConnectionListTest, CursorsVisitEachExactlyOnce) {
  open(101);
  for (const std::string_view column : sort_columns()) {  // most of which have but one value here
    for (const std::string& sort : {std::string(column), "-" + std::string(column)}) {
      for (const size_t limit : {7u, 50u, 100u, 101u}) {
        Ids all = walk(page_of(limit, sort));
        std::sort(all.begin(), all.end());
        EXPECT_EQ(all.size(), 101u) << sort;
        EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end()) << sort;
      }
    }
  }
}

TEST_F(ConnectionListTest, ACursorOutlivesTheRowItNames) {
  open(10);
  const json page = list(page_of(3));
  scene_.table.apply(destroyed(50_s, Sock{.cookie = 3}));
  EXPECT_EQ(ids(after(page["next_cursor"], page_of(3))), (Ids{"4", "5", "6"}));
}

TEST_F(ConnectionListTest, RefusesWhatIsNoColumn) {
  for (const char* const sort : {"colour", "", "-", "--id", "ID"}) {
    const auto response = list_connections(sorted_by(sort), scene_.table, context());
    ASSERT_FALSE(response.has_value()) << sort;
    EXPECT_EQ(response.error().exit_code, ExitCode::kUsage);
    EXPECT_THAT(response.error().message, HasSubstr("state_age"));
  }
}

TEST_F(ConnectionListTest, RefusesWhatIsNoCursor) {
  for (const char* const cursor : {"x",
                                   "1",
                                   "1.2",
                                   "1.2.3",
                                   ":",
                                   "id:",
                                   "id:1",
                                   "id:1.2",
                                   "id:1.2.3.4",
                                   "id:1.2.",
                                   "id:1..3",
                                   "id:1.2.g",
                                   "id: 1.2.3",
                                   "id:1.2.3 ",
                                   "id:1.2.fffffffffffffffff",
                                   "id:id:1.2.3",
                                   "1.2.3.4",
                                   "1.2.",
                                   "1..3",
                                   "1.2.g",
                                   " 1.2.3",
                                   "1.2.3 ",
                                   "1.2.fffffffffffffffff"}) {
    const auto response = list_connections(after(cursor), scene_.table, context());
    ASSERT_FALSE(response.has_value()) << cursor;
    EXPECT_EQ(response.error().exit_code, ExitCode::kUsage);
  }
}

TEST_F(ConnectionListTest, RefusesACursorOfAnotherOrder) {
  open(10);
  const std::string cursor = list(page_of(3, "age"))["next_cursor"];
  for (const char* const sort : {"-age", "id", "state_age"}) {
    const auto response =
        list_connections(after(cursor, page_of(3, sort)), scene_.table, context());
    ASSERT_FALSE(response.has_value()) << sort;
    EXPECT_EQ(response.error().exit_code, ExitCode::kUsage);
    EXPECT_THAT(response.error().message, HasSubstr("sort=age"));
    EXPECT_THAT(response.error().message, HasSubstr("sort=" + std::string(sort)));
  }
  EXPECT_EQ(ids(after(cursor, page_of(3, "age"))).size(), 3u);
}

TEST_F(ConnectionListTest, AFilterIsCountedBeforeThePage) {
  open(10);
  scene_.apply(entered(50_s, Sock{.cookie = 3}, TcpState::kCloseWait),
               entered(50_s, Sock{.cookie = 5}, TcpState::kCloseWait),
               entered(50_s, Sock{.cookie = 8}, TcpState::kCloseWait));
  ConnectionQuery query = page_of(2);
  query.filter = *Filter::parse("state close-wait");
  const json page = list(query);
  EXPECT_EQ(ids_of(page), (Ids{"3", "5"}));
  EXPECT_EQ(page["total"], 3);
  const json last = list(after(page["next_cursor"], query));
  EXPECT_EQ(ids_of(last), (Ids{"8"}));
  EXPECT_EQ(last["total"], 3);
  EXPECT_TRUE(last["next_cursor"].is_null());
  query.filter = *Filter::parse("state last-ack");
  EXPECT_EQ(list(query)["total"], 0);
}

TEST_F(ConnectionListTest, FiltersKnowOwnersAndTheTime) {
  scene_.processes.run(100, "node");
  open(3);
  scene_.sweep({.started_ns = 60_s,
                .sockets = {sample(60_s, Sock{.cookie = 1}, TcpState::kEstablished, 100, {}),
                            sample(60_s, Sock{.cookie = 2}, TcpState::kEstablished, 0, {}),
                            sample(60_s, Sock{.cookie = 3}, TcpState::kEstablished, 0, {})},
                .files = true});
  const auto filtered = [this](const char* filter) {
    ConnectionQuery query;
    query.filter = *Filter::parse(filter);
    return ids(query);
  };
  EXPECT_EQ(filtered("comm node"), (Ids{"1"}));
  EXPECT_EQ(filtered("not comm node"), (Ids{"2", "3"}));
  EXPECT_EQ(filtered("age gt 98.998s"), (Ids{"1"}));  // opened at 1.001, 1.002, 1.003 s
}

TEST_F(ConnectionListTest, AnOffsetSkipsRowsOfTheOrder) {
  open(101);
  for (const std::string_view column : sort_columns()) {
    for (const std::string& sort : {std::string(column), "-" + std::string(column)}) {
      const Ids all = ids(sorted_by(sort));
      for (const size_t offset : {0u, 1u, 50u, 99u, 100u, 101u, 500u}) {
        for (const size_t limit : {1u, 7u, 101u, 500u}) {
          ConnectionQuery query = page_of(limit, sort);
          query.offset = offset;
          const json page = list(query);
          const size_t begin = std::min(offset, all.size());
          const size_t end = std::min(begin + limit, all.size());
          EXPECT_EQ(ids_of(page), Ids(all.begin() + static_cast<std::ptrdiff_t>(begin),
                                      all.begin() + static_cast<std::ptrdiff_t>(end)))
              << sort << " " << offset << " " << limit;
          EXPECT_EQ(page["total"], 101);
          EXPECT_EQ(page["next_cursor"].is_null(), end == all.size());
          if (end == all.size()) continue;
          query.offset = 0;
          EXPECT_EQ(ids(after(page["next_cursor"], query)).front(), all[end]);
        }
      }
    }
  }
}

TEST_F(ConnectionListTest, LinesHaveNothingAroundThem) {
  open(3);
  const auto response = list_connections(lines(), scene_.table, context());
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->content_type, "application/jsonl");
  std::istringstream body(body_of(*response));
  Ids ids;
  for (std::string line; std::getline(body, line);) ids.push_back(json::parse(line)["id"]);
  EXPECT_EQ(ids, (Ids{"1", "2", "3"}));
}

TEST_F(ConnectionListTest, NoLinesAreNothing) {
  const auto response = list_connections(lines(), scene_.table, context());
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(body_of(*response), "");
}

TEST_F(ConnectionListTest, LongListsComeInPieces) {
  open(3000);
  const auto response = list_connections({}, scene_.table, context());
  ASSERT_TRUE(response.has_value());
  size_t pieces = 0;
  std::string body;
  for (auto piece = response->next_piece(); piece; piece = response->next_piece()) {
    ++pieces;
    EXPECT_LT(piece->size(), 200u << 10);
    body += *piece;
  }
  EXPECT_GT(pieces, 5u);
  EXPECT_EQ(json::parse(body)["connections"].size(), 3000u);
}

TEST_F(ConnectionListTest, RowsMayVanishBetweenPieces) {
  for (const bool as_lines : {false, true}) {
    open(3000);
    const auto response = list_connections(lines(as_lines), scene_.table, context());
    ASSERT_TRUE(response.has_value());
    std::string body = response->next_piece().value();
    for (uint64_t cookie = 1; cookie <= 3000; ++cookie) {
      if (cookie != 2999) scene_.table.apply(destroyed(50_s, Sock{.cookie = cookie}));
    }
    scene_.table.apply(accepted(51_s, Sock{.cookie = 5000}));  // takes the place of another
    body += body_of(*response);
    EXPECT_EQ(body.find("\"id\":\"5000\""), std::string::npos);
    EXPECT_NE(body.find("\"id\":\"2999\""), std::string::npos);
    if (!as_lines) {
      const json page = json::parse(body, nullptr, false);
      ASSERT_FALSE(page.is_discarded());
      EXPECT_LT(page["connections"].size(), 3000u);
    }
    scene_.table.set_watch(watch_of({}));
    scene_.table.set_watch(watch_of({8080}));
  }
}

TEST_F(ConnectionListTest, AllRowsMayVanish) {
  open(3);
  const auto response = list_connections({}, scene_.table, context());
  ASSERT_TRUE(response.has_value());
  scene_.table.set_watch(watch_of({}));
  EXPECT_TRUE(json::parse(body_of(*response))["connections"].empty());
}

}  // namespace
}  // namespace wsbpf
