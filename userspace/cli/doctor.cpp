// `wsbpf doctor`: what this kernel, these privileges and mounts allow, tried out.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/doctor_report.h"
#include "cli/output.h"
#include "cli/run_options.h"
#include "core/text.h"
#include "serve/asio.h"
#include "serve/http_client.h"
#include "source/host_probes.h"
#include "source/pod_names.h"
#include "source/program_probes.h"

namespace wsbpf {
namespace {

namespace fs = std::filesystem;

constexpr uint16_t kDefaultListenPort = 19435;  // of kDefaultListen, on 127.0.0.1

struct DoctorOptions {
  std::string socket = kDefaultSocket;
  std::string format = "table";
};

Probe probe_daemon(const std::string& socket, bool answers) {
  return ok("daemon",
            fmt::format("{} {}", answers ? "answers on" : "none answers on", printable(socket)));
}

// The nearest folder above `path` that is there.
fs::path existing_folder_of(const std::string& path) {
  fs::path folder = fs::path(path).parent_path();
  std::error_code ignored;
  while (!fs::is_directory(folder, ignored) && folder.has_relative_path()) {
    folder = folder.parent_path();
  }
  return folder.empty() ? fs::path(".") : folder;
}

Probe probe_folder_of(std::string name, const std::string& path, std::string lost,
                      std::string advice) {
  const fs::path folder = existing_folder_of(path);
  if (access(folder.c_str(), W_OK | X_OK) == 0) {
    return ok(std::move(name), fmt::format("{} can be made", printable(path)));
  }
  return degraded(std::move(name),
                  fmt::format("{} cannot be made: {}: {}", printable(path),
                              printable(folder.string()), std::strerror(errno)),
                  std::move(lost), std::move(advice));
}

// Bound for a moment, without listening.
int try_default_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  const int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(kDefaultListenPort);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  const int error = bound ? 0 : errno;
  close(fd);
  return error;
}

Probe probe_listen_port(bool daemon_answers_there) {
  constexpr char kName[] = "HTTP port";
  const std::string address = fmt::format("127.0.0.1:{}", kDefaultListenPort);
  const int error = try_default_port();
  if (error == 0) return ok(kName, address + " is free");
  if (error == EADDRINUSE && daemon_answers_there) return ok(kName, address + " is in use");
  return degraded(kName, fmt::format("{}: {}", address, std::strerror(error)),
                  "`wsbpf run` on its default address", "give another one with --listen");
}

std::vector<Probe> probe_all(const DoctorOptions& options) {
  std::vector<Probe> probes;
  const auto add = [&probes](std::vector<Probe> more) {
    std::move(more.begin(), more.end(), std::back_inserter(probes));
  };
  add(probe_kernel());
  add(probe_capabilities());
  add(probe_programs());
  add(probe_surroundings(kContainerLogs));
  const bool answers = daemon_answers(options.socket);
  add({probe_daemon(options.socket, answers), probe_listen_port(answers)});
  if (!answers) {
    add({probe_folder_of("socket", options.socket, "a daemon on this socket",
                         "run as root, or name another with --socket")});
  }
  add({probe_folder_of("state file", kDefaultStateFile,
                       "the ages of connections across a restart of the daemon",
                       "run as root, or name another file with --state-file")});
  return probes;
}

Result<ExitCode> examine(const DoctorOptions& options, bool color) {
  if (auto checked = check_socket_path(options.socket); !checked) {
    return tl::unexpected(checked.error());
  }
  const auto probes = probe_all(options);
  std::setlocale(LC_CTYPE, "C.UTF-8");  // for the width of characters
  const std::string text = options.format == "json" ? doctor_json(probes)
                                                    : doctor_table(probes, terminal_width(), color);
  if (auto printed = print(text); !printed) return tl::unexpected(printed.error());
  return doctor_exit_code(probes);
}

}  // namespace

void add_doctor(CLI::App& app, Action& chosen) {
  CLI::App* command =
      app.add_subcommand("doctor", "try what this kernel, these privileges and mounts allow");
  command->footer(
      "\nChanges nothing, and does not disturb a daemon. Exit codes: 0 where nothing is "
      "missing, else 4.");
  const auto options = std::make_shared<DoctorOptions>();
  command
      ->add_option("--socket", options->socket,
                   fmt::format("the daemon's socket (default {})", kDefaultSocket))
      ->envname("WSBPF_SOCKET")
      ->type_name("PATH");
  command->add_option("-o,--output", options->format, "table or json (default table)")
      ->check(CLI::IsMember({"table", "json"}))
      ->type_name("FORMAT");
  const auto color = add_color_option(*command);
  command->callback([&chosen, options, color] {
    chosen = [options, color] {
      return examine(*options, wants_color(*color, isatty(STDOUT_FILENO) != 0));
    };
  });
}

}  // namespace wsbpf
