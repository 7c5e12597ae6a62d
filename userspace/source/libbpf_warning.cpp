#include "source/libbpf_warning.h"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>
#include <string_view>
#include <utility>

namespace wsbpf {
namespace {

thread_local std::string last_warning;

int keep_warning(libbpf_print_level level, const char* format, va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  char line[512];
  vsnprintf(line, sizeof(line), format, arguments);
  last_warning = line;
  return 0;
}

}  // namespace

void keep_libbpf_warnings() {
  libbpf_set_print(keep_warning);
  last_warning.clear();
}

std::string take_libbpf_warning() {
  constexpr std::string_view kName = "libbpf: ";
  std::string warning = std::exchange(last_warning, {});
  while (!warning.empty() && warning.back() == '\n') warning.pop_back();
  if (warning.starts_with(kName)) warning.erase(0, kName.size());
  return warning;
}

}  // namespace wsbpf
