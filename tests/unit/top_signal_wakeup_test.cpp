// Signals as something to wait for.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include "top/signal_wakeup.h"

namespace wsbpf::top {
namespace {

bool readable(const SignalWakeup& wakeup) {
  pollfd fd = {wakeup.fd(), POLLIN, 0};
  return ::poll(&fd, 1, 0) == 1;
}

TEST(TopSignalWakeup, ASignalMakesItReadableUntilItIsCleared) {
  SignalWakeup stop({SIGTERM, SIGINT});
  SignalWakeup resized({SIGWINCH});
  EXPECT_FALSE(readable(stop));
  ::raise(SIGTERM);
  EXPECT_TRUE(readable(stop));
  EXPECT_FALSE(readable(resized));
  stop.clear();
  EXPECT_FALSE(readable(stop));
}

TEST(TopSignalWakeup, AnIgnoredSignalStaysIgnored) {
  const auto earlier = ::signal(SIGHUP, SIG_IGN);
  {
    const SignalWakeup stop({SIGHUP});
    ::raise(SIGHUP);
    EXPECT_FALSE(readable(stop));
  }
  EXPECT_EQ(::signal(SIGHUP, earlier), SIG_IGN);
}

TEST(TopSignalWakeup, WhatTheKernelDoesByItselfComesBetween) {
  SignalWakeup winch({SIGWINCH});
  winch.raise_default(SIGWINCH);  // which nobody hears of
  EXPECT_FALSE(readable(winch));
  ::raise(SIGWINCH);
  EXPECT_TRUE(readable(winch));
}

TEST(TopSignalWakeup, TheEarlierHandlersComeBack) {
  { const SignalWakeup stop({SIGTERM}); }
  struct sigaction now {};
  ::sigaction(SIGTERM, nullptr, &now);
  EXPECT_EQ(now.sa_handler, SIG_DFL);
}

}  // namespace
}  // namespace wsbpf::top
