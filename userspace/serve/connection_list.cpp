#include "serve/connection_list.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <compare>
#include <cstring>
#include <memory>
#include <utility>

#include "core/text.h"
#include "serve/short_lists.h"

namespace wsbpf {
namespace {

// A sort key: a number, a comm or an address, all of at most 16 bytes, so that they compare alike.
struct Key {
  uint64_t high = 0;
  uint64_t low = 0;

  auto operator<=>(const Key&) const = default;
};

Key number(uint64_t value) { return {0, value}; }

Key bytes(const void* data, size_t size) {
  std::array<unsigned char, sizeof(Key)> padded{};
  std::memcpy(padded.data(), data, std::min(size, padded.size()));
  Key key;
  for (size_t i = 0; i < 8; ++i) {
    key.high = key.high << 8 | padded[i];
    key.low = key.low << 8 | padded[i + 8];
  }
  return key;
}

// Who asks, and what about.
struct Reader {
  const ConnectionTable& table;
  ConnectionContext context;
};

Key text(std::string_view name) { return bytes(name.data(), name.size()); }

// What was not read, and what a number is not known of, is 0.
template <auto Number>
Key of_websocket(const Connection& connection, const Reader& reader) {
  const WebSocket* const websocket = reader.table.websocket_of(connection);
  return number(websocket != nullptr ? Number(*websocket) : 0);
}

template <int direction>
uint64_t messages_of(const WebSocket& websocket) {
  return messages(websocket, direction);
}

uint64_t ping_rtt(const WebSocket& websocket) { return websocket.rtt_us[WSBPF_OUT]; }

struct Column {
  std::string_view name;
  Key (*key)(const Connection&, const Reader&);
};

// Older sockets have smaller times: ages are the times turned round, so that a greater age sorts
// after a smaller one and keeps its place from one page to the next.
constexpr Column kColumns[] = {
    {"id", [](const Connection& c, const Reader&) { return number(c.cookie); }},
    {"state", [](const Connection& c, const Reader&) { return text(state_name(c.state)); }},
    {"age", [](const Connection& c, const Reader&) { return number(~c.opened_ns); }},
    {"state_age", [](const Connection& c, const Reader&) { return number(~c.state_since_ns); }},
    {"idle", [](const Connection& c,
                const Reader& reader) { return number(idle_ms_at(c, reader.context.now_ns)); }},
    {"recv_q", [](const Connection& c, const Reader&) { return number(c.unread_bytes); }},
    {"send_q", [](const Connection& c, const Reader&) { return number(send_queue_bytes(c)); }},
    {"received", [](const Connection& c, const Reader&) { return number(c.bytes_received); }},
    {"sent", [](const Connection& c, const Reader&) { return number(c.bytes_sent); }},
    {"retransmits", [](const Connection& c, const Reader&) { return number(c.retransmits); }},
    {"srtt", [](const Connection& c, const Reader&) { return number(c.srtt_us); }},
    {"phase",
     [](const Connection& c, const Reader& reader) {
       const WebSocket* const websocket = reader.table.websocket_of(c);
       const bool read = is_read(unread_of(c, websocket));
       return read ? text(phase_name(phase_of(c, websocket))) : Key{};
     }},
    {"messages_received", of_websocket<messages_of<WSBPF_IN>>},
    {"messages_sent", of_websocket<messages_of<WSBPF_OUT>>},
    {"ping_rtt", of_websocket<ping_rtt>},
    {"port",
     [](const Connection& c, const Reader&) {
       return number(c.role == Role::kServer ? c.local_port : c.remote_port);
     }},
    {"pid",
     [](const Connection& c, const Reader& reader) {
       const Process* owner = reader.table.owner_of(c);
       return number(owner != nullptr ? owner->pid : 0);
     }},
    {"comm",
     [](const Connection& c, const Reader& reader) {
       const Process* owner = reader.table.owner_of(c);
       return owner != nullptr ? text(owner->comm) : Key{};
     }},
    {"local", [](const Connection& c,
                 const Reader&) { return bytes(c.local_address.data(), c.local_address.size()); }},
    {"peer",
     [](const Connection& c, const Reader& reader) {  // cursors show it
       const Address address =
           reader.context.redact_peers ? redacted(c.remote_address, c.family) : c.remote_address;
       return bytes(address.data(), address.size());
     }},
};

struct Row {
  Key key;
  uint64_t cookie = 0;
  uint32_t index = 0;

  std::pair<Key, uint64_t> place() const { return {key, cookie}; }
};

// A place is one of a certain order, and says of which.
std::string cursor_of(std::string_view sort, const Row& row) {
  return fmt::format("{}:{:x}.{:x}.{:x}", sort, row.key.high, row.key.low, row.cookie);
}

std::optional<std::pair<Key, uint64_t>> parse_place(std::string_view text) {
  std::array<uint64_t, 3> parts{};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0 && (at == end || *at++ != '.')) return std::nullopt;
    const auto [rest, error] = std::from_chars(at, end, parts[i], 16);
    if (error != std::errc{}) return std::nullopt;
    at = rest;
  }
  if (at != end) return std::nullopt;
  return std::pair(Key{parts[0], parts[1]}, parts[2]);
}

// Where the page before ended.
Result<std::pair<Key, uint64_t>> parse_cursor(std::string_view cursor, std::string_view sort) {
  const size_t colon = cursor.find(':');
  if (colon == std::string_view::npos) return bad_cursor(cursor);
  const auto place = parse_place(cursor.substr(colon + 1));
  if (!place) return bad_cursor(cursor);
  if (cursor.substr(0, colon) != sort) {
    return cursor_of_another_sort(cursor.substr(0, colon), sort);
  }
  return *place;
}

// The rows that the filter lets through, in no order.
std::vector<Row> rows_of(const Filter& filter, const Reader& reader, const Column& column) {
  std::vector<Row> rows;
  if (filter.matches_everything()) rows.reserve(reader.table.connections().size());
  FilterSubject subject;
  subject.now_ns = reader.context.now_ns;
  subject.redact_peer = reader.context.redact_peers;
  reader.table.connections().each([&](uint32_t index, const Connection& connection) {
    if (!filter.matches_everything()) {
      subject.connection = &connection;
      subject.owner = reader.table.owner_of(connection);
      subject.websocket = reader.table.websocket_of(connection);
      if (!filter.matches(subject)) return;
    }
    rows.push_back({column.key(connection, reader), connection.cookie, index});
  });
  return rows;
}

// Cuts and sorts `rows` to those of a page; nothing more is sorted. Returns whether others follow.
template <typename Before>
bool take_page(std::vector<Row>& rows, size_t offset, std::optional<size_t> limit, Before before) {
  offset = std::min(offset, rows.size());
  const size_t page = std::min(limit.value_or(rows.size()), rows.size() - offset);
  const bool is_cut = offset + page < rows.size();
  const auto first = rows.begin() + static_cast<std::ptrdiff_t>(offset);
  const auto last = first + static_cast<std::ptrdiff_t>(page);
  if (offset > 0 && first != rows.end()) std::nth_element(rows.begin(), first, rows.end(), before);
  if (is_cut && last != first) std::nth_element(first, last, rows.end(), before);
  std::sort(first, last, before);
  rows.erase(last, rows.end());
  rows.erase(rows.begin(), first);
  return is_cut;
}

// The rest of an answer under way.
struct Listing {
  Reader reader;
  std::vector<std::pair<uint32_t, uint64_t>> rows = {};  // index and, to know it again, cookie
  size_t next = 0;
  size_t written = 0;
  bool as_lines = false;
  bool finished = false;
  std::string end = {};

  std::string piece() {
    constexpr size_t kPieceBytes = 128 << 10;
    if (finished) return {};
    fmt::memory_buffer out;
    if (!as_lines && next == 0) out.append(std::string_view(R"({"connections":[)"));
    const Slab<Connection>& connections = reader.table.connections();
    for (; next < rows.size() && out.size() < kPieceBytes; ++next) {
      const auto [index, cookie] = rows[next];
      const bool still_there = connections.contains(index) && connections[index].cookie == cookie;
      if (!still_there) continue;
      if (!as_lines) out.append(std::string_view(written > 0 ? ",\n" : "\n"));
      const Connection& connection = connections[index];
      append_connection(out, connection, reader.table.owner_of(connection),
                        reader.table.websocket_of(connection), reader.context);
      if (as_lines) out.push_back('\n');
      ++written;
    }
    if (next == rows.size()) {
      out.append(end);
      finished = true;
    }
    return fmt::to_string(out);
  }
};

}  // namespace

const std::vector<std::string_view>& sort_columns() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    for (const Column& column : kColumns) all.push_back(column.name);
    return all;
  }();
  return names;
}

Result<Response> list_connections(const ConnectionQuery& query, const ConnectionTable& table,
                                  ConnectionContext context) {
  std::string_view name = query.sort;
  const bool descending = name.starts_with('-');
  if (descending) name.remove_prefix(1);
  const auto* column = std::find_if(std::begin(kColumns), std::end(kColumns),
                                    [&](const Column& c) { return c.name == name; });
  if (column == std::end(kColumns)) {
    return bad_sort(name, sort_columns());
  }

  const Reader reader{table, std::move(context)};
  std::vector<Row> rows = rows_of(query.filter, reader, *column);
  const size_t total = rows.size();
  const auto before = [descending](const Row& a, const Row& b) {
    return descending ? a.place() > b.place() : a.place() < b.place();
  };
  if (!query.cursor.empty()) {
    const auto last = parse_cursor(query.cursor, query.sort);
    if (!last) return tl::unexpected(last.error());
    std::erase_if(rows, [&](const Row& row) {
      return descending ? row.place() >= *last : row.place() <= *last;
    });
  }
  const bool is_cut = take_page(rows, query.offset, query.limit, before);

  auto listing = std::make_shared<Listing>(Listing{reader});
  listing->as_lines = query.as_lines;
  for (const Row& row : rows) listing->rows.emplace_back(row.index, row.cookie);
  if (!query.as_lines) {
    listing->end = fmt::format("\n],\"total\":{},\"next_cursor\":", total);
    listing->end += is_cut && !rows.empty()
                        ? fmt::format("\"{}\"}}\n", cursor_of(query.sort, rows.back()))
                        : "null}\n";
  }
  Response response;
  if (query.as_lines) response.content_type = "application/jsonl";
  response.next_piece = [listing]() -> std::optional<std::string> {
    std::string piece = listing->piece();
    if (piece.empty()) return std::nullopt;
    return piece;
  };
  return response;
}

}  // namespace wsbpf
