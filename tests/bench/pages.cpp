// What a page of a long list takes: each order, with and without a filter, from the front, the
// middle and the end, in milliseconds of CPU time. Prints one JSON object a line.

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

#include "../unit/kernel_records.h"
#include "arguments.h"
#include "serve/connection_list.h"

namespace {

using namespace wsbpf;

constexpr char kUsage[] = "usage: pages [--connections N] [--rounds N]\n";
constexpr size_t kRows = 50;
constexpr uint64_t kNow_ns = 1'000'000'000'000;

double cpu_ms() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

// Of all ages, a third in CLOSE_WAIT, with the owners that a pass over file descriptors has shown.
void fill(ConnectionTable& table, unsigned count) {
  Sweep sweep{.started_ns = 900_s, .files = true, .adopt = true};
  for (uint64_t i = 1; i <= count; ++i) {
    const std::string peer = fmt::format("10.{}.{}.{}", i >> 16 & 255, i >> 8 & 255, i & 255);
    const Sock sock{.cookie = (i * 7919) % 1'000'003,
                    .remote_port = static_cast<uint16_t>(1024 + i % 60000),
                    .remote_address = peer.c_str()};
    const TcpState state = i % 3 == 0 ? TcpState::kCloseWait : TcpState::kEstablished;
    sweep.sockets.push_back(sample(901_s, sock, state, 100 + i % 8,
                                   {.bytes_received = i * 31 % 5000,
                                    .unread_bytes = static_cast<uint32_t>(i % 97),
                                    .srtt_us = static_cast<uint32_t>(i % 1009),
                                    .idle_ms = static_cast<uint32_t>(i * 37 % 60'000)}));
  }
  apply_sweep(table, sweep);
}

double page_ms(const ConnectionTable& table, const ConnectionQuery& query) {
  const double start = cpu_ms();
  const auto response = list_connections(query, table, {.now_ns = kNow_ns, .node_json = "\"n\""});
  size_t bytes = 0;
  for (auto piece = response->next_piece(); piece; piece = response->next_piece()) {
    bytes += piece->size();
  }
  const double took = cpu_ms() - start;
  if (bytes < 100) fmt::print(stderr, "pages: nothing was listed\n");
  return took;
}

}  // namespace

int main(int argc, char** argv) {
  unsigned connections = 100'000;
  unsigned rounds = 9;
  const std::array flags{Flag{"--connections", &connections}, Flag{"--rounds", &rounds, 1, 10'000}};
  parse_arguments(argc, argv, kUsage, flags);

  FakeProcesses processes;
  for (uint32_t pid = 100; pid < 108; ++pid) processes.run(pid, fmt::format("server-{}", pid));
  ConnectionTable table(watch_of({8080}), processes);
  fill(table, connections);
  const size_t held = table.connections().size();

  const char* const filters[] = {
      "", "state close-wait",
      "dst 10.0.0.0/8 and ( comm server-* or pid 4 ) and not ( idle lt 1s or sport != :8080 )"};
  for (const char* const filter : filters) {
    for (const size_t offset : {size_t{0}, held / 6, held / 3 - std::min<size_t>(held / 3, 1000)}) {
      double worst_ms = 0;
      std::string worst_sort;
      for (const std::string_view column : sort_columns()) {
        for (const std::string& sort : {std::string(column), "-" + std::string(column)}) {
          ConnectionQuery query;
          query.sort = sort;
          query.limit = kRows;
          query.offset = offset;
          query.filter = *Filter::parse(filter);
          std::vector<double> times;
          for (unsigned round = 0; round < rounds; ++round) times.push_back(page_ms(table, query));
          std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
          if (times[rounds / 2] <= worst_ms) continue;
          worst_ms = times[rounds / 2];
          worst_sort = sort;
        }
      }
      fmt::print(
          "{{\"connections\":{},\"filter\":\"{}\",\"offset\":{},\"slowest_sort\":\"{}\","
          "\"milliseconds\":{:.2f}}}\n",
          held, filter, offset, worst_sort, worst_ms);
    }
  }
}
