#include "diagnose/explanation.h"

#include <fmt/format.h>

#include "diagnose/advice.h"
#include "diagnose/condition.h"
#include "diagnose/evidence_meaning.h"
#include "diagnose/phrases.h"
#include "diagnose/timeline.h"
#include "diagnose/verdict_summary.h"

namespace wsbpf {

Explanation explain(const ExplanationSubject& subject) {
  const Case c(subject);
  Explanation explanation;
  explanation.timeline = timeline_of(c);
  if (c.websocket != nullptr) explanation.frames = last_frames(*c.websocket);
  if (c.has_ended()) {
    explanation.summary = verdict_summary(c);
    explanation.evidence = verdict_evidence(c);
    explanation.advice = verdict_advice(c);
    explanation.documentation = fmt::format("docs/verdicts.md#{}", verdict_name(c.verdict));
    return explanation;
  }
  const Condition condition = condition_of(c);
  explanation.summary = condition_summary(c, condition);
  explanation.evidence = condition_evidence(c, condition);
  explanation.advice = condition_advice(c, condition);
  explanation.documentation = condition_documentation(condition);
  return explanation;
}

}  // namespace wsbpf
