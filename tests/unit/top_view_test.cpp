// What keys do to the view, and what is asked of the daemon for it.
#include <gtest/gtest.h>

#include <initializer_list>

#include "top/view.h"

namespace wsbpf::top {
namespace {

View list_view() {
  View view;
  view.height = 24;
  view.page_rows = 18;
  view.row_count = 100;
  view.sort = *parse_sort("state");
  return view;
}

View after(View view, std::initializer_list<Key> keys) {
  for (const Key key : keys) view = handle_key(view, key);
  return view;
}

TEST(TopView, QQuits) {
  EXPECT_TRUE(after(list_view(), {Key::kQuit}).quit);
  EXPECT_FALSE(after(list_view(), {Key::kOther}).quit);
}

TEST(TopView, AnyKeyLeavesTheHelpAndDoesNothingElse) {
  EXPECT_TRUE(after(list_view(), {Key::kHelp}).help);
  for (const Key key : {Key::kHelp, Key::kQuit, Key::kDown, Key::kOther}) {
    const View view = after(list_view(), {Key::kHelp, key});
    EXPECT_FALSE(view.help);
    EXPECT_FALSE(view.quit);
    EXPECT_EQ(view.scroll, 0);
  }
}

TEST(TopView, SortColumnsGoRoundInBothDirections) {
  EXPECT_EQ(sort_text(after(list_view(), {Key::kNextColumn}).sort), "-age");
  EXPECT_EQ(sort_text(after(list_view(), {Key::kPreviousColumn}).sort), "local");
  EXPECT_EQ(sort_text(after(list_view(), {Key::kPreviousColumn, Key::kNextColumn}).sort), "state");
}

TEST(TopView, ReverseTurnsTheOrder) {
  EXPECT_EQ(sort_text(after(list_view(), {Key::kReverse}).sort), "-state");
  EXPECT_EQ(sort_text(after(list_view(), {Key::kReverse, Key::kReverse}).sort), "state");
}

TEST(TopView, AnotherOrderStartsAtTheTop) {
  EXPECT_EQ(after(list_view(), {Key::kPageDown, Key::kNextColumn}).scroll, 0);
  EXPECT_EQ(after(list_view(), {Key::kPageDown, Key::kReverse}).scroll, 0);
}

TEST(TopView, ScrollingStaysInTheList) {
  EXPECT_EQ(after(list_view(), {Key::kUp}).scroll, 0);
  EXPECT_EQ(after(list_view(), {Key::kDown, Key::kDown, Key::kUp}).scroll, 1);
  EXPECT_EQ(after(list_view(), {Key::kPageDown}).scroll, 18);
  EXPECT_EQ(after(list_view(), {Key::kEnd}).scroll, 82);
  EXPECT_EQ(after(list_view(), {Key::kEnd, Key::kDown}).scroll, 82);
  EXPECT_EQ(after(list_view(), {Key::kEnd, Key::kPageUp}).scroll, 64);
  EXPECT_EQ(after(list_view(), {Key::kEnd, Key::kHome}).scroll, 0);
}

TEST(TopView, AListThatFitsDoesNotScroll) {
  View view = list_view();
  view.row_count = 3;
  EXPECT_EQ(after(view, {Key::kEnd}).scroll, 0);
  EXPECT_EQ(after(view, {Key::kDown}).scroll, 0);
}

TEST(TopView, AsksForWhatCanBeSeen) {
  EXPECT_EQ(query_for(list_view()).sort, "state");
  EXPECT_EQ(query_for(list_view()).max_rows, 24u);
  EXPECT_EQ(query_for(after(list_view(), {Key::kPageDown})).max_rows, 42u);
}

TEST(TopView, NeverAsksForMoreThanCanBeScrolledTo) {
  View view = list_view();
  view.scroll = kMaxRows;
  EXPECT_EQ(query_for(view).max_rows, static_cast<std::size_t>(kMaxRows));
  view.scroll = 0;
  view.height = 0;
  EXPECT_EQ(query_for(view).max_rows, 1u);
}

TEST(TopView, BatchAsksForAll) {
  View view = list_view();
  view.batch = true;
  EXPECT_EQ(query_for(view).max_rows, kAllRows);
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
    EXPECT_NE(sort.error().message.find("state, age, state_age"), std::string::npos);
  }
}

TEST(TopSort, EveryColumnCanBeParsed) {
  for (const std::string& column : sort_columns()) EXPECT_TRUE(parse_sort(column)) << column;
}

}  // namespace
}  // namespace wsbpf::top
