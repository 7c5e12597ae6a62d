#include "serve/event_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/text.h"

namespace wsbpf {

Result<std::unique_ptr<EventLog>> EventLog::open(std::string path) {
  std::unique_ptr<EventLog> log(new EventLog(std::move(path)));
  if (auto opened = log->reopen(); !opened) return tl::unexpected(opened.error());
  return log;
}

EventLog::~EventLog() {
  if (file_ != nullptr && file_ != stdout) std::fclose(file_);
}

bool EventLog::write(std::string_view line) {
  const bool written = std::fwrite(line.data(), 1, line.size(), file_) == line.size() &&
                       std::fputc('\n', file_) != EOF;
  const bool flushed = std::fflush(file_) == 0;
  if (!flushed) std::clearerr(file_);
  return written && flushed;
}

Result<void> EventLog::reopen() {
  if (path_ == "-") {
    file_ = stdout;
    return {};
  }
  const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  std::FILE* const file = fd < 0 ? nullptr : fdopen(fd, "a");
  if (file == nullptr) {
    return fail(
        fmt::format("cannot open the event log {}: {}; choose another file with --event-log",
                    printable(path_), std::strerror(errno)));
  }
  if (file_ != nullptr) std::fclose(file_);
  file_ = file;
  return {};
}

}  // namespace wsbpf
