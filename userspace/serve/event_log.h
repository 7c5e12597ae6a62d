// What happens, as JSON lines in a file that only its owner may read.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"

namespace wsbpf {

class EventLog {
 public:
  // Appends to `path`, which is made with mode 0600; "-" is stdout.
  static Result<std::unique_ptr<EventLog>> open(std::string path);
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  // Writes one line, at once. Returns false when that fails, as on a full disk.
  bool write(std::string_view line);

  // Opens the file anew, after it was moved away.
  Result<void> reopen();

 private:
  explicit EventLog(std::string path) : path_(std::move(path)) {}

  std::string path_;
  std::FILE* file_ = nullptr;
};

}  // namespace wsbpf
