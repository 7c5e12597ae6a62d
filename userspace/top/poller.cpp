#include "top/poller.h"

#include <signal.h>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <utility>

#include "top/wakeup.h"

namespace wsbpf::top {
namespace {

constexpr auto kPatience = std::chrono::milliseconds(500);

// Signals are for the thread that waits for keys: a resize or a stop delivered here would wake
// nobody. A thread inherits the mask of the one that starts it.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &earlier_);
  }
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &earlier_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t earlier_;
};

// On a thread, an exception that nobody catches would end the process with the terminal in pieces.
Result<Model> fetch_caught(const Fetch& fetch, const Query& query) {
  try {
    auto model = fetch_model(fetch, query);
    if (model) {
      const auto now = std::chrono::system_clock::now().time_since_epoch();
      set_taken(*model, std::chrono::duration<double>(now).count());
    }
    return model;
  } catch (const std::exception& exception) {
    return fail(exception.what());
  }
}

}  // namespace

// Outlives the poller when a fetch hangs.
struct Poller::Shared {
  explicit Shared(Fetch fetch_to_use) : fetch(std::move(fetch_to_use)) {}

  const Fetch fetch;
  Wakeup answered;
  std::mutex mutex;  // guards the rest
  std::condition_variable changed;
  std::optional<Query> wanted;
  std::optional<Answer> answer;
  bool stop = false;
  bool finished = false;
};

Poller::Poller(Fetch fetch) : shared_(std::make_shared<Shared>(std::move(fetch))) {
  const BlockedSignals blocked;
  thread_ = std::thread([shared = shared_] { work(shared); });
}

Poller::~Poller() {
  std::unique_lock lock(shared_->mutex);
  shared_->stop = true;
  shared_->changed.notify_all();
  const bool finished =
      shared_->changed.wait_for(lock, kPatience, [this] { return shared_->finished; });
  lock.unlock();
  if (finished) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

void Poller::request(Query query) {
  const std::lock_guard lock(shared_->mutex);
  shared_->wanted = std::move(query);
  shared_->changed.notify_all();
}

std::optional<Answer> Poller::take() {
  const std::lock_guard lock(shared_->mutex);
  shared_->answered.clear();
  return std::exchange(shared_->answer, std::nullopt);
}

int Poller::fd() const { return shared_->answered.fd(); }

void Poller::work(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  while (true) {
    shared->changed.wait(lock, [&shared] { return shared->stop || shared->wanted; });
    if (shared->stop) break;
    const Query query = *std::exchange(shared->wanted, std::nullopt);
    lock.unlock();
    Result<Model> model = fetch_caught(shared->fetch, query);
    lock.lock();
    shared->answer = Answer{query, std::move(model)};
    shared->answered.wake();
  }
  shared->finished = true;
  shared->changed.notify_all();
}

}  // namespace wsbpf::top
