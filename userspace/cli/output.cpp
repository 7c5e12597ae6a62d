#include "cli/output.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace wsbpf {

Result<void> print(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return {};
  return fail(fmt::format("cannot write to stdout: {}", std::strerror(errno)));
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
