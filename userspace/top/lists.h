// The list of a tab, whichever that is: how long it is, what is loaded of it, what its rows are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "top/body.h"

namespace wsbpf::top {

struct Extent {
  int first = 0;  // rows of the list before the loaded ones
  int count = 0;  // of the loaded ones
  int total = 0;
  bool loaded = false;  // the rows answer what the view asks
};

// Of the list that is open. Rows that obey another filter or order than the view's are none.
Extent extent_of(const Model& model, const View& view);

// When the rows of the open list were taken.
double taken_unix_seconds(const Model& model, const View& view);

// How many have ended, where the open list tells.
std::optional<std::int64_t> disconnects_total(const Model& model, const View& view);

// Tells a row that is loaded from the others.
std::string row_id(const Model& model, const View& view, int row);

Body body_of(const Model& model, const View& view, const Window& window);

}  // namespace wsbpf::top
