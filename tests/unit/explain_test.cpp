// /api/explain, and its text for a person.
#include "serve/explain.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cli/explanation_text.h"
#include "observed_builder.h"
#include "serve/json.h"

namespace wsbpf {
namespace {

using json = nlohmann::json;

class ExplainTest : public testing::Test {
 protected:
  ExplainTest() {
    scene_.apply(listening(1_s, listen_sock(9), 4121), accepted(10_s, Sock{.cookie = 7}));
  }

  json explain(ConnectionId id, bool redact = false) {
    const auto found = explanation_json(id, scene_.observed, journal_, redact);
    return found ? json(*found) : json();
  }

  // Its end, as the engine would tell the journal.
  void end() {
    TableHooks hooks;
    hooks.on_ended = [this](const Connection& connection, const Evidence& evidence,
                            const Judgement& judgement) {
      auto end = std::make_unique<JournalEntry::End>();
      end->connection = connection;
      end->owner = journal_.keep(scene_.table.owner_of(connection));
      end->evidence = evidence;
      end->judgement = judgement;
      journal_.add(90_s, std::move(end));
    };
    scene_.table.set_hooks(hooks);
    const Sock sock{.cookie = 7};
    scene_.apply(reset(80_s, sock, TcpState::kEstablished, WSBPF_RESET_RECEIVED),
                 closed(80_s, sock, TcpState::kEstablished, {}, ECONNRESET));
  }

  Scene scene_;
  Journal journal_;
};

TEST(ConnectionId, IsReadInEveryForm) {
  const auto id = [](uint64_t cookie, uint32_t generation) {
    return std::optional(ConnectionId{cookie, generation});
  };
  EXPECT_EQ(parse_connection_id("6699"), id(6699, 0));
  EXPECT_EQ(parse_connection_id("6699.2"), id(6699, 2));
  EXPECT_EQ(parse_connection_id("0x1a2b"), id(0x1a2b, 0));
  EXPECT_EQ(parse_connection_id("0X1A2B"), id(0x1a2b, 0));
  EXPECT_EQ(parse_connection_id("sk:1A2b.1"), id(0x1a2b, 1));
  for (const char* text : {"", "x", "1.", ".1", "1.x", "-1", "1 ", " 1", "0x", "sk:", "1.2.3",
                           "99999999999999999999", "1.4294967296"}) {
    EXPECT_EQ(parse_connection_id(text), std::nullopt) << text;
  }
}

TEST_F(ExplainTest, ALivingOneHasNoVerdict) {
  const json told = explain({7, 0});
  EXPECT_EQ(told["id"], "7");
  EXPECT_EQ(told["live"], true);
  EXPECT_EQ(told["connection"]["state"], "established");
  for (const char* key : {"verdict", "initiator", "mechanism", "race", "confidence"}) {
    ASSERT_TRUE(told.contains(key)) << key;
    EXPECT_EQ(told[key], nullptr) << key;
  }
  const json& opened = told["timeline"][0];
  EXPECT_EQ(opened["what"], "opened");
  EXPECT_EQ(opened["time"], rfc3339(10_s, scene_.observed.wall_clock_offset_ns));
  EXPECT_EQ(opened["seconds_ago"], 90.0);
  EXPECT_EQ(opened["at_least"], false);
  EXPECT_FALSE(told["advice"].empty());
  EXPECT_EQ(told["documentation"], nullptr);
}

TEST_F(ExplainTest, OneWhoseVerdictHasYetToFallIsNoLongerLive) {
  end();
  const json told = explain({7, 0});
  EXPECT_EQ(told["live"], false);
  EXPECT_EQ(told["verdict"], nullptr);
  EXPECT_NE(told["summary"].get<std::string>().find("verdict falls"), std::string::npos);
}

TEST_F(ExplainTest, AnEndedOneIsRemembered) {
  end();
  scene_.apply(destroyed(80_s, Sock{.cookie = 7}));
  scene_.table.advance(85_s);
  JournalEntry::LateRace late;
  late.race = Race::kLateReset;
  late.tombstone.cookie = 7;
  late.time_ns = 95_s;
  journal_.add(95_s, late);
  const json told = explain({7, 0});
  EXPECT_EQ(told["live"], false);
  EXPECT_EQ(told["verdict"], "peer_reset");
  EXPECT_EQ(told["initiator"], "remote");
  EXPECT_EQ(told["mechanism"], "rst");
  EXPECT_EQ(told["confidence"], 0.9);
  EXPECT_EQ(told["connection"]["age_seconds"], 70.0) << "as it was when it ended";
  EXPECT_EQ(told["timeline"].back()["what"], "late_reset");
  EXPECT_EQ(told["documentation"], "docs/verdicts.md#peer_reset");
}

TEST_F(ExplainTest, OneThatStillHasItsDescriptorHasItsVerdict) {
  end();
  scene_.table.advance(85_s);
  EXPECT_EQ(explain({7, 0})["verdict"], "peer_reset");
  journal_ = Journal();
  EXPECT_EQ(explain({7, 0})["verdict"], "peer_reset") << "its end has been forgotten";
}

TEST_F(ExplainTest, TheLastFramesOfAWebSocketAreTold) {
  EXPECT_EQ(explain({7, 0})["frames"], json::array());
  WebSocketRecords records(Sock{.cookie = 7});
  scene_.apply(records.requested(10'100_ms));
  scene_.apply(records.answered(10'200_ms));
  scene_.apply(records.message(20_s, WSBPF_IN, 123));
  scene_.apply(records.ping(30_s, WSBPF_OUT));
  const json told = explain({7, 0});
  ASSERT_EQ(told["frames"].size(), 2);
  EXPECT_EQ(told["frames"][0]["time"], rfc3339(20_s, scene_.observed.wall_clock_offset_ns));
  EXPECT_EQ(told["frames"][0]["seconds_ago"], 80.0);
  EXPECT_EQ(told["frames"][0]["direction"], "received");
  EXPECT_EQ(told["frames"][0]["opcode"], "text");
  EXPECT_EQ(told["frames"][0]["final"], true);
  EXPECT_EQ(told["frames"][0]["length"], 123);
  EXPECT_EQ(told["frames"][0]["length_at_least"], false);
  EXPECT_EQ(told["frames"][1]["direction"], "sent");
  EXPECT_EQ(told["frames"][1]["opcode"], "ping");
  EXPECT_EQ(told["timeline"][1]["what"], "upgrade_requested");
  const std::string text = explanation_text(told, 100, false);
  EXPECT_NE(text.find("LAST FRAMES (UTC)\n"), std::string::npos) << text;
  EXPECT_NE(text.find("           received  text  123 bytes\n"), std::string::npos) << text;
  EXPECT_NE(text.find("+10.0 s  sent      ping  0 bytes\n"), std::string::npos) << text;
}

TEST_F(ExplainTest, AnUnknownOneIsNot) {
  EXPECT_EQ(explain({8, 0}), nullptr);
  EXPECT_EQ(explain({7, 1}), nullptr) << "another generation";
  EXPECT_EQ(explain({9, 0}), nullptr) << "a listening socket";
}

TEST_F(ExplainTest, RedactsThePeerEverywhere) {
  EXPECT_NE(explain({7, 0}).dump().find("10.0.3.7"), std::string::npos);
  EXPECT_EQ(explain({7, 0}, true).dump().find("10.0.3.7"), std::string::npos);
}

TEST_F(ExplainTest, TheTextIsAlignedAndWrapped) {
  json told = explain({7, 0});
  told["summary"] = "A sentence that is rather longer than forty columns, so that it wraps.";
  told["timeline"] = {{{"time", "2026-11-22T12:00:00.000Z"},
                       {"seconds_ago", 70.5},
                       {"what", "opened"},
                       {"at_least", true},
                       {"text", "there already"}},
                      {{"time", "2026-11-22T12:00:12.300Z"},
                       {"seconds_ago", 58.2},
                       {"what", "last_heard"},
                       {"at_least", false},
                       {"text", "heard\x1b[2J"}}};
  told["evidence"] = {{{"name", "unread_bytes"}, {"value", "1"}, {"meaning", "only the FIN"}}};
  told["advice"] = {"Do this.", "Then that."};
  told["documentation"] = "docs/verdicts.md";
  EXPECT_EQ(explanation_text(told, 72, false),
            R"(A sentence that is rather longer than forty columns, so that it wraps.

connection  7  local 10.0.0.1:8080  peer 10.0.3.7:40000  established
            node[4121]

TIMELINE (UTC)
  <=12:00:00.000             opened      there already
    12:00:12.300    +12.3 s  last_heard  heard\x1b[2J

EVIDENCE
  unread_bytes  1  only the FIN

WHAT TO DO
  - Do this.
  - Then that.

More: docs/verdicts.md
)");
  for (const int width : {40, 60, 100}) {
    std::string_view text = told["summary"].get_ref<const std::string&>();
    const std::string shown = explanation_text(told, width, false);
    EXPECT_LE(shown.find('\n'), static_cast<size_t>(width)) << text;
  }
}

}  // namespace
}  // namespace wsbpf
