#include "source/bpf_source.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "source/bpf_features.h"
#include "source/cgroup_root.h"
#include "source/libbpf_warning.h"
#include "wsbpf.skel.h"

namespace wsbpf {
namespace {

constexpr int kMsPerTickShift = 16;  // MS_PER_TICK_SHIFT of maps.bpf.h

tl::unexpected<Error> kernel_refused(std::string_view what, int error,
                                     std::string_view kernel = "5.15") {
  std::string message = fmt::format("the kernel refused to {}: {}", what, std::strerror(error));
  const std::string warning = take_libbpf_warning();
  if (!warning.empty()) message += fmt::format(" ({})", warning);
  if (error == EPERM || error == EACCES) {
    message +=
        "; run as root, and see whether the kernel is locked down or a security module "
        "forbids BPF";
  } else {
    message += fmt::format("; this needs Linux {} or newer with BTF", kernel);
  }
  return fail(std::move(message), ExitCode::kUnsupported);
}

uint32_t roles_of(const Watch& watch) {
  uint32_t roles = 0;
  if (watch.server) roles |= WSBPF_ROLE_SERVER;
  if (watch.client) roles |= WSBPF_ROLE_CLIENT;
  return roles;
}

struct ClockSample {
  uint64_t jiffies;
  uint64_t time_ns;
};

// Waits for the jiffy to change, so that the sample lies at its beginning.
Result<ClockSample> sample_clocks(int program_fd) {
  ClockSample first{};
  while (true) {
    ClockSample sample{};
    LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &sample, .ctx_size_in = sizeof(sample));
    if (bpf_prog_test_run_opts(program_fd, &options) != 0) {
      return kernel_refused("run a program", errno);
    }
    if (first.jiffies == 0) first = sample;
    if (sample.jiffies != first.jiffies) return sample;
    usleep(100);
  }
}

// CLOCK_BOOTTIME in milliseconds, as the programs would have it of a jiffy, less the jiffies.
uint32_t boot_ms_of_tick_0(const ClockSample& sample, uint32_t ms_per_tick_shifted) {
  return static_cast<uint32_t>(sample.time_ns / 1'000'000) -
         static_cast<uint32_t>(sample.jiffies * ms_per_tick_shifted >> kMsPerTickShift);
}

// CONFIG_HZ is not in the kernel's BTF, and its configuration file is often not to be had.
Result<double> measure_ticks_per_second(int program_fd) {
  constexpr double kChoices[] = {100, 250, 300, 1000};  // kernel/Kconfig.hz
  const auto first = sample_clocks(program_fd);
  if (!first) return tl::unexpected(first.error());
  usleep(60'000);
  const auto last = sample_clocks(program_fd);
  if (!last) return tl::unexpected(last.error());
  const double measured = static_cast<double>(last->jiffies - first->jiffies) * 1e9 /
                          static_cast<double>(last->time_ns - first->time_ns);
  double nearest = kChoices[0];
  for (const double choice : kChoices) {
    if (std::abs(std::log(measured / choice)) < std::abs(std::log(measured / nearest))) {
      nearest = choice;
    }
  }
  return nearest;
}

template <typename Visit>
void each_program(bpf_object* object, Visit visit) {
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    bpf_prog_info info{};
    uint32_t size = sizeof(info);
    const int fd = bpf_program__fd(program);
    if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0) visit(program, info);
  }
}

Result<void> run_iterator(const bpf_link* link, const BpfSource::TakeRecords& take) {
  const int fd = bpf_iter_create(bpf_link__fd(link));
  if (fd < 0) return fail(fmt::format("cannot open an iterator: {}", std::strerror(errno)));
  std::vector<std::byte> buffer(64 << 10);
  Result<void> result;
  while (true) {
    const ssize_t length = ::read(fd, buffer.data(), buffer.size());
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) {
      result = fail(fmt::format("an iterator stopped: {}", std::strerror(errno)));
    }
    if (length <= 0 || !take({buffer.data(), static_cast<size_t>(length)})) break;
  }
  close(fd);
  return result;
}

}  // namespace

struct BpfSource::Skeleton {
  wsbpf_bpf* object = nullptr;
  ring_buffer* ring = nullptr;
  const TakeRecord* take = nullptr;
  int statistics_fd = -1;

  ~Skeleton() {
    if (statistics_fd >= 0) close(statistics_fd);
    ring_buffer__free(ring);
    wsbpf_bpf__destroy(object);
  }

  static int on_record(void* context, void* data, size_t size) {
    (*static_cast<Skeleton*>(context)->take)({static_cast<const std::byte*>(data), size});
    return 0;
  }
};

// Whatever is wrong with reading WebSockets, TCP is still to be had.
Result<std::unique_ptr<BpfSource>> BpfSource::open(const Watch& watch, uint32_t ring_bytes) {
  if (auto checked = check_requirements(); !checked) return tl::unexpected(checked.error());
  keep_libbpf_warnings();

  std::string trouble;
  auto source = watch.websocket ? open_with_websockets(watch, ring_bytes) : load(watch, ring_bytes);
  if (!source && watch.websocket) {
    trouble = source.error().message;
    Watch without = watch;
    without.websocket = false;
    source = load(without, ring_bytes);
  }
  if (!source) return source;
  (*source)->websocket_trouble_ = std::move(trouble);
  (*source)->set_ports(watch.ports);
  wsbpf_bpf* const object = (*source)->skeleton_->object;
  if (const int error = wsbpf_bpf__attach(object)) return kernel_refused("attach programs", -error);
  return source;
}

// As links, which leave the programs of others as they are, and go when the daemon goes.
Result<std::unique_ptr<BpfSource>> BpfSource::open_with_websockets(const Watch& watch,
                                                                   uint32_t ring_bytes) {
  const auto root = open_cgroup_root();
  if (!root) return tl::unexpected(root.error());
  auto source = load(watch, ring_bytes);
  if (source) {
    wsbpf_bpf* const object = (*source)->skeleton_->object;
    object->links.websocket_in = bpf_program__attach_cgroup(object->progs.websocket_in, *root);
    if (object->links.websocket_in != nullptr) {
      object->links.websocket_out = bpf_program__attach_cgroup(object->progs.websocket_out, *root);
    }
    if (object->links.websocket_out == nullptr) {
      source = kernel_refused("attach programs to the root of the cgroups", errno, "5.17");
    }
  }
  close(*root);
  return source;
}

Result<std::unique_ptr<BpfSource>> BpfSource::load(const Watch& watch, uint32_t ring_bytes) {
  auto skeleton = std::make_unique<Skeleton>();
  wsbpf_bpf* object = skeleton->object = wsbpf_bpf__open();
  if (object == nullptr) return kernel_refused("open the BPF object", errno);
  const bool with_reason = send_reset_has_reason();
  bpf_program__set_autoload(object->progs.send_reset_reason, with_reason);
  bpf_program__set_autoload(object->progs.send_reset, !with_reason);
  bpf_program__set_autoload(object->progs.websocket_in, watch.websocket);
  bpf_program__set_autoload(object->progs.websocket_out, watch.websocket);
  bpf_map__set_max_entries(object->maps.events, ring_bytes);
  object->rodata->wakeup_bytes = ring_bytes / 2;
  object->rodata->watched_roles = roles_of(watch);
  object->rodata->reads_websockets = watch.websocket;
  if (const int error = wsbpf_bpf__load(object)) {
    return kernel_refused("load programs", -error, watch.websocket ? "5.17" : "5.15");
  }

  const auto ticks = measure_ticks_per_second(bpf_program__fd(object->progs.read_clocks));
  if (!ticks) return tl::unexpected(ticks.error());
  object->data_clock->ms_per_tick_shifted =
      static_cast<uint32_t>(std::lround(1000.0 / *ticks * (1 << kMsPerTickShift)));
  skeleton->ring = ring_buffer__new(bpf_map__fd(object->maps.events), Skeleton::on_record,
                                    skeleton.get(), nullptr);
  if (skeleton->ring == nullptr) return kernel_refused("map the ring buffer", errno);
  std::unique_ptr<BpfSource> source(new BpfSource(std::move(skeleton)));
  source->follow_clock();
  return source;
}

BpfSource::BpfSource(std::unique_ptr<Skeleton> skeleton) : skeleton_(std::move(skeleton)) {}

BpfSource::~BpfSource() = default;

void BpfSource::set_ports(const PortSet& ports) {
  auto& words = skeleton_->object->data_ports->watched_ports;
  for (size_t word = 0; word < std::size(words); ++word) {
    uint64_t bits = 0;
    for (size_t bit = 0; bit < 64; ++bit) {
      if (ports[word * 64 + bit]) bits |= uint64_t{1} << bit;
    }
    __atomic_store_n(&words[word], bits, __ATOMIC_RELAXED);
  }
}

void BpfSource::set_discoveries_left(size_t count) {
  __atomic_store_n(&skeleton_->object->data_discovery->discoveries_left,
                   static_cast<uint32_t>(count), __ATOMIC_RELAXED);
}

void BpfSource::follow_clock() {
  // Some ticks, and whatever comes between the two clocks that are read.
  constexpr int32_t kNoise_ms = 50;
  ClockSample sample{};
  LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &sample, .ctx_size_in = sizeof(sample));
  auto& clock = *skeleton_->object->data_clock;
  const int program = bpf_program__fd(skeleton_->object->progs.read_clocks);
  if (bpf_prog_test_run_opts(program, &options) != 0) return;
  const uint32_t now = boot_ms_of_tick_0(sample, clock.ms_per_tick_shifted);
  const auto moved = static_cast<int32_t>(now - clock.boot_ms_of_tick_0);
  if (std::abs(moved) > kNoise_ms)
    __atomic_store_n(&clock.boot_ms_of_tick_0, now, __ATOMIC_RELAXED);
}

size_t BpfSource::consume(const TakeRecord& take) {
  __atomic_store_n(&skeleton_->object->data_wakeup->wakeup_asked, 0, __ATOMIC_RELAXED);
  skeleton_->take = &take;
  const int count = ring_buffer__consume(skeleton_->ring);
  skeleton_->take = nullptr;
  return count > 0 ? static_cast<size_t>(count) : 0;
}

int BpfSource::wakeup_fd() const { return ring_buffer__epoll_fd(skeleton_->ring); }

std::array<uint64_t, WSBPF_PROGRAM_COUNT> BpfSource::drops() const {
  std::array<uint64_t, WSBPF_PROGRAM_COUNT> drops;
  for (size_t i = 0; i < drops.size(); ++i) {
    drops[i] = __atomic_load_n(&skeleton_->object->data_drops->drops[i], __ATOMIC_RELAXED);
  }
  return drops;
}

uint64_t BpfSource::recursion_misses() const {
  uint64_t misses = 0;
  each_program(skeleton_->object->obj, [&](const bpf_program*, const bpf_prog_info& info) {
    misses += info.recursion_misses;
  });
  return misses;
}

std::vector<BpfSource::ProgramRuns> BpfSource::program_runs() const {
  std::vector<ProgramRuns> runs;
  each_program(skeleton_->object->obj, [&](const bpf_program* program, const bpf_prog_info& info) {
    runs.push_back({bpf_program__name(program), info.run_cnt, info.run_time_ns});
  });
  return runs;
}

Result<void> BpfSource::enable_statistics() {
  skeleton_->statistics_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
  if (skeleton_->statistics_fd < 0) return kernel_refused("count its programs' run time", errno);
  return {};
}

Result<void> BpfSource::dump_sockets(const TakeRecords& take) const {
  return run_iterator(skeleton_->object->links.dump_tcp, take);
}

Result<void> BpfSource::dump_files(const TakeRecords& take) const {
  return run_iterator(skeleton_->object->links.dump_files, take);
}

}  // namespace wsbpf
