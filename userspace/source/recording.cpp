#include "source/recording.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "core/ports.h"
#include "core/text.h"

namespace wsbpf {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kMagic = "wsbpf-recording ";
constexpr unsigned kFormat = 1;

enum Kind : uint32_t {
  kKernelRecords = 1,
  kSweepBegan,
  kSweptRecords,
  kSweepEnded,
  kProcessSeen,
  kCaughtUp,
  kEvaluationDue,
  kSettingsChanged,
  kStateRemembered,
  kEnd,
};

struct FrameHead {
  uint32_t kind = 0;
  uint32_t length = 0;
  uint32_t checksum = 0;
};

// No frame is longer: a piece of a sweep has 64 KiB, a state of a million connections less than
// this.
constexpr uint32_t kLongestFrame = 256u << 20;
constexpr size_t kRecordsPerFrame_bytes = 64 << 10;

uint32_t checksum_of(std::string_view text, uint32_t before = 0) {
  return static_cast<uint32_t>(
      crc32(before, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
}

// Of all but the checksum itself: content that is taken for another kind's may make sense, too.
uint32_t checksum_of(const FrameHead& head, std::string_view content) {
  const std::string_view bytes(reinterpret_cast<const char*>(&head), offsetof(FrameHead, checksum));
  return checksum_of(content, checksum_of(bytes));
}

FrameHead head_of(uint32_t kind, std::string_view content) {
  FrameHead head{kind, static_cast<uint32_t>(content.size()), 0};
  head.checksum = checksum_of(head, content);
  return head;
}

std::string first_line(std::string_view second) {
  return fmt::format("{}{} {:08x}", kMagic, kFormat, checksum_of(second));
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::byte> as_records(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// CBOR (RFC 8949) keeps names that are no UTF-8 as they are.
std::string cbor(const Json& json) {
  std::string text;
  Json::to_cbor(json, text);
  return text;
}

std::string content_of(const SweepBegan& fact) {
  return cbor({{"started_ns", fact.started_ns}, {"adopt", fact.adopt}});
}

std::string content_of(const SweepEnded& fact) {
  return cbor({{"complete_netns", fact.result.complete_netns},
               {"files_complete", fact.result.files_complete}});
}

std::string content_of(const ProcessSeen& fact) {
  Json json = {{"pid", fact.pid}};
  if (fact.process) {
    json["start_time"] = fact.process->start_time;
    json["comm"] = fact.process->comm;
    const Place& place = fact.process->place;
    json["place"] = {place.cgroup, place.container_id, place.namespace_name, place.pod,
                     place.container};
  }
  return cbor(json);
}

std::string content_of(const CaughtUp& fact) {
  return cbor({{"now_ns", fact.now_ns}, {"lost", fact.lost}});
}

std::string content_of(const EvaluationDue& fact) {
  return cbor({{"now_ns", fact.now_ns},
               {"wall_clock_offset_ns", fact.wall_clock_offset_ns},
               {"lost", fact.lost}});
}

std::string content_of(const SettingsChanged& fact) {
  return cbor({{"ports", ports_text(fact.ports)},
               {"close_wait_threshold", fact.close_wait_threshold},
               {"close_wait_for_ns", fact.close_wait_for_ns}});
}

std::string content_of(const StateRemembered& fact) {
  return cbor({{"boot_id", fact.boot_id}, {"text", fact.text}});
}

template <typename T>
constexpr uint32_t kKindOf = 0;
template <>
constexpr uint32_t kKindOf<SweepBegan> = kSweepBegan;
template <>
constexpr uint32_t kKindOf<SweepEnded> = kSweepEnded;
template <>
constexpr uint32_t kKindOf<ProcessSeen> = kProcessSeen;
template <>
constexpr uint32_t kKindOf<CaughtUp> = kCaughtUp;
template <>
constexpr uint32_t kKindOf<EvaluationDue> = kEvaluationDue;
template <>
constexpr uint32_t kKindOf<SettingsChanged> = kSettingsChanged;
template <>
constexpr uint32_t kKindOf<StateRemembered> = kStateRemembered;

ProcessSeen process_seen_from(const Json& json) {
  ProcessSeen seen;
  json.at("pid").get_to(seen.pid);
  if (json.contains("comm")) {
    Process process;
    process.pid = seen.pid;
    json.at("start_time").get_to(process.start_time);
    json.at("comm").get_to(process.comm);
    const Json& place = json.at("place");
    process.place = {place.at(0), place.at(1), place.at(2), place.at(3), place.at(4)};
    seen.process = std::move(process);
  }
  return seen;
}

// None, where none had been discovered yet and no other was asked for.
Result<PortSet> ports_from(const Json& json) {
  const auto text = json.at("ports").get<std::string>();
  return text.empty() ? PortSet{} : parse_ports(text);
}

Json record_sizes() {
  return {{"opened", sizeof(wsbpf_opened)},
          {"state", sizeof(wsbpf_state)},
          {"left", sizeof(wsbpf_left)},
          {"closed", sizeof(wsbpf_closed)},
          {"destroyed", sizeof(wsbpf_destroyed)},
          {"retransmit", sizeof(wsbpf_retransmit)},
          {"synack", sizeof(wsbpf_synack)},
          {"reset", sizeof(wsbpf_reset)},
          {"socket", sizeof(wsbpf_socket)},
          {"minisock", sizeof(wsbpf_minisock)},
          {"websocket", sizeof(wsbpf_websocket)},
          {"unreadable", sizeof(wsbpf_unreadable)},
          {"discovered", sizeof(wsbpf_discovered)}};
}

// Kinds that came later are not in it.
bool has_our_records(const Json& recorded) {
  const Json ours = record_sizes();
  return std::all_of(recorded.items().begin(), recorded.items().end(), [&](const auto& item) {
    return ours.contains(item.key()) && ours.at(item.key()) == item.value();
  });
}

Json header_json(const RecordingHeader& header) {
  return {{"version", header.version},
          {"node", header.node},
          {"kernel", header.kernel},
          {"boot_id", header.boot_id},
          {"ports", ports_text(header.watch.ports)},
          {"server", header.watch.server},
          {"client", header.watch.client},
          {"websocket", header.watch.websocket},
          {"close_wait_threshold", header.close_wait_threshold},
          {"close_wait_for_ns", header.close_wait_for_ns},
          {"wall_clock_offset_ns", header.wall_clock_offset_ns},
          {"reset_reasons", header.reset_reasons},
          {"record_bytes", record_sizes()}};
}

Result<RecordingHeader> header_from(const Json& json) {
  RecordingHeader header;
  json.at("version").get_to(header.version);
  json.at("node").get_to(header.node);
  json.at("kernel").get_to(header.kernel);
  json.at("boot_id").get_to(header.boot_id);
  const auto ports = ports_from(json);
  if (!ports) return tl::unexpected(ports.error());
  header.watch.ports = *ports;
  json.at("server").get_to(header.watch.server);
  json.at("client").get_to(header.watch.client);
  header.watch.websocket = json.value("websocket", false);  // older recordings have nothing of them
  json.at("close_wait_threshold").get_to(header.close_wait_threshold);
  json.at("close_wait_for_ns").get_to(header.close_wait_for_ns);
  json.at("wall_clock_offset_ns").get_to(header.wall_clock_offset_ns);
  json.at("reset_reasons").get_to(header.reset_reasons);
  return header;
}

}  // namespace

RecordingWriter::RecordingWriter(const RecordingHeader& header) {
  const std::string line = header_json(header).dump(-1, ' ', true, Json::error_handler_t::replace);
  text_ = fmt::format("{}\n{}\n", first_line(line), line);
}

void RecordingWriter::write(const Fact& fact) {
  if (const auto* records = std::get_if<KernelRecords>(&fact)) {
    records_ += as_text(records->bytes);
    if (records_.size() >= kRecordsPerFrame_bytes) flush_records();
    return;
  }
  flush_records();
  if (const auto* swept = std::get_if<SweptRecords>(&fact)) {
    append_frame(kSweptRecords, as_text(swept->bytes));
    return;
  }
  std::visit(
      [this](const auto& known) {
        using Known = std::decay_t<decltype(known)>;
        if constexpr (kKindOf<Known> != 0) append_frame(kKindOf<Known>, content_of(known));
      },
      fact);
}

std::string RecordingWriter::take() {
  flush_records();
  return std::exchange(text_, {});
}

void RecordingWriter::flush_records() {
  if (records_.empty()) return;
  append_frame(kKernelRecords, records_);
  records_.clear();
}

void RecordingWriter::append_frame(uint32_t kind, std::string_view content) {
  const FrameHead head = head_of(kind, content);
  text_.append(reinterpret_cast<const char*>(&head), sizeof(head));
  text_ += content;
}

std::string RecordingCutter::take(std::string_view piece) {
  pending_ += piece;
  size_t whole = 0;
  for (; header_lines_ > 0; --header_lines_) {
    const size_t end = pending_.find('\n', whole);
    if (end == std::string::npos) break;
    whole = end + 1;
  }
  FrameHead head;
  while (header_lines_ == 0 && pending_.size() - whole >= sizeof(head)) {
    std::memcpy(&head, &pending_[whole], sizeof(head));
    if (pending_.size() - whole - sizeof(head) < head.length) break;
    whole += sizeof(head) + head.length;
  }
  std::string text = pending_.substr(0, whole);
  pending_.erase(0, whole);
  return text;
}

std::string RecordingCutter::end_frame() {
  const FrameHead head = head_of(kEnd, "");
  return {reinterpret_cast<const char*>(&head), sizeof(head)};
}

Result<std::unique_ptr<RecordingReader>> RecordingReader::open(const std::string& path) {
  std::FILE* const file = path == "-" ? stdin : std::fopen(path.c_str(), "rbe");
  if (file == nullptr) {
    return fail(fmt::format("cannot read {}: {}", printable(path), std::strerror(errno)));
  }
  std::unique_ptr<RecordingReader> reader(new RecordingReader(path, file));
  if (auto read = reader->read_header(); !read) return wrap(printable(path), read.error());
  return reader;
}

RecordingReader::~RecordingReader() {
  if (file_ != stdin) std::fclose(file_);
}

Result<void> RecordingReader::read_header() {
  constexpr size_t kLongestHeader = 1 << 20;
  const auto read_line = [this] {
    std::string line;
    for (int c = std::fgetc(file_); c != EOF && c != '\n' && line.size() < kLongestHeader;
         c = std::fgetc(file_)) {
      line += static_cast<char>(c);
    }
    return line;
  };
  const std::string first = read_line();
  if (std::ferror(file_) != 0) return fail(std::strerror(errno));  // a directory, say
  if (!first.starts_with(kMagic)) {
    return fail("this is no recording: `wsbpf record FILE` makes one");
  }
  const std::string rest = first.substr(kMagic.size());
  const std::string format = rest.substr(0, rest.find(' '));
  if (format != std::to_string(kFormat)) {
    return fail(
        fmt::format("this recording has the format '{}', and this wsbpf reads format {}: "
                    "replay it with the version that made it, or a newer one",
                    printable(format), kFormat));
  }
  const std::string second = read_line();
  if (first != first_line(second)) return fail("the recording is damaged in its first two lines");
  const Json json = Json::parse(second, nullptr, false);
  try {
    if (!has_our_records(json.at("record_bytes"))) {
      return fail(
          fmt::format("its records are laid out otherwise than this wsbpf has them: replay "
                      "it with the version that made it ({})",
                      printable(json.at("version").get<std::string>())));
    }
    auto header = header_from(json);
    if (!header) return tl::unexpected(header.error());
    header_ = std::move(*header);
  } catch (const Json::exception&) {
    return fail("the recording is damaged in its second line");
  }
  return {};
}

Result<void> RecordingReader::read(const std::function<Result<void>(const Fact&)>& take) {
  std::string content;
  uint64_t frames = 0;
  const auto damaged = [&](std::string_view what) {
    return fail(fmt::format("{}: {} after {} frames: what came before it is above",
                            printable(path_), what, frames));
  };
  while (true) {
    FrameHead head;
    if (std::fread(&head, sizeof(head), 1, file_) != 1)
      return damaged("the recording is cut short");
    if (head.kind < kKernelRecords || head.kind > kEnd || head.length > kLongestFrame) {
      return damaged("the recording is damaged");
    }
    content.resize(head.length);
    if (std::fread(content.data(), 1, head.length, file_) != head.length) {
      return damaged("the recording is cut short");
    }
    if (checksum_of(head, content) != head.checksum) return damaged("the recording is damaged");
    if (head.kind == kEnd) {
      if (std::fgetc(file_) != EOF) return damaged("there is more after the recording's end");
      return {};
    }
    const auto fact = decode_frame(head.kind, content);
    if (!fact) return damaged(fact.error().message);
    if (*fact) {
      if (auto taken = take(**fact); !taken) return taken;
    }
    ++frames;
  }
}

Result<std::optional<Fact>> RecordingReader::decode_frame(uint32_t kind, std::string_view content) {
  if (kind == kKernelRecords) return Fact(KernelRecords{as_records(content)});
  if (kind == kSweptRecords) return Fact(SweptRecords{as_records(content)});
  try {
    const Json json = Json::from_cbor(content);
    switch (kind) {
      case kSweepBegan:
        return Fact(SweepBegan{json.at("started_ns"), json.at("adopt")});
      case kSweepEnded: {
        SweepEnded ended;
        json.at("complete_netns").get_to(ended.result.complete_netns);
        json.at("files_complete").get_to(ended.result.files_complete);
        return Fact(std::move(ended));
      }
      case kProcessSeen:
        return Fact(process_seen_from(json));
      case kCaughtUp:
        return Fact(CaughtUp{json.at("now_ns"), json.at("lost")});
      case kEvaluationDue:
        return Fact(EvaluationDue{json.at("now_ns"), json.at("wall_clock_offset_ns"),
                                  json.at("lost").get<std::map<std::string, uint64_t>>()});
      case kSettingsChanged: {
        const auto ports = ports_from(json);
        if (!ports) return tl::unexpected(ports.error());
        return Fact(
            SettingsChanged{*ports, json.at("close_wait_threshold"), json.at("close_wait_for_ns")});
      }
      case kStateRemembered:
        return Fact(StateRemembered{json.at("text"), json.at("boot_id")});
      default:
        return std::optional<Fact>();
    }
  } catch (const Json::exception&) {
    return fail("a frame cannot be read");
  }
}

}  // namespace wsbpf
