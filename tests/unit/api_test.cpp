// Routes: what is answered to whom.
#include "serve/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>

#include "core/text.h"
#include "observed_builder.h"
#include "serve/json.h"

namespace wsbpf {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class ApiTest : public testing::Test {
 protected:
  ApiTest() {
    scene_.apply(listening(1_s, listen_sock(9), 4121), accepted(1_s, Sock{.cookie = 1}),
                 accepted(2_s, Sock{.cookie = 2}), accepted(3_s, Sock{.cookie = 3}));
  }

  Response get(std::string_view target, Audience audience = Audience::kLocal) {
    return api(false).get(target, audience);
  }

  Api api(bool expose_peers) {
    ApiSources sources;
    sources.observe = [this]() -> const Observed& { return scene_.observed; };
    sources.journal = [this]() -> const Journal& { return journal_; };
    return {std::move(sources), expose_peers};
  }

  static std::string body_of(const Response& response) {
    std::string body = response.body;
    if (!response.next_piece) return body;
    for (auto piece = response.next_piece(); piece; piece = response.next_piece()) body += *piece;
    return body;
  }

  json get_json(std::string_view target, Audience audience = Audience::kLocal) {
    const Response response = get(target, audience);
    EXPECT_EQ(response.status, 200u) << target;
    EXPECT_EQ(response.content_type, "application/json") << target;
    return json::parse(body_of(response));
  }

  // The error's text.
  std::string refusal(std::string_view target, unsigned status) {
    const Response response = get(target);
    EXPECT_EQ(response.status, status) << target;
    EXPECT_EQ(response.content_type, "application/json");
    const json body = json::parse(body_of(response));
    return body.at("error").get<std::string>();
  }

  Scene scene_;
  Journal journal_;
};

TEST_F(ApiTest, TheUnixSocketAndThePageAnswerEverything) {
  for (const Audience audience : {Audience::kLocal, Audience::kPage}) {
    for (const char* const target : {"/metrics", "/healthz", "/readyz", "/api/status",
                                     "/api/listeners", "/api/connections", "/api/alerts"}) {
      EXPECT_EQ(get(target, audience).status, 200u) << target;
    }
  }
}

TEST_F(ApiTest, TheMetricsAddressAnswersMetricsAndHealthOnly) {
  for (const char* const target : {"/metrics", "/healthz", "/readyz"}) {
    EXPECT_EQ(get(target, Audience::kMetrics).status, 200u) << target;
  }
  for (const char* const target :
       {"/", "/api/status", "/api/listeners", "/api/connections", "/api/alerts", "/api%2fstatus"}) {
    EXPECT_EQ(get(target, Audience::kMetrics).status, 404u) << target;
  }
}

TEST_F(ApiTest, WhatIsNotThereIs404) {
  for (const char* const target : {"", "/api", "/api/", "/api/statuses", "/metrics/", "//metrics",
                                   "/../etc/passwd", "/api/connections%00"}) {
    EXPECT_FALSE(refusal(target, 404).empty());
  }
}

TEST_F(ApiTest, OnlyThePageRedactsPeers) {
  const auto peer = [&](const Response& response) {
    return json::parse(body_of(response))["connections"][0]["remote"]["address"];
  };
  EXPECT_EQ(peer(get("/api/connections", Audience::kPage)), "10.0.3.0");
  EXPECT_EQ(peer(get("/api/connections", Audience::kLocal)), "10.0.3.7");
  EXPECT_EQ(peer(api(true).get("/api/connections", Audience::kPage)), "10.0.3.7");
}

// A redacted page must not tell by its order or its cursors what it does not show.
TEST_F(ApiTest, RedactedPagesHaveRedactedCursors) {
  scene_.apply(accepted(4_s, Sock{.cookie = 4, .remote_address = "10.0.3.201"}));
  const json page =
      json::parse(body_of(get("/api/connections?sort=-peer&limit=1", Audience::kPage)));
  const std::string cursor = page["next_cursor"];
  EXPECT_EQ(cursor.find("a0003c9"), std::string::npos) << cursor;
}

TEST_F(ApiTest, HealthIsOkForAsLongAsItLives) {
  EXPECT_EQ(get("/healthz").body, "ok\n");
  EXPECT_THAT(get("/healthz").content_type, HasSubstr("text/plain"));
}

TEST_F(ApiTest, ReadinessTellsWhyItIsDegraded) {
  EXPECT_EQ(get("/readyz").body, "ok\n");
  scene_.observed.status.reasons = {"3 events were lost"};
  const Response response = get("/readyz");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.body, "degraded\n3 events were lost\n");
}

TEST_F(ApiTest, MetricsAreInPrometheusFormat) {
  const Response response = get("/metrics");
  EXPECT_THAT(response.content_type, HasSubstr("version=0.0.4"));
  EXPECT_THAT(response.body, HasSubstr("wsbpf_tcp_connections{"));
}

TEST_F(ApiTest, ListsHaveTheirTotal) {
  scene_.fire(8080, Severity::kWarning);
  for (const auto& [target, name, total] :
       {std::tuple("/api/listeners", "listeners", 1u), std::tuple("/api/alerts", "alerts", 1u),
        std::tuple("/api/connections", "connections", 3u)}) {
    const json page = get_json(target);
    EXPECT_EQ(page[name].size(), total);
    EXPECT_EQ(page["total"], total);
    EXPECT_TRUE(page.at("next_cursor").is_null());
  }
}

TEST_F(ApiTest, ListenersThatAreOnlyRememberedAreNotListed) {
  scene_.apply(accepted(1_s, Sock{.cookie = 7, .local_port = 9090}),
               destroyed(2_s, Sock{.cookie = 7, .local_port = 9090}));
  EXPECT_EQ(get_json("/api/listeners")["total"], 1);
}

TEST_F(ApiTest, ConnectionsTakeSortLimitAndCursor) {
  const json first = get_json("/api/connections?sort=-id&limit=2");
  EXPECT_EQ(first["connections"][0]["id"], "3");
  EXPECT_EQ(first["total"], 3);
  const std::string cursor = first["next_cursor"];
  const json second = get_json("/api/connections?sort=-id&limit=2&cursor=" + cursor);
  ASSERT_EQ(second["connections"].size(), 1u);
  EXPECT_EQ(second["connections"][0]["id"], "1");
  EXPECT_TRUE(second["next_cursor"].is_null());
}

TEST_F(ApiTest, ConnectionsTakeAFilterAndAnOffset) {
  const json page = get_json("/api/connections?filter=not+id+%3D+2&sort=-id&offset=1");
  EXPECT_EQ(page["total"], 2);
  ASSERT_EQ(page["connections"].size(), 1u);
  EXPECT_EQ(page["connections"][0]["id"], "1");
  refusal("/api/connections?offset=-1", 400);
}

TEST_F(ApiTest, FiltersOfAllListsAreRefusedInOneLine) {
  for (const char* const path :
       {"/api/connections", "/api/listeners", "/api/alerts", "/api/events", "/api/disconnects"}) {
    EXPECT_EQ(refusal(std::string(path) + "?filter=state+foo", 400),
              "column 7 of the filter: expected a state such as close-wait, not 'foo'")
        << path;
  }
}

TEST_F(ApiTest, FiltersSeeThePeersThatAreShown) {
  const auto total = [this](Audience audience) {
    const Response response = get("/api/connections?filter=dst+10.0.3.7", audience);
    return json::parse(body_of(response)).at("total");
  };
  EXPECT_EQ(total(Audience::kLocal), 3);
  EXPECT_EQ(total(Audience::kPage), 0);
  const Response exposed = api(true).get("/api/connections?filter=dst+10.0.3.7", Audience::kPage);
  EXPECT_EQ(json::parse(body_of(exposed)).at("total"), 3);
}

// Listeners on 8080 (three connections), 9090 (one, in CLOSE_WAIT) and as a client of 8080.
class ShortListTest : public ApiTest {
 protected:
  ShortListTest() {
    scene_.processes.run(5, "ant");
    const Sock other{.cookie = 4, .local_port = 9090};
    scene_.apply(listening(1_s, listen_sock(10, 9090), 5), accepted(1_s, other),
                 entered(2_s, other, TcpState::kCloseWait), connecting(3_s, client_sock(5), 4121),
                 connected(4_s, client_sock(5)));
    scene_.observed.rates[{1, 9090, Role::kServer}] = {.opens = 5, .closes = 0.5};
  }

  std::vector<std::string> listeners(const std::string& query) {
    std::vector<std::string> shown;
    for (const json& listener : get_json("/api/listeners?" + query)["listeners"]) {
      shown.push_back(listener["role"].get<std::string>() + " " + listener["port"].dump());
    }
    return shown;
  }
};

using Shown = std::vector<std::string>;

TEST_F(ShortListTest, ListenersAreSortedByEveryColumn) {
  const Shown plain = {"server 8080", "client 8080", "server 9090"};
  EXPECT_EQ(listeners(""), plain);
  const std::map<std::string, std::string> greatest = {
      {"port", "server 9090"},  {"connections", "server 8080"}, {"close_wait", "server 9090"},
      {"stuck", "server 9090"}, {"opens", "server 9090"},       {"closes", "server 9090"},
  };
  for (const auto& [column, first] : greatest) {
    EXPECT_EQ(listeners("sort=-" + column).front(), first) << column;
    EXPECT_EQ(listeners("sort=" + column).back(), first) << column;
  }
  EXPECT_EQ(listeners("sort=comm").front(), "server 9090");
  EXPECT_EQ(listeners("sort=half_open").size(), 3u);
  EXPECT_EQ(listeners("sort=accept_queue").size(), 3u);
}

TEST_F(ShortListTest, ListenersAreFiltered) {
  EXPECT_EQ(listeners("filter=comm+ant"), (Shown{"server 9090"}));
  EXPECT_EQ(listeners("filter=pid+4121+role+server"), (Shown{"server 8080"}));
  EXPECT_EQ(listeners("filter=dport+8080"), (Shown{"client 8080"}));
  EXPECT_EQ(get_json("/api/listeners?filter=comm+ant&limit=1")["total"], 1);
}

TEST_F(ShortListTest, CursorsVisitEachExactlyOnce) {
  for (const std::string sort : {"", "port", "-port", "comm", "-comm", "connections", "-opens"}) {
    const Shown all = listeners("sort=" + sort);
    for (const char* const limit : {"1", "2", "3"}) {
      Shown walked;
      std::string cursor;
      do {
        const std::string target = "sort=" + sort + "&limit=" + limit + "&cursor=" + cursor;
        const Shown page = listeners(target);
        walked.insert(walked.end(), page.begin(), page.end());
        const json next = get_json("/api/listeners?" + target)["next_cursor"];
        cursor = next.is_null() ? "" : percent_encode(next.get<std::string>());
      } while (!cursor.empty() && walked.size() < 10);
      EXPECT_EQ(walked, all) << sort << " " << limit;
    }
  }
}

TEST_F(ShortListTest, ACursorBelongsToItsOrder) {
  const json page = get_json("/api/listeners?sort=port&limit=1");
  const std::string cursor = percent_encode(page["next_cursor"].get<std::string>());
  EXPECT_THAT(refusal("/api/listeners?sort=-port&cursor=" + cursor, 400), HasSubstr("sort=port"));
  EXPECT_THAT(refusal("/api/listeners?cursor=" + cursor, 400), HasSubstr("no sort"));
  for (const char* const wrong : {"x", "port", "port:x", "port:1", "port:1:2:3:4", "port:x:2:3"}) {
    EXPECT_THAT(refusal("/api/listeners?sort=port&cursor=" + std::string(wrong), 400),
                HasSubstr("next_cursor"));
  }
  EXPECT_THAT(refusal("/api/listeners?sort=colour", 400), HasSubstr("close_wait"));
  EXPECT_THAT(refusal("/api/alerts?sort=port", 400), HasSubstr("severity"));
}

TEST_F(ShortListTest, AlertsAreFilteredAndSorted) {
  scene_.fire(8080, Severity::kWarning);
  scene_.fire(9090, Severity::kCritical);
  scene_.observed.alerts[1].finding.comm = "ant";
  scene_.observed.alerts[1].since_ns -= 1'000'000'000;
  scene_.observed.alerts[1].finding.value = 600;
  const auto ports = [this](const std::string& query) {
    Shown shown;
    for (const json& alert : get_json("/api/alerts?" + query)["alerts"]) {
      shown.push_back(alert["listener"]["port"].dump());
    }
    return shown;
  };
  EXPECT_EQ(ports(""), (Shown{"8080", "9090"}));
  for (const char* const sort : {"since", "-severity", "-value"}) {
    EXPECT_EQ(ports("sort=" + std::string(sort)), (Shown{"9090", "8080"})) << sort;
  }
  EXPECT_EQ(ports("filter=comm+ant"), (Shown{"9090"}));
  EXPECT_EQ(ports("filter=pid+5"), (Shown{"9090"}));
  EXPECT_EQ(get_json("/api/alerts?limit=1")["total"], 2);
  EXPECT_TRUE(get_json("/api/alerts?limit=1")["next_cursor"].is_string());
}

TEST_F(ApiTest, ConnectionsComeAsLinesToo) {
  const Response response = get("/api/connections?format=jsonl");
  EXPECT_EQ(response.content_type, "application/jsonl");
  const std::string body = body_of(response);
  EXPECT_EQ(std::count(body.begin(), body.end(), '\n'), 3);
}

TEST_F(ApiTest, ParametersAreUrlEncoded) {
  EXPECT_EQ(get_json("/api/connections?%73ort=%2Did&limit=1")["connections"][0]["id"], "3");
  EXPECT_THAT(refusal("/api/connections?sort=a+b%20c%zz%4", 400), HasSubstr("'a b c%zz%4'"));
}

TEST_F(ApiTest, WhatIsNotUnderstoodIs400) {
  EXPECT_THAT(refusal("/api/connections?sort=colour", 400), HasSubstr("state_age"));
  EXPECT_THAT(refusal("/api/connections?cursor=x", 400), HasSubstr("next_cursor"));
  EXPECT_THAT(refusal("/api/connections?colour=red", 400), HasSubstr("colour"));
  EXPECT_THAT(refusal("/api/connections?format=xml", 400), HasSubstr("jsonl"));
  for (const char* const limit : {"0", "-1", "x", "1.5", "1x", "99999999999999999999"}) {
    refusal("/api/connections?limit=" + std::string(limit), 400);
  }
}

TEST_F(ApiTest, EmptyParametersAreNone) {
  EXPECT_EQ(get_json("/api/connections?sort=&limit=&cursor=&format=&")["total"], 3);
  EXPECT_EQ(get_json("/api/connections?")["total"], 3);
}

TEST_F(ApiTest, RefusalsShowNoControlCharacters) {
  EXPECT_THAT(refusal("/api/connections?sort=%1b%5b2J", 400), HasSubstr("'\\x1b[2J'"));
  EXPECT_THAT(refusal("/api/connections?%ff=1", 400), HasSubstr("\\xff"));
}

TEST_F(ApiTest, HostileNamesAreStillJson) {
  scene_.processes.run(5, "\xff\"\x1b");
  scene_.apply(listening(1_s, listen_sock(10, 9090), 5));
  scene_.observed.status.node = "\xff";
  EXPECT_EQ(get_json("/api/listeners")["listeners"][1]["comm"], "\ufffd\"\x1b");
  EXPECT_EQ(get_json("/api/status")["node"], "\ufffd");
}

}  // namespace
}  // namespace wsbpf
