// `wsbpf list`: the connections now.
#include <fmt/format.h>

#include <algorithm>
#include <clocale>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "cli/commands.h"
#include "cli/output.h"
#include "core/text.h"
#include "serve/connection_list.h"
#include "top/format.h"
#include "top/width.h"

namespace wsbpf {
namespace {

using Json = nlohmann::json;

std::optional<double> number(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

std::optional<int64_t> whole(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<int64_t>();
}

std::string text(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? printable(found->get<std::string>()) : "";
}

std::string endpoint(const Json& row, const char* key) {
  const Json& end = row.at(key);
  return top::endpoint_text({text(end, "address"), whole(end, "port")});
}

std::string age(const Json& row, const char* seconds, const char* source) {
  const bool least = text(row, source) == "lower_bound";
  return (least ? ">=" : "") + top::duration_text(number(row, seconds));
}

std::string owner(const Json& row) {
  const Json& process = row.at("owner");
  return top::owner_text({whole(process, "pid"), text(process, "comm")});
}

std::string pod(const Json& row) {
  const Json& process = row.at("owner");
  return top::workload_text({text(process, "namespace"), text(process, "pod")});
}

struct Column {
  const char* title;
  bool right;
  bool wide_only;
  std::string (*cell)(const Json& row);
};

constexpr Column kColumns[] = {
    {"ID", false, true, [](const Json& r) { return text(r, "id"); }},
    {"ROLE", false, true, [](const Json& r) { return text(r, "role"); }},
    {"NETNS", false, true,
     [](const Json& r) { return std::to_string(whole(r, "netns").value_or(0)); }},
    {"STATE", false, false, [](const Json& r) { return text(r, "state"); }},
    {"IN-STATE", true, false,
     [](const Json& r) { return age(r, "state_age_seconds", "state_age_source"); }},
    {"AGE", true, false, [](const Json& r) { return age(r, "age_seconds", "age_source"); }},
    {"IDLE", true, false,
     [](const Json& r) { return top::duration_text(number(r, "idle_seconds")); }},
    {"HALF-OPEN", false, false,
     [](const Json& r) {
       return r.value("half_open", Json()).is_null() ? "-" : text(r, "half_open");
     }},
    {"RECV-Q", true, false, [](const Json& r) { return top::size_text(whole(r, "unread_bytes")); }},
    {"SEND-Q", true, false,
     [](const Json& r) { return top::size_text(whole(r, "unacked_bytes")); }},
    {"RECEIVED", true, true,
     [](const Json& r) { return top::size_text(whole(r, "bytes_received")); }},
    {"SENT", true, true, [](const Json& r) { return top::size_text(whole(r, "bytes_sent")); }},
    {"RETRANS", true, true, [](const Json& r) { return top::count_text(whole(r, "retransmits")); }},
    {"SRTT", true, true,
     [](const Json& r) { return top::round_trip_text(number(r, "srtt_seconds")); }},
    {"LOCAL", false, false, [](const Json& r) { return endpoint(r, "local"); }},
    {"PEER", false, false, [](const Json& r) { return endpoint(r, "remote"); }},
    {"OWNER", false, false, owner},
    {"POD", false, true, pod},
};

void append_row(std::string& out, const std::vector<std::string>& cells,
                const std::vector<Column>& columns, const std::vector<int>& widths) {
  for (size_t i = 0; i < cells.size(); ++i) {
    const bool last = i + 1 == cells.size();
    const auto align = columns[i].right ? top::Align::kRight : top::Align::kLeft;
    out += last ? cells[i] : top::fit(cells[i], widths[i], align) + "  ";
  }
  out += '\n';
}

// Prints the lines of a format=jsonl answer as an aligned table.
Result<void> print_table(std::string_view lines, bool wide) {
  std::vector<Column> columns;
  std::copy_if(std::begin(kColumns), std::end(kColumns), std::back_inserter(columns),
               [wide](const Column& column) { return wide || !column.wide_only; });
  std::vector<std::vector<std::string>> rows(1);
  for (const Column& column : columns) rows[0].emplace_back(column.title);
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    const Json row = Json::parse(line, nullptr, false);
    if (!row.is_object() || !row.contains("owner")) {
      return fail("the daemon's answer is not what this version understands: is it older?");
    }
    auto& cells = rows.emplace_back();
    for (const Column& column : columns) cells.push_back(column.cell(row));
  }
  std::vector<int> widths(columns.size());
  for (const auto& cells : rows) {
    for (size_t i = 0; i < cells.size(); ++i) {
      widths[i] = std::max(widths[i], top::display_width(cells[i]));
    }
  }
  std::string out;
  for (const auto& cells : rows) append_row(out, cells, columns, widths);
  return print(out);
}

struct ListOptions {
  std::string format = "table";
  std::string sort = "id";
  size_t limit = 0;  // 0: all
};

Result<ExitCode> list(const BackendSettings& settings, const ListOptions& options) {
  const auto backend = open_backend(settings);
  if (!backend) return tl::unexpected(backend.error());
  std::string target = "/api/connections?sort=" + options.sort;
  if (options.limit > 0) target += fmt::format("&limit={}", options.limit);
  if (options.format != "json") target += "&format=jsonl";

  if (options.format == "json" || options.format == "jsonl") {
    Result<void> printed;
    const auto got = (*backend)->get(target, [&printed](std::string_view piece) {
      printed = print(piece);
      return printed.has_value();
    });
    if (!got) return tl::unexpected(got.error());
    if (!printed) return tl::unexpected(printed.error());
  } else {
    const auto lines = get_text(**backend, target);
    if (!lines) return tl::unexpected(lines.error());
    std::setlocale(LC_CTYPE, "C.UTF-8");  // for the width of characters
    if (auto printed = print_table(*lines, options.format == "wide"); !printed) {
      return tl::unexpected(printed.error());
    }
  }
  return ExitCode::kOk;
}

// The columns that can be sorted by are checked here, before anything is asked or observed.
std::string check_sort(const std::string& sort) {
  const std::string name = sort.starts_with('-') ? sort.substr(1) : sort;
  const auto& columns = sort_columns();
  if (std::find(columns.begin(), columns.end(), name) != columns.end()) return "";
  return fmt::format("cannot sort by '{}': use one of {}, with - in front for descending",
                     printable(name), fmt::join(columns, " "));
}

}  // namespace

void add_list(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand("list", "show the connections now");
  const auto settings = add_backend_options(*command);
  const auto options = std::make_shared<ListOptions>();
  command->add_option("-o,--output", options->format, "table, wide, json or jsonl (default table)")
      ->check(CLI::IsMember({"table", "wide", "json", "jsonl"}))
      ->type_name("FORMAT");
  command
      ->add_option("--sort", options->sort,
                   fmt::format("sort by a column: {}; -COLUMN for descending (default id)",
                               fmt::join(sort_columns(), " ")))
      ->check(check_sort)
      ->type_name("COLUMN");
  command->add_option("--limit", options->limit, "show so many at most")
      ->check(CLI::Range(1, 1'000'000'000))
      ->type_name("N");
  command->callback([&chosen, settings, options] {
    chosen = [settings, options] { return list(*settings, *options); };
  });
}

}  // namespace wsbpf
