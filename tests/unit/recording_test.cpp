// What is recorded is read back as it was, or an error tells why not.
#include "source/recording.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdio>
#include <fstream>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "kernel_records.h"

namespace wsbpf {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kHostile[] = "\xff\xfe\"\\\n\x1b[31m\x80";  // a comm may be any bytes but 0

RecordingHeader a_header() {
  RecordingHeader header;
  header.version = "1.2.3";
  header.node = "node \"7\"";
  header.kernel = "6.18.0";
  header.boot_id = "2f6c1f5e-8a44-4b5e-9a36-0d5c9a1f7f10";
  header.watch = watch_of({80, 8080, 65535}, true, true);
  header.close_wait_threshold = 50;
  header.close_wait_for_ns = 3_s;
  header.wall_clock_offset_ns = -1'700'000'000'123'456'789;
  header.reset_reasons = {{1, "NOT_SPECIFIED"}, {7, "TCP_ABORT_ON_DATA"}};
  return header;
}

template <typename Record>
std::string bytes_of(const Record& record) {
  return {reinterpret_cast<const char*>(&record), sizeof(record)};
}

std::span<const std::byte> as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

// A fact as text, so that two may be compared, and kept when what it points to is gone.
std::string told(const Fact& fact) {
  const auto name = [](std::string_view kind, const auto&... values) {
    std::string out(kind);
    ((out += '|' + ::testing::PrintToString(values)), ...);
    return out;
  };
  const auto text = [](std::span<const std::byte> bytes) {
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  struct Teller {
    decltype(name)& tell;
    decltype(text)& as_text;
    std::string operator()(const KernelRecords& f) { return tell("records", as_text(f.bytes)); }
    std::string operator()(const SweptRecords& f) { return tell("swept", as_text(f.bytes)); }
    std::string operator()(const SweepBegan& f) { return tell("began", f.started_ns, f.adopt); }
    std::string operator()(const SweepEnded& f) {
      return tell("ended", f.result.complete_netns, f.result.files_complete);
    }
    std::string operator()(const ProcessSeen& f) {
      if (!f.process) return tell("nobody", f.pid);
      const Place& place = f.process->place;
      return tell("process", f.pid, f.process->pid, f.process->start_time, f.process->comm,
                  place.cgroup, place.container_id, place.namespace_name, place.pod,
                  place.container);
    }
    std::string operator()(const CaughtUp& f) { return tell("caught up", f.now_ns, f.lost); }
    std::string operator()(const EvaluationDue& f) {
      return tell("due", f.now_ns, f.wall_clock_offset_ns, f.lost);
    }
    std::string operator()(const SettingsChanged& f) {
      return tell("settings", ports_text(f.ports), f.close_wait_threshold, f.close_wait_for_ns);
    }
    std::string operator()(const StateRemembered& f) { return tell("state", f.text, f.boot_id); }
  };
  return std::visit(Teller{name, text}, fact);
}

// A file of its own for each test, gone after it.
class RecordingTest : public ::testing::Test {
 protected:
  RecordingTest() { close(mkstemp(path_.data())); }
  ~RecordingTest() override { std::remove(path_.c_str()); }

  struct Outcome {
    std::vector<std::string> facts;
    std::string error;  // "": none
  };

  Outcome read(const std::string& text) {
    std::remove(path_.c_str());  // ext4 would write a file out that is truncated and filled anew
    std::ofstream(path_, std::ios::binary) << text;
    Outcome outcome;
    const auto reader = RecordingReader::open(path_);
    if (!reader) {
      outcome.error = reader.error().message;
      return outcome;
    }
    const auto done = (*reader)->read([&](const Fact& fact) -> Result<void> {
      outcome.facts.push_back(told(fact));
      return {};
    });
    if (!done) outcome.error = done.error().message;
    return outcome;
  }

  std::string path_ = ::testing::TempDir() + "wsbpf-recording-XXXXXX";
};

std::string recording_of(const std::vector<Fact>& facts) {
  RecordingWriter writer(a_header());
  for (const Fact& fact : facts) writer.write(fact);
  return writer.take() + RecordingCutter::end_frame();
}

// Records that the facts may point to.
struct Records {
  std::string opened = bytes_of(accepted(5_s, Sock{}));
  std::string left = bytes_of(wsbpf::left(6_s, Sock{}, TcpState::kCloseWait));
  std::string swept = bytes_of(sample(7_s, Sock{}, TcpState::kCloseWait)) +
                      bytes_of(minisock(7_s, Sock{.family = AF_INET6}, TcpState::kTimeWait));
};

// One of each, and what may be odd in them.
std::vector<Fact> all_facts(const Records& records) {
  const Place place = {"/kubepods/\xc3\x28", std::string(64, 'f'), "chat", "chat-7f", "web"};
  PortSet ports;
  ports.set(1);
  for (unsigned port = 9000; port <= 9100; ++port) ports.set(port);
  return {
      StateRemembered{std::string(3 << 20, 'x') + kHostile, "boot"},
      SweepBegan{UINT64_MAX, true},
      KernelRecords{as_bytes(records.opened)},
      ProcessSeen{7, Process{7, 12345, kHostile, place}},
      ProcessSeen{8, std::nullopt},
      SweptRecords{as_bytes(records.swept)},
      SweepEnded{{{1, 4026531840, UINT32_MAX}, true}},
      SweepEnded{{{}, false}},
      CaughtUp{1, false},
      CaughtUp{2, true},
      EvaluationDue{3, -5, {{"ring_buffer_set_state", 1}, {kHostile, UINT64_MAX}}},
      SettingsChanged{ports, UINT32_MAX, UINT64_MAX},
      SettingsChanged{{}, 1, 2},  // none of those asked for has been discovered yet
      KernelRecords{as_bytes(records.left)},
  };
}

TEST_F(RecordingTest, GivesBackEveryFact) {
  const Records records;
  const std::vector<Fact> facts = all_facts(records);
  const Outcome outcome = read(recording_of(facts));
  EXPECT_EQ(outcome.error, "");
  ASSERT_EQ(outcome.facts.size(), facts.size());
  for (size_t i = 0; i < facts.size(); ++i) EXPECT_EQ(outcome.facts[i], told(facts[i]));
}

TEST_F(RecordingTest, SaysOfItselfWhatWasWatched) {
  std::ofstream(path_, std::ios::binary) << recording_of({});
  const auto reader = RecordingReader::open(path_);
  ASSERT_TRUE(reader.has_value());
  const RecordingHeader wanted = a_header();
  const RecordingHeader& header = (*reader)->header();
  EXPECT_EQ(header.version, wanted.version);
  EXPECT_EQ(header.node, wanted.node);
  EXPECT_EQ(header.kernel, wanted.kernel);
  EXPECT_EQ(header.boot_id, wanted.boot_id);
  EXPECT_EQ(header.watch.ports, wanted.watch.ports);
  EXPECT_TRUE(header.watch.server && header.watch.client);
  EXPECT_EQ(header.close_wait_threshold, wanted.close_wait_threshold);
  EXPECT_EQ(header.close_wait_for_ns, wanted.close_wait_for_ns);
  EXPECT_EQ(header.wall_clock_offset_ns, wanted.wall_clock_offset_ns);
  EXPECT_EQ(header.reset_reasons, wanted.reset_reasons);
}

// As with --port auto, before the first port was discovered.
TEST_F(RecordingTest, PortsMayBeNone) {
  RecordingHeader header = a_header();
  header.watch.ports.reset();
  std::ofstream(path_, std::ios::binary) << RecordingWriter(header).take();
  const auto reader = RecordingReader::open(path_);
  ASSERT_TRUE(reader.has_value()) << reader.error().message;
  EXPECT_TRUE((*reader)->header().watch.ports.none());
}

TEST_F(RecordingTest, RecordsThatFollowEachOtherShareAFrame) {
  const Records records;
  const Outcome outcome = read(
      recording_of({KernelRecords{as_bytes(records.opened)}, KernelRecords{as_bytes(records.left)},
                    CaughtUp{8, false}, KernelRecords{as_bytes(records.opened)}}));
  EXPECT_EQ(outcome.facts,
            (std::vector{told(KernelRecords{as_bytes(records.opened + records.left)}),
                         told(CaughtUp{8, false}), told(KernelRecords{as_bytes(records.opened)})}));
}

TEST_F(RecordingTest, WhatWasTakenIsNotWrittenAgain) {
  const Records records;
  RecordingWriter writer(a_header());
  std::string text = writer.take();
  EXPECT_EQ(writer.take(), "");
  writer.write(KernelRecords{as_bytes(records.opened)});
  EXPECT_EQ(writer.size(), records.opened.size());
  text += writer.take();
  EXPECT_EQ(writer.size(), 0u);
  text += RecordingCutter::end_frame();
  EXPECT_EQ(text, recording_of({KernelRecords{as_bytes(records.opened)}}));
}

// Small enough to be tried at each of its bytes.
std::string small_recording(const Records& records) {
  std::vector<Fact> facts = all_facts(records);
  facts[0] = StateRemembered{"wsbpf-state 2 boot\nend 0\n", "boot"};
  return recording_of(facts);
}

TEST_F(RecordingTest, IsCutAtWholeFramesHoweverItComes) {
  const Records records;
  const std::string text = small_recording(records);
  for (size_t size = 1; size <= text.size(); ++size) {
    RecordingCutter cutter;
    std::string whole;
    for (size_t at = 0; at < text.size(); at += size) {
      whole += cutter.take(std::string_view(text).substr(at, size));
    }
    ASSERT_EQ(whole, text) << "in pieces of " << size;
  }
}

TEST_F(RecordingTest, WhatTheCutterHandsOutMayBeEndedAtAnyTime) {
  const Records records;
  const std::string text = small_recording(records);
  const size_t header = text.find('\n', text.find('\n') + 1) + 1;
  const size_t facts = read(text).facts.size();
  const size_t end_frame = RecordingCutter::end_frame().size();
  for (size_t size = header; size < text.size() - end_frame; ++size) {
    RecordingCutter cutter;
    const std::string whole = cutter.take(std::string_view(text).substr(0, size));
    const Outcome outcome = read(whole + RecordingCutter::end_frame());
    ASSERT_EQ(outcome.error, "") << size;
    ASSERT_LT(outcome.facts.size(), facts) << size;
  }
}

TEST_F(RecordingTest, CutShortAnywhereIsAnError) {
  const Records records;
  const std::string text = small_recording(records);
  const std::vector<std::string> facts = read(text).facts;
  for (size_t size = 0; size < text.size(); ++size) {
    const Outcome outcome = read(text.substr(0, size));
    ASSERT_NE(outcome.error, "") << size;
    ASSERT_THAT(outcome.error, StartsWith(path_)) << size;
    ASSERT_LE(outcome.facts.size(), facts.size());
    for (size_t i = 0; i < outcome.facts.size(); ++i) ASSERT_EQ(outcome.facts[i], facts[i]);
  }
  EXPECT_THAT(read(text.substr(0, text.size() - 1)).error, HasSubstr("cut short"));
}

TEST_F(RecordingTest, OneChangedByteAnywhereIsAnError) {
  const Records records;
  const std::string text = small_recording(records);
  const std::vector<std::string> facts = read(text).facts;
  std::mt19937 random(1);
  for (size_t at = 0; at < text.size(); ++at) {
    for (const unsigned flip : {1u, 2u, 0x80u, 0xffu, 1 + static_cast<unsigned>(random() % 255)}) {
      std::string damaged = text;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      const Outcome outcome = read(damaged);
      ASSERT_NE(outcome.error, "") << "byte " << at << " ^ " << flip;
      for (size_t i = 0; i < outcome.facts.size(); ++i) ASSERT_EQ(outcome.facts[i], facts[i]);
    }
  }
}

TEST_F(RecordingTest, AnyNumberOfChangedBytesIsAnError) {
  const Records records;
  const std::string text = small_recording(records);
  std::mt19937 random(2);
  for (int round = 0; round < 3000; ++round) {
    std::string damaged = text;
    for (size_t changes = 1 + random() % 8; changes > 0; --changes) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    if (damaged == text) continue;
    ASSERT_NE(read(damaged).error, "") << "round " << round;
  }
}

TEST_F(RecordingTest, WhatFollowsTheEndIsAnError) {
  const std::string text = recording_of({CaughtUp{1, false}});
  const Outcome outcome = read(text + "x");
  EXPECT_EQ(outcome.facts.size(), 1u);
  EXPECT_THAT(outcome.error, HasSubstr("more after the recording's end"));
  EXPECT_NE(read(text + RecordingCutter::end_frame()).error, "");
}

TEST_F(RecordingTest, TellsANewerFormatFromWhatIsNoRecording) {
  const std::string text = recording_of({});
  std::string newer = text;
  newer.replace(newer.find(" 1 "), 3, " 2 ");
  EXPECT_THAT(read(newer).error, HasSubstr("has the format '2', and this wsbpf reads format 1"));
  EXPECT_THAT(read("").error, HasSubstr("is no recording"));
  EXPECT_THAT(read("\x7f"
                   "ELF" +
                   text)
                  .error,
              HasSubstr("is no recording"));
  EXPECT_THAT(read(std::string(2 << 20, 'x')).error, HasSubstr("is no recording"));
  EXPECT_THAT(read("wsbpf-recording 1").error, HasSubstr("damaged"));
}

// With another second line, and the checksum that fits it.
std::string with_second_line(const std::string& line) {
  const uLong sum =
      crc32(0, reinterpret_cast<const Bytef*>(line.data()), static_cast<uInt>(line.size()));
  return fmt::format("wsbpf-recording 1 {:08x}\n{}\n", sum, line) + RecordingCutter::end_frame();
}

TEST_F(RecordingTest, RecordsLaidOutOtherwiseAreNotRead) {
  const std::string text = recording_of({});
  const size_t begin = text.find('\n') + 1;
  std::string line = text.substr(begin, text.find('\n', begin) - begin);
  ASSERT_EQ(read(with_second_line(line)).error, "");
  const size_t size = line.find("\"opened\":64");
  ASSERT_NE(size, std::string::npos);
  line.replace(size, 11, "\"opened\":72");
  EXPECT_THAT(read(with_second_line(line)).error,
              HasSubstr("laid out otherwise than this wsbpf has them: replay it with the version "
                        "that made it (1.2.3)"));
}

TEST_F(RecordingTest, ASecondLineThatMakesNoSenseIsAnError) {
  for (const char* line : {"", "{}", "[]", "7", "{\"version\":7}", "not JSON", "\xff"}) {
    EXPECT_THAT(read(with_second_line(line)).error, HasSubstr("damaged in its second line"));
  }
  const std::string text = recording_of({});
  const size_t begin = text.find('\n') + 1;
  const std::string line = text.substr(begin, text.find('\n', begin) - begin);
  for (const char* value : {"\"80,8080,65535\"", "\"6.18.0\"", "50", "\"1.2.3\""}) {
    std::string other = line;
    other.replace(other.find(value), std::string(value).size(), "[null]");
    EXPECT_THAT(read(with_second_line(other)).error, HasSubstr("damaged in its second line"));
  }
}

TEST_F(RecordingTest, NothingFromTheFileReachesTheTerminalRaw) {
  EXPECT_THAT(read("wsbpf-recording \x1b[2J 1\n{}\n").error, HasSubstr("\\x1b"));
}

TEST_F(RecordingTest, WhatIsNoFileIsSaid) {
  EXPECT_THAT(RecordingReader::open(path_ + "-none").error().message, HasSubstr("No such file"));
  EXPECT_THAT(RecordingReader::open(::testing::TempDir()).error().message,
              HasSubstr("Is a directory"));
}

TEST_F(RecordingTest, AnErrorOfTheTakerEndsTheReading) {
  std::ofstream(path_, std::ios::binary) << recording_of({CaughtUp{1, false}, CaughtUp{2, false}});
  const auto reader = RecordingReader::open(path_);
  ASSERT_TRUE(reader.has_value());
  int taken = 0;
  const auto done = (*reader)->read([&](const Fact&) -> Result<void> {
    ++taken;
    return fail("enough");
  });
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().message, "enough");
  EXPECT_EQ(taken, 1);
}

TEST(RecordedProcesses, AnswersAsWasToldLast) {
  RecordedProcesses processes;
  EXPECT_EQ(processes.find(7), std::nullopt);
  processes.note({7, Process{7, 1, "node"}});
  ASSERT_TRUE(processes.find(7).has_value());
  EXPECT_EQ(processes.find(7)->comm, "node");
  processes.note({7, std::nullopt});
  EXPECT_EQ(processes.find(7), std::nullopt);
}

}  // namespace
}  // namespace wsbpf
