// Asks the daemon on a thread of its own, so that one that hangs holds up neither keys nor Ctrl-C.
#pragma once

#include <memory>
#include <optional>
#include <thread>

#include "core/result.h"
#include "top/fetch.h"
#include "top/model.h"

namespace wsbpf::top {

struct Answer {
  Query query;
  Result<Model> model;
};

class Poller {
 public:
  explicit Poller(Fetch fetch);

  // Waits half a second for a fetch under way. One that still hangs then is left behind on its
  // thread, which ends with it: `fetch` must own, or share, what it uses.
  ~Poller();

  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Starts a round of questions as soon as the one under way, if any, is over. A request that has
  // not been started yet is replaced.
  void request(Query query);

  // The latest answer not taken yet.
  std::optional<Answer> take();

  // Readable while take() has something to give.
  int fd() const;

 private:
  struct Shared;

  static void work(const std::shared_ptr<Shared>& shared);

  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace wsbpf::top
