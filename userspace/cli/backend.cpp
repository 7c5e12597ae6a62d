#include "cli/backend.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cstdio>
#include <future>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/observer.h"
#include "cli/run_options.h"
#include "core/ports.h"
#include "core/text.h"
#include "serve/api.h"
#include "serve/http_client.h"

namespace wsbpf {
namespace {

using Sink = std::function<bool(std::string_view)>;

class DaemonBackend : public Backend {
 public:
  explicit DaemonBackend(std::string socket) : socket_(std::move(socket)) {}

  Result<void> get(const std::string& target, const Sink& sink, Patience patience) override {
    return http_get(socket_, target, sink, patience);
  }

 private:
  std::string socket_;
};

// An observer on a thread of its own; answers come from the same API as the daemon's.
class OwnBackend : public Backend {
 public:
  static Result<std::shared_ptr<Backend>> start(Watch watch) {
    auto backend = std::shared_ptr<OwnBackend>(new OwnBackend());
    ObserverSettings settings;
    settings.watch = std::move(watch);
    char node[256] = "";
    gethostname(node, sizeof(node) - 1);
    settings.node = node;
    auto observer = Observer::start(backend->loop_, std::move(settings), {});
    if (!observer) return tl::unexpected(observer.error());
    backend->observer_ = std::move(*observer);
    const std::string& trouble = backend->observer_->last().status.websocket_trouble;
    if (!trouble.empty()) {
      fmt::print(stderr, "wsbpf: WebSockets are not read: {}\n", printable(trouble));
    }
    backend->thread_ = std::thread([loop = &backend->loop_] { loop->run(); });
    if (!backend->wait_until_complete()) {
      return fail("the first look at the kernel's sockets did not end within a minute");
    }
    return backend;
  }

  ~OwnBackend() override {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Result<void> get(const std::string& target, const Sink& sink, Patience) override {
    // Asked piece by piece, so that the sink's caller may be slow without holding up the loop.
    const Response answer = on_loop([&] { return api_.get(target, Audience::kLocal); });
    std::string text = answer.body;
    if (answer.next_piece) {
      while (true) {
        const auto piece = on_loop(answer.next_piece);
        if (!piece || (!piece->empty() && !sink(*piece))) break;
        if (piece->empty()) std::this_thread::sleep_for(std::chrono::milliseconds(100));
      }
      return {};
    }
    if (answer.status != 200) {
      const auto body = nlohmann::json::parse(text, nullptr, false);
      return fail(body.is_object() ? body.value("error", text) : text,
                  answer.status == 400 ? ExitCode::kUsage : ExitCode::kFailure);
    }
    sink(text);
    return {};
  }

 private:
  OwnBackend()
      : api_({[this]() -> const Observed& { return observer_->observe(); },
              [this]() -> const Journal& { return observer_->journal(); },
              [this] { return observer_->record(); }},
             true) {}

  template <typename Task>
  auto on_loop(Task task) -> decltype(task()) {
    std::packaged_task<decltype(task())()> packaged(std::move(task));
    auto result = packaged.get_future();
    boost::asio::post(loop_, [&packaged] { packaged(); });
    return result.get();
  }

  bool wait_until_complete() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!on_loop([this] { return observer_->is_complete(); })) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return true;
  }

  boost::asio::io_context loop_;
  std::unique_ptr<Observer> observer_;
  Api api_;
  std::thread thread_;
};

bool may_not_ask(const std::string& socket) {
  struct stat status {};
  return stat(socket.c_str(), &status) == 0 && access(socket.c_str(), R_OK | W_OK) != 0;
}

}  // namespace

Result<std::shared_ptr<Backend>> open_backend(const BackendSettings& settings) {
  const std::string shown = printable(settings.socket);
  if (settings.socket.empty()) {
    return fail("--socket needs the path of the daemon's socket", ExitCode::kUsage);
  }
  if (daemon_answers(settings.socket)) {
    if (settings.ports != kDefaultPorts) {
      fmt::print(stderr, "wsbpf: --port is not used: the daemon on {} has its own ports\n", shown);
    }
    if (settings.no_websocket) {
      fmt::print(stderr, "wsbpf: --no-websocket is not used: it is for the daemon on {} to say\n",
                 shown);
    }
    return std::make_shared<DaemonBackend>(settings.socket);
  }
  if (may_not_ask(settings.socket)) {
    return fail(fmt::format("may not open {}: run as root or as a member of its group", shown));
  }
  if (!settings.may_observe) {
    return fail(
        fmt::format("no daemon answers on {}: start one with `wsbpf run`, name its socket "
                    "with --socket, or add --observe",
                    shown));
  }
  const auto ports = parse_port_list(settings.ports);
  if (!ports) return wrap("--port", ports.error());
  Watch watch;
  watch.ports = ports->ports;
  watch.discover = ports->discover;
  watch.websocket = !settings.no_websocket;
  if (auto possible = check_discovery(watch); !possible) return tl::unexpected(possible.error());
  auto own = OwnBackend::start(std::move(watch));
  if (!own)
    return wrap(fmt::format("no daemon answers on {}, and without one", shown), own.error());
  fmt::print(
      stderr,
      "wsbpf: no daemon answers on {}: observing ports {} by myself while this command runs; "
      "what is older shows its least age\n",
      shown, settings.ports);
  if (settings.wait_for_alerts) {
    const CloseWaitSettings defaults;
    std::this_thread::sleep_for(std::chrono::nanoseconds(defaults.for_ns) +
                                std::chrono::milliseconds(1100));
  }
  return own;
}

Result<std::string> get_text(Backend& backend, const std::string& target) {
  std::string text;
  auto got = backend.get(target, [&](std::string_view piece) {
    text += piece;
    return true;
  });
  if (!got) return tl::unexpected(got.error());
  return text;
}

}  // namespace wsbpf
