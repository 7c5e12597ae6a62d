// A line of text being typed.
#include <gtest/gtest.h>

#include <string>

#include "top/input_line.h"
#include "top/width.h"
#include "top_models.h"

namespace wsbpf::top {
namespace {

using TopInputLine = TopTest;

InputLine typed(std::string_view text) {
  InputLine line;
  line.insert(text);
  return line;
}

TEST_F(TopInputLine, TextGoesInAtTheCursor) {
  InputLine line("pid 7");
  line.move_left();
  line.insert("=");
  line.insert(" ");
  EXPECT_EQ(line.text(), "pid = 7");
  line.move_to_begin();
  line.insert("(");
  line.move_to_end();
  line.insert(")");
  EXPECT_EQ(line.text(), "(pid = 7)");
}

TEST_F(TopInputLine, CharactersAreErasedWhole) {
  InputLine line("a日");
  line.erase_before();
  EXPECT_EQ(line.text(), "a");
  line = InputLine("日本");
  line.move_to_begin();
  line.erase_after();
  EXPECT_EQ(line.text(), "本");
  line.move_right();
  line.erase_after();
  EXPECT_EQ(line.text(), "本");
  line.erase_before();
  line.erase_before();
  EXPECT_EQ(line.text(), "");
}

TEST_F(TopInputLine, WordsAndEndsAreErased) {
  InputLine line("state close-wait  ");
  line.erase_word_before();
  EXPECT_EQ(line.text(), "state ");
  line.insert("x y");
  line.move_left();
  line.erase_to_end();
  EXPECT_EQ(line.text(), "state x ");
  line.erase_to_begin();
  EXPECT_EQ(line.text(), "");
  line.erase_word_before();
  EXPECT_EQ(line.text(), "");
}

TEST_F(TopInputLine, ControlsDoNotGoInAndBytesThatAreNoTextAreReplaced) {
  EXPECT_EQ(typed("a\x1b[31m\tb\nc\x7f").text(), "a[31m b c");
  EXPECT_EQ(typed("a\xff").text(), "a\uFFFD");
}

TEST_F(TopInputLine, ItsLengthHasAnEndAtACharacter) {
  InputLine line;
  for (int i = 0; i < 40'000; ++i) line.insert("日");
  EXPECT_LE(line.text().size(), 64u << 10);
  EXPECT_EQ(line.text().size() % 3, 0u);
}

TEST_F(TopInputLine, WhatFitsIsShown) {
  EXPECT_EQ(InputLine("pid = 7").shown(20).text, "pid = 7");
  EXPECT_EQ(InputLine("pid = 7").shown(20).cursor, 7);
}

TEST_F(TopInputLine, ALongLineIsShownAroundTheCursor) {
  InputLine line("abcdefghij");
  EXPECT_EQ(line.shown(6).text, "…ghij");
  EXPECT_EQ(line.shown(6).cursor, 5);
  line.move_to_begin();
  EXPECT_EQ(line.shown(6).text, "abcde…");
  EXPECT_EQ(line.shown(6).cursor, 0);
}

TEST_F(TopInputLine, HiddenCharactersAreShownAsEscapes) {
  EXPECT_EQ(typed("a\u202e").shown(20).text, "a\\u202e");
  EXPECT_EQ(typed("a\u202e").shown(20).cursor, 7);
}

TEST_F(TopInputLine, AnyWidthHoldsIt) {
  InputLine line(std::string(10'000, 'x'));
  for (int steps = 0; steps < 300; ++steps) line.move_left();
  for (int width = 0; width < 100; ++width) {
    const auto shown = line.shown(width);
    EXPECT_LE(display_width(shown.text), width);
    EXPECT_LE(shown.cursor, width);
  }
}

}  // namespace
}  // namespace wsbpf::top
