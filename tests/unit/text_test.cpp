// Text from the kernel or the network, made safe.
#include "core/text.h"

#include <gtest/gtest.h>

namespace wsbpf {
namespace {

TEST(Printable, LeavesTextAlone) {
  for (const char* const text : {"", "node", "a b\\c\"d'", "größe", "日本語", "e\u0301", "😀"}) {
    EXPECT_EQ(printable(text), text);
  }
}

TEST(Printable, EscapesControls) {
  EXPECT_EQ(printable("a\nb\rc\td"), "a\\nb\\rc\\td");
  EXPECT_EQ(printable("\x1b[2J\x07"), "\\x1b[2J\\x07");
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable("\u009b"), "\\x9b");  // CSI in one character
}

TEST(Printable, EscapesWhatTurnsTextRoundOrHides) {
  EXPECT_EQ(printable("a\u202eb"), "a\\u202eb");
  EXPECT_EQ(printable("\u2066"), "\\u2066");
  EXPECT_EQ(printable("\u200b"), "\\u200b");
  EXPECT_EQ(printable("\ufeff"), "\\ufeff");
  EXPECT_EQ(printable("\U000e0041"), "\\U000e0041");
}

TEST(Printable, EscapesBytesThatAreNoUtf8) {
  EXPECT_EQ(printable("a\xff"
                      "b"),
            "a\\xffb");
  EXPECT_EQ(printable("\xc0\x80"), "\\xc0\\x80");                    // overlong
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // a surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // past the last
  EXPECT_EQ(printable("\xe6\x97"), "\\xe6\\x97");                    // cut short
  EXPECT_EQ(printable("\xe6\x97x"), "\\xe6\\x97x");
}

TEST(ValidUtf8, LeavesUtf8AloneAlsoControls) {
  EXPECT_EQ(valid_utf8("größe\x1b\u202e"), "größe\x1b\u202e");
}

TEST(ValidUtf8, ReplacesEveryOtherByte) {
  EXPECT_EQ(valid_utf8("a\xff"
                       "b"),
            "a\ufffdb");
  EXPECT_EQ(valid_utf8("\xc0\x80"), "\ufffd\ufffd");
  EXPECT_EQ(valid_utf8("\xe6\x97"), "\ufffd\ufffd");
}

TEST(DisplayColumns, CountsWhatATerminalShows) {
  EXPECT_EQ(display_columns(""), 0u);
  EXPECT_EQ(display_columns("node"), 4u);
  EXPECT_EQ(display_columns("größe"), 5u);
  EXPECT_EQ(display_columns("日本"), 4u);
  EXPECT_EQ(display_columns("e\u0301"), 1u);
  EXPECT_EQ(display_columns("\xff"), 1u);
}

TEST(FirstCharacter, IsAtLeastAByteWhereThereIsOne) {
  EXPECT_EQ(first_character(""), 0u);
  EXPECT_EQ(first_character("ab"), 1u);
  EXPECT_EQ(first_character("日本"), 3u);
  EXPECT_EQ(first_character("\xe6\x97"), 1u);
  EXPECT_EQ(first_character("\xff"), 1u);
}

TEST(PercentEncode, LeavesOnlyWhatNeedsNoEscape) {
  EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encode("a b&c=d+%/\n\xff"), "a%20b%26c%3Dd%2B%25%2F%0A%FF");
}

}  // namespace
}  // namespace wsbpf
