#include "core/ports.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "core/text.h"

namespace wsbpf {
namespace {

std::optional<unsigned> parse_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (port < 1 || port > 65535) return std::nullopt;
  return port;
}

tl::unexpected<Error> bad_port(std::string_view part) {
  return fail(fmt::format("bad port '{}': write a number from 1 to 65535, a range such as "
                          "9000-9100, or a list of them separated by commas",
                          printable(part)),
              ExitCode::kUsage);
}

}  // namespace

Result<PortSet> parse_ports(std::string_view text) {
  PortSet ports;
  while (true) {
    const size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    const size_t dash = part.find('-');
    const auto first = parse_port(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_port(part.substr(dash + 1));
    if (!first || !last || *first > *last) return bad_port(part);
    for (unsigned port = *first; port <= *last; ++port) ports.set(port);
    if (comma == std::string_view::npos) return ports;
    text.remove_prefix(comma + 1);
  }
}

std::string ports_text(const PortSet& ports) {
  std::string out;
  for (unsigned port = 1; port < ports.size(); ++port) {
    if (!ports[port]) continue;
    unsigned last = port;
    while (last + 1 < ports.size() && ports[last + 1]) ++last;
    if (!out.empty()) out += ',';
    out += last == port ? fmt::format("{}", port) : fmt::format("{}-{}", port, last);
    port = last;
  }
  return out;
}

}  // namespace wsbpf
