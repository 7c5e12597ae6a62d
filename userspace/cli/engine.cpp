#include "cli/engine.h"

#include <iterator>

#include "alert/half_open.h"
#include "core/connection_record.h"
#include "core/state_file.h"

namespace wsbpf {
namespace {

constexpr uint64_t kRatesOver_ns = 10'000'000'000;

}  // namespace

EngineHooks line_hooks(const EventContext& context,
                       std::function<void(const std::string& line)> write) {
  EngineHooks hooks;
  const auto owner = [&context](const Connection& connection) {
    return context.observed->table->owner_of(connection);
  };
  hooks.table.on_opened = [&context, write, owner](const Connection& connection) {
    write(opened_line(context, connection, owner(connection)));
  };
  hooks.table.on_ended = [&context, write, owner](const Connection& connection,
                                                  const Evidence& evidence,
                                                  const Judgement& judgement) {
    write(closed_line(context, connection, owner(connection), evidence, judgement));
  };
  hooks.table.on_half_open = [&context, write, owner](const Connection& connection, HalfOpen) {
    write(half_open_line(context, connection, owner(connection),
                         context.observed->table->websocket_of(connection)));
  };
  hooks.table.on_race = [&context, write](Race race, const Tombstone& tombstone, uint64_t time_ns) {
    const ListenerKey& listener = context.observed->table->listener(tombstone.listener).key;
    write(race_line(context, race, tombstone, listener, time_ns));
  };
  hooks.on_alert = [&context, write](const Alert& alert) { write(alert_line(context, alert)); };
  hooks.on_lost = [&context, write](std::string_view reason, uint64_t count) {
    write(lost_line(context, reason, count, context.observed->now_ns));
  };
  return hooks;
}

EngineHooks journal_hooks(Journal& journal, const Observed& observed) {
  const auto seen = [&journal, &observed](const Connection& connection) {
    return JournalEntry::Seen{connection, journal.keep(observed.table->owner_of(connection))};
  };
  EngineHooks hooks;
  hooks.table.on_opened = [&journal, seen](const Connection& connection) {
    journal.add(connection.last_event_ns, JournalEntry::Opened{seen(connection)});
  };
  hooks.table.on_ended = [&journal, seen](const Connection& connection, const Evidence& evidence,
                                          const Judgement& judgement) {
    journal.add(ended_ns(connection, evidence),
                std::make_shared<const JournalEntry::End>(
                    JournalEntry::End{seen(connection), evidence, judgement}));
  };
  // Each connection that is quiet for a minute becomes silent: they would leave no room for others.
  hooks.table.on_half_open = [&journal, &observed, seen](const Connection& connection,
                                                         HalfOpen before) {
    if (!is_unanswered(before) && !is_unanswered(connection.half_open)) return;
    const WebSocket* const websocket = observed.table->websocket_of(connection);
    journal.add(
        connection.sampled_ns,
        JournalEntry::HalfOpenChanged{
            seen(connection), websocket ? std::make_shared<const WebSocket>(*websocket) : nullptr});
  };
  hooks.table.on_race = [&journal, &observed](Race race, const Tombstone& tombstone,
                                              uint64_t time_ns) {
    const ListenerKey& listener = observed.table->listener(tombstone.listener).key;
    journal.add(time_ns, JournalEntry::LateRace{race, tombstone, listener, time_ns});
  };
  hooks.on_alert = [&journal, &observed](const Alert& alert) {
    journal.add(observed.now_ns, alert);
  };
  hooks.on_lost = [&journal, &observed](std::string_view reason, uint64_t count) {
    journal.add(observed.now_ns, JournalEntry::Lost{std::string(reason), count});
  };
  return hooks;
}

namespace {

template <typename... Arguments>
std::function<void(Arguments...)> both(std::function<void(Arguments...)> first,
                                       std::function<void(Arguments...)> second) {
  if (!first) return second;
  if (!second) return first;
  return [first = std::move(first), second = std::move(second)](Arguments... arguments) {
    first(arguments...);
    second(arguments...);
  };
}

}  // namespace

void Engine::add_hooks(EngineHooks hooks) {
  hooks_ = both(std::move(hooks_), std::move(hooks));
  table_.set_hooks(hooks_.table);
}

EngineHooks both(EngineHooks first, EngineHooks second) {
  EngineHooks hooks;
  hooks.table.on_opened = both(first.table.on_opened, second.table.on_opened);
  hooks.table.on_ended = both(first.table.on_ended, second.table.on_ended);
  hooks.table.on_half_open = both(first.table.on_half_open, second.table.on_half_open);
  hooks.table.on_race = both(first.table.on_race, second.table.on_race);
  hooks.on_alert = both(first.on_alert, second.on_alert);
  hooks.on_lost = both(first.on_lost, second.on_lost);
  return hooks;
}

Engine::Engine(Watch watch, CloseWaitSettings close_wait, ProcessLookup& lookup, EngineHooks hooks)
    : close_wait_(close_wait), hooks_(std::move(hooks)), table_(std::move(watch), lookup) {
  table_.set_hooks(hooks_.table);
  observed_.table = &table_;
}

Result<void> Engine::take(const Fact& fact) {
  return std::visit([this](const auto& known) { return take_fact(known); }, fact);
}

Result<void> Engine::take_fact(const KernelRecords& fact) {
  std::span<const std::byte> bytes = fact.bytes;
  while (const auto event = decode(bytes)) {
    ++events_[event->index()];
    table_.apply(*event);
    bytes = bytes.subspan(encoded_size(*event));
  }
  return {};
}

Result<void> Engine::take_fact(const SweepBegan& fact) {
  table_.begin_sweep(fact.started_ns, fact.adopt);
  return {};
}

Result<void> Engine::take_fact(const SweptRecords& fact) {
  std::span<const std::byte> bytes = fact.bytes;
  swept_.clear();
  while (const auto event = decode(bytes)) {
    ++events_[event->index()];
    swept_.push_back(*event);
    bytes = bytes.subspan(encoded_size(*event));
  }
  table_.observe(swept_);
  return {};
}

Result<void> Engine::take_fact(const SweepEnded& fact) {
  table_.end_sweep(fact.result);
  return {};
}

Result<void> Engine::take_fact(const CaughtUp& fact) {
  if (fact.lost) table_.note_loss(fact.now_ns);
  table_.advance(fact.now_ns);
  return {};
}

Result<void> Engine::take_fact(const EvaluationDue& fact) {
  observed_.wall_clock_offset_ns = fact.wall_clock_offset_ns;
  summarize(fact.now_ns);
  note_rates();
  observed_.history.note(observed_.now_ns, observed_.listeners);
  note_losses(fact);

  auto findings = close_wait_rule_.evaluate(observed_.now_ns, observed_.listeners, close_wait_);
  auto half_open = evaluate_half_open(observed_.listeners);
  std::move(half_open.begin(), half_open.end(), std::back_inserter(findings));
  findings.push_back(events_lost_rule_.evaluate(observed_.now_ns, fact.lost));
  const auto changes = alerts_.update(observed_.now_ns, findings);
  observed_.alerts = alerts_.active();
  for (const Alert& alert : changes) {
    if (hooks_.on_alert) hooks_.on_alert(alert);
  }
  return {};
}

Result<void> Engine::take_fact(const SettingsChanged& fact) {
  close_wait_ = {fact.close_wait_threshold, fact.close_wait_for_ns};
  if (fact.ports == table_.watch().ports) return {};
  Watch watch = table_.watch();
  watch.ports = fact.ports;
  table_.set_watch(std::move(watch));
  rate_samples_.clear();
  return {};
}

Result<void> Engine::take_fact(const StateRemembered& fact) {
  auto remembered = decode_state(fact.text, fact.boot_id);
  if (!remembered) return tl::unexpected(remembered.error());
  table_.remember(std::move(*remembered));
  return {};
}

void Engine::summarize(uint64_t now_ns) {
  observed_.now_ns = now_ns;
  observed_.listeners = table_.summarize(now_ns, close_wait_.for_ns);
}

void Engine::note_losses(const EvaluationDue& fact) {
  for (const auto& [reason, total] : fact.lost) {
    uint64_t& told = lost_told_[reason];
    if (total == told) continue;
    if (hooks_.on_lost) hooks_.on_lost(reason, total - told);
    told = total;
  }
}

void Engine::note_rates() {
  RateSample sample{observed_.now_ns, {}};
  for (const ListenerSummary& listener : observed_.listeners) {
    sample.totals[listener.key] = {listener.opened_total, listener.closed_total};
  }
  while (!rate_samples_.empty() &&
         observed_.now_ns - rate_samples_.front().time_ns > kRatesOver_ns) {
    rate_samples_.pop_front();
  }
  rate_samples_.push_back(std::move(sample));

  const RateSample& first = rate_samples_.front();
  const double seconds = static_cast<double>(observed_.now_ns - first.time_ns) / 1e9;
  observed_.rates.clear();
  if (seconds <= 0) return;
  for (const auto& [key, totals] : rate_samples_.back().totals) {
    std::pair<uint64_t, uint64_t> before;  // of a listener that is new: none
    if (const auto known = first.totals.find(key); known != first.totals.end()) {
      before = known->second;
    }
    observed_.rates[key] = {static_cast<double>(totals.first - before.first) / seconds,
                            static_cast<double>(totals.second - before.second) / seconds};
  }
}

}  // namespace wsbpf
