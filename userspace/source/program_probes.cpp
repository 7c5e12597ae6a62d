#include "source/program_probes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "core/text.h"
#include "source/bpf_features.h"
#include "source/bpf_source.h"
#include "source/cgroup_root.h"
#include "source/libbpf_warning.h"
#include "wsbpf.skel.h"

namespace wsbpf {
namespace {

constexpr char kPrivilege[] = "run as root, for example with sudo, or in a privileged container";
constexpr char kKernel[] =
    "use Linux 5.15 or newer with CONFIG_DEBUG_INFO_BTF=y, and see whether the kernel is locked "
    "down or a security module forbids BPF";

// libbpf's last word on it, in a line that may be shown.
std::string refusal(int error) {
  constexpr size_t kLongest = 160;
  std::string reason = take_libbpf_warning();
  if (reason.size() > kLongest) reason = reason.substr(0, kLongest) + "…";
  const std::string what = fmt::format("refused: {}", std::strerror(error));
  return reason.empty() ? what : fmt::format("{} ({})", what, printable(reason));
}

// A skeleton of which one program at most is loaded.
class Alone {
 public:
  explicit Alone(std::string_view only) : object_(wsbpf_bpf__open()) {
    if (object_ == nullptr) return;
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, object_->obj) {
      const bool is_it = only == bpf_program__name(program);
      bpf_program__set_autoload(program, is_it);
      if (is_it) program_ = program;
    }
    bpf_map__set_max_entries(object_->maps.events, static_cast<uint32_t>(getpagesize()));
  }
  ~Alone() {
    bpf_link__destroy(cgroup_link_);
    wsbpf_bpf__destroy(object_);
  }
  Alone(const Alone&) = delete;
  Alone& operator=(const Alone&) = delete;

  bool load() {
    return object_ != nullptr && program_ != nullptr && keep(wsbpf_bpf__load(object_)) == 0;
  }
  bool attach() { return keep(wsbpf_bpf__attach(object_)) == 0; }
  // As a link: beside whatever else is attached there.
  bool attach_to_cgroup(int cgroup) {
    cgroup_link_ = bpf_program__attach_cgroup(program_, cgroup);
    return keep(cgroup_link_ == nullptr ? -errno : 0) == 0;
  }
  int error() const { return error_; }
  bpf_program* program() const { return program_; }
  wsbpf_bpf* object() const { return object_; }

 private:
  int keep(int result) {
    error_ = result < 0 ? -result : 0;
    return result;
  }

  wsbpf_bpf* object_;
  bpf_program* program_ = nullptr;
  bpf_link* cgroup_link_ = nullptr;
  int error_ = ENOENT;
};

std::vector<std::string> program_names() {
  std::vector<std::string> names;
  const Alone none("");
  if (none.object() == nullptr) return names;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, none.object()->obj) {
    names.emplace_back(bpf_program__name(program));
  }
  return names;
}

bool is_iterator(const bpf_program* program) {
  return std::string_view(bpf_program__section_name(program)).starts_with("iter/");
}

bool is_called(const bpf_program* program) {
  return bpf_program__type(program) == BPF_PROG_TYPE_SYSCALL;
}

// Those that read packets; without them TCP is observed still.
bool reads_packets(const std::string& name) { return name.starts_with("websocket_"); }

// Returns 0, or the error.
int read_to_the_end(const bpf_link* link) {
  const int fd = bpf_iter_create(bpf_link__fd(link));
  if (fd < 0) return errno;
  char buffer[1 << 14];
  ssize_t length = 0;
  do {
    length = ::read(fd, buffer, sizeof(buffer));
  } while (length > 0 || (length < 0 && errno == EINTR));
  const int error = length < 0 ? errno : 0;
  close(fd);
  return error;
}

int run_iterator(const wsbpf_bpf* object, const bpf_program* program) {
  return read_to_the_end(program == object->progs.dump_tcp ? object->links.dump_tcp
                                                           : object->links.dump_files);
}

int call(const bpf_program* program) {
  uint64_t context[2] = {};
  LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = context, .ctx_size_in = sizeof(context));
  return bpf_prog_test_run_opts(bpf_program__fd(program), &options) == 0 ? 0 : errno;
}

// Of the two variants for resets that are sent, the kernel takes one.
std::optional<Probe> probe_unfit_variant(const std::string& name, const std::string& title) {
  const bool with_reason = send_reset_has_reason();
  if (name == "send_reset" && with_reason) {
    return ok(title, "not needed: send_reset_reason is there for this kernel");
  }
  if (name == "send_reset_reason" && !with_reason) {
    return degraded(title, "not to be had: this kernel gives no reason for the resets it sends",
                    "the reasons of resets, and resets that come after the end (late_reset)",
                    "use Linux 6.10 or newer, if that matters to you");
  }
  return std::nullopt;
}

Probe probe_packet_reader(const std::string& name) {
  const std::string title = "program " + name;
  keep_libbpf_warnings();
  const auto without_it = [&title](std::string found) {
    return degraded(title, std::move(found), kLostWithoutWebSockets,
                    "use Linux 5.17 or newer with CONFIG_CGROUP_BPF=y, if that matters to you");
  };
  Alone alone(name);
  if (!alone.load()) return without_it("loading it was " + refusal(alone.error()));
  const auto root = open_cgroup_root();
  if (!root) {
    return degraded(title, "loaded; not attached: see cgroup v2 root", kLostWithoutWebSockets);
  }
  const bool attached = alone.attach_to_cgroup(*root);
  close(*root);
  if (!attached) return without_it("attaching it was " + refusal(alone.error()));
  return ok(title, "loaded, and attached to the cgroup v2 root");
}

// What walks over the frames of a packet.
Probe probe_loop() {
  constexpr char kName[] = "bpf_loop";
  keep_libbpf_warnings();
  const int has = libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_SKB, BPF_FUNC_loop, nullptr);
  if (has > 0) return ok(kName, "the kernel has it");
  return degraded(kName, has == 0 ? "the kernel has none" : "trying it was " + refusal(-has),
                  kLostWithoutWebSockets, "use Linux 5.17 or newer, if that matters to you");
}

Probe probe_program(const std::string& name) {
  std::string title = "program " + name;
  keep_libbpf_warnings();
  if (auto unfit = probe_unfit_variant(name, title)) return *unfit;
  Alone alone(name);
  if (alone.program() != nullptr && is_iterator(alone.program())) title = "iterator " + name;
  if (!alone.load()) return missing(title, "loading it was " + refusal(alone.error()), kKernel);
  if (is_called(alone.program())) {
    const int error = call(alone.program());
    if (error != 0) return missing(title, "running it was " + refusal(error), kKernel);
    return ok(title, "loaded and run");
  }
  if (!alone.attach()) return missing(title, "attaching it was " + refusal(alone.error()), kKernel);
  const std::string section = bpf_program__section_name(alone.program());
  if (!is_iterator(alone.program())) {
    return ok(title,
              fmt::format("loaded, and attached to {}", section.substr(section.find('/') + 1)));
  }
  if (const int error = run_iterator(alone.object(), alone.program()); error != 0) {
    return missing(title, "running it was " + refusal(error), kKernel);
  }
  return ok(title, "loaded, and run to its end");
}

Probe probe_ring_buffer() {
  constexpr char kName[] = "ring buffer";
  const std::string size = fmt::format("{} MiB", BpfSource::kRingBytes >> 20);
  const int fd =
      bpf_map_create(BPF_MAP_TYPE_RINGBUF, "wsbpf_doctor", 0, 0, BpfSource::kRingBytes, nullptr);
  if (fd < 0) {
    return missing(kName, fmt::format("{} were refused: {}", size, std::strerror(errno)),
                   "give this process or its cgroup more memory; before Linux 5.11, raise "
                   "RLIMIT_MEMLOCK (systemd: LimitMEMLOCK=infinity)");
  }
  close(fd);
  return ok(kName, size + " were to be had");
}

Probe probe_statistics() {
  constexpr char kName[] = "BPF statistics";
  const int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
  if (fd < 0) {
    return degraded(kName, fmt::format("refused: {}", std::strerror(errno)),
                    "what each program costs, as --bpf-stats tells");
  }
  close(fd);
  return ok(kName, "can be turned on (--bpf-stats)");
}

// Why no program need be tried; "": none.
std::string lacking_for_programs() {
  if (!has_capability(CAP_BPF)) return "not tried: CAP_BPF is missing";
  if (!has_capability(CAP_PERFMON)) return "not tried: CAP_PERFMON is missing";
  if (access(kKernelTypes, R_OK) != 0) return "not tried: BTF is missing";
  return "";
}

}  // namespace

std::vector<Probe> probe_programs() {
  keep_libbpf_warnings();  // also those of opening, to learn the names
  std::vector<Probe> probes;
  const std::string lacking = lacking_for_programs();
  const bool may = lacking.empty();
  const char* const advice =
      has_capability(CAP_BPF) && has_capability(CAP_PERFMON) ? kKernel : kPrivilege;
  for (const std::string& name : program_names()) {
    if (reads_packets(name)) {
      probes.push_back(may ? probe_packet_reader(name)
                           : degraded("program " + name, lacking, kLostWithoutWebSockets, advice));
      continue;
    }
    const bool iterates = name.starts_with("dump_");
    probes.push_back(may ? probe_program(name)
                         : missing((iterates ? "iterator " : "program ") + name, lacking, advice));
  }
  if (probes.empty())
    probes.push_back(missing("programs", "the BPF object is not readable", kKernel));
  probes.push_back(may ? probe_loop()
                       : degraded("bpf_loop", lacking, kLostWithoutWebSockets, advice));
  probes.push_back(may ? probe_ring_buffer() : missing("ring buffer", lacking, advice));
  probes.push_back(has_capability(CAP_SYS_ADMIN)
                       ? probe_statistics()
                       : degraded("BPF statistics", "not tried: CAP_SYS_ADMIN is missing",
                                  "what each program costs, as --bpf-stats tells"));
  return probes;
}

}  // namespace wsbpf
