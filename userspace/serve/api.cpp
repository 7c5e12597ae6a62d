#include "serve/api.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/duration.h"
#include "core/filter.h"
#include "core/result.h"
#include "core/text.h"
#include "serve/connection_list.h"
#include "serve/event_stream.h"
#include "serve/explain.h"
#include "serve/json.h"
#include "serve/metrics.h"
#include "serve/page.h"
#include "serve/short_lists.h"

namespace wsbpf {
namespace {

using Json = nlohmann::ordered_json;
using Parameters = std::map<std::string, std::string, std::less<>>;

struct Request {
  Parameters parameters;
  const Observed& observed;
  const ApiSources& sources;
  bool redact_peers;
};

// %41 and + as in application/x-www-form-urlencoded; what is malformed stays as it is.
std::string url_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(&text[i + 1], &text[i + 1] + 2, byte, 16).ptr == &text[i + 1] + 2) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

Parameters parse_parameters(std::string_view query) {
  Parameters parameters;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const size_t equals = pair.find('=');
    const std::string_view value = equals == std::string_view::npos ? "" : pair.substr(equals + 1);
    parameters[url_decoded(pair.substr(0, equals))] = url_decoded(value);
  }
  return parameters;
}

// Takes a parameter out, so that what is left over can be refused.
std::string take(Parameters& parameters, std::string_view name) {
  const auto found = parameters.find(name);
  if (found == parameters.end()) return {};
  std::string value = std::move(found->second);
  parameters.erase(found);
  return value;
}

Response json_response(const Json& json) {
  Response response;
  response.body = json.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
  return response;
}

Response text_response(std::string body, unsigned status = 200) {
  Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(body);
  return response;
}

// Takes out a whole number; nothing where the parameter is missing.
Result<std::optional<size_t>> take_count(Parameters& parameters, std::string_view name,
                                         size_t least) {
  const std::string text = take(parameters, name);
  if (text.empty()) return std::nullopt;
  size_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc{} || rest != end || count < least) {
    return fail(fmt::format("{} takes a whole number from {}", name, least));
  }
  return count;
}

// Which rows of a list are wanted.
struct RowRange {
  std::optional<size_t> limit;
  size_t offset = 0;
};

Result<RowRange> take_rows(Parameters& parameters) {
  const auto limit = take_count(parameters, "limit", 1);
  if (!limit) return tl::unexpected(limit.error());
  const auto offset = take_count(parameters, "offset", 0);
  if (!offset) return tl::unexpected(offset.error());
  return RowRange{*limit, offset->value_or(0)};
}

// Takes out a filter; one that lets everything through where the parameter is missing.
Result<Filter> take_filter(Parameters& parameters) {
  auto filter = Filter::parse(take(parameters, "filter"));
  if (!filter) return fail(std::string(first_line(filter.error().message)), ExitCode::kUsage);
  return filter;
}

Response get_page(Request&) { return page_response(); }

Response get_metrics(Request& request) {
  Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = metrics_text(request.observed);
  return response;
}

Response get_health(Request&) { return text_response("ok\n"); }

Response get_ready(Request& request) {
  const auto& reasons = request.observed.status.reasons;
  if (reasons.empty()) return text_response("ok\n");
  std::string body = "degraded\n";
  for (const std::string& reason : reasons) body += reason + "\n";
  return text_response(std::move(body));
}

Response get_status(Request& request) { return json_response(status_json(request.observed)); }

// `list` makes the answer of a ListQuery and of what is observed.
template <typename List>
Response get_short_list(Request& request, List list) {
  ListQuery query;
  auto filter = take_filter(request.parameters);
  if (!filter) return error_response(400, filter.error().message);
  query.filter = std::move(*filter);
  query.sort = take(request.parameters, "sort");
  const auto limit = take_count(request.parameters, "limit", 1);
  if (!limit) return error_response(400, limit.error().message);
  query.limit = *limit;
  query.cursor = take(request.parameters, "cursor");
  const auto page = list(query, request.observed);
  return page ? json_response(*page) : error_response(400, page.error().message);
}

Response get_listeners(Request& request) { return get_short_list(request, list_listeners); }

Response get_alerts(Request& request) { return get_short_list(request, list_alerts); }

Response get_connections(Request& request) {
  ConnectionQuery query;
  if (std::string sort = take(request.parameters, "sort"); !sort.empty()) query.sort = sort;
  auto filter = take_filter(request.parameters);
  if (!filter) return error_response(400, filter.error().message);
  query.filter = std::move(*filter);
  const auto rows = take_rows(request.parameters);
  if (!rows) return error_response(400, rows.error().message);
  query.limit = rows->limit;
  query.offset = rows->offset;
  query.cursor = take(request.parameters, "cursor");
  const std::string format = take(request.parameters, "format");
  if (!format.empty() && format != "json" && format != "jsonl") {
    return error_response(400, "format is json or jsonl");
  }
  query.as_lines = format == "jsonl";

  ConnectionContext context;
  context.now_ns = request.observed.now_ns;
  context.node_json = json_string(request.observed.status.node);
  context.redact_peers = request.redact_peers;
  auto listing = list_connections(query, *request.observed.table, std::move(context));
  if (!listing) return error_response(400, listing.error().message);
  return std::move(*listing);
}

EventContext event_context(const Request& request) {
  return {&request.observed, json_string(request.observed.status.node), request.redact_peers};
}

Response get_events(Request& request) {
  EventQuery query;
  auto filter = take_filter(request.parameters);
  if (!filter) return error_response(400, filter.error().message);
  query.filter = std::move(*filter);
  if (const std::string since = take(request.parameters, "since"); !since.empty()) {
    const auto span = parse_duration(since);
    if (!span) return error_response(400, "since: " + span.error().message);
    query.since = *span;
  }
  const std::string follow = take(request.parameters, "follow");
  if (!follow.empty() && follow != "true" && follow != "false") {
    return error_response(400, "follow is true or false");
  }
  query.follow = follow != "false";
  return stream_events(query, request.sources.journal(), event_context(request));
}

Response get_disconnects(Request& request) {
  DisconnectQuery query;
  auto filter = take_filter(request.parameters);
  if (!filter) return error_response(400, filter.error().message);
  query.filter = std::move(*filter);
  const auto rows = take_rows(request.parameters);
  if (!rows) return error_response(400, rows.error().message);
  query.limit = rows->limit.value_or(query.limit);
  query.offset = rows->offset;
  return list_disconnects(query, request.sources.journal(), event_context(request));
}

Response get_history(Request& request) {
  const std::string seconds = take(request.parameters, "seconds");
  size_t span = 0;
  const auto length_of = [](const HistorySpan& of) {
    return std::to_string(of.steps * of.step_ns / 1'000'000'000);
  };
  while (span < kHistorySpans.size() && length_of(kHistorySpans[span]) != seconds) ++span;
  if (!seconds.empty() && span == kHistorySpans.size()) {
    return error_response(400, "seconds is 60 (a value each second) or 900 (one each five)");
  }
  if (seconds.empty()) span = 0;
  return get_short_list(request, [span](const ListQuery& query, const Observed& observed) {
    return list_history(query, observed, span);
  });
}

Response get_explanation(Request& request) {
  const std::string text = take(request.parameters, "id");
  const auto id = parse_connection_id(text);
  if (!id) {
    return error_response(
        400, fmt::format("id: '{}' is none: give a connection's, such as 6699, 6699.1 or 0x1a2b",
                         printable(text)));
  }
  const auto json =
      explanation_json(*id, request.observed, request.sources.journal(), request.redact_peers);
  if (json) return json_response(*json);
  return error_response(
      404,
      fmt::format("no connection {} is known: `wsbpf list -o wide` shows the ids of those that "
                  "live; ended ones are remembered for the last {} events only",
                  printable(text), Journal::kMost));
}

Response get_recording(Request& request) {
  Response response;
  response.content_type = "application/octet-stream";
  response.next_piece = request.sources.record();
  return response;
}

struct Route {
  std::string_view path;
  Response (*get)(Request&);
  Audience farthest;  // who may ask, with all who are nearer
  std::vector<std::string_view> parameters = {};
};

const Route kRoutes[] = {
    {"/", get_page, Audience::kPage},
    {"/metrics", get_metrics, Audience::kMetrics},
    {"/healthz", get_health, Audience::kMetrics},
    {"/readyz", get_ready, Audience::kMetrics},
    {"/api/status", get_status, Audience::kPage},
    {"/api/listeners", get_listeners, Audience::kPage, {"filter", "sort", "limit", "cursor"}},
    {"/api/connections",
     get_connections,
     Audience::kPage,
     {"filter", "sort", "limit", "offset", "cursor", "format"}},
    {"/api/alerts", get_alerts, Audience::kPage, {"filter", "sort", "limit", "cursor"}},
    {"/api/events", get_events, Audience::kPage, {"filter", "since", "follow"}},
    {"/api/disconnects", get_disconnects, Audience::kPage, {"filter", "limit", "offset"}},
    {"/api/history",
     get_history,
     Audience::kPage,
     {"seconds", "filter", "sort", "limit", "cursor"}},
    {"/api/explain", get_explanation, Audience::kPage, {"id"}},
    {"/api/recording", get_recording, Audience::kLocal},
};

}  // namespace

Response error_response(unsigned status, std::string_view message) {
  Response response = json_response({{"error", valid_utf8(message)}});
  response.status = status;
  return response;
}

Response Api::get(std::string_view target, Audience audience) const {
  const size_t mark = target.find('?');
  const std::string path = url_decoded(target.substr(0, mark));
  for (const Route& route : kRoutes) {
    if (route.path != path) continue;
    if (audience > route.farthest) break;
    Request request{parse_parameters(mark == std::string_view::npos ? "" : target.substr(mark + 1)),
                    sources_.observe(), sources_, audience == Audience::kPage && !expose_peers_};
    for (const auto& [name, value] : request.parameters) {
      const auto& known = route.parameters;
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        return error_response(
            400, fmt::format("{} takes no parameter '{}'{}{}", route.path, printable(name),
                             known.empty() ? "" : ", only: ", fmt::join(known, " ")));
      }
    }
    return route.get(request);
  }
  return error_response(404, "no such page: see docs/api.md for those there are");
}

}  // namespace wsbpf
