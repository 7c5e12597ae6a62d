#include "top/batch.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "top/poller.h"
#include "top/render.h"
#include "top/signal_wakeup.h"
#include "top/terminal.h"

namespace wsbpf::top {
namespace {

constexpr int kForever = -1;
constexpr int kSilence_ms = 1500;  // a daemon that hangs is worth a word

// True when a stop signal has come; false when `other_fd` (-1: none) is readable or time is up.
bool wait_or_stop(const SignalWakeup& stop, int other_fd, int timeout_ms) {
  std::array<pollfd, 2> fds = {{{stop.fd(), POLLIN, 0}, {other_fd, POLLIN, 0}}};
  // A stop signal interrupts the wait before its wake-up can be seen.
  while (::poll(fds.data(), fds.size(), timeout_ms) < 0 && errno == EINTR) {
  }
  return fds[0].revents != 0;
}

Result<void> print(const Frame& frame, bool first) {
  const std::string text = (first ? "" : "\n") + plain_text(frame);
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return {};
  return fail(fmt::format("cannot write the frame: {}", std::strerror(errno)));
}

}  // namespace

Result<void> run_batch(const Settings& settings, Sort sort) {
  const SignalWakeup stop(kStopSignals);
  Poller poller(settings.fetch);
  View view;
  view.batch = true;
  view.width = batch_width();
  view.sort = sort;
  view.filter = settings.filter;
  view.ascii = settings.ascii;
  const int frames = std::max(1, settings.iterations);
  const int delay_ms = static_cast<int>(settings.delay_seconds * 1000);

  for (int i = 0; i < frames; ++i) {
    if (i > 0 && wait_or_stop(stop, -1, delay_ms)) return {};
    poller.request(query_for(view));
    if (wait_or_stop(stop, poller.fd(), kSilence_ms)) return {};
    auto answer = poller.take();
    if (!answer) {
      fmt::print(stderr, "wsbpf: no answer yet, still waiting\n");
      if (wait_or_stop(stop, poller.fd(), kForever)) return {};
      answer = poller.take();
    }
    if (!answer) continue;
    if (!answer->model) return tl::unexpected(answer->model.error());
    if (answer->model->refused) return tl::unexpected(*answer->model->refused);
    const auto printed = print(render(*answer->model, view), i == 0);
    if (wait_or_stop(stop, -1, 0)) return {};  // and may have interrupted it
    if (!printed) return printed;
  }
  return {};
}

}  // namespace wsbpf::top
