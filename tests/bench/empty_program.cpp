// Runs an empty program while its standard input is open, then prints how often it ran, and for how
// many nanoseconds in all. With the directory of a cgroup it is the one that runs on each packet.
#include <bpf/bpf.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "empty.skel.h"

int main(int argc, char** argv) {
  empty_bpf* object = empty_bpf__open();
  if (object == nullptr) return 1;
  const bool is_for_packets = argc > 1;
  bpf_program* const program = is_for_packets ? object->progs.empty_packet : object->progs.empty;
  bpf_program__set_autoload(object->progs.empty, !is_for_packets);
  bpf_program__set_autoload(object->progs.empty_packet, is_for_packets);
  if (empty_bpf__load(object) != 0) return 1;
  const bpf_link* const link =
      is_for_packets ? bpf_program__attach_cgroup(program, open(argv[1], O_RDONLY | O_CLOEXEC))
                     : bpf_program__attach(program);
  if (link == nullptr) return 1;
  const int statistics = bpf_enable_stats(BPF_STATS_RUN_TIME);
  if (statistics < 0) return 1;
  std::puts("ready");
  std::fflush(stdout);
  char ignored;
  while (read(STDIN_FILENO, &ignored, 1) > 0) {
  }
  bpf_prog_info info{};
  __u32 size = sizeof(info);
  if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) != 0) return 1;
  std::printf("%llu %llu\n", info.run_cnt, info.run_time_ns);
  close(statistics);
  empty_bpf__destroy(object);
}
