#include "top/live.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/text.h"
#include "top/format.h"
#include "top/poller.h"
#include "top/render.h"
#include "top/signal_wakeup.h"
#include "top/terminal.h"

namespace wsbpf::top {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

// A daemon that hangs is told from one that is busy by this much silence.
constexpr Seconds kSilence{3};
// While an answer is awaited, how often the banner says for how long.
constexpr Seconds kBannerStep{1};

int poll_timeout_ms(Seconds wait) {
  return static_cast<int>(std::max(0.0, wait.count()) * 1000) + 1;
}

// A descriptor that is readable with nothing to read has come to its end and would stay readable
// for ever.
bool at_end(int fd) {
  int waiting = 0;
  return ::ioctl(fd, FIONREAD, &waiting) != 0 || waiting == 0;
}

class Live {
 public:
  Live(const Settings& settings, Sort sort)
      : settings_(settings), delay_(settings.delay_seconds), poller_(settings.fetch) {
    view_.sort = sort;
  }

  Result<void> run() {
    ask();
    while (!view_.quit) {
      if (!wait()) return {};
      if (auto taken = take_answer(); !taken) return taken;
      if (!screen_) continue;
      take_keys();
      draw();
      if (settings_.iterations > 0 && answers_ >= settings_.iterations) return {};
      if (Clock::now() >= next_round_ && !asked_at_) ask();
    }
    return {};
  }

 private:
  void ask() {
    const auto now = Clock::now();
    asked_ = query_for(view_);
    poller_.request(asked_);
    next_round_ = now + std::chrono::duration_cast<Clock::duration>(delay_);
    if (!asked_at_) asked_at_ = now;
  }

  // Sleeps until something is to be done. False when top has to end.
  bool wait() {
    const Seconds until_next_round = next_round_ - Clock::now();
    const Seconds sleep = asked_at_ ? kBannerStep : until_next_round;
    const int keys_fd = screen_ && keys_open_ ? STDIN_FILENO : -1;
    std::array<pollfd, 4> fds = {{{stop_.fd(), POLLIN, 0},
                                  {keys_fd, POLLIN, 0},
                                  {resized_.fd(), POLLIN, 0},
                                  {poller_.fd(), POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), poll_timeout_ms(sleep)) <= 0) return true;
    const short keys = fds[1].revents;
    if ((keys & POLLIN) != 0 && at_end(STDIN_FILENO)) keys_open_ = false;
    if (fds[2].revents != 0) take_size();
    const bool hung_up = (keys & (POLLHUP | POLLERR | POLLNVAL)) != 0;
    return fds[0].revents == 0 && !hung_up;
  }

  void take_size() {
    resized_.clear();
    if (screen_) screen_->take_size();
  }

  // An error ends top only while there is nothing to show yet.
  Result<void> take_answer() {
    auto answer = poller_.take();
    if (!answer) return {};
    // While the answer was under way a key may have asked for another order.
    if (answer->query.sort != asked_.sort) return {};
    ++answers_;
    asked_at_.reset();
    if (!answer->model) return take_failure(answer->model.error());
    failure_.clear();
    model_ = std::move(*answer->model);
    return screen_ ? Result<void>{} : open_screen();
  }

  Result<void> take_failure(const Error& error) {
    if (!screen_) return tl::unexpected(error);
    failure_ = printable(error.message);
    return {};
  }

  Result<void> open_screen() {
    auto screen = Screen::open(settings_.color);
    if (!screen) return tl::unexpected(screen.error());
    screen_ = std::move(*screen);
    return {};
  }

  void take_keys() {
    while (const auto key = screen_->next_key()) view_ = handle_key(settled(), *key);
    view_ = settled();
    const Query query = query_for(view_);
    if (query.sort != asked_.sort || query.max_rows > asked_.max_rows) ask();
  }

  View settled() const {
    View view = view_;
    view.width = screen_->width();
    view.height = screen_->height();
    return settle(view, model_);
  }

  void draw() {
    view_.banner = banner();
    screen_->draw(render(model_, view_));
  }

  std::string banner() const {
    if (!failure_.empty()) {
      return fmt::format("THE DAEMON IS GONE ({}): this is its last answer; trying again every {}",
                         failure_, duration_text(delay_.count()));
    }
    const Seconds silence = asked_at_ ? Clock::now() - *asked_at_ : Seconds{0};
    if (silence < kSilence) return {};
    return fmt::format("NO ANSWER FROM THE DAEMON for {}: this is its last one; still waiting",
                       duration_text(silence.count()));
  }

  const Settings& settings_;
  const Seconds delay_;
  SignalWakeup stop_{kStopSignals};
  // A terminal that changes size while top is stopped tells only by its new size.
  SignalWakeup resized_{SIGWINCH, SIGCONT};
  Poller poller_;
  std::unique_ptr<Screen> screen_;  // from the first answer on
  Model model_;
  View view_;
  Query asked_;
  std::optional<Clock::time_point> asked_at_;  // while an answer is under way
  Clock::time_point next_round_;
  std::string failure_;  // of the last round
  int answers_ = 0;
  bool keys_open_ = true;
};

}  // namespace

Result<void> run_live(const Settings& settings, Sort sort) { return Live(settings, sort).run(); }

}  // namespace wsbpf::top
