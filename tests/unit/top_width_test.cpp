// Widths, clipping and wrapping of text that is not ASCII.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "top/terminal.h"
#include "top/width.h"

namespace wsbpf::top {
namespace {

using Lines = std::vector<std::string>;

class TopWidth : public testing::Test {
 protected:
  static void SetUpTestSuite() { use_utf8_locale(); }
};

TEST_F(TopWidth, WideCharactersTakeTwoColumnsCombiningOnesNone) {
  EXPECT_EQ(display_width(""), 0);
  EXPECT_EQ(display_width("node"), 4);
  EXPECT_EQ(display_width("日本"), 4);
  EXPECT_EQ(display_width("e\u0301"), 1);
}

TEST_F(TopWidth, WhatCannotBeMeasuredIsAQuestionMark) {
  EXPECT_EQ(fit("a\x1b[", 4), "a?[ ");
  EXPECT_EQ(fit("a\xff", 4), "a?  ");
  EXPECT_EQ(fit(std::string_view("a\0b", 3), 4), "a?b ");
  EXPECT_EQ(fit("\xe6\x97", 4), "??  ");
}

TEST_F(TopWidth, FitPadsOnTheSideAwayFromTheText) {
  EXPECT_EQ(fit("ab", 4), "ab  ");
  EXPECT_EQ(fit("ab", 4, Align::kRight), "  ab");
  EXPECT_EQ(fit("日", 3, Align::kRight), " 日");
}

TEST_F(TopWidth, ClipMarksWhatIsMissing) {
  EXPECT_EQ(clip("abcd", 4), "abcd");
  EXPECT_EQ(clip("abcde", 4), "abc…");
  EXPECT_EQ(clip("abcde", 4, Cut::kFront), "…cde");
  EXPECT_EQ(clip("abcde", 1), "…");
  EXPECT_EQ(clip("abcde", 0), "");
  EXPECT_EQ(clip("abcde", -1), "");
}

TEST_F(TopWidth, ClipNeverSplitsACharacter) {
  EXPECT_EQ(clip("日本語", 4), "日…");
  EXPECT_EQ(fit("日本語", 4), "日… ");
  EXPECT_EQ(clip("日本語", 4, Cut::kFront), "…語");
  EXPECT_EQ(clip("e\u0301abc", 2), "e\u0301…");
  EXPECT_EQ(clip("abe\u0301c", 2, Cut::kFront), "…c");
}

TEST_F(TopWidth, WrapBreaksAtSpaces) {
  EXPECT_EQ(wrap_text("one two three", 7, 3), (Lines{"one two", "three"}));
  EXPECT_EQ(wrap_text("one two three", 20, 3), (Lines{"one two three"}));
  EXPECT_EQ(wrap_text("", 20, 3), (Lines{""}));
}

TEST_F(TopWidth, WrapBreaksWordsThatAreTooLong) {
  EXPECT_EQ(wrap_text("abcdefgh", 3, 9), (Lines{"abc", "def", "gh"}));
}

TEST_F(TopWidth, WrapClipsItsLastLine) {
  EXPECT_EQ(wrap_text("one two three four", 7, 2), (Lines{"one two", "three …"}));
}

TEST_F(TopWidth, WrapEndsEvenWithoutRoom) {
  EXPECT_EQ(wrap_text("日本", 1, 9).size(), 2u);
  EXPECT_EQ(wrap_text("ab", 0, 9), (Lines{"", ""}));
}

TEST_F(TopWidth, OfAnOwnerTheNameGivesWay) {
  EXPECT_EQ(clip("python3[17046]", 14, Cut::kName), "python3[17046]");
  EXPECT_EQ(clip("python3[17046]", 13, Cut::kName), "pytho…[17046]");
  EXPECT_EQ(clip("python3[17046]+3", 13, Cut::kName), "pyt…[17046]+3");
  EXPECT_EQ(clip("python3[17046]", 9, Cut::kName), "p…[17046]");
  EXPECT_EQ(clip("python3[17046]", 8, Cut::kName), "…[17046]");
  EXPECT_EQ(clip("a[b]c[17046]", 10, Cut::kName), "a[…[17046]");
  EXPECT_EQ(clip("a-long-name", 6, Cut::kName), "a-lon…");
}

}  // namespace
}  // namespace wsbpf::top
