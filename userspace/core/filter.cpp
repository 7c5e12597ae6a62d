#include "core/filter.h"

namespace wsbpf {

bool Filter::matches(const FilterSubject& subject) const {
  bool value = true;
  for (size_t at = 0; at < steps_.size(); ++at) {
    const Step& step = steps_[at];
    switch (step.action) {
      case Action::kTest: {
        const FilterTerm& term = terms_[step.operand];
        value = term.matches(term, subject);
        break;
      }
      case Action::kNegate:
        value = !value;
        break;
      case Action::kSkipIfFalse:
        if (!value) at = step.operand - 1;
        break;
      case Action::kSkipIfTrue:
        if (value) at = step.operand - 1;
        break;
    }
  }
  return value;
}

std::string_view first_line(std::string_view message) {
  return message.substr(0, message.find('\n'));
}

}  // namespace wsbpf
