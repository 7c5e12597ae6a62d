// What keys and clicks do to the view.
#include <gtest/gtest.h>

#include <cmath>
#include <initializer_list>
#include <string>
#include <vector>

#include "top/keys.h"
#include "top/settings.h"
#include "top_models.h"

namespace wsbpf::top {
namespace {

class TopKeys : public TopTest {
 protected:
  // Keys as they are pressed: the view is settled after each.
  View after(View view, const std::vector<Input>& inputs) const {
    view = settle(std::move(view), model_);
    for (const Input& input : inputs) view = settle(press(std::move(view), input), model_);
    return view;
  }

  View clicked(View view, const Spot& spot) const {
    return settle(click(settle(std::move(view), model_), spot), model_);
  }

  Model model_ = crowded_model(100);
  View view_ = view_of(80, 24);
};

Input text(std::string character) { return {.key = Key::kText, .text = std::move(character)}; }

std::vector<Input> typed(std::string_view line) {
  std::vector<Input> inputs;
  for (const char c : line) inputs.push_back(text(std::string(1, c)));
  return inputs;
}

std::vector<Input> operator+(std::vector<Input> a, const std::vector<Input>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

const Input kEnter{.key = Key::kEnter};
const Input kEscape{.key = Key::kEscape};
const Input kDown{.key = Key::kDown};
const Input kUp{.key = Key::kUp};
const Input kPageDown{.key = Key::kPageDown};
const Input kPageUp{.key = Key::kPageUp};
const Input kHome{.key = Key::kHome};
const Input kEnd{.key = Key::kEnd};
const Input kTabKey{.key = Key::kTab};
const Input kBackTab{.key = Key::kBackTab};
const Input kWheelDown{.key = Key::kWheelDown};
const Input kWheelUp{.key = Key::kWheelUp};

TEST_F(TopKeys, QQuits) {
  EXPECT_TRUE(after(view_, {text("q")}).quit);
  EXPECT_FALSE(after(view_, {text("x"), {.key = Key::kOther}}).quit);
}

TEST_F(TopKeys, TheSelectionMovesAndStaysInTheList) {
  EXPECT_EQ(after(view_, {}).place().id, "1000");
  EXPECT_EQ(after(view_, {kUp}).place().id, "1000");
  EXPECT_EQ(after(view_, {kDown, kDown, kUp}).place().id, "1001");
  EXPECT_EQ(after(view_, {text("j"), text("j"), text("k")}).place().id, "1001");
  EXPECT_EQ(after(view_, {kEnd}).place().id, "1099");
  EXPECT_EQ(after(view_, {kEnd, kDown}).place().id, "1099");
  EXPECT_EQ(after(view_, {text("G"), text("g")}).place().id, "1000");
  EXPECT_EQ(after(view_, {kEnd, kHome}).place().first, 0);
}

TEST_F(TopKeys, TheListScrollsSoThatTheSelectedRowIsSeen) {
  const View first = after(view_, {});
  const int rows = first.page_rows;
  EXPECT_EQ(rows, 17);
  std::vector<Input> downs(static_cast<std::size_t>(rows), kDown);
  EXPECT_EQ(after(view_, downs).place().first, 1);
  EXPECT_EQ(after(view_, {kEnd}).place().first, 100 - rows);
  EXPECT_EQ(after(view_, {kEnd, kUp}).place().first, 100 - rows);
}

TEST_F(TopKeys, APageIsAScreenful) {
  const View down = after(view_, {kDown, kPageDown});
  EXPECT_EQ(down.place().first, 17);
  EXPECT_EQ(down.place().selected, 18);
  EXPECT_EQ(after(view_, {kDown, kPageDown, kPageUp}).place().selected, 1);
  EXPECT_EQ(after(view_, std::vector<Input>(20, kPageDown)).place().selected, 99);
}

TEST_F(TopKeys, TheWheelScrollsAndTheSelectionStaysOnTheScreen) {
  EXPECT_EQ(after(view_, {kWheelDown}).place().first, 3);
  EXPECT_EQ(after(view_, {kWheelDown}).place().selected, 3);
  EXPECT_EQ(after(view_, {kPageDown, kWheelUp}).place().first, 14);
  EXPECT_EQ(after(view_, {kPageDown, kWheelUp}).place().selected, 17);
}

TEST_F(TopKeys, TheSelectionFollowsItsConnectionWhileThatIsOnTheScreen) {
  View view = after(view_, {kDown, kDown});
  std::swap(model_.connections.rows[2], model_.connections.rows[5]);
  view = settle(view, model_);
  EXPECT_EQ(view.place().selected, 5);
  EXPECT_EQ(view.place().id, "1002");
  std::swap(model_.connections.rows[5], model_.connections.rows[90]);
  view = settle(view, model_);
  EXPECT_EQ(view.place().selected, 5);
  EXPECT_EQ(view.place().id, "1090");
}

TEST_F(TopKeys, AShorterListMovesTheSelectionToItsEnd) {
  const View view = after(view_, {kEnd});
  model_ = crowded_model(3);
  EXPECT_EQ(settle(view, model_).place().id, "1002");
  model_ = crowded_model(0);
  EXPECT_EQ(settle(view, model_).place().id, "");
}

TEST_F(TopKeys, TabsGoRoundInBothDirections) {
  EXPECT_EQ(after(view_, {kTabKey}).tab, Tab::kDisconnects);
  EXPECT_EQ(after(view_, {kTabKey, kTabKey, kTabKey}).tab, Tab::kListeners);
  EXPECT_EQ(after(view_, {kBackTab}).tab, Tab::kListeners);
  EXPECT_EQ(after(view_, {kBackTab, kBackTab}).tab, Tab::kAlerts);
  EXPECT_EQ(after(view_, {text("4")}).tab, Tab::kAlerts);
  EXPECT_EQ(after(view_, {text("1")}).tab, Tab::kListeners);
}

TEST_F(TopKeys, EachTabKeepsItsPlace) {
  const View view = after(view_, {kPageDown, kTabKey, kBackTab});
  EXPECT_EQ(view.place().selected, 17);
}

TEST_F(TopKeys, SortColumnsGoRoundInBothDirections) {
  EXPECT_EQ(sort_text(after(view_, {text("s")}).sort), "-state_age");
  EXPECT_EQ(sort_text(after(view_, {text(">"), text("<")}).sort), "state");
  EXPECT_EQ(sort_text(after(view_, {text("<")}).sort), "local");
}

TEST_F(TopKeys, ReverseTurnsTheOrder) {
  EXPECT_EQ(sort_text(after(view_, {text("r")}).sort), "-state");
  EXPECT_EQ(sort_text(after(view_, {text("r"), text("r")}).sort), "state");
}

TEST_F(TopKeys, AnotherOrderStartsAtTheTop) {
  EXPECT_EQ(after(view_, {kPageDown, text("s")}).place().selected, 0);
  EXPECT_EQ(after(view_, {kPageDown, text("r")}).place().first, 0);
}

TEST_F(TopKeys, OnlyConnectionsAreSorted) {
  const View view = after(view_, {text("4"), text("s")});
  EXPECT_EQ(sort_text(view.sort), "state");
  EXPECT_FALSE(view.hint.empty());
  EXPECT_TRUE(after(view, {kDown}).hint.empty());
}

TEST_F(TopKeys, MovesReadTheHelpAndAnyOtherKeyLeavesIt) {
  const View help = after(view_, {text("?")});
  EXPECT_TRUE(help.help);
  EXPECT_EQ(after(help, {kDown}).text_first, 1);
  EXPECT_TRUE(after(help, {kEnd}).help);
  for (const Input& input : {text("?"), text("q"), text("x"), kEscape, kEnter}) {
    const View view = after(help, {input});
    EXPECT_FALSE(view.help);
    EXPECT_FALSE(view.quit);
    EXPECT_EQ(view.page, Page::kTable);
  }
}

TEST_F(TopKeys, EnterOpensTheConnectionAndEscapeLeadsBack) {
  View view = after(view_, {kDown, kEnter});
  EXPECT_EQ(view.page, Page::kConnection);
  EXPECT_EQ(view.page_id, "1001");
  EXPECT_EQ(query_for(view).topic, Topic::kExplanation);
  EXPECT_EQ(query_for(view).id, "1001");
  view = after(view, {kEscape});
  EXPECT_EQ(view.page, Page::kTable);
  EXPECT_EQ(view.place().id, "1001");
}

TEST_F(TopKeys, EnterOnNothingDoesNothing) {
  model_ = crowded_model(0);
  EXPECT_EQ(after(view_, {kEnter}).page, Page::kTable);
}

TEST_F(TopKeys, EnterOnAListenerShowsItsConnectionsAndEscapeLeadsBack) {
  view_.filter = "idle gt 30s";
  const View chosen = after(view_, {text("1"), kEnter});
  EXPECT_EQ(chosen.tab, Tab::kConnections);
  EXPECT_EQ(chosen.filter, "sport = :8080 and netns = 4026531840");
  const View back = after(chosen, {kEscape});
  EXPECT_EQ(back.tab, Tab::kListeners);
  EXPECT_EQ(back.filter, "idle gt 30s");
}

TEST_F(TopKeys, AClientsListenerIsAFilterOnTheRemotePort) {
  model_.listeners.rows[0].key.role = "client";
  EXPECT_EQ(after(view_, {text("1"), kEnter}).filter,
            "role client and dport = :8080 and netns = 4026531840");
}

TEST_F(TopKeys, EscapeDropsAFilter) {
  view_.filter = "idle gt 30s";
  EXPECT_EQ(after(view_, {kEscape}).filter, "");
  EXPECT_EQ(after(view_, {text("4"), kEscape}).filter, "idle gt 30s");
}

// What is on the screen obeys the line that says what is filtered by.
TEST_F(TopKeys, RowsOfAnotherFilterOrOrderAreNone) {
  model_.connections.question = Question{.sort = "state", .filter = ""};
  EXPECT_TRUE(contains(text_of(model_, after(view_, {})), ">established"));
  for (const std::vector<Input>& keys :
       {std::vector{text("1"), kEnter}, std::vector{text("s")}, std::vector{text("r")},
        typed("/pid = 7") + std::vector{kEnter}}) {
    View view = after(view_, keys);
    std::string screen = text_of(model_, view);
    EXPECT_FALSE(contains(screen, "established")) << screen;
    EXPECT_TRUE(contains(screen, "asking …")) << screen;
    EXPECT_FALSE(contains(screen, "of 100")) << screen;
    EXPECT_EQ(view.place().id, "");
    view.gone = true;
    EXPECT_TRUE(contains(text_of(model_, view), "the daemon is gone: not loaded"));
    view.frozen = true;
    EXPECT_TRUE(contains(text_of(model_, view), "not loaded: space goes on"));
  }
}

TEST_F(TopKeys, AFailedFilterKeepsTheWayBackToTheListeners) {
  view_.filter = "idle gt 30s";
  const View chosen = after(view_, std::vector{text("1"), kEnter, kDown, kDown});
  const std::vector<Input> other =
      std::vector{text("/"), Input{.key = Key::kEraseToBegin}} + typed("pid = 7");
  const View asked = after(chosen, other + std::vector{kEnter});
  for (const View& back :
       {after(failed(asked, "no such file"), {kEscape}), after(asked, {kEscape})}) {
    EXPECT_FALSE(back.prompt);
    EXPECT_EQ(back.filter, chosen.filter);
    EXPECT_EQ(back.place().selected, 2);
    const View listeners = after(back, {kEscape});
    EXPECT_EQ(listeners.tab, Tab::kListeners);
    EXPECT_EQ(listeners.filter, "idle gt 30s");
  }
}

TEST_F(TopKeys, AConnectionIsLeftBeforeItsListIsSortedOrFiltered) {
  const View detail = after(view_, {kEnter});
  EXPECT_EQ(after(detail, {text("s")}).hint, "Esc first");
  EXPECT_EQ(after(detail, {text("/")}).hint, "Esc first");
  EXPECT_TRUE(contains(after(view_, {text("4"), text("/")}).hint, "can be filtered"));
}

TEST_F(TopKeys, AlertsOpen) {
  model_.alerts = loaded<Alert>({close_wait_alert()});
  const View view = after(view_, {text("4"), kEnter});
  EXPECT_EQ(view.page, Page::kAlert);
  EXPECT_EQ(view.page_id, "CloseWaitAccumulation 4026531840 8080 server");
}

TEST_F(TopKeys, AFilterIsTypedAndHoldsOnceTheDaemonTakesIt) {
  View view = after(view_, typed("/pid = 7") + std::vector{kEnter});
  ASSERT_TRUE(view.prompt);
  EXPECT_TRUE(view.prompt->asked);
  EXPECT_EQ(query_for(view).filter, "pid = 7");
  view = answered(view, Model{});
  EXPECT_FALSE(view.prompt);
  EXPECT_EQ(view.filter, "pid = 7");
}

TEST_F(TopKeys, AFilterThatIsRefusedLeavesTheOldOne) {
  view_.filter = "pid = 8";
  View view = after(view_, std::vector{text("/"), Input{.key = Key::kEraseToBegin}} +
                               typed("pid = 7") + std::vector{kEnter});
  Model refusing;
  refusing.refused = Error{"column 1 of the filter: no", ExitCode::kUsage};
  view = answered(view, refusing);
  ASSERT_TRUE(view.prompt);
  EXPECT_EQ(view.prompt->error, "column 1 of the filter: no");
  EXPECT_EQ(view.prompt->line.text(), "pid = 7");
  EXPECT_EQ(view.filter, "pid = 8");
  EXPECT_EQ(after(view, {kEscape}).filter, "pid = 8");
}

TEST_F(TopKeys, AFilterThatIsNoneIsNotAsked) {
  const View view = after(view_, typed("/pid = = 7") + std::vector{kEnter});
  ASSERT_TRUE(view.prompt);
  EXPECT_FALSE(view.prompt->asked);
  EXPECT_NE(view.prompt->error.find("column 7"), std::string::npos) << view.prompt->error;
  EXPECT_EQ(view.filter, "");
}

TEST_F(TopKeys, AnAbandonedFilterLeavesTheOldOne) {
  const View view = after(view_, typed("/pid = 7") + std::vector{kEscape});
  EXPECT_FALSE(view.prompt);
  EXPECT_EQ(view.filter, "");
}

TEST_F(TopKeys, TheSameFilterIsNotAskedAgain) {
  view_.filter = "pid = 8";
  EXPECT_FALSE(after(view_, {text("/"), kEnter}).prompt);
}

TEST_F(TopKeys, KeysAreTextWhileAFilterIsTyped) {
  const View view = after(view_, typed("/q?s 12"));
  EXPECT_EQ(view.prompt->line.text(), "q?s 12");
  EXPECT_FALSE(view.quit || view.help || view.frozen);
  EXPECT_EQ(view.tab, Tab::kConnections);
}

TEST_F(TopKeys, APasteIsTextInAPromptAndNothingElsewhere) {
  const Input paste{.key = Key::kPaste, .text = "q pid = 7\n"};
  EXPECT_FALSE(after(view_, {paste}).quit);
  const View view = after(view_, {text("/"), paste});
  ASSERT_TRUE(view.prompt);
  EXPECT_EQ(view.prompt->line.text(), "q pid = 7 ");
}

TEST_F(TopKeys, TheDelayIsAskedForUntilItIsOne) {
  const Input erase{.key = Key::kEraseToBegin};
  EXPECT_EQ(after(view_, {text("d")}).prompt->line.text(), "1");
  EXPECT_EQ(after(view_, std::vector{text("d"), erase} + typed("0.5") + std::vector{kEnter})
                .delay_seconds,
            0.5);
  for (const char* bad : {"", "0", "-1", "nan", "1e9", "3601", "2s", "0.05"}) {
    const View view =
        after(view_, std::vector{text("d"), erase} + typed(bad) + std::vector{kEnter});
    ASSERT_TRUE(view.prompt) << bad;
    EXPECT_FALSE(view.prompt->error.empty()) << bad;
    EXPECT_EQ(view.delay_seconds, 1) << bad;
  }
}

TEST_F(TopKeys, SpaceFreezesWhatIsLoaded) {
  model_.connections.first = 10;
  model_.connections.total = 5000;
  const View frozen = after(view_, {text(" ")});
  EXPECT_TRUE(frozen.frozen);
  EXPECT_EQ(after(frozen, {kEnd}).place().id, "1099");
  EXPECT_EQ(after(frozen, {kHome}).place().id, "1000");
  for (const Input& input : {text("s"), text("r"), text("/")}) {
    const View view = after(frozen, {input});
    EXPECT_EQ(sort_text(view.sort), "state");
    EXPECT_FALSE(view.prompt);
    EXPECT_TRUE(contains(view.hint, "frozen")) << view.hint;
  }
  EXPECT_FALSE(after(frozen, {text(" ")}).frozen);
}

TEST_F(TopKeys, Clicks) {
  EXPECT_EQ(clicked(view_, {.kind = Spot::Kind::kTab, .index = 3}).tab, Tab::kAlerts);
  EXPECT_EQ(clicked(view_, {.kind = Spot::Kind::kRow, .index = 7}).place().id, "1007");
  const View sorted = clicked(view_, {.kind = Spot::Kind::kSort, .index = 3});
  EXPECT_EQ(sort_text(sorted.sort), "-idle");
  EXPECT_EQ(sort_text(clicked(sorted, {.kind = Spot::Kind::kSort, .index = 3}).sort), "idle");
}

TEST_F(TopKeys, WhatIsAskedForIsAScreenfulAndAFewRowsMore) {
  Query query = query_for(after(view_, {}));
  EXPECT_EQ(query.sort, "state");
  EXPECT_EQ(query.first, 0u);
  EXPECT_EQ(query.max_rows, 32u);
  model_.connections.total = 100'000;
  const View far = after(view_, {kEnd});
  query = query_for(far);
  EXPECT_EQ(query.first, 100'000u - 17 - 8);
  EXPECT_EQ(query.max_rows, 40u);
  EXPECT_TRUE(covers(query, far));
  EXPECT_FALSE(covers(query, after(view_, {})));
  EXPECT_FALSE(covers(query_for(after(view_, {})), far));
}

TEST_F(TopKeys, BatchAsksForAll) {
  view_.batch = true;
  EXPECT_EQ(query_for(view_).max_rows, kAllRows);
}

TEST(TopSort, NumbersComeLargestFirstUnlessASignSaysOtherwise) {
  EXPECT_EQ(sort_text(*parse_sort("recv_q")), "-recv_q");
  EXPECT_EQ(sort_text(*parse_sort("-recv_q")), "-recv_q");
  EXPECT_EQ(sort_text(*parse_sort("+recv_q")), "recv_q");
  EXPECT_EQ(sort_text(*parse_sort("comm")), "comm");
  EXPECT_EQ(sort_text(*parse_sort("-comm")), "-comm");
}

TEST(TopSort, AnUnknownColumnIsAUsageErrorThatNamesTheKnownOnes) {
  for (const char* text : {"", "-", "bogus", "--age"}) {
    const auto sort = parse_sort(text);
    ASSERT_FALSE(sort) << text;
    EXPECT_EQ(sort.error().exit_code, ExitCode::kUsage);
    EXPECT_NE(sort.error().message.find("state, state_age, age"), std::string::npos);
  }
}

TEST(TopDelay, IsInOneRange) {
  for (const double good : {0.1, 1.0, 3600.0}) EXPECT_TRUE(check_delay(good)) << good;
  for (const double bad : {0.0, 0.05, 3601.0, 90000.0, std::nan("")}) {
    const auto checked = check_delay(bad);
    ASSERT_FALSE(checked) << bad;
    EXPECT_EQ(checked.error().exit_code, ExitCode::kUsage);
    EXPECT_EQ(checked.error().message, "the delay must be from 0.1 to 3600 seconds");
  }
}

TEST(TopSort, EveryColumnCanBeParsed) {
  for (const std::string& column : sort_columns()) EXPECT_TRUE(parse_sort(column)) << column;
}

}  // namespace
}  // namespace wsbpf::top
