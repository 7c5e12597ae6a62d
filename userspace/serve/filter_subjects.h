// What filters see of the things that the API lists.
#pragma once

#include "core/filter_term.h"
#include "serve/journal.h"
#include "serve/observed.h"

namespace wsbpf {

FilterSubject subject_of(const ListenerSummary& listener);

// An alert is of its listener, or of nothing. `observed` knows the listener's owners.
FilterSubject subject_of(const Alert& alert, const Observed& observed);

// Times are as of the end, or of the entry, as its line tells them.
FilterSubject subject_of(const JournalEntry::End& end, bool redact_peers);
FilterSubject subject_of(const JournalEntry& entry, const Observed& observed, bool redact_peers);

}  // namespace wsbpf
