#include "cli/doctor_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "cli/output.h"
#include "cli/paint.h"
#include "core/text.h"
#include "top/width.h"

namespace wsbpf {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 3> kColors = {kGreen, kYellow, kRed};  // by status
constexpr std::array<std::string_view, 3> kConclusions = {
    "wsbpf can observe this machine",
    "wsbpf can observe this machine, with the losses above",
    "wsbpf cannot observe this machine before that is mended",
};

size_t count(const std::vector<Probe>& probes, ProbeStatus status) {
  return static_cast<size_t>(
      std::count_if(probes.begin(), probes.end(),
                    [status](const Probe& probe) { return probe.status == status; }));
}

ProbeStatus worst(const std::vector<Probe>& probes) {
  ProbeStatus status = ProbeStatus::kOk;
  for (const Probe& probe : probes) status = std::max(status, probe.status);
  return status;
}

Json json_or_null(const std::string& text) {
  return text.empty() ? Json() : Json(valid_utf8(text));
}

}  // namespace

std::string doctor_table(const std::vector<Probe>& probes, int width, bool color) {
  int name_width = top::display_width("CHECK");
  for (const Probe& probe : probes)
    name_width = std::max(name_width, top::display_width(probe.name));
  std::string out =
      fmt::format("{}  {}  {}\n", top::fit("STATUS", 8), top::fit("CHECK", name_width), "FOUND");
  const std::string indent(static_cast<size_t>(8 + 2 + name_width + 2), ' ');
  std::set<std::string> told;  // what is to be done, once each
  std::string_view said_last;
  for (const Probe& probe : probes) {
    const std::string status = top::fit(std::string(probe_status_name(probe.status)), 8);
    const std::string_view how = kColors[static_cast<size_t>(probe.status)];
    out += fmt::format("{}  {}  ", painted(status, how, color), top::fit(probe.name, name_width));
    append_wrapped(out, probe.found, indent, width);
    if (!probe.lost.empty()) {
      out += indent + "you lose: ";
      append_wrapped(out, probe.lost, indent + std::string(10, ' '), width);
    }
    if (!probe.advice.empty() && probe.advice != said_last) {
      out += indent + "do: ";
      said_last = probe.advice;
      const bool is_new = told.insert(probe.advice).second;
      append_wrapped(out, is_new ? probe.advice : "as above", indent + std::string(4, ' '), width);
    }
  }
  return out + fmt::format("\n{} ok, {} degraded, {} missing: {}\n",
                           count(probes, ProbeStatus::kOk), count(probes, ProbeStatus::kDegraded),
                           count(probes, ProbeStatus::kMissing),
                           kConclusions[static_cast<size_t>(worst(probes))]);
}

std::string doctor_json(const std::vector<Probe>& probes) {
  Json checks = Json::array();
  for (const Probe& probe : probes) {
    checks.push_back({{"name", probe.name},
                      {"status", probe_status_name(probe.status)},
                      {"found", valid_utf8(probe.found)},
                      {"lost", json_or_null(probe.lost)},
                      {"advice", json_or_null(probe.advice)}});
  }
  const Json report = {{"status", probe_status_name(worst(probes))},
                       {"ok", count(probes, ProbeStatus::kOk)},
                       {"degraded", count(probes, ProbeStatus::kDegraded)},
                       {"missing", count(probes, ProbeStatus::kMissing)},
                       {"checks", std::move(checks)}};
  return report.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

ExitCode doctor_exit_code(const std::vector<Probe>& probes) {
  return worst(probes) == ProbeStatus::kMissing ? ExitCode::kUnsupported : ExitCode::kOk;
}

}  // namespace wsbpf
