// The grammar of filters, and what is said of those that are none.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "core/text.h"
#include "filter_builder.h"

namespace wsbpf {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// "pid 1", "pid 2" and "pid 4" stand for a, b and c: `bits` says which of them are true.
bool value(std::string_view filter, unsigned bits) {
  std::vector<Process> owners;
  for (const unsigned bit : {1u, 2u, 4u}) {
    if ((bits & bit) != 0) owners.push_back({.pid = bit, .comm = ""});
  }
  return filter_of(filter).matches({.owners = owners});
}

void expect_same(std::string_view filter, bool (*expected)(bool a, bool b, bool c)) {
  for (unsigned bits = 0; bits < 8; ++bits) {
    EXPECT_EQ(value(filter, bits), expected(bits & 1, bits & 2, bits & 4)) << filter << " " << bits;
  }
}

TEST(FilterGrammar, NotBindsBeforeAndBeforeOr) {
  expect_same("pid 1 or pid 2 and pid 4", [](bool a, bool b, bool c) { return a || (b && c); });
  expect_same("pid 1 and pid 2 or pid 4", [](bool a, bool b, bool c) { return (a && b) || c; });
  expect_same("pid 1 pid 2 or pid 4", [](bool a, bool b, bool c) { return (a && b) || c; });
  expect_same("pid 1 or pid 2 pid 4", [](bool a, bool b, bool c) { return a || (b && c); });
  expect_same("not pid 1 and pid 2", [](bool a, bool b, bool) { return !a && b; });
  expect_same("not pid 1 or pid 2", [](bool a, bool b, bool) { return !a || b; });
  expect_same("pid 1 not pid 2", [](bool a, bool b, bool) { return a && !b; });
}

TEST(FilterGrammar, ParenthesesBindFirst) {
  expect_same("( pid 1 or pid 2 ) and pid 4", [](bool a, bool b, bool c) { return (a || b) && c; });
  expect_same("(pid 1 or pid 2)pid 4", [](bool a, bool b, bool c) { return (a || b) && c; });
  expect_same("not (pid 1 or pid 2)", [](bool a, bool b, bool) { return !(a || b); });
  expect_same("not (pid 1 and not (pid 2 or pid 4))",
              [](bool a, bool b, bool c) { return !(a && !(b || c)); });
  expect_same("((((pid 1))))", [](bool a, bool, bool) { return a; });
  expect_same("not not not pid 1", [](bool a, bool, bool) { return !a; });
}

TEST(FilterGrammar, SignsAndWordsAreTheSame) {
  const auto both = [](bool a, bool b, bool c) { return (a && !b) || c; };
  for (const char* const filter :
       {"pid 1 and not pid 2 or pid 4", "pid 1 & ! pid 2 | pid 4", "pid=1&&!pid=2||pid=4",
        "PID 1 AND NOT PID 2 OR PID 4", "pid eq 1 & pid ne 2 or pid == 4"}) {
    expect_same(filter, both);
  }
  for (const auto& [comparison, names] : filter_comparisons()) {
    for (const std::string_view name : names) {
      EXPECT_EQ(filter_of(fmt::format("pid {} 1", name)).text(),
                fmt::format("pid {} 1", names.front()));
    }
  }
}

TEST(FilterGrammar, LongChainsNeedNoDepth) {
  std::string filter = "pid 1";
  while (filter.size() + 12 < Filter::kMostBytes) filter += " and pid 1";
  EXPECT_TRUE(value(filter, 1));
  EXPECT_FALSE(value(filter, 0));
  EXPECT_TRUE(value(std::string(10'000, '!') + "pid 1", 1));
  EXPECT_FALSE(value(std::string(10'001, '!') + "pid 1", 1));
}

TEST(FilterGrammar, OneSpelling) {
  const std::map<std::string, std::string> spellings = {
      {"", ""},
      {"STATE Close_Wait&&!(sport=:8080||comm \"my app\")",
       "state close-wait and not ( sport = :8080 or comm = \"my app\" )"},
      {"state established state last_ack sport 80",
       "state established state last-ack and sport = 80"},
      {"state != listen", "exclude listen"},
      {"!!half-open half-open silent", "half-open and half-open = silent"},
      {"comm 'and' pod a\\b", "comm = \"and\" and pod = \"a\\\\b\""},
      {"close_wait_age gt 1.5m", "close-wait-age > 1.5m"},
  };
  for (const auto& [filter, spelling] : spellings) {
    EXPECT_EQ(filter_of(filter).text(), spelling);
    EXPECT_EQ(filter_of(spelling).text(), spelling);
  }
}

TEST(FilterGrammar, StringsHoldAnything) {
  const Process odd{.pid = 1, .comm = "a \"b\" (or) \\ 日本"};
  for (const char* const filter :
       {"comm 'a \"b\" (or) \\\\ 日本'", "comm \"a \\\"b\\\" (or) \\\\ 日本\"", "comm 'a *本'"}) {
    EXPECT_TRUE(filter_of(filter).matches({.owner = &odd})) << filter;
  }
}

// Every error, with its column.
TEST(FilterErrors, SayWhatWasExpectedAndWhere) {
  const std::map<std::string, std::string> problems = {
      {"=", "column 1 of the filter: expected a name such as state, sport or comm, not '='"},
      {"foo bar",
       "column 1 of the filter: expected a name such as state, sport or comm, not 'foo'"},
      {"state established foo",
       "column 19 of the filter: expected a name such as state, sport or comm, not 'foo'"},
      {"pid 1 and",
       "column 10 of the filter: expected a name such as state, sport or comm, not the end"},
      {"pid 1 and  ",
       "column 10 of the filter: expected a name such as state, sport or comm, not the end"},
      {"pid 1 or )",
       "column 10 of the filter: expected a name such as state, sport or comm, not ')'"},
      {"not", "column 4 of the filter: expected a name such as state, sport or comm, not the end"},
      {"()", "column 2 of the filter: expected a name such as state, sport or comm, not ')'"},
      {"( pid 1", "column 8 of the filter: expected 'and', 'or' or ')', not the end"},
      {"pid 1 )", "column 7 of the filter: expected 'and', 'or' or the end, not ')'"},
      {"pid 1 = 2", "column 7 of the filter: expected 'and', 'or' or the end, not '='"},
      {"'pid' 1",
       "column 1 of the filter: expected a name such as state, sport or comm, not ''pid''"},
      {"state", "column 6 of the filter: expected a state such as close-wait, not the end"},
      {"state gt listen", "column 7 of the filter: state is compared by = or != only"},
      {"exclude != listen", "column 9 of the filter: exclude is compared by = only"},
      {"exclude foo", "column 9 of the filter: expected a state such as established, not 'foo'"},
      {"sport", "column 6 of the filter: expected a port such as :8080, not the end"},
      {"sport = :x", "column 9 of the filter: expected a port such as :8080, not ':x'"},
      {"sport 65536", "column 7 of the filter: expected a port such as :8080, not '65536'"},
      {"dst 10.0.0.0/33",
       "column 5 of the filter: expected an address such as 10.0.0.0/8 or [2001:db8::1]:443, not "
       "'10.0.0.0/33'"},
      {"comm gt node", "column 6 of the filter: comm is compared by = or != only"},
      {"comm ''", "column 6 of the filter: expected a name such as node, not ''''"},
      {"comm = and", "column 8 of the filter: expected a name such as node, not 'and'"},
      {"comm 'no", "column 6 of the filter: the string that begins here has no end"},
      {"pid -1", "column 5 of the filter: expected a whole number such as 4121, not '-1'"},
      {"pid 18446744073709551616",
       "column 5 of the filter: expected a whole number such as 4121, not '18446744073709551616'"},
      {"role peer", "column 6 of the filter: expected one of server, client, not 'peer'"},
      {"id x", "column 4 of the filter: expected a connection's id such as 8471948, not 'x'"},
      {"verdict < unknown", "column 9 of the filter: verdict is compared by = or != only"},
      {"initiator me",
       "column 11 of the filter: expected one of local, remote, kernel, unknown, not 'me'"},
      {"half-open maybe",
       "column 11 of the filter: expected one of unacked, probing, silent, not 'maybe'"},
      {"half-open =",
       "column 12 of the filter: expected one of unacked, probing, silent, not the end"},
      {"age gt 5",
       "column 8 of the filter: expected a duration such as 5m (units: ms s m h), not '5'"},
      {"age gt -5s",
       "column 8 of the filter: expected a duration such as 5m (units: ms s m h), not '-5s'"},
      {"größe 日本",
       "column 1 of the filter: expected a name such as state, sport or comm, not 'größe'"},
      {"comm 日本 x",
       "column 9 of the filter: expected a name such as state, sport or comm, not 'x'"},
  };
  for (const auto& [filter, problem] : problems) EXPECT_EQ(filter_problem(filter), problem);
}

TEST(FilterErrors, RefuseAddressesThatAreNone) {
  for (const char* const host : {"10.0.0",
                                 "10.0.0.256",
                                 "10.0.0.1/",
                                 "10.0.0.1/x",
                                 "10.0.0.1/-1",
                                 "10.0.0.1/8/8",
                                 "::1/129",
                                 "[::1",
                                 "::1]",
                                 "[10.0.0.1]",
                                 "[::1]:",
                                 "[::1]:x",
                                 "[::1]x",
                                 "[::1/64]/64",
                                 "[]",
                                 "10.0.0.1:",
                                 "10.0.0.1:65536",
                                 "10.0.0.1::80",
                                 "example.org",
                                 ":",
                                 "/8",
                                 "*/8",
                                 "*:x",
                                 "[::1/64"}) {
    EXPECT_THAT(filter_problem(std::string("dst ") + host), StartsWith("column 5 of the filter"))
        << host;
  }
}

TEST(FilterErrors, OfferTheNearestWord) {
  const std::map<std::string, std::string> offers = {
      {"stat listen", "state"},
      {"sprot 80", "sport"},
      {"state closewait", "close-wait"},
      {"state establishd", "established"},
      {"verdict peer_vanishd", "peer_vanished"},
      {"half_opne", "half-open"},
      {"pid 1 nad pid 2", "and"},
      {"race late-rest", "late_reset"},
      {"role sever", "server"},
  };
  for (const auto& [filter, word] : offers) {
    EXPECT_THAT(filter_problem(filter), EndsWith("; did you mean " + word + "?"));
  }
  for (const char* const far : {"xyz 1", "q 1", "state foobar", "comm node my app"}) {
    EXPECT_THAT(filter_problem(far), Not(HasSubstr("did you mean")));
  }
}

// The column under which the caret stands, in columns of a terminal, and what is shown above it.
std::pair<std::string, size_t> picture_of(std::string_view filter) {
  const std::string message = filter_refusal(filter);
  const size_t second = message.find('\n') + 1;
  const size_t third = message.find('\n', second) + 1;
  EXPECT_EQ(message.find('\n', third), std::string::npos);
  const std::string caret = message.substr(third);
  EXPECT_EQ(caret.find_first_not_of(' '), caret.size() - 1);
  EXPECT_EQ(caret.back(), '^');
  return {message.substr(second, third - 1 - second), caret.size() - 1};
}

// What of the shown line lies before the given column.
std::string before_column(std::string_view line, size_t column) {
  std::string before;
  while (display_columns(before) < column && !line.empty()) {
    const size_t length = first_character(line);
    before += line.substr(0, length);
    line.remove_prefix(length);
  }
  return before;
}

TEST(FilterErrors, PutACaretBelow) {
  EXPECT_EQ(filter_refusal("state closewait and comm node"),
            "column 7 of the filter: expected a state such as close-wait, not 'closewait'; did you "
            "mean close-wait?\n"
            "  state closewait and comm node\n"
            "        ^");
}

TEST(FilterErrors, PutTheCaretBelowTheTokenWhateverIsBeforeIt) {
  for (const char* const before :
       {"", "pid 1 and ", "comm 日本語 ", "comm \"\x1b[2J\" ", "comm e\u0301e\u0301 ",
        "comm \xff\xfe ", "comm a\u202eb ", "comm 😀 ", "\n\t\r\n"}) {
    const auto [line, column] = picture_of(std::string(before) + "foo gt 1");
    const std::string shown = before_column(line, column);
    EXPECT_EQ(shown, "  " + printable(before)) << before;
    EXPECT_EQ(line, shown + "foo gt 1");
    EXPECT_EQ(line, printable(line));
  }
}

TEST(FilterErrors, ShowAWindowOfLongFilters) {
  std::string longer;
  for (int i = 0; i < 100; ++i) longer += "comm 日本 and ";
  for (const std::string& filter : {longer + "foo 1", "foo 1 and " + longer + "pid 1",
                                    longer + "foo 1 and " + longer + "pid 1"}) {
    const auto [line, column] = picture_of(filter);
    EXPECT_LE(display_columns(line), 80u);
    EXPECT_THAT(line.substr(before_column(line, column).size()), StartsWith("foo 1"));
  }
  EXPECT_THAT(filter_problem(std::string(10'000, 'x')), HasSubstr("xxx…'"));
  EXPECT_LT(filter_refusal(std::string(10'000, 'x')).size(), 300u);
}

TEST(FilterErrors, EveryLimitIsSaid) {
  const std::string deepest(Filter::kDeepest, '(');
  EXPECT_TRUE(Filter::parse(deepest + "pid 1" + std::string(Filter::kDeepest, ')')).has_value());
  EXPECT_EQ(filter_problem(deepest + "(pid 1"),
            "column 201 of the filter: more than 200 parentheses within each other");
  filter_refusal(std::string(Filter::kMostBytes, '('));
  EXPECT_TRUE(Filter::parse(std::string(Filter::kMostBytes, ' ')).has_value());
  EXPECT_EQ(filter_refusal(std::string(Filter::kMostBytes + 1, ' ')),
            "the filter is 16385 bytes long: 16384 are the most");
}

TEST(FilterErrors, AnyBytesAreText) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const char bytes[] = {static_cast<char>(first), static_cast<char>(second)};
      const auto filter = Filter::parse({bytes, 2});
      if (filter) continue;
      for (std::string_view rest = filter.error().message; !rest.empty();) {
        const std::string_view line = first_line(rest);
        EXPECT_EQ(line, printable(line));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      }
    }
  }
}

}  // namespace
}  // namespace wsbpf
