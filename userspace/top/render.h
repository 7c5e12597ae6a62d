// The model as one screenful, or in batch mode as one page of any length.
#pragma once

#include "top/frame.h"
#include "top/model.h"
#include "top/view.h"

namespace wsbpf::top {

// The view with the page and the list that this model gives it: scrolled to no place outside them,
// the selected row on the screen.
View settle(View view, const Model& model);

// At most view.height lines (in batch mode as many as it takes) of at most view.width columns.
Frame render(const Model& model, const View& view);

}  // namespace wsbpf::top
