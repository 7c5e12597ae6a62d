#include "core/watched_ports.h"

namespace wsbpf {

void WatchedPorts::ask(const PortList& asked) {
  asked_ = asked;
  if (!asked_.discover) discovered_.reset();
}

bool WatchedPorts::discover(uint16_t port) {
  if (port == 0 || left() == 0 || all()[port]) return false;
  discovered_.set(port);
  return true;
}

}  // namespace wsbpf
