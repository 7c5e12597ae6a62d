// Any bytes as a filter: what is refused is refused with a place within the text, what is accepted
// matches without harm, and its one spelling means the same.
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "core/filter.h"
#include "core/text.h"

namespace {

using namespace wsbpf;

// Also where NDEBUG is set.
void check(bool holds) {
  if (!holds) std::abort();
}

constexpr uint64_t kNow_ns = 1'000'000'000'000;

struct Scene {
  std::vector<Process> processes;
  std::vector<Connection> connections;
  ListenerKey listener{.netns = 1, .port = 8080, .role = Role::kServer};
  std::vector<FilterSubject> subjects;

  Scene() {
    processes.push_back({.pid = 1, .comm = "node", .place = {.pod = "chat-7f"}});
    processes.push_back({.pid = 2, .comm = "a \"b\" (\xff) \\", .place = {}});
    for (unsigned i = 0; i < 24; ++i) {
      Connection c;
      c.cookie = i;
      c.generation = i % 3;
      c.opened_ns = kNow_ns - i * 30'000'000'000ull;
      c.state_since_ns = c.opened_ns;
      c.sampled_ns = kNow_ns;
      c.state = static_cast<TcpState>(1 + i % (kTcpStateSlots - 1));
      c.family = i % 2 == 0 ? AF_INET : AF_INET6;
      c.remote_address = {10, 0, static_cast<uint8_t>(i), 7};
      c.local_port = 8080;
      c.remote_port = static_cast<uint16_t>(40000 + i);
      c.sampled = i % 4 != 0;
      c.idle_ms = i * 1000;
      c.half_open = static_cast<HalfOpen>(i % 4);
      c.role = i % 5 == 0 ? Role::kClient : Role::kServer;
      c.unread_bytes = i;
      connections.push_back(c);
    }
    for (const Connection& c : connections) {
      FilterSubject subject;
      subject.connection = &c;
      subject.now_ns = kNow_ns;
      subject.redact_peer = c.cookie % 7 == 0;
      if (c.cookie % 3 != 0) subject.owner = &processes[c.cookie % 2];
      if (c.cookie % 2 != 0) subject.verdict = static_cast<Verdict>(c.cookie % 20);
      if (c.cookie % 4 == 1) subject.race = static_cast<Race>(c.cookie % 6);
      subjects.push_back(subject);
    }
    FilterSubject of_listener;
    of_listener.listener = &listener;
    of_listener.comm = "node";
    of_listener.owners = processes;
    subjects.push_back(of_listener);
    subjects.push_back({});
  }
};

// Begins with "column N of the filter", where N is that of a character or of the end.
void check_place(std::string_view text, std::string_view message) {
  constexpr std::string_view kBegin = "column ";
  if (!message.starts_with(kBegin)) {
    check(text.size() > Filter::kMostBytes);
    return;
  }
  size_t column = 0;
  std::from_chars(message.data() + kBegin.size(), message.data() + message.size(), column);
  size_t characters = 0;
  for (std::string_view rest = text; !rest.empty(); ++characters) {
    rest.remove_prefix(first_character(rest));
  }
  check(column >= 1 && column <= characters + 1);
  check(std::count(message.begin(), message.end(), '\n') == 2);
  for (std::string_view rest = message; !rest.empty();) {
    const std::string_view line = first_line(rest);
    check(printable(line) == line);
    check(display_columns(line) <= 400);
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  check(message.back() == '^');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Scene scene;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto filter = Filter::parse(text);
  if (!filter) {
    check(filter.error().exit_code == ExitCode::kUsage);
    check_place(text, filter.error().message);
    return 0;
  }
  check(size <= Filter::kMostBytes);
  const auto again = Filter::parse(filter->text());
  check(again.has_value() || filter->text().size() > Filter::kMostBytes);
  if (again) check(again->text() == filter->text());
  for (const FilterSubject& subject : scene.subjects) {
    const bool matches = filter->matches(subject);
    if (again) check(again->matches(subject) == matches);
  }
  return 0;
}
