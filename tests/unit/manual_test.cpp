// The man pages and the command line say the same: what either names is in the other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/run_options.h"
#include "core/filter_term.h"
#include "core/verdict.h"
#include "serve/connection_list.h"
#include "top/sort.h"

namespace wsbpf {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;
using Names = std::set<std::string>;

// A section or subsection of a page in mdoc(7), without those within.
struct Section {
  std::string title;
  std::vector<std::string> lines;
};

// Those of a page; a subsection's title is "SECTION/SUBSECTION".
std::vector<Section> read_page(const std::string& name) {
  std::ifstream file(std::string(WSBPF_MANUAL) + "/" + name);
  EXPECT_TRUE(file.is_open()) << name;
  std::vector<Section> sections = {{"", {}}};
  std::string section;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(".\\\"")) continue;
    if (line.starts_with(".Sh ")) section = line.substr(4);
    if (line.starts_with(".Sh ")) sections.push_back({section, {}});
    if (line.starts_with(".Ss ")) sections.push_back({section + "/" + line.substr(4), {}});
    sections.back().lines.push_back(line);
  }
  return sections;
}

const std::vector<Section>& manual() {
  static const auto page = read_page("wsbpf.1");
  return page;
}

const std::vector<Section>& run_manual() {
  static const auto page = read_page("wsbpf-run.8");
  return page;
}

const Section& section(const std::vector<Section>& page, const std::string& title) {
  for (const Section& each : page) {
    if (each.title == title) return each;
  }
  ADD_FAILURE() << "there is no section " << title;
  return page.front();
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  return {std::istream_iterator<std::string>(stream), {}};
}

bool is_punctuation(const std::string& word) {
  return word == "," || word == "." || word == ";" || word == ":" || word == ")";
}

// The arguments of a macro in a line: up to the next macro, which begins with a capital.
void add_arguments(Names& names, const std::string& line, const std::string& macro) {
  bool within = false;
  for (const std::string& word : words_of(line)) {
    const bool is_macro = word == "." + macro || word == macro;
    const bool is_other = word == "Ar" || word == "Fl" || word == "Cm" || word == "No";
    if (is_macro || is_other) {
      within = is_macro;
    } else if (within && !is_punctuation(word)) {
      names.insert(macro == "Fl" ? "-" + word : word);
    }
  }
}

Names arguments(const Section& from, const std::string& macro) {
  Names names;
  for (const std::string& line : from.lines) {
    if (line.starts_with('.')) add_arguments(names, line, macro);
  }
  return names;
}

// What the items of a section's lists are about.
Names items(const Section& from, const std::string& macro) {
  Names names;
  for (const std::string& line : from.lines) {
    if (line.starts_with(".It ")) add_arguments(names, line, macro);
  }
  return names;
}

// The text of the item that names `option`.
std::string item_text(const Section& from, const std::string& option) {
  std::string text;
  bool within = false;
  for (const std::string& line : from.lines) {
    if (line.starts_with(".It ")) {
      Names names;
      add_arguments(names, line, "Fl");
      add_arguments(names, line, "Cm");
      within = names.contains(option);
    }
    if (within) text += line + '\n';
  }
  return text;
}

// The parts of a section with one list each.
std::vector<Section> lists(const Section& from) {
  std::vector<Section> parts;
  for (const std::string& line : from.lines) {
    if (line.starts_with(".Bl ")) parts.push_back({from.title, {}});
    if (!parts.empty()) parts.back().lines.push_back(line);
  }
  return parts;
}

template <typename Range>
Names names(const Range& range) {
  return {range.begin(), range.end()};
}

class ManualTest : public testing::Test {
 protected:
  Action chosen_;
  std::unique_ptr<CLI::App> app_ = make_app(chosen_);
  completion::Vocabulary all_ = completion::vocabulary(*app_);

  static Names options_of(const std::vector<completion::Option>& options) {
    Names names;
    for (const auto& option : options) names.insert(option.names.begin(), option.names.end());
    return names;
  }

  Names every_option() const {
    Names names = options_of(all_.options);
    for (const auto& command : all_.commands) names.merge(options_of(command.options));
    return names;
  }
};

TEST_F(ManualTest, HasASectionForEachCommand) {
  Names titles;
  for (const Section& each : manual()) {
    if (each.title.starts_with("COMMANDS/")) titles.insert(each.title.substr(9));
  }
  Names commands;
  for (const auto& command : all_.commands) commands.insert(command.name);
  EXPECT_EQ(titles, commands);
  EXPECT_THAT(arguments(section(manual(), "SYNOPSIS"), "Cm"), IsSupersetOf(commands));
}

TEST_F(ManualTest, NamesTheOptionsOfEachCommand) {
  const Names everywhere = items(section(manual(), "DESCRIPTION/Options of every command"), "Fl");
  EXPECT_EQ(everywhere, options_of(all_.options));
  const Names of_asking =
      items(section(manual(), "DESCRIPTION/Options of the commands that ask the daemon"), "Fl");
  EXPECT_THAT(of_asking, Not(testing::IsEmpty()));
  for (const auto& command : all_.commands) {
    const Names options = options_of(command.options);
    if (command.name == "run") {
      EXPECT_EQ(items(section(run_manual(), "OPTIONS"), "Fl"), options);
      continue;
    }
    Names named = items(section(manual(), "COMMANDS/" + command.name), "Fl");
    named.insert({"-h", "--help"});
    if (options.contains("--port")) named.insert(of_asking.begin(), of_asking.end());
    EXPECT_EQ(named, options) << command.name;
  }
}

TEST_F(ManualTest, NamesNoOptionThatThereIsNot) {
  const Names options = every_option();
  for (const auto* page : {&manual(), &run_manual()}) {
    for (const Section& each : *page) {
      EXPECT_THAT(options, IsSupersetOf(arguments(each, "Fl"))) << each.title;
    }
  }
}

TEST_F(ManualTest, NamesTheValuesOfOptions) {
  for (const auto& command : all_.commands) {
    const bool is_run = command.name == "run";
    for (const auto& option : command.options) {
      const bool is_as_for_top = option.names.back() == "--color";
      if (!option.value || option.value->name == "DURATION" ||
          option.value->kind != completion::ValueKind::kWords || option.names.back() == "--speed") {
        continue;
      }
      const Section& where =
          is_run ? section(run_manual(), "OPTIONS")
                 : section(manual(), is_as_for_top ? "COMMANDS/top" : "COMMANDS/" + command.name);
      Section item = {"", {}};
      std::istringstream text(item_text(where, option.names.back()));
      for (std::string line; std::getline(text, line);) item.lines.push_back(line);
      EXPECT_EQ(arguments(item, "Cm"), names(option.value->words))
          << command.name << " " << option.names.back();
    }
  }
}

TEST_F(ManualTest, NamesTheDefaultsOfTheDaemon) {
  for (const RunOption& row : run_option_table()) {
    if (row.value == nullptr || row.default_value == nullptr) continue;
    EXPECT_THAT(item_text(section(run_manual(), "OPTIONS"), std::string("--") + row.name),
                HasSubstr(row.default_value))
        << row.name;
  }
}

TEST_F(ManualTest, NamesTheColumns) {
  const Section& columns = section(manual(), "COLUMNS");
  EXPECT_EQ(items(columns, "Cm"), names(sort_columns()));
  const Names in_top = names(top::sort_columns());
  for (const std::string& column : names(sort_columns())) {
    const bool is_missing = item_text(columns, column).find("Not in\n.Cm top") != std::string::npos;
    EXPECT_EQ(is_missing, !in_top.contains(column)) << column;
  }
}

TEST_F(ManualTest, NamesTheWordsOfFilters) {
  const Section& filters = section(manual(), "FILTERS");
  Names words;
  for (const FilterWord& word : filter_words()) words.insert(std::string(word.name));
  EXPECT_EQ(items(filters, "Cm"), words);
  Names operators = {"and", "or", "not"};
  for (const auto& comparison : filter_comparisons()) operators.merge(names(comparison.names));
  EXPECT_THAT(arguments(filters, "Cm"), IsSupersetOf(operators));
}

TEST_F(ManualTest, NamesTheStates) {
  for (const FilterWord& word : filter_words()) {
    if (word.name != "state") continue;
    EXPECT_EQ(items(section(manual(), "STATES"), "Cm"), names(word.choices));
  }
}

TEST_F(ManualTest, NamesTheVerdictsAndRaces) {
  const auto parts = lists(section(manual(), "VERDICTS"));
  ASSERT_EQ(parts.size(), 2);
  EXPECT_EQ(items(parts[0], "Cm"), names(kVerdictNames));
  EXPECT_EQ(items(parts[1], "Cm"), names(kRaceNames));
}

}  // namespace
}  // namespace wsbpf
