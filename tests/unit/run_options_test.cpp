// Where the options of `wsbpf run` come from, and what is said of bad ones.
#include "cli/run_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "core/ports.h"

namespace wsbpf {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

class RunOptionsTest : public testing::Test {
 protected:
  ~RunOptionsTest() override { std::filesystem::remove(path_); }

  // Makes this the configuration file.
  void write(const std::string& text) {
    std::ofstream(path_) << text;
    flags_["config"] = path_;
  }

  Result<RunOptions> resolve() {
    return resolve_run_options(flags_, [this](const char* name) -> const char* {
      const auto known = environment_.find(name);
      return known == environment_.end() ? nullptr : known->second.c_str();
    });
  }

  RunOptions options() {
    auto resolved = resolve();
    EXPECT_TRUE(resolved.has_value()) << resolved.error().message;
    return resolved ? std::move(*resolved) : RunOptions{};
  }

  std::string ports() { return ports_text(options().watch.ports); }

  std::string refusal() {
    const auto resolved = resolve();
    EXPECT_FALSE(resolved.has_value());
    if (resolved) return {};
    EXPECT_EQ(resolved.error().exit_code, ExitCode::kUsage);
    return resolved.error().message;
  }

  RawOptions flags_;
  std::map<std::string, std::string> environment_;
  const std::string path_ =
      testing::TempDir() + "wsbpf_run_options_test." + std::to_string(getpid()) + ".toml";
};

TEST_F(RunOptionsTest, HasThePinnedDefaults) {
  const RunOptions o = options();
  EXPECT_EQ(ports_text(o.watch.ports), "80,443,3000,8000,8080,8443");
  EXPECT_TRUE(o.watch.server);
  EXPECT_FALSE(o.watch.client);
  EXPECT_EQ(o.listen, "127.0.0.1:19435");
  EXPECT_EQ(o.metrics_listen, "");
  EXPECT_EQ(o.socket, "/run/wsbpf/wsbpf.sock");
  EXPECT_EQ(o.state_file, "/var/lib/wsbpf/state");
  EXPECT_EQ(o.container_logs, "/var/log/containers");
  EXPECT_FALSE(o.node_name.empty());
  EXPECT_EQ(o.close_wait.threshold, 50u);
  EXPECT_EQ(o.close_wait.for_ns, 3'000'000'000u);
  EXPECT_EQ(o.sweep, 5s);
  EXPECT_EQ(o.event_log, "");
  EXPECT_FALSE(o.bpf_stats);
  EXPECT_FALSE(o.expose_peers);
  EXPECT_TRUE(o.watch.websocket);
  EXPECT_FALSE(o.watch.discover);
  EXPECT_EQ(o.log_level, "info");
  EXPECT_EQ(o.log_format, "text");
}

TEST_F(RunOptionsTest, FlagsBeatTheEnvironmentBeatsTheFile) {
  write("port = 1\n");
  EXPECT_EQ(ports(), "1");
  environment_["WSBPF_PORT"] = "2";
  EXPECT_EQ(ports(), "2");
  flags_["port"] = "3";
  EXPECT_EQ(ports(), "3");
}

TEST_F(RunOptionsTest, EachOptionHasItsOwnOrigin) {
  write("port = 1\nclose-wait-threshold = 7\n");
  environment_["WSBPF_CLOSE_WAIT_FOR"] = "300ms";
  flags_["role"] = "both";
  const RunOptions o = options();
  EXPECT_EQ(ports_text(o.watch.ports), "1");
  EXPECT_EQ(o.close_wait.threshold, 7u);
  EXPECT_EQ(o.close_wait.for_ns, 300'000'000u);
  EXPECT_TRUE(o.watch.server && o.watch.client);
}

TEST_F(RunOptionsTest, VariablesAreNamedAfterTheFlags) {
  EXPECT_EQ(environment_name("port"), "WSBPF_PORT");
  EXPECT_EQ(environment_name("close-wait-for"), "WSBPF_CLOSE_WAIT_FOR");
}

TEST_F(RunOptionsTest, TheFileMayBeNamedInTheEnvironment) {
  write("port = 1\n");
  environment_["WSBPF_CONFIG"] = flags_["config"];
  flags_.clear();
  EXPECT_EQ(ports(), "1");
  flags_["config"] = "";
  EXPECT_EQ(ports(), kDefaultPorts);
}

TEST_F(RunOptionsTest, TheFileTakesEveryKindOfValue) {
  write(
      "# a comment\n"
      "port = [8080, \"9000-9100\"]\n"
      "close-wait-for = \"1.5s\"\n"
      "bpf-stats = true\n"
      "expose-peers = false\n"
      "listen = \"\"\n");
  const RunOptions o = options();
  EXPECT_EQ(ports_text(o.watch.ports), "8080,9000-9100");
  EXPECT_EQ(o.close_wait.for_ns, 1'500'000'000u);
  EXPECT_TRUE(o.bpf_stats);
  EXPECT_FALSE(o.expose_peers);
  EXPECT_EQ(o.listen, "");
}

TEST_F(RunOptionsTest, PortsMayBeDiscovered) {
  EXPECT_FALSE(options().watch.discover);
  flags_["port"] = "auto";
  EXPECT_TRUE(options().watch.discover);
  EXPECT_EQ(ports(), "");
  flags_.clear();
  environment_["WSBPF_PORT"] = "8080,auto";
  EXPECT_TRUE(options().watch.discover);
  EXPECT_EQ(ports(), "8080");
  environment_.clear();
  write("port = [8080, \"auto\"]\n");
  EXPECT_TRUE(options().watch.discover);
  EXPECT_EQ(ports(), "8080");
}

TEST_F(RunOptionsTest, WebSocketsAreReadUnlessTurnedOff) {
  EXPECT_TRUE(options().watch.websocket);
  write("no-websocket = true\n");
  EXPECT_FALSE(options().watch.websocket);
  environment_["WSBPF_NO_WEBSOCKET"] = "false";
  EXPECT_TRUE(options().watch.websocket);
  flags_["no-websocket"] = "true";
  EXPECT_FALSE(options().watch.websocket);
}

TEST_F(RunOptionsTest, DiscoveryNeedsHandshakesThatAreRead) {
  flags_ = {{"port", "8080,auto"}, {"no-websocket", "true"}};
  EXPECT_THAT(refusal(), AllOf(HasSubstr("--port auto"), HasSubstr("--no-websocket")));
  flags_ = {{"port", "8080"}, {"no-websocket", "true"}};
  EXPECT_FALSE(options().watch.discover);
}

TEST_F(RunOptionsTest, AnEmptyFileChangesNothing) {
  write("");
  EXPECT_EQ(ports(), kDefaultPorts);
}

TEST_F(RunOptionsTest, RolesAreServerClientAndBoth) {
  flags_["role"] = "client";
  EXPECT_FALSE(options().watch.server);
  EXPECT_TRUE(options().watch.client);
  flags_["role"] = "server";
  EXPECT_TRUE(options().watch.server);
  EXPECT_FALSE(options().watch.client);
}

TEST_F(RunOptionsTest, TheNodeIsNamedByFlagOrOrchestratorOrHost) {
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  environment_["NODE_NAME"] = "";
  EXPECT_EQ(options().node_name, host);
  environment_["NODE_NAME"] = "from-the-orchestrator";
  EXPECT_EQ(options().node_name, "from-the-orchestrator");
  environment_["WSBPF_NODE_NAME"] = "from-the-environment";
  EXPECT_EQ(options().node_name, "from-the-environment");
  flags_["node-name"] = "from-the-flag";
  EXPECT_EQ(options().node_name, "from-the-flag");
}

TEST_F(RunOptionsTest, BadFlagsAreNamed) {
  flags_["port"] = "x";
  EXPECT_THAT(refusal(), AllOf(HasSubstr("--port"), HasSubstr("'x'")));
}

TEST_F(RunOptionsTest, BadVariablesAreNamed) {
  environment_["WSBPF_SWEEP"] = "soon";
  EXPECT_THAT(refusal(), AllOf(HasSubstr("WSBPF_SWEEP"), HasSubstr("'soon'")));
}

TEST_F(RunOptionsTest, BadValuesOfTheFileAreNamedWithIt) {
  write("role = \"guest\"\n");
  EXPECT_THAT(refusal(), AllOf(HasSubstr(path_), HasSubstr("role"), HasSubstr("'guest'")));
}

TEST_F(RunOptionsTest, ABadValueThatIsBeatenDoesNotMatter) {
  write("port = \"x\"\n");
  flags_["port"] = "3";
  EXPECT_EQ(ports(), "3");
}

TEST_F(RunOptionsTest, RefusesBadValues) {
  const std::pair<const char*, const char*> bad[] = {
      {"port", ""},          {"port", "0"},
      {"role", "Server"},    {"close-wait-threshold", "-1"},
      {"sweep", "499ms"},    {"close-wait-threshold", "5x"},
      {"sweep", "5"},        {"close-wait-threshold", "4294967296"},
      {"log-level", "loud"}, {"close-wait-for", "3"},
      {"bpf-stats", "yes"},  {"log-format", "xml"},
  };
  for (const auto& [name, value] : bad) {
    flags_ = {{name, value}};
    EXPECT_THAT(refusal(), HasSubstr("--" + std::string(name))) << value;
  }
  flags_ = {{"sweep", "500ms"}};
  EXPECT_EQ(options().sweep, 500ms);
}

TEST_F(RunOptionsTest, RefusesUnknownKeys) {
  write("prot = 8080\n");
  EXPECT_THAT(refusal(), AllOf(HasSubstr(path_), HasSubstr("'prot'")));
  write("config = \"/etc/other.toml\"\n");
  EXPECT_THAT(refusal(), HasSubstr("'config'"));
  write("[section]\nport = 8080\n");
  EXPECT_THAT(refusal(), HasSubstr("section"));
}

TEST_F(RunOptionsTest, RefusesValuesOfAnotherKind) {
  write("[port]\nfirst = 8080\n");
  EXPECT_THAT(refusal(), HasSubstr("port"));
  write("port = [[8080]]\n");
  EXPECT_THAT(refusal(), HasSubstr("port"));
}

TEST_F(RunOptionsTest, RefusesWhatIsNoToml) {
  for (const char* const text :
       {"port = \n", "port 8080\n", "port = 8080\nport = 9090\n", "port = [8080\n", "\xff\xfe\n"}) {
    write(text);
    EXPECT_THAT(refusal(), HasSubstr(path_)) << text;
  }
}

TEST_F(RunOptionsTest, RefusesAFileThatCannotBeRead) {
  flags_["config"] = path_ + ".missing";
  EXPECT_THAT(refusal(), HasSubstr(path_ + ".missing"));
  flags_["config"] = testing::TempDir();
  EXPECT_THAT(refusal(), HasSubstr(testing::TempDir()));
}

TEST_F(RunOptionsTest, ShowsControlCharactersAsEscapes) {
  flags_["log-level"] = "\x1b[2J";
  EXPECT_THAT(refusal(), HasSubstr("'\\x1b[2J'"));
}

TEST_F(RunOptionsTest, EveryOptionIsExplained) {
  for (const RunOption& option : run_option_table()) {
    EXPECT_NE(option.help, nullptr) << option.name;
    if (option.value == nullptr) {
      EXPECT_STREQ(option.default_value, "false") << option.name;
    }
  }
}

}  // namespace
}  // namespace wsbpf
