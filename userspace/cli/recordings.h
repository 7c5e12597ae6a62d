// The recordings under way: each is written what the observer learns, from its beginning on.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/fact.h"
#include "serve/observed.h"
#include "source/recording.h"

namespace wsbpf {

class Recordings {
 public:
  // Begins one with what is remembered of the connections that are there, as the state file has it,
  // and what has been lost before, which is not its own. A sweep of everything is to follow.
  // Returns what hands over what was written since the last call, or nothing once the recording has
  // ended since nobody came for it; with that, the recording ends.
  std::function<std::optional<std::string>()> begin(const RecordingHeader& header,
                                                    const std::string& state,
                                                    const LostEvents& lost);

  // To be called with each fact after the engine has taken it.
  void take(const Fact& fact);

 private:
  struct Recording {
    RecordingWriter writer;
    std::map<std::string, uint64_t> lost_before = {};
    size_t most_bytes = 0;  // that may wait for whoever reads it
    bool begun = false;     // a sweep of everything
    bool overrun = false;
  };

  static void write(Recording& recording, const Fact& fact);

  std::vector<std::weak_ptr<Recording>> recordings_;
};

}  // namespace wsbpf
