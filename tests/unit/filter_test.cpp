// What each word of a filter is compared with.
#include "core/filter.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "ends_builder.h"
#include "filter_builder.h"

namespace wsbpf {
namespace {

class FilterTest : public testing::Test {
 protected:
  FilterSubject live() const {
    return {.connection = &connection_, .now_ns = kFilterNow_ns, .owner = &owner_};
  }

  bool fits(std::string_view filter) const { return filter_of(filter).matches(live()); }

  void expect_fits(std::initializer_list<const char*> filters) const {
    for (const char* const filter : filters) EXPECT_TRUE(fits(filter)) << filter;
  }

  void expect_misses(std::initializer_list<const char*> filters) const {
    for (const char* const filter : filters) EXPECT_FALSE(fits(filter)) << filter;
  }

  Connection connection_ = some_connection();
  Process owner_ = some_process();
};

TEST_F(FilterTest, NothingLetsEverythingThrough) {
  expect_fits({"", "  \t\n"});
  EXPECT_TRUE(Filter().matches({}));
}

TEST_F(FilterTest, State) {
  expect_fits({"state close-wait", "state close_wait", "state CLOSE-WAIT", "STATE = close-wait",
               "state eq 'close-wait'", "state != established", "exclude established"});
  expect_misses({"state established", "state ne close-wait", "exclude close-wait"});
}

TEST_F(FilterTest, EveryStateByEachOfItsNames) {
  for (size_t i = 1; i < kTcpStateSlots; ++i) {
    connection_.state = static_cast<TcpState>(i);
    expect_fits({("state " + std::string(kTcpStateNames[i])).c_str(), "state all"});
    expect_misses({("exclude " + std::string(kTcpStateNames[i])).c_str(), "exclude all"});
  }
  connection_.state = TcpState::kFinWait1;
  expect_fits({"state fin-wait-1", "state fin_wait1", "state fin-wait1", "state FIN_WAIT_1"});
  connection_.state = TcpState::kClose;
  expect_fits({"state close", "state closed", "state unconnected"});
}

TEST_F(FilterTest, GroupsOfStatesAreThoseOfSs) {
  using enum TcpState;
  const std::set<TcpState> bucket = {kSynRecv, kTimeWait};
  const std::set<TcpState> unconnected = {kSynRecv, kTimeWait, kListen, kClose};
  for (size_t i = 1; i < kTcpStateSlots; ++i) {
    connection_.state = static_cast<TcpState>(i);
    EXPECT_EQ(fits("state bucket"), bucket.contains(connection_.state)) << i;
    EXPECT_EQ(fits("state big"), !bucket.contains(connection_.state)) << i;
    EXPECT_EQ(fits("state connected"), !unconnected.contains(connection_.state)) << i;
    EXPECT_EQ(fits("state synchronized"),
              !unconnected.contains(connection_.state) && connection_.state != kSynSent)
        << i;
  }
}

TEST_F(FilterTest, StatesBesideEachOtherAreOneSet) {
  expect_fits({"state established state close-wait", "not state established state last-ack",
               "state connected exclude established", "exclude close-wait state close-wait",
               "exclude close-wait state big", "state close-wait state established comm node"});
  expect_misses({"state established state last-ack", "state all exclude close-wait",
                 "not state established state close-wait", "state established and state close-wait",
                 "state connected exclude close-wait"});
}

TEST_F(FilterTest, Ports) {
  expect_fits({"sport = :8080", "sport :8080", "sport 8080", "sport eq 8080", "sport ge 1024",
               "sport > :8079", "sport < 8081", "sport le 8080", "sport != 80", "sport = http-alt",
               "dport = :40000", "dport ge 1024", "sport=:8080", "sport>=8080"});
  expect_misses({"sport = :80", "sport gt 8080", "sport lt 8080", "sport ne 8080", "dport 8080",
                 "sport = :http"});
}

TEST_F(FilterTest, Addresses) {
  expect_fits({"src 10.0.0.1", "src 10.0.0.1:8080", "src :8080", "src *:8080", "src *",
               "src 10.0.0.1:*", "dst 10.0.0.0/8", "dst = 10.0.3.7", "dst eq 10.0.3.7/32",
               "dst 10.0.3.0/24:40000", "dst 10.0.3.4/30", "dst 0.0.0.0/0", "dst != 10.0.3.8",
               "dst 10.9.9.9/8", "dst != 2001:db8::1", "dst 10.0.3.6/31"});
  expect_misses({"src 10.0.0.2", "src 10.0.0.1:80", "dst 11.0.0.0/8", "dst 10.0.3.0/30",
                 "dst 10.0.3.7:80", "dst [2001:db8::1]:443", "dst ::ffff:10.0.3.7", "dst ::/0",
                 "dst ne 10.0.0.0/8"});
}

TEST_F(FilterTest, AddressesOfIPv6) {
  connection_.family = AF_INET6;
  connection_.remote_address = address_of("2001:db8::1");
  connection_.remote_port = 443;
  expect_fits({"dst 2001:db8::1", "dst [2001:db8::1]", "dst [2001:db8::1]:443", "dst 2001:db8::/32",
               "dst [2001:db8::]/32", "dst [2001:db8::/32]:443", "dst [2001:db8::]/32:443",
               "dst [2001:db8::]/32:https", "dst ::/0", "dst [*]:443",
               "dst 2001:db8::2/127 or dst 2001:db8::/127", "dst != 10.0.0.0/8"});
  expect_misses({"dst [2001:db8::1]:80", "dst 2001:db8::2", "dst 2001:db9::/32", "dst 0.0.0.0/0"});
}

TEST_F(FilterTest, AnIPv4AddressNamesMappedPeersToo) {
  connection_.family = AF_INET6;
  connection_.remote_address = address_of("::ffff:10.0.3.7");
  expect_fits({"dst 10.0.3.7", "dst 10.0.0.0/8", "dst ::ffff:10.0.3.7", "dst [::ffff:10.0.0.0]/104",
               "dst 0.0.0.0/0"});
  expect_misses({"dst 10.0.3.8", "dst 11.0.0.0/8", "dst ::ffff:10.0.3.8"});
}

TEST_F(FilterTest, OwnersAndTheirPlaces) {
  expect_fits({"comm node", "comm = node", "comm 'node'", "comm n*", "comm *ode", "comm *",
               "comm n*d*", "comm \"n\\ode\"", "comm != python3", "pod chat-7f", "pod chat-*",
               "namespace shop", "container app", "container 0123456789ab", "container 0123*",
               "pid 4121", "pid ge 4000", "pid != 1", "netns 4026531840"});
  expect_misses({"comm Node", "comm nod", "comm node*x", "comm != node", "comm != n*",
                 "pod chat-8*", "namespace sh", "container 01234567", "pid 412", "pid lt 4121",
                 "netns = 1"});
}

TEST_F(FilterTest, AnUnknownOwnerFitsNothing) {
  FilterSubject subject = live();
  subject.owner = nullptr;
  for (const char* const filter :
       {"comm node", "comm != node", "comm *", "pid 4121", "pid != 4121", "pid gt 0", "pod *",
        "pod != x", "namespace != x", "container != x"}) {
    EXPECT_FALSE(filter_of(filter).matches(subject)) << filter;
    EXPECT_TRUE(filter_of("not " + std::string(filter)).matches(subject)) << filter;
  }
  owner_.place = {};
  expect_misses({"pod *", "pod != x", "namespace *", "namespace != x", "container != x"});
}

TEST_F(FilterTest, RoleAndId) {
  expect_fits({"role server", "role != client", "role = SERVER", "id 7", "id 0x7", "id = 0X7",
               "id = sk:7", "id != 8", "id != sk:8"});
  expect_misses({"role client", "id 7.1", "id 8", "id != 7"});
  connection_.generation = 2;
  expect_fits({"id 7.2", "id 0x7.2", "id sk:7.2"});
  expect_misses({"id 7"});
}

TEST_F(FilterTest, Times) {
  expect_fits({"age gt 5m", "age = 10m", "age ge 600s", "idle gt 30s", "idle eq 45s", "idle < 1m",
               "state-age gt 1m", "state_age = 1.5m", "close-wait-age gt 1m", "srtt gt 100ms",
               "srtt = 150ms", "age != 1s"});
  expect_misses(
      {"age gt 10m", "idle gt 45s", "state-age lt 1m", "close-wait-age lt 90s", "srtt gt 150ms"});
}

TEST_F(FilterTest, CloseWaitAgeIsKnownInCloseWaitOnly) {
  connection_.state = TcpState::kLastAck;
  expect_fits({"state-age gt 1m"});
  expect_misses({"close-wait-age gt 1m", "close-wait-age lt 1h", "close-wait-age != 1s"});
}

TEST_F(FilterTest, QueuesAndCounters) {
  expect_fits({"recv-q 1", "recv_q gt 0", "send-q ge 2000", "send-q = 2000", "retransmits 3",
               "retransmits > 2"});
  expect_misses({"recv-q 0", "send-q lt 2000", "retransmits ne 3"});
}

TEST_F(FilterTest, WhatHasNotBeenSampledIsUnknown) {
  connection_.sampled = false;
  expect_misses({"recv-q 1", "recv-q != 5", "send-q ge 0", "idle ge 0s", "srtt ge 0s"});
  connection_.sampled = true;
  connection_.srtt_us = 0;
  expect_misses({"srtt ge 0s", "srtt != 1s"});
}

TEST_F(FilterTest, HalfOpen) {
  expect_misses({"half-open", "half-open unacked", "half-open != unacked"});
  connection_.half_open = HalfOpen::kProbing;
  expect_fits({"half-open", "half_open", "half-open probing", "half-open = probing",
               "half-open != silent", "half-open state close-wait", "( half-open )",
               "half-open and sport 8080", "comm node half-open"});
  expect_misses({"half-open unacked", "half-open silent", "not half-open", "half-open ne probing"});
}

TEST_F(FilterTest, ALiveOneHasNoOutcome) {
  expect_misses({"verdict unknown", "verdict != unknown", "initiator remote", "race",
                 "race late-reset", "race != late-reset"});
}

TEST_F(FilterTest, TheOutcomeOfOneThatEnded) {
  FilterSubject ended = live();
  ended.verdict = Verdict::kPeerVanished;
  ended.initiator = Initiator::kKernel;
  for (const char* const filter :
       {"verdict peer_vanished", "verdict peer-vanished", "verdict != unknown", "initiator kernel",
        "initiator ne local", "not race", "verdict peer_vanished comm node"}) {
    EXPECT_TRUE(filter_of(filter).matches(ended)) << filter;
  }
  for (const char* const filter :
       {"verdict unknown", "initiator local", "race", "race != late-reset"}) {
    EXPECT_FALSE(filter_of(filter).matches(ended)) << filter;
  }
  ended.race = Race::kResetAfterFin;
  EXPECT_TRUE(filter_of("race").matches(ended));
  EXPECT_TRUE(filter_of("race reset_after_fin").matches(ended));
  EXPECT_TRUE(filter_of("race != late_reset").matches(ended));
  EXPECT_FALSE(filter_of("race late_reset").matches(ended));
}

TEST_F(FilterTest, EveryNameOfAnOutcomeIsUnderstood) {
  FilterSubject ended = live();
  const auto each = [&](std::string_view word, const auto& names, auto set) {
    for (size_t i = 0; i < names.size(); ++i) {
      set(i);
      for (const std::string_view name : names) {
        const std::string filter = fmt::format("{} {}", word, name);
        EXPECT_EQ(filter_of(filter).matches(ended), name == names[i]) << filter;
      }
    }
  };
  each("verdict", kVerdictNames, [&](size_t i) { ended.verdict = static_cast<Verdict>(i); });
  each("initiator", kInitiatorNames,
       [&](size_t i) { ended.initiator = static_cast<Initiator>(i); });
  each("race", kRaceNames, [&](size_t i) { ended.race = static_cast<Race>(i); });
}

// The one phase that fits, of all; "" for none.
std::string phase_that_fits(const FilterSubject& subject) {
  std::string fits;
  for (const std::string_view phase : kPhaseNames) {
    const bool is = filter_of(fmt::format("phase {}", phase)).matches(subject);
    const bool is_not = filter_of(fmt::format("phase != {}", phase)).matches(subject);
    EXPECT_FALSE(is && is_not) << phase;
    if (is) fits += phase;
  }
  return fits;
}

TEST_F(FilterTest, Phase) {
  connection_.state = TcpState::kEstablished;
  WebSocketRecords records{Sock{}};
  WebSocket websocket;
  FilterSubject subject = live();
  EXPECT_EQ(phase_that_fits(subject), "none");
  connection_.age_source = AgeSource::kLowerBound;
  EXPECT_EQ(phase_that_fits(subject), "unknown");
  subject.websocket = &websocket;
  take_websocket(websocket, records.requested(1_s));
  EXPECT_EQ(phase_that_fits(subject), "upgrading");
  take_websocket(websocket, records.answered(2_s));
  EXPECT_EQ(phase_that_fits(subject), "open");
  EXPECT_TRUE(filter_of("phase open and sport 8080").matches(subject));
  EXPECT_TRUE(filter_of("phase != closing").matches(subject));
  take_websocket(websocket, records.lost(3_s, WSBPF_IN, 9));
  EXPECT_EQ(phase_that_fits(subject), "open") << "out of step it is in a phase, too";
  connection_.state = TcpState::kCloseWait;
  EXPECT_EQ(phase_that_fits(subject), "closing");
  connection_.state = TcpState::kClose;
  EXPECT_EQ(phase_that_fits(subject), "ended");
  records = WebSocketRecords{Sock{}};
  websocket = {};
  take_websocket(websocket, records.requested(1_s));
  take_websocket(websocket, records.answered(2_s, 502));
  EXPECT_EQ(phase_that_fits(subject), "rejected");
}

TEST_F(FilterTest, CloseCodeAndUpgradeStatus) {
  WebSocketRecords records{Sock{}};
  WebSocket websocket;
  FilterSubject subject = live();
  const auto fits = [&](const char* filter) { return filter_of(filter).matches(subject); };
  EXPECT_FALSE(fits("upgrade-status != 101")) << "nothing was read of it";
  subject.websocket = &websocket;
  take_websocket(websocket, records.requested(1_s));
  EXPECT_FALSE(fits("upgrade-status != 101"));
  take_websocket(websocket, records.answered(2_s));
  EXPECT_TRUE(fits("upgrade-status 101"));
  EXPECT_FALSE(fits("upgrade-status ge 400"));
  EXPECT_FALSE(fits("close-code != 1000")) << "none has come";
  take_websocket(websocket, records.close(3_s, WSBPF_IN, 1001));
  EXPECT_TRUE(fits("close_code = 1001"));
  EXPECT_TRUE(fits("close-code gt 1000"));
  EXPECT_FALSE(fits("close-code 1006"));
}

TEST_F(FilterTest, AnEndWithoutACloseFrameHasACloseCode) {
  FilterSubject subject = live();
  const WebSocket websocket = talked();
  subject.websocket = &websocket;
  EXPECT_TRUE(filter_of("close-code 1006").matches(subject));
}

TEST_F(FilterTest, WhatCannotBeReadIsInNoPhase) {
  for (const Unread unread : {Unread::kTls, Unread::kHttp2, Unread::kOther, Unread::kOff}) {
    connection_.websocket_unread = unread;
    EXPECT_EQ(phase_that_fits(live()), "") << unread_name(unread);
    expect_misses({"phase != open", "phase != none"});
    expect_fits({"not phase none"});
  }
}

TEST_F(FilterTest, RedactedPeersAreMatchedAsTheyAreShown) {
  FilterSubject redacted_subject = live();
  redacted_subject.redact_peer = true;
  const auto fits_redacted = [&](const char* filter) {
    return filter_of(filter).matches(redacted_subject);
  };
  EXPECT_FALSE(fits_redacted("dst 10.0.3.7"));
  EXPECT_FALSE(fits_redacted("dst 10.0.3.4/30"));
  EXPECT_TRUE(fits_redacted("dst 10.0.3.0"));
  EXPECT_TRUE(fits_redacted("dst 10.0.3.0/24"));
  EXPECT_TRUE(fits_redacted("dst != 10.0.3.7"));
  // No address within the shown network tells more than any other.
  for (int last = 1; last < 256; ++last) {
    EXPECT_FALSE(fits_redacted(fmt::format("dst 10.0.3.{}", last).c_str()));
  }
  EXPECT_TRUE(fits_redacted("src 10.0.0.1"));  // our own end is no secret
}

TEST_F(FilterTest, Listeners) {
  const ListenerKey key = {.netns = 5, .port = 8080, .role = Role::kServer};
  const std::vector<Process> owners = {{.pid = 10, .comm = "nginx"}, some_process()};
  const Place place = some_process().place;
  const FilterSubject listener = {.now_ns = kFilterNow_ns,
                                  .listener = &key,
                                  .comm = "nginx",
                                  .place = &place,
                                  .owners = owners};
  for (const char* const filter :
       {"sport :8080", "role server", "netns 5", "comm nginx", "comm node", "pid 10", "pid 4121",
        "pid != 11", "comm != python3", "pod chat-*", "namespace shop", "container app"}) {
    EXPECT_TRUE(filter_of(filter).matches(listener)) << filter;
  }
  for (const char* const filter :
       {"dport :8080", "dport != 1", "role client", "comm != node", "pid != 10", "pid lt 10",
        "state listen", "state != listen", "age gt 0s", "src *", "dst *", "id 1", "id != 1",
        "half-open", "retransmits ge 0", "verdict != unknown"}) {
    EXPECT_FALSE(filter_of(filter).matches(listener)) << filter;
  }
  const ListenerKey client = {.netns = 5, .port = 443, .role = Role::kClient};
  const FilterSubject of_clients = {.listener = &client};
  EXPECT_TRUE(filter_of("dport 443 role client").matches(of_clients));
  EXPECT_FALSE(filter_of("sport 443").matches(of_clients));
}

TEST_F(FilterTest, NothingIsKnownOfNothing) {
  for (const FilterWord& word : filter_words()) {
    const std::string name(word.name);
    const std::string example(word.example);
    EXPECT_FALSE(filter_of(name + " " + example).matches({})) << name;
    if (word.name == "exclude") continue;
    EXPECT_FALSE(filter_of(name + " != " + example).matches({})) << name;
  }
}

TEST(FilterWords, SayWhatTheyTake) {
  std::set<std::string_view> names;
  for (const FilterWord& word : filter_words()) {
    EXPECT_TRUE(names.insert(word.name).second) << word.name;
    EXPECT_FALSE(word.help.empty());
    EXPECT_EQ(word.value == FilterValue::kChoice, !word.choices.empty()) << word.name;
    for (const std::string_view choice : word.choices) {
      filter_of(std::string(word.name) + " " + std::string(choice));
    }
  }
}

TEST(Pattern, StarsStandForAnything) {
  EXPECT_TRUE(fits_pattern("", ""));
  EXPECT_TRUE(fits_pattern("", "*"));
  EXPECT_TRUE(fits_pattern("abc", "abc"));
  EXPECT_TRUE(fits_pattern("abc", "a*c"));
  EXPECT_TRUE(fits_pattern("abcbc", "a*bc"));
  EXPECT_TRUE(fits_pattern("abc", "**a**"));
  EXPECT_FALSE(fits_pattern("abc", ""));
  EXPECT_FALSE(fits_pattern("", "a"));
  EXPECT_FALSE(fits_pattern("abc", "a*b"));
  EXPECT_FALSE(fits_pattern("ab", "abc"));
  const std::string many(5000, 'a');
  EXPECT_FALSE(fits_pattern(many, many + "*b"));
}

}  // namespace
}  // namespace wsbpf
