#include "source/pod_names.h"

#include <sys/stat.h>

#include <filesystem>
#include <system_error>

#include "core/container.h"

namespace wsbpf {
namespace {

constexpr uint64_t kLookEvery_ns = 2'000'000'000;

}  // namespace

const PodName* PodNames::find(std::string_view container_id, uint64_t now_ns) {
  auto known = by_container_id_.find(container_id);
  if (known == by_container_id_.end() && !folder_.empty() && now_ns >= next_look_ns_) {
    look(now_ns);
    known = by_container_id_.find(container_id);
  }
  return known == by_container_id_.end() ? nullptr : &known->second;
}

// Names that are new within the same tick of the kernel's clock leave the mtime as it is, so it has
// to be the same twice before it is believed.
void PodNames::look(uint64_t now_ns) {
  next_look_ns_ = now_ns + kLookEvery_ns;
  struct stat status {};
  ChangeTime changed{};
  if (stat(folder_.c_str(), &status) == 0)
    changed = {status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
  const bool same = changed == changed_;
  if (same && settled_) return;
  settled_ = same;
  changed_ = changed;
  read();
}

void PodNames::read() {
  by_container_id_.clear();
  std::error_code error;
  std::filesystem::directory_iterator entry(folder_, error);
  const std::filesystem::directory_iterator end;
  for (size_t names = 0; !error && entry != end && names < kMostNames; ++names) {
    const std::string file = entry->path().filename();
    if (const auto name = parse_container_log_name(file)) {
      by_container_id_.insert_or_assign(
          std::string(name->container_id),
          PodName{std::string(name->namespace_name), std::string(name->pod),
                  std::string(name->container)});
    }
    entry.increment(error);
  }
}

}  // namespace wsbpf
