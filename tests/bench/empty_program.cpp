// Runs the empty program while its standard input is open, then prints how often it ran, and for
// how many nanoseconds in all.
#include <bpf/bpf.h>
#include <unistd.h>

#include <cstdio>

#include "empty.skel.h"

int main() {
  empty_bpf* object = empty_bpf__open_and_load();
  if (object == nullptr || empty_bpf__attach(object) != 0) return 1;
  const int statistics = bpf_enable_stats(BPF_STATS_RUN_TIME);
  if (statistics < 0) return 1;
  std::puts("ready");
  std::fflush(stdout);
  char ignored;
  while (read(STDIN_FILENO, &ignored, 1) > 0) {
  }
  bpf_prog_info info{};
  __u32 size = sizeof(info);
  if (bpf_obj_get_info_by_fd(bpf_program__fd(object->progs.empty), &info, &size) != 0) return 1;
  std::printf("%llu %llu\n", info.run_cnt, info.run_time_ns);
  close(statistics);
  empty_bpf__destroy(object);
}
