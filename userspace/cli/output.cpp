#include "cli/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "top/terminal.h"
#include "top/width.h"

namespace wsbpf {

Result<void> print(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return {};
  return fail(fmt::format("cannot write to stdout: {}", std::strerror(errno)));
}

int terminal_width() {
  constexpr int kElsewhere = 100;
  const auto size = top::terminal_size();
  return size ? size->columns : kElsewhere;
}

void append_wrapped(std::string& out, std::string_view text, const std::string& indent, int width) {
  constexpr int kLeast = 24;
  constexpr size_t kManyLines = 1000;
  const int room = std::max(kLeast, width - top::display_width(indent));
  bool first = true;
  for (const std::string& line : top::wrap_text(text, room, kManyLines)) {
    if (!first) out += indent;
    out += line + '\n';
    first = false;
  }
  if (first) out += '\n';
}

std::shared_ptr<std::string> add_color_option(CLI::App& command) {
  const auto choice = std::make_shared<std::string>("auto");
  command.add_option("--color", *choice, "auto, always or never (default auto)")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->type_name("WHEN");
  return choice;
}

bool wants_color(const std::string& choice, bool is_terminal) {
  if (choice != "auto") return choice == "always";
  const char* const no_color = std::getenv("NO_COLOR");
  return is_terminal && (no_color == nullptr || *no_color == '\0');
}

}  // namespace wsbpf
