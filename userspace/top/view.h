// What the person at the keyboard looks at: size, tab, order, filter, place in each list.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "top/fetch.h"
#include "top/input_line.h"
#include "top/sort.h"
#include "top/tabs.h"

namespace wsbpf::top {

// A place in a list. The selection follows its row as long as that is on the screen.
struct Place {
  int first = 0;     // rows above the first one shown
  int selected = 0;  // counted from the first of the list
  std::string id;    // of the selected row; empty: whatever is there
};

// A question at the foot of the screen.
struct Prompt {
  enum class Kind { kFilter, kDelay };

  Kind kind = Kind::kFilter;
  InputLine line = {};
  std::string error = {};  // what is wrong with the last answer
  bool asked = false;      // the daemon has not said yet whether it takes the filter
};

// A filter, the way back from it, and the places in what it lets through.
struct Filtered {
  std::string filter;
  std::optional<std::string> listeners_filter;
  std::array<Place, kTabNames.size()> places;
};

// What takes the place of the list.
enum class Page { kTable, kConnection, kAlert };

struct View {
  int width = 80;
  int height = 24;     // not used in batch mode
  bool batch = false;  // every row and nothing about keys
  bool ascii = false;
  Tab tab = Tab::kConnections;
  std::array<Place, kTabNames.size()> places;
  Page page = Page::kTable;
  std::string page_id;  // of the connection or alert that the page is about
  bool help = false;    // before anything else
  int text_first = 0;   // lines of the page or the help above the first one shown
  Sort sort;
  std::string filter;
  std::optional<std::string> listeners_filter;  // the filter before one listener was chosen
  std::optional<Filtered> earlier;              // holds again if the daemon refuses `filter`
  std::optional<Prompt> prompt;
  double delay_seconds = 1;
  bool frozen = false;
  bool quit = false;
  std::string hint;  // about the last key

  // What only live.cpp knows.
  std::string banner;           // why the model may be out of date; empty when it is not
  bool gone = false;            // the daemon
  double now_unix_seconds = 0;  // kept up while there is a banner
  std::string news;             // that the model is up to date again
  std::string frozen_since;

  // Found by settle().
  int page_rows = 0;          // rows that fit below the rest
  int rows_begin = 0;         // the first row that can be selected
  int rows_end = 0;           // past the last
  int text_lines = 0;         // of the page or the help
  std::string chosen_filter;  // selects the connections of the selected listener

  Place& place() { return places[index_of(tab)]; }
  const Place& place() const { return places[index_of(tab)]; }
  bool shows_text() const { return help || page != Page::kTable; }
};

// What to ask the daemon for: of a long list a screenful, and a few rows more on either side, so
// that the next steps need not wait for an answer.
Query query_for(const View& view);

// The same for the whole of the open list, whatever page is shown in its place.
Query list_query(const View& view);

// What is said in the place of what the view asks for and the model has not: of a list, which is
// not asked for while the view is frozen, and of a connection.
std::string not_loaded_text(const View& view);
std::string asking_text(const View& view);

// The filter before the prompt, with all that belongs to it.
View with_earlier_filter(View view);

// Are the rows on the screen among those that were asked for?
bool covers(const Query& asked, const View& view);

// The view after an answer to its query, or after a failure to get one.
View answered(View view, const Model& answer);
View failed(View view, const std::string& message);

}  // namespace wsbpf::top
