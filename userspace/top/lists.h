// The list of a tab, whichever that is: how long it is, what is loaded of it, what its rows are.
#pragma once

#include <string>
#include <vector>

#include "top/body.h"

namespace wsbpf::top {

struct Extent {
  int first = 0;  // rows of the list before the loaded ones
  int count = 0;  // of the loaded ones
  int total = 0;
  bool loaded = false;  // has been asked for
};

Extent extent_of(const Model& model, Tab tab);

// Tells a row that is loaded from the others.
std::string row_id(const Model& model, Tab tab, int row);

Body body_of(const Model& model, const View& view, const Window& window);

}  // namespace wsbpf::top
