#include "top/live.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
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
#include "top/keys.h"
#include "top/poller.h"
#include "top/render.h"
#include "top/signal_wakeup.h"
#include "top/stalled_terminal.h"
#include "top/terminal.h"

namespace wsbpf::top {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

// A daemon that hangs is told from one that is busy by this much silence.
constexpr Seconds kSilence{3};
// While an answer is awaited, how often the banner says for how long.
constexpr Seconds kBannerStep{1};
// For so long rows that are under way are awaited before the screen shows blanks in their place.
constexpr Seconds kBlankAfter{0.15};
constexpr Seconds kNewsLast{5};

int poll_timeout_ms(Seconds wait) {
  return static_cast<int>(std::max(0.0, wait.count()) * 1000) + 1;
}

// A descriptor that is readable with nothing to read has come to its end and would stay readable
// for ever.
bool at_end(int fd) {
  int waiting = 0;
  return ::ioctl(fd, FIONREAD, &waiting) != 0 || waiting == 0;
}

double unix_seconds() {
  return Seconds(std::chrono::system_clock::now().time_since_epoch()).count();
}

class Live {
 public:
  Live(const Settings& settings, Sort sort) : settings_(settings), poller_(settings.fetch) {
    view_.sort = sort;
    view_.filter = settings.filter;
    view_.ascii = settings.ascii;
    view_.delay_seconds = settings.delay_seconds;
  }

  Result<void> run() {
    ask();
    while (!view_.quit) {
      if (!wait()) return {};
      if (auto taken = take_answer(); !taken) return taken;
      if (!screen_ && !is_asking_for_long()) continue;
      if (!screen_) {
        if (auto opened = open_screen(); !opened) return opened;
      }
      take_inputs();
      draw();
      if (settings_.iterations > 0 && answers_ >= settings_.iterations) return {};
    }
    return {};
  }

 private:
  bool is_asking() const { return asked_at_.has_value(); }

  void ask() {
    const auto now = Clock::now();
    asked_ = query_for(view_);
    poller_.request(asked_);
    last_round_ = now;
    if (!is_asking()) asked_at_ = now;
  }

  // What is frozen stays; only one connection can be looked into.
  bool may_ask() const { return !view_.frozen || view_.page == Page::kConnection; }

  bool wants_other_answer() const {
    const Query wanted = query_for(view_);
    return !same_question(wanted, asked_) || !covers(asked_, view_);
  }

  Seconds until_next_round() const {
    return Seconds(view_.delay_seconds) - (Clock::now() - last_round_);
  }

  // How long to sleep where nothing happens.
  Seconds longest_sleep() const {
    if (waits_for_rows()) return kBlankAfter;
    Seconds sleep = is_asking() || view_.frozen ? kBannerStep : until_next_round();
    if (!view_.news.empty() || !failure_.empty()) sleep = std::min(sleep, kBannerStep);
    return sleep;
  }

  // Sleeps until something is to be done. False when top has to end.
  bool wait() {
    const int keys_fd = screen_ && keys_open_ ? STDIN_FILENO : -1;
    const int stalled_fd = is_stalled_ ? STDOUT_FILENO : -1;
    std::array<pollfd, 6> fds = {{{stop_.fd(), POLLIN, 0},
                                  {keys_fd, POLLIN, 0},
                                  {resized_.fd(), POLLIN, 0},
                                  {suspended_.fd(), POLLIN, 0},
                                  {poller_.fd(), POLLIN, 0},
                                  {stalled_fd, POLLOUT, 0}}};
    if (::poll(fds.data(), fds.size(), poll_timeout_ms(longest_sleep())) <= 0) return true;
    const short keys = fds[1].revents;
    if ((keys & POLLIN) != 0 && at_end(STDIN_FILENO)) keys_open_ = false;
    if (fds[3].revents != 0) suspend();
    if (fds[2].revents != 0) take_size();
    const bool hung_up = (keys & (POLLHUP | POLLERR | POLLNVAL)) != 0;
    return fds[0].revents == 0 && !hung_up;
  }

  void take_size() {
    resized_.clear();
    if (screen_) screen_->take_size();
  }

  // As SIGTSTP would have done by itself, but for the state of the terminal.
  void suspend() {
    suspended_.clear();
    if (!takes_output()) return;
    if (screen_) screen_->suspend();
    // Not SIGSTOP: without job control (a session leader, as in a container) nobody would continue
    // what the kernel then does not stop.
    suspended_.raise_default(SIGTSTP);
    if (screen_) screen_->resume();
    drawn_.reset();
  }

  // A daemon that hangs at the start: the screen says so, and takes keys.
  bool is_asking_for_long() const {
    return is_asking() && Clock::now() - *asked_at_ >= kBannerStep;
  }

  // An error ends top only while there is nothing to show yet.
  Result<void> take_answer() {
    auto answer = poller_.take();
    if (!answer) return {};
    // While the answer was under way a key may have asked for something else.
    if (!same_question(answer->query, asked_)) return {};
    if (answer->query == asked_) asked_at_.reset();
    if (!answer->model) return take_failure(answer->model.error());
    ++answers_;
    if (answers_ == 1 && answer->model->refused) return tl::unexpected(*answer->model->refused);
    if (!may_ask()) return {};  // frozen while the answer was under way
    shown_ = answer->query;
    take_model(std::move(*answer->model));
    return screen_ ? Result<void>{} : open_screen();
  }

  void take_model(Model answer) {
    const bool is_other = is_other_daemon(model_, answer);
    if (is_other || !failure_.empty()) {
      view_.news = is_other ? "reconnected: a new daemon" : "reconnected";
      news_at_ = Clock::now();
      failure_.clear();
    }
    view_ = answered(std::move(view_), answer);
    model_ = merged(std::move(model_), std::move(answer));
  }

  Result<void> take_failure(const Error& error) {
    if (answers_ == 0) return tl::unexpected(error);
    if (failure_.empty()) failed_at_ = Clock::now();
    failure_ = printable(error.message);
    view_ = failed(std::move(view_), error.message);
    return {};
  }

  Result<void> open_screen() {
    auto screen = Screen::open(settings_.color);
    if (!screen) return tl::unexpected(screen.error());
    screen_ = std::move(*screen);
    return {};
  }

  void take_inputs() {
    view_ = settled();
    while (const auto input = screen_->next_input()) take_input(*input);
    const bool due = !view_.frozen && !is_asking() && until_next_round() <= Seconds{0};
    if (may_ask() && (wants_other_answer() || due)) ask();
  }

  void take_input(const Input& input) {
    const bool was_frozen = view_.frozen;
    if (input.key == Key::kClick || input.key == Key::kDoubleClick) {
      take_click(input);
    } else {
      view_ = press(std::move(view_), input);
    }
    view_ = settled();
    if (view_.frozen && !was_frozen) view_.frozen_since = utc_text(unix_seconds());
    if (was_frozen && !view_.frozen) ask();
  }

  void take_click(const Input& input) {
    const Spot* const spot = drawn_ ? spot_at(*drawn_, input.x, input.y) : nullptr;
    if (spot == nullptr) return;
    const bool opens = input.key == Key::kDoubleClick && spot->kind == Spot::Kind::kRow;
    view_ = click(std::move(view_), *spot);
    if (!opens) return;
    view_ = settled();
    view_ = press(std::move(view_), {.key = Key::kEnter});
  }

  View settled() const {
    View view = view_;
    view.width = screen_->width();
    view.height = screen_->height();
    return settle(std::move(view), model_);
  }

  // Rows that a key has asked for are drawn when they are there, not as blanks before.
  bool waits_for_rows() const {
    if (!screen_ || !is_asking() || Clock::now() - *asked_at_ >= kBlankAfter) return false;
    return !same_question(shown_, asked_) || !covers(shown_, view_);
  }

  void draw() {
    if (waits_for_rows()) return;
    view_.banner = banner();
    view_.gone = !failure_.empty();
    if (!view_.banner.empty()) view_.now_unix_seconds = unix_seconds();
    if (!view_.news.empty() && Clock::now() - news_at_ >= kNewsLast) view_.news.clear();
    view_ = settled();
    Frame frame = render(model_, view_);
    if (drawn_ && *drawn_ == frame) return;
    is_stalled_ = !takes_output();
    if (is_stalled_) return;  // drawing would block, and with it the keys
    screen_->draw(frame);
    drawn_ = std::move(frame);
  }

  std::string banner() const {
    if (!failure_.empty()) {
      return fmt::format(
          "THE DAEMON IS GONE for {} ({}): this is its last answer; trying again every {:g} s",
          duration_text(Seconds(Clock::now() - failed_at_).count()), failure_, view_.delay_seconds);
    }
    const Seconds silence = is_asking() ? Clock::now() - *asked_at_ : Seconds{0};
    if (answers_ == 0) {
      return fmt::format("NO ANSWER FROM THE DAEMON for {}: still waiting",
                         duration_text(silence.count()));
    }
    if (silence < kSilence) return {};
    return fmt::format("NO ANSWER FROM THE DAEMON for {}: this is its last one; still waiting",
                       duration_text(silence.count()));
  }

  const Settings& settings_;
  SignalWakeup stop_{kStopSignals};
  // A terminal that changes size while top is stopped tells only by its new size.
  SignalWakeup resized_{SIGWINCH, SIGCONT};
  SignalWakeup suspended_{SIGTSTP};
  Poller poller_;
  std::unique_ptr<Screen> screen_;  // from the first answer on, or when that is late
  Model model_;
  View view_;
  Query asked_;
  Query shown_;                                // of the last answer taken
  std::optional<Clock::time_point> asked_at_;  // while an answer is under way
  Clock::time_point last_round_;
  std::optional<Frame> drawn_;
  std::string failure_;  // of the last round
  Clock::time_point failed_at_;
  Clock::time_point news_at_;
  int answers_ = 0;
  bool keys_open_ = true;
  bool is_stalled_ = false;  // the terminal takes no output
};

}  // namespace

Result<void> run_live(const Settings& settings, Sort sort) { return Live(settings, sort).run(); }

}  // namespace wsbpf::top
