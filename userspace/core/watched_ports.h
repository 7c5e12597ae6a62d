// Which ports are watched now: those that were asked for and, where that was asked for too, those
// that were discovered since.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/ports.h"

namespace wsbpf {

class WatchedPorts {
 public:
  // No more are discovered in the life of a daemon. A host has a handful of WebSocket servers; one
  // with very many listens on ports that it takes at random, which are better named as a range.
  static constexpr size_t kMostDiscovered = 64;

  explicit WatchedPorts(PortList asked) : asked_(std::move(asked)) {}

  // Others are asked for from now on. What was discovered is kept while more are to be, and
  // forgotten otherwise.
  void ask(const PortList& asked);

  // A listener on `port` has answered a WebSocket's upgrade. Returns whether the port is watched
  // from now on, and was not before.
  bool discover(uint16_t port);

  // How many more may be discovered.
  size_t left() const { return asked_.discover ? kMostDiscovered - discovered_.count() : 0; }

  // Every port that is watched.
  PortSet all() const { return asked_.ports | discovered_; }

  // Those that nobody has asked for.
  PortSet discovered() const { return discovered_ & ~asked_.ports; }

 private:
  PortList asked_;
  PortSet discovered_;
};

}  // namespace wsbpf
