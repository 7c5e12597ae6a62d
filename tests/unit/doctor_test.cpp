// What the doctor found, as a table, as JSON and as an exit code.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/doctor_report.h"

namespace wsbpf {
namespace {

const std::vector<Probe> kProbes = {
    ok("BTF", "/sys/kernel/btf/vmlinux is there"),
    degraded("pid namespace", "not the host's", "who owns connections", "use --pid=host"),
    missing("CAP_BPF", "missing: may not load programs", "run as root"),
};

TEST(Doctor, TheTableIsWhole) {
  EXPECT_EQ(doctor_table(kProbes, 80, false),
            "STATUS    CHECK          FOUND\n"
            "ok        BTF            /sys/kernel/btf/vmlinux is there\n"
            "degraded  pid namespace  not the host's\n"
            "                         you lose: who owns connections\n"
            "                         do: use --pid=host\n"
            "missing   CAP_BPF        missing: may not load programs\n"
            "                         do: run as root\n"
            "\n"
            "1 ok, 1 degraded, 1 missing: wsbpf cannot observe this machine before that is "
            "mended\n");
}

TEST(Doctor, LongTextsAreWrapped) {
  const std::vector<Probe> probes = {
      ok("kernel", "a text that is longer than the terminal is wide")};
  EXPECT_EQ(doctor_table(probes, 44, false),
            "STATUS    CHECK   FOUND\n"
            "ok        kernel  a text that is longer than\n"
            "                  the terminal is wide\n"
            "\n"
            "1 ok, 0 degraded, 0 missing: wsbpf can observe this machine\n");
}

TEST(Doctor, ColorsOnlyTheStatus) {
  const std::string table = doctor_table(kProbes, 80, true);
  EXPECT_NE(table.find("\x1b[32mok      \x1b[m"), std::string::npos);
  EXPECT_NE(table.find("\x1b[33mdegraded\x1b[m"), std::string::npos);
  EXPECT_NE(table.find("\x1b[31mmissing \x1b[m"), std::string::npos);
}

TEST(Doctor, TheJsonIsWhole) {
  EXPECT_EQ(nlohmann::json::parse(doctor_json(kProbes)), nlohmann::json::parse(R"({
    "status": "missing", "ok": 1, "degraded": 1, "missing": 1, "checks": [
      {"name": "BTF", "status": "ok", "found": "/sys/kernel/btf/vmlinux is there", "lost": null,
       "advice": null},
      {"name": "pid namespace", "status": "degraded", "found": "not the host's",
       "lost": "who owns connections", "advice": "use --pid=host"},
      {"name": "CAP_BPF", "status": "missing", "found": "missing: may not load programs",
       "lost": null, "advice": "run as root"}]})"));
}

TEST(Doctor, OnlyWhatIsMissingFails) {
  EXPECT_EQ(doctor_exit_code({kProbes[0]}), ExitCode::kOk);
  EXPECT_EQ(doctor_exit_code({kProbes[0], kProbes[1]}), ExitCode::kOk);
  EXPECT_EQ(doctor_exit_code(kProbes), ExitCode::kUnsupported);
}

TEST(Doctor, SaysWhatIsLost) {
  const std::string table = doctor_table({kProbes[0], kProbes[1]}, 80, false);
  EXPECT_NE(table.find("wsbpf can observe this machine, with the losses above\n"),
            std::string::npos);
}

}  // namespace
}  // namespace wsbpf
