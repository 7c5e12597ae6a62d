// `wsbpf replay`: a recording, through the same table, verdicts and alerts.
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>

#include "cli/commands.h"
#include "cli/engine.h"
#include "core/duration.h"
#include "core/text.h"
#include "serve/json.h"
#include "source/recording.h"

namespace wsbpf {
namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

struct ReplayFlags {
  std::string file;
  std::string speed = "1";
  std::optional<uint32_t> close_wait_threshold;
  std::string close_wait_for;
};

// Times faster than it was; nothing: as fast as it goes.
Result<std::optional<double>> parse_speed(const std::string& text) {
  if (text == "max") return std::optional<double>();
  double factor = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, factor);
  if (error != std::errc{} || rest != end || !(factor > 0) || factor > 1e9) {
    return fail(
        fmt::format("--speed: bad value '{}': use max, or how many times faster: 1, 10, 0.5",
                    printable(text)),
        ExitCode::kUsage);
  }
  return std::optional(factor);
}

// Keeps a replay to the pace of the recording.
class Pace {
 public:
  explicit Pace(std::optional<double> factor) : factor_(factor) {}

  void wait_until(uint64_t now_ns) {
    if (!factor_) return;
    if (first_ns_ == 0) first_ns_ = now_ns;
    const double passed_ns = static_cast<double>(now_ns - first_ns_) / *factor_;
    std::this_thread::sleep_until(began_ + nanoseconds(static_cast<int64_t>(passed_ns)));
  }

 private:
  std::optional<double> factor_;
  steady_clock::time_point began_ = steady_clock::now();
  uint64_t first_ns_ = 0;
};

uint64_t events_of(const Engine& engine) {
  uint64_t sum = 0;
  for (const uint64_t count : engine.events()) sum += count;
  return sum;
}

Result<ExitCode> replay(const ReplayFlags& flags) {
  const auto speed = parse_speed(flags.speed);
  if (!speed) return tl::unexpected(speed.error());
  std::optional<nanoseconds> close_wait_for;
  if (!flags.close_wait_for.empty()) {
    const auto parsed = parse_duration(flags.close_wait_for);
    if (!parsed) return wrap("--close-wait-for", parsed.error());
    close_wait_for = *parsed;
  }
  const auto reader = RecordingReader::open(flags.file);
  if (!reader) return tl::unexpected(reader.error());
  const RecordingHeader& header = (*reader)->header();

  // What is asked for here holds for the whole recording, whatever was changed in it.
  const auto settings_of = [&](CloseWaitSettings recorded) {
    if (flags.close_wait_threshold) recorded.threshold = *flags.close_wait_threshold;
    if (close_wait_for) recorded.for_ns = static_cast<uint64_t>(close_wait_for->count());
    return recorded;
  };

  std::setvbuf(stdout, nullptr, _IOFBF, 256 << 10);
  EventContext context;
  context.node_json = json_string(header.node);
  bool written = true;
  const auto write = [&](const std::string& line) {
    written = written && std::fwrite(line.data(), 1, line.size(), stdout) == line.size() &&
              std::fputc('\n', stdout) != EOF;
  };
  RecordedProcesses processes;
  Engine engine(header.watch, settings_of({header.close_wait_threshold, header.close_wait_for_ns}),
                processes, line_hooks(context, write));
  context.observed = &engine.observed();
  engine.observed().wall_clock_offset_ns = header.wall_clock_offset_ns;
  engine.observed().status.reset_reasons = header.reset_reasons;

  Pace pace(*speed);
  const auto began = steady_clock::now();
  const auto read = (*reader)->read([&](const Fact& fact) -> Result<void> {
    if (const auto* seen = std::get_if<ProcessSeen>(&fact)) processes.note(*seen);
    if (const auto* caught_up = std::get_if<CaughtUp>(&fact)) {
      if (*speed) std::fflush(stdout);
      pace.wait_until(caught_up->now_ns);
    }
    if (const auto* changed = std::get_if<SettingsChanged>(&fact)) {
      const auto settings =
          settings_of({changed->close_wait_threshold, changed->close_wait_for_ns});
      return engine.take(SettingsChanged{changed->ports, settings.threshold, settings.for_ns});
    }
    if (!written) return fail("cannot write what is replayed");
    return engine.take(fact);
  });
  if (std::fflush(stdout) != 0 || !written) return fail("cannot write what is replayed");
  if (!read) return tl::unexpected(read.error());
  const double seconds = std::chrono::duration<double>(steady_clock::now() - began).count();
  fmt::print(stderr, "wsbpf: {} events of {} replayed in {:.2f} s\n", events_of(engine),
             printable(flags.file), seconds);
  return ExitCode::kOk;
}

}  // namespace

void add_replay(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand("replay", "run a recording again");
  command->footer(
      "\nPrints what happened as lines of JSON, as the event log has them, with the recording's\n"
      "own times; the same recording always gives the same lines. Needs no privilege.");
  const auto flags = std::make_shared<ReplayFlags>();
  command->add_option("file", flags->file, "what `wsbpf record` has written; - for stdin")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--speed", flags->speed,
                   "max: as fast as it goes; else how many times faster than it was (default 1)")
      ->type_name("max|FACTOR");
  command
      ->add_option("--close-wait-threshold", flags->close_wait_threshold,
                   "what if CloseWaitAccumulation fired above so many (default: as recorded)")
      ->type_name("COUNT");
  command
      ->add_option("--close-wait-for", flags->close_wait_for,
                   "what if a connection were stuck after so long (default: as recorded)")
      ->type_name("DURATION");
  command->callback([&chosen, flags] { chosen = [flags] { return replay(*flags); }; });
}

}  // namespace wsbpf
