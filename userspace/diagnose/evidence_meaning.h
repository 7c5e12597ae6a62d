// Each piece of evidence, and what it means for the connection at hand.
#pragma once

#include <vector>

#include "diagnose/condition.h"
#include "diagnose/phrases.h"

namespace wsbpf {

// Of one that has ended: what its verdict rests on, and then the rest.
std::vector<EvidenceItem> verdict_evidence(const Case& c);

// Of one that lives: what its condition rests on, and then the rest.
std::vector<EvidenceItem> condition_evidence(const Case& c, Condition condition);

// Does everything that verdicts, and conditions, are said to rest on have its row?
bool verdict_evidence_is_whole();
bool condition_evidence_is_whole();

}  // namespace wsbpf
