// A recording: the facts of an observation as a file that describes itself.
//
//   "wsbpf-recording 1 " and the CRC-32 of the next line, which is JSON (where, when, what was
//   watched, how large records are); then frames: kind (u32), length of the content (u32), CRC-32
//   of these and the content (u32), content; in the byte order of the machine. The last frame says
//   that nothing is missing. docs/recording.md has the details.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/fact.h"
#include "core/process_table.h"
#include "core/result.h"

namespace wsbpf {

// What a recording says of itself, and what whoever replays it needs to know from the start.
struct RecordingHeader {
  std::string version;  // of the wsbpf that wrote it
  std::string node;
  std::string kernel;
  std::string boot_id;
  Watch watch;
  uint32_t close_wait_threshold = 0;
  uint64_t close_wait_for_ns = 0;
  int64_t wall_clock_offset_ns = 0;
  std::map<int, std::string> reset_reasons;  // the kernel's names
};

// Makes the text of a recording, piece by piece. Records that follow each other share a frame.
class RecordingWriter {
 public:
  explicit RecordingWriter(const RecordingHeader& header);

  void write(const Fact& fact);
  // Takes out what was written so far: whole frames.
  std::string take();
  size_t size() const { return text_.size() + records_.size(); }

 private:
  void flush_records();
  void append_frame(uint32_t kind, std::string_view content);

  std::string text_;
  std::string records_;  // of the kernel's stream, not framed yet
};

// Cuts the text of a recording, as it comes in pieces, behind its last whole frame.
class RecordingCutter {
 public:
  // Returns what is whole by now.
  std::string take(std::string_view piece);

  // The frame that ends a recording; to be added where the writer cannot.
  static std::string end_frame();

 private:
  std::string pending_;
  int header_lines_ = 2;
};

class RecordingReader {
 public:
  // Errors: no such file, no recording, or one of a newer format.
  static Result<std::unique_ptr<RecordingReader>> open(const std::string& path);
  ~RecordingReader();
  RecordingReader(const RecordingReader&) = delete;
  RecordingReader& operator=(const RecordingReader&) = delete;

  const RecordingHeader& header() const { return header_; }

  // Hands over every fact in order; what it points to holds until it returns. Errors: a recording
  // that is damaged, or cut short, which is found only after what came before it; or an error that
  // `take` returns.
  Result<void> read(const std::function<Result<void>(const Fact&)>& take);

 private:
  RecordingReader(std::string path, std::FILE* file) : path_(std::move(path)), file_(file) {}
  Result<void> read_header();
  Result<std::optional<Fact>> decode_frame(uint32_t kind, std::string_view content);

  std::string path_;
  std::FILE* file_;
  RecordingHeader header_;
};

// Answers as the recording does.
class RecordedProcesses : public ProcessLookup {
 public:
  void note(const ProcessSeen& seen) { known_[seen.pid] = seen.process; }

  std::optional<Process> find(uint32_t pid) override {
    const auto found = known_.find(pid);
    return found == known_.end() ? std::nullopt : found->second;
  }

 private:
  std::map<uint32_t, std::optional<Process>> known_;
};

}  // namespace wsbpf
