#include "cli/recordings.h"

#include <algorithm>
#include <variant>

namespace wsbpf {
namespace {

// A recording whose reader leaves so much lying ends.
constexpr size_t kBacklog_bytes = 64 << 20;

EvaluationDue lost_since(const std::map<std::string, uint64_t>& before, EvaluationDue due) {
  for (auto& [reason, total] : due.lost) {
    const auto known = before.find(reason);
    if (known != before.end()) total -= std::min(total, known->second);
  }
  return due;
}

}  // namespace

std::function<std::optional<std::string>()> Recordings::begin(const RecordingHeader& header,
                                                              const std::string& state,
                                                              const LostEvents& lost) {
  const auto recording = std::make_shared<Recording>(Recording{RecordingWriter(header)});
  recording->lost_before = lost.by_reason();
  recording->writer.write(StateRemembered{state, header.boot_id});
  recording->most_bytes = recording->writer.size() + kBacklog_bytes;
  recordings_.push_back(recording);
  return [recording]() -> std::optional<std::string> {
    if (recording->overrun) return std::nullopt;
    return recording->writer.take();
  };
}

void Recordings::take(const Fact& fact) {
  if (recordings_.empty()) return;
  std::erase_if(recordings_, [](const auto& recording) { return recording.expired(); });
  for (const auto& weak : recordings_) write(*weak.lock(), fact);
}

void Recordings::write(Recording& recording, const Fact& fact) {
  if (recording.overrun) return;
  recording.overrun = recording.writer.size() > recording.most_bytes;
  if (const auto* due = std::get_if<EvaluationDue>(&fact); due != nullptr) {
    recording.writer.write(lost_since(recording.lost_before, *due));
    return;
  }
  if (const auto* sweep = std::get_if<SweepBegan>(&fact); sweep != nullptr) {
    recording.writer.write(SweepBegan{sweep->started_ns, sweep->adopt || !recording.begun});
    recording.begun = true;
    return;
  }
  const bool of_sweep =
      std::holds_alternative<SweptRecords>(fact) || std::holds_alternative<SweepEnded>(fact);
  if (recording.begun || !of_sweep) recording.writer.write(fact);
}

}  // namespace wsbpf
