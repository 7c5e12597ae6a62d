// `wsbpf record`: keeps what is seen in a file.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "core/duration.h"
#include "core/text.h"
#include "source/recording.h"

namespace wsbpf {
namespace {

using std::chrono::steady_clock;

volatile std::sig_atomic_t stop_asked = 0;

void ask_to_stop(int) { stop_asked = 1; }

// When a recording whose end was asked for holds what was seen until then. Pieces may lie ready,
// and one may be on its way; those that had to be waited for are new.
class LastPieces {
 public:
  // To be called with each piece; returns whether it was the last.
  bool take(bool end_asked) {
    const auto now = steady_clock::now();
    const bool is_new = now - done_ > kWaited;
    if (end_asked && !asked_) asked_ = now;
    if (end_asked && is_new) ++new_pieces_;
    return new_pieces_ == 2 || (asked_ && now - *asked_ > kPatience);
  }

  void done() { done_ = steady_clock::now(); }

 private:
  static constexpr auto kWaited = std::chrono::milliseconds(20);  // they come every 100 ms
  static constexpr auto kPatience = std::chrono::seconds(5);      // with a writer that lags behind

  steady_clock::time_point done_ = steady_clock::now();
  std::optional<steady_clock::time_point> asked_;
  int new_pieces_ = 0;
};

tl::unexpected<Error> exists_already(const std::string& path) {
  return fail(fmt::format("{} exists: name a new file, or remove it first", printable(path)));
}

// A file that only its owner may read: it names peers and processes.
Result<std::FILE*> create(const std::string& path) {
  if (path == "-") return stdout;
  // A pipe or a device is there already.
  const bool is_special = std::filesystem::exists(path) && !std::filesystem::is_regular_file(path);
  const int fd =
      open(path.c_str(), O_WRONLY | O_CLOEXEC | (is_special ? 0 : O_CREAT | O_EXCL), 0600);
  std::FILE* const file = fd < 0 ? nullptr : fdopen(fd, "w");
  if (file != nullptr) return file;
  if (errno == EEXIST) return exists_already(path);
  return fail(fmt::format("cannot write {}: {}", printable(path), std::strerror(errno)));
}

bool put(std::FILE* file, std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), file) == text.size();
}

Result<ExitCode> record(const BackendSettings& settings, const std::string& path,
                        std::optional<std::chrono::nanoseconds> duration) {
  if (path != "-" && std::filesystem::is_regular_file(path)) return exists_already(path);
  auto backend = open_backend(settings);
  if (!backend) return tl::unexpected(backend.error());
  const auto file = create(path);
  if (!file) return tl::unexpected(file.error());

  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, ask_to_stop);
  std::signal(SIGPIPE, SIG_IGN);
  fmt::print(stderr, "wsbpf: recording into {}; Ctrl-C ends it\n", printable(path));
  const auto began = steady_clock::now();
  RecordingCutter cutter;
  uint64_t bytes = 0;
  bool written = true;
  bool stopped = false;
  LastPieces last_pieces;
  const auto got = (*backend)->get("/api/recording", [&](std::string_view piece) {
    stopped =
        last_pieces.take(stop_asked || (duration && steady_clock::now() - began >= *duration));
    const std::string whole = cutter.take(piece);
    bytes += whole.size();
    written = put(*file, whole) && std::fflush(*file) == 0;  // whoever reads it may follow
    last_pieces.done();
    return written && !stopped;
  });
  if (stopped) written = put(*file, RecordingCutter::end_frame()) && written;
  written = std::fflush(*file) == 0 && written;
  if (*file != stdout) written = std::fclose(*file) == 0 && written;
  if (!written) {
    return fail(fmt::format("cannot write {}: {}; what it holds is cut short", printable(path),
                            std::strerror(errno)));
  }
  if (!got && bytes == 0) {
    if (path != "-") unlink(path.c_str());
    return tl::unexpected(got.error());
  }
  if (!stopped) {
    return fail(
        fmt::format("the daemon ended the recording: it is gone, or what writes {} is too slow for "
                    "it; what it holds is cut short",
                    printable(path)));
  }
  fmt::print(stderr, "wsbpf: {} bytes in {:.1f} s: replay them with `wsbpf replay {}`\n", bytes,
             std::chrono::duration<double>(steady_clock::now() - began).count(), printable(path));
  return ExitCode::kOk;
}

}  // namespace

void add_record(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand("record", "keep what is seen, to be replayed");
  command->footer(
      "\nRecords from the daemon where one runs, else by itself, until Ctrl-C. The file holds\n"
      "addresses and process names; nothing of what is sent. `wsbpf replay` runs it again.");
  struct Flags {
    std::string file;
    std::string duration;
  };
  const auto flags = std::make_shared<Flags>();
  command->add_option("file", flags->file, "a new file; - for stdout")
      ->required()
      ->type_name("FILE");
  command->add_option("--duration", flags->duration, "stop after so long (30s, 5m); else at Ctrl-C")
      ->type_name("DURATION");
  const auto settings = add_backend_options(*command);
  command->callback([&chosen, flags, settings] {
    chosen = [flags, settings]() -> Result<ExitCode> {
      std::optional<std::chrono::nanoseconds> duration;
      if (!flags->duration.empty()) {
        const auto parsed = parse_duration(flags->duration);
        if (!parsed) return wrap("--duration", parsed.error());
        duration = *parsed;
      }
      return record(*settings, flags->file, duration);
    };
  });
}

}  // namespace wsbpf
