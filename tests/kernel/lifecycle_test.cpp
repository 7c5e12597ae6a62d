// Nothing of ours stays in the kernel when the source is gone, however it went.
#include <bpf/bpf.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "harness.h"

namespace wsbpf::kernel_test {
namespace {

struct Objects {
  std::set<uint32_t> programs;
  std::set<uint32_t> maps;
  std::set<uint32_t> links;
};

// The BPF objects that the process has descriptors of.
Objects objects_of(uint32_t pid) {
  Objects objects;
  const std::filesystem::path folder = "/proc/" + std::to_string(pid) + "/fdinfo";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      std::istringstream fields(line);
      std::string name;
      uint32_t id = 0;
      if (!(fields >> name >> id)) continue;
      if (name == "link_id:") objects.links.insert(id);
      if (name == "prog_id:") objects.programs.insert(id);  // links have it too
      if (name == "map_id:") objects.maps.insert(id);
    }
  }
  return objects;
}

bool is_gone(int fd) {
  if (fd < 0) return fd == -ENOENT || errno == ENOENT;
  close(fd);
  return false;
}

bool all_gone(const Objects& objects) {
  const auto gone = [](const std::set<uint32_t>& ids, int (*open)(uint32_t)) {
    return std::all_of(ids.begin(), ids.end(), [&](uint32_t id) { return is_gone(open(id)); });
  };
  return gone(objects.programs, bpf_prog_get_fd_by_id) &&
         gone(objects.maps, bpf_map_get_fd_by_id) && gone(objects.links, bpf_link_get_fd_by_id);
}

size_t open_descriptors() {
  const std::filesystem::directory_iterator entries("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(entries), end(entries)));
}

// Six tracepoints, two iterators, and the packets in and out of cgroups; the clock's program is
// attached to nothing.
constexpr size_t kPrograms = 11;
constexpr size_t kLinks = 10;

class Lifecycle : public KernelTest {
 protected:
  Lifecycle() { read_websockets(); }
};

TEST_F(Lifecycle, NothingIsLeftAfterDestruction) {
  const size_t descriptors = open_descriptors();
  Objects objects;
  {
    const auto source = BpfSource::open({port_set({1}), true, true});
    ASSERT_TRUE(source) << source.error().message;
    ASSERT_TRUE((*source)->enable_statistics());
    objects = objects_of(own_pid());
    EXPECT_EQ(objects.programs.size(), kPrograms);
    EXPECT_EQ(objects.links.size(), kLinks);
    EXPECT_GT(objects.maps.size(), 0u);
    EXPECT_FALSE(all_gone(objects));
  }
  EXPECT_TRUE(eventually([&] { return all_gone(objects); }));
  EXPECT_EQ(open_descriptors(), descriptors);
}

TEST_F(Lifecycle, NothingIsLeftOfAProcessThatWasKilled) {
  Child child([] {
    const auto source = BpfSource::open({port_set({1}), true, true});
    if (source) wait_to_be_killed();
  });
  child.go();
  ASSERT_TRUE(eventually([&] { return objects_of(child.pid()).links.size() == kLinks; }));
  const Objects objects = objects_of(child.pid());
  child.join(SIGKILL);
  EXPECT_TRUE(eventually([&] { return all_gone(objects); }));
}

TEST_F(Lifecycle, TwoAtOnceDoNotDisturbEachOther) {
  const uint16_t port = free_port();
  watch_both(port);
  Observer second(Watch{port_set({port}), true, false}, netns());
  const Socket listener = listen_on(ipv4("127.0.0.1", port));
  observer().wait_for<wsbpf_opened>(listener.cookie());
  second.wait_for<wsbpf_opened>(listener.cookie());
}

TEST_F(Lifecycle, StatisticsCountTheRuns) {
  const Socket listener = watched_listener();
  auto& source = observer().source();
  ASSERT_TRUE(source.enable_statistics());
  connect_pair(listener);
  const auto runs = source.program_runs();
  EXPECT_EQ(runs.size(), kPrograms);
  const auto set_state = std::find_if(runs.begin(), runs.end(),
                                      [](const auto& run) { return run.program == "set_state"; });
  ASSERT_NE(set_state, runs.end());
  EXPECT_GT(set_state->runs, 0u);
  EXPECT_GT(set_state->run_ns, 0u);
}

}  // namespace
}  // namespace wsbpf::kernel_test
