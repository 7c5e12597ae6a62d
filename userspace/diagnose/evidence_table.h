// The tables of evidence: a row for each piece, and for each verdict or condition the pieces that
// weigh most.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "diagnose/phrases.h"

namespace wsbpf {

struct EvidenceRow {
  std::string_view name;
  std::optional<std::string> (*value)(const Case&);  // nothing: not known, or not so
  std::string (*meaning)(const Case&);
};

// What a verdict or condition rests on, most telling first; the rest is empty.
using WeightiestNames = std::string_view[6];

// The peer was there, or data passed, at the very end.
inline constexpr uint32_t kJustNow_ms = 1'000;

inline std::optional<std::string> seconds_text(uint64_t milliseconds) {
  return fmt::format("{}.{:03}", milliseconds / 1'000, milliseconds % 1'000);
}

// "8 segments after 1.020 s" of silence; nothing where there is no streak.
std::optional<std::string> streak_value(const Case& c);

// The rows of TCP, and behind them those of the WebSocket.
inline std::vector<EvidenceRow> joined(std::span<const EvidenceRow> tcp,
                                       std::span<const EvidenceRow> websocket) {
  std::vector<EvidenceRow> rows(tcp.begin(), tcp.end());
  rows.insert(rows.end(), websocket.begin(), websocket.end());
  return rows;
}

// What is known of those named first, and then of all others, in the order of the rows.
inline std::vector<EvidenceItem> items_of(std::span<const EvidenceRow> rows,
                                          const WeightiestNames& first, const Case& c) {
  std::vector<EvidenceItem> items;
  const auto add = [&](const EvidenceRow& row) {
    if (auto value = row.value(c)) items.push_back({row.name, std::move(*value), row.meaning(c)});
  };
  for (const std::string_view name : first) {
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [name](const EvidenceRow& r) { return r.name == name; });
    if (row != rows.end()) add(*row);
  }
  for (const EvidenceRow& row : rows) {
    if (std::find(std::begin(first), std::end(first), row.name) == std::end(first)) add(row);
  }
  return items;
}

template <size_t kCount>
bool have_rows(const WeightiestNames (&weightiest)[kCount], std::span<const EvidenceRow> rows) {
  for (const WeightiestNames& names : weightiest) {
    for (const std::string_view name : names) {
      bool known = name.empty();
      for (const EvidenceRow& row : rows) known = known || row.name == name;
      if (!known) return false;
    }
  }
  return true;
}

}  // namespace wsbpf
