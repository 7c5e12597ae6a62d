// Pods by container id, from the names of the links in /var/log/containers: no API server is asked,
// so that neither credentials nor a role are needed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace wsbpf {

inline constexpr char kContainerLogs[] = "/var/log/containers";

struct PodName {
  std::string namespace_name;
  std::string pod;
  std::string container;
};

// Reads the folder's names, never the files. Nothing is written, and where there is no such folder
// (no Kubernetes here), nothing is found.
class PodNames {
 public:
  // `folder`: "" for none.
  explicit PodNames(std::string folder) : folder_(std::move(folder)) {}

  // Returns nullptr for a container of no pod. An id that is not known makes it look at the folder
  // again if that may have changed, at most every two seconds of `now_ns` (of any monotonic clock).
  // The answer is valid until the next call.
  const PodName* find(std::string_view container_id, uint64_t now_ns);

  // More files than this are not read; a node holds a few hundred pods.
  static constexpr size_t kMostNames = 10'000;

 private:
  using ChangeTime = std::pair<int64_t, int64_t>;  // seconds, nanoseconds

  void look(uint64_t now_ns);
  void read();

  std::string folder_;
  std::map<std::string, PodName, std::less<>> by_container_id_;
  uint64_t next_look_ns_ = 0;
  ChangeTime changed_{};  // the folder's mtime when it was last looked at
  bool settled_ = false;  // it was the same when looked at twice
};

}  // namespace wsbpf
