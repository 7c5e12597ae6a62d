#include "core/ports.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "core/text.h"

namespace wsbpf {
namespace {

constexpr std::string_view kAuto = "auto";

std::optional<unsigned> parse_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (port < 1 || port > 65535) return std::nullopt;
  return port;
}

tl::unexpected<Error> bad_port(std::string_view part, bool may_be_auto) {
  return fail(fmt::format("bad port '{}': write a number from 1 to 65535, a range such as "
                          "9000-9100, {}or a list of them separated by commas",
                          printable(part), may_be_auto ? "auto, " : ""),
              ExitCode::kUsage);
}

Result<PortList> parse(std::string_view text, bool may_be_auto) {
  PortList list;
  while (true) {
    const size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    if (may_be_auto && part == kAuto) {
      list.discover = true;
    } else {
      const size_t dash = part.find('-');
      const auto first = parse_port(part.substr(0, dash));
      const auto last = dash == std::string_view::npos ? first : parse_port(part.substr(dash + 1));
      if (!first || !last || *first > *last) return bad_port(part, may_be_auto);
      for (unsigned port = *first; port <= *last; ++port) list.ports.set(port);
    }
    if (comma == std::string_view::npos) return list;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

Result<PortList> parse_port_list(std::string_view text) { return parse(text, true); }

Result<PortSet> parse_ports(std::string_view text) {
  const auto list = parse(text, false);
  if (!list) return tl::unexpected(list.error());
  return list->ports;
}

std::string ports_text(const PortSet& ports, bool discover) {
  std::string out;
  for (unsigned port = 1; port < ports.size(); ++port) {
    if (!ports[port]) continue;
    unsigned last = port;
    while (last + 1 < ports.size() && ports[last + 1]) ++last;
    if (!out.empty()) out += ',';
    out += last == port ? fmt::format("{}", port) : fmt::format("{}-{}", port, last);
    port = last;
  }
  if (discover) out += out.empty() ? "auto" : ",auto";
  return out;
}

}  // namespace wsbpf
