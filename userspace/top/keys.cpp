#include "top/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "core/filter.h"
#include "top/settings.h"

namespace wsbpf::top {
namespace {

constexpr int kWheelRows = 3;

// --- moving ---

View at_top(View view) {
  view.place() = {};
  return view;
}

View select(View view, int row) {
  Place& place = view.place();
  place.selected = std::clamp(row, view.rows_begin, std::max(view.rows_begin, view.rows_end - 1));
  place.id.clear();
  return view;
}

View scroll_text(View view, int lines) {
  const int last = std::max(0, view.text_lines - view.page_rows);
  view.text_first = std::clamp(view.text_first + lines, 0, last);
  return view;
}

// A step of the selection, or of the text that is read.
View move(View view, int rows) {
  if (view.shows_text()) return scroll_text(std::move(view), rows);
  return select(std::move(view), view.place().selected + rows);
}

View up(View view) { return move(std::move(view), -1); }
View down(View view) { return move(std::move(view), 1); }

View move_page(View view, int pages) {
  const int rows = pages * std::max(1, view.page_rows);
  if (!view.shows_text()) view.place().first += rows;  // the row stays where it is on the screen
  return move(std::move(view), rows);
}

View page_up(View view) { return move_page(std::move(view), -1); }
View page_down(View view) { return move_page(std::move(view), 1); }

View home(View view) {
  return move(std::move(view), view.shows_text() ? -view.text_lines : -view.place().selected);
}

View end(View view) {
  return move(std::move(view), view.shows_text() ? view.text_lines : view.rows_end);
}

View wheel(View view, int rows) {
  if (view.shows_text()) return scroll_text(std::move(view), rows);
  Place& place = view.place();
  const int last = std::max(view.rows_begin, view.rows_end - view.page_rows);
  place.first = std::clamp(place.first + rows, view.rows_begin, last);
  const int selected =
      std::clamp(place.selected, place.first, place.first + std::max(0, view.page_rows - 1));
  if (selected != place.selected) view = select(std::move(view), selected);
  return view;
}

View wheel_up(View view) { return wheel(std::move(view), -kWheelRows); }
View wheel_down(View view) { return wheel(std::move(view), kWheelRows); }

// --- what is asked of the daemon ---

// Frozen rows cannot be put into another order.
bool thaw_first(View& view, std::string_view what) {
  if (view.frozen) view.hint = fmt::format("frozen: press space, then {}", what);
  return view.frozen;
}

View sort_by(View view, Sort sort) {
  if (view.page != Page::kTable || view.tab != Tab::kConnections) {
    const bool may_go_back = view.tab == Tab::kConnections;
    view.hint = may_go_back ? "Esc first" : "only connections can be sorted";
    return view;
  }
  if (thaw_first(view, "sort")) return view;
  view.sort = sort;
  return at_top(std::move(view));
}

View next_column(View view) {
  const Sort sort = neighbour_sort(view.sort, 1);
  return sort_by(std::move(view), sort);
}

View previous_column(View view) {
  const Sort sort = neighbour_sort(view.sort, -1);
  return sort_by(std::move(view), sort);
}

View reverse(View view) {
  const Sort sort{.column = view.sort.column, .descending = !view.sort.descending};
  return sort_by(std::move(view), sort);
}

View set_filter(View view, std::string filter) {
  view.filter = std::move(filter);
  for (const Tab tab : {Tab::kConnections, Tab::kDisconnects}) view.places[index_of(tab)] = {};
  return view;
}

View open_tab(View view, Tab tab) {
  view.tab = tab;
  view.page = Page::kTable;
  return view;
}

View walk_tabs(View view, std::size_t steps) {
  const auto next = (index_of(view.tab) + steps) % kTabNames.size();
  return open_tab(std::move(view), static_cast<Tab>(next));
}

View next_tab(View view) { return walk_tabs(std::move(view), 1); }
View previous_tab(View view) { return walk_tabs(std::move(view), kTabNames.size() - 1); }

View open_page(View view, Page page) {
  if (view.place().id.empty()) return view;  // no row is there
  view.page = page;
  view.page_id = view.place().id;
  view.text_first = 0;
  return view;
}

View open_listener(View view) {
  if (view.chosen_filter.empty() || thaw_first(view, "choose a listener")) return view;
  if (!view.listeners_filter) view.listeners_filter = view.filter;
  view = open_tab(std::move(view), Tab::kConnections);
  return set_filter(std::move(view), view.chosen_filter);
}

View enter(View view) {
  if (view.page != Page::kTable) return view;
  switch (view.tab) {
    case Tab::kListeners:
      return open_listener(std::move(view));
    case Tab::kConnections:
    case Tab::kDisconnects:
      return open_page(std::move(view), Page::kConnection);
    case Tab::kAlerts:
      return open_page(std::move(view), Page::kAlert);
  }
  return view;
}

View escape(View view) {
  if (view.page != Page::kTable) {
    view.page = Page::kTable;
    return view;
  }
  const bool filtered = view.tab == Tab::kConnections || view.tab == Tab::kDisconnects;
  if (!filtered || view.filter.empty() || thaw_first(view, "drop the filter")) return view;
  if (view.listeners_filter) {
    view = open_tab(std::move(view), Tab::kListeners);
    return set_filter(std::move(view), *std::exchange(view.listeners_filter, std::nullopt));
  }
  return set_filter(std::move(view), "");
}

// --- the rest ---

View quit(View view) {
  view.quit = true;
  return view;
}

View help(View view) {
  view.help = true;
  view.text_first = 0;
  return view;
}

View freeze(View view) {
  view.frozen = !view.frozen;
  return view;
}

View ask_filter(View view) {
  const bool filtered = view.tab == Tab::kConnections || view.tab == Tab::kDisconnects;
  if (!filtered || view.page != Page::kTable) {
    view.hint = filtered ? "Esc first" : "connections and disconnects can be filtered";
    return view;
  }
  if (thaw_first(view, "filter")) return view;
  view.prompt = Prompt{.kind = Prompt::Kind::kFilter, .line = InputLine(view.filter)};
  return view;
}

View ask_delay(View view) {
  view.prompt = Prompt{.kind = Prompt::Kind::kDelay,
                       .line = InputLine(fmt::format("{:g}", view.delay_seconds))};
  return view;
}

// --- prompts ---

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

View accept_filter(View view) {
  const std::string filter(trimmed(view.prompt->line.text()));
  if (filter == view.filter) {
    view.prompt.reset();
    return view;
  }
  if (const auto parsed = Filter::parse(filter); !parsed) {
    view.prompt->error = parsed.error().message;
    return view;
  }
  view.earlier = Filtered{view.filter, view.listeners_filter, view.places};
  view.listeners_filter.reset();
  view.prompt->asked = true;
  view.prompt->error.clear();
  return set_filter(std::move(view), filter);
}

View accept_delay(View view) {
  const std::string_view text = trimmed(view.prompt->line.text());
  double seconds = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  const bool is_number = error == std::errc{} && stop == text.data() + text.size();
  if (!is_number || !check_delay(seconds)) {
    view.prompt->error = fmt::format("{}, such as 0.5", kDelayRange);
    return view;
  }
  view.delay_seconds = seconds;
  view.prompt.reset();
  return view;
}

View abandon_prompt(View view) {
  if (view.prompt->asked) view = with_earlier_filter(std::move(view));
  view.prompt.reset();
  return view;
}

void edit(InputLine& line, const Input& input) {
  switch (input.key) {
    case Key::kText:
    case Key::kPaste:
      return line.insert(input.text);
    case Key::kBackspace:
      return line.erase_before();
    case Key::kDelete:
      return line.erase_after();
    case Key::kLeft:
      return line.move_left();
    case Key::kRight:
      return line.move_right();
    case Key::kHome:
      return line.move_to_begin();
    case Key::kEnd:
      return line.move_to_end();
    case Key::kEraseWord:
      return line.erase_word_before();
    case Key::kEraseToBegin:
      return line.erase_to_begin();
    case Key::kEraseToEnd:
      return line.erase_to_end();
    default:
      return;
  }
}

View press_in_prompt(View view, const Input& input) {
  if (input.key == Key::kEscape) return abandon_prompt(std::move(view));
  if (view.prompt->asked) return view;  // the answer decides
  if (input.key == Key::kEnter) {
    return view.prompt->kind == Prompt::Kind::kFilter ? accept_filter(std::move(view))
                                                      : accept_delay(std::move(view));
  }
  edit(view.prompt->line, input);
  return view;
}

// --- which key does what ---

struct Binding {
  Key key;
  std::string_view text;  // of Key::kText
  View (*act)(View view);
};

View open_listeners(View view) { return open_tab(std::move(view), Tab::kListeners); }
View open_connections(View view) { return open_tab(std::move(view), Tab::kConnections); }
View open_disconnects(View view) { return open_tab(std::move(view), Tab::kDisconnects); }
View open_alerts(View view) { return open_tab(std::move(view), Tab::kAlerts); }

constexpr Binding kMoves[] = {
    {Key::kUp, "", up},      {Key::kText, "k", up},         {Key::kDown, "", down},
    {Key::kText, "j", down}, {Key::kPageUp, "", page_up},   {Key::kPageDown, "", page_down},
    {Key::kHome, "", home},  {Key::kText, "g", home},       {Key::kEnd, "", end},
    {Key::kText, "G", end},  {Key::kWheelUp, "", wheel_up}, {Key::kWheelDown, "", wheel_down},
};

constexpr Binding kActions[] = {
    {Key::kText, "q", quit},
    {Key::kText, "?", help},
    {Key::kText, "h", help},
    {Key::kText, "s", next_column},
    {Key::kText, ">", next_column},
    {Key::kText, ".", next_column},
    {Key::kText, "<", previous_column},
    {Key::kText, ",", previous_column},
    {Key::kText, "r", reverse},
    {Key::kText, "/", ask_filter},
    {Key::kText, "d", ask_delay},
    {Key::kText, " ", freeze},
    {Key::kText, "1", open_listeners},
    {Key::kText, "2", open_connections},
    {Key::kText, "3", open_disconnects},
    {Key::kText, "4", open_alerts},
    {Key::kTab, "", next_tab},
    {Key::kRight, "", next_tab},
    {Key::kBackTab, "", previous_tab},
    {Key::kLeft, "", previous_tab},
    {Key::kEnter, "", enter},
    {Key::kEscape, "", escape},
};

template <std::size_t kCount>
const Binding* binding_of(const Binding (&bindings)[kCount], const Input& input) {
  const auto found =
      std::find_if(std::begin(bindings), std::end(bindings), [&input](const Binding& binding) {
        return binding.key == input.key && (input.key != Key::kText || binding.text == input.text);
      });
  return found == std::end(bindings) ? nullptr : found;
}

}  // namespace

View press(View view, const Input& input) {
  view.hint.clear();
  if (view.prompt) return press_in_prompt(std::move(view), input);
  if (const Binding* move = binding_of(kMoves, input)) return move->act(std::move(view));
  if (view.help) {  // any other key leaves the help, as a reader's first try should
    view.help = false;
    view.text_first = 0;
    return view;
  }
  if (const Binding* action = binding_of(kActions, input)) return action->act(std::move(view));
  return view;
}

View click(View view, const Spot& spot) {
  view.hint.clear();
  if (view.prompt) return view;
  switch (spot.kind) {
    case Spot::Kind::kTab:
      return open_tab(std::move(view), static_cast<Tab>(spot.index));
    case Spot::Kind::kRow:
      return select(std::move(view), static_cast<int>(spot.index));
    case Spot::Kind::kSort:
      if (view.sort.column == spot.index) return reverse(std::move(view));
      return sort_by(std::move(view), natural_sort(spot.index));
  }
  return view;
}

}  // namespace wsbpf::top
