// What the sentences of an explanation are made of. Nothing is said of what is not known.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "diagnose/explanation.h"

namespace wsbpf {

// The subject, with what follows from it at once.
struct Case {
  const ExplanationSubject& subject;
  const Connection& connection;
  const Evidence& evidence;    // an empty one where there is none
  Verdict verdict;             // kUnknown also where none has been given
  const WebSocket* websocket;  // nullptr: nothing is known of one

  explicit Case(const ExplanationSubject& of);

  bool has_ended() const { return subject.judgement != nullptr; }
  bool saw_close() const { return evidence.closed_ns != 0; }
  bool saw_departure() const { return evidence.left_ns != 0; }
  bool is_sampled_in_state() const {  // the counters are of the state that it is in
    return connection.sampled && connection.sampled_ns >= connection.state_since_ns;
  }

  // How long it has been in its state, as far as that shows: the least where nobody saw it enter.
  uint64_t state_age_ns() const;

  // In CLOSE_WAIT, and nobody saw when it came there: the silence tells that it is no younger.
  bool shows_age_of_fin() const;

  // Segments are being sent again, and nothing has been heard since that began.
  bool has_current_streak() const;

  bool peer_closed_first() const {
    return evidence.left_to == TcpState::kCloseWait || evidence.close_wait_ns > 0;
  }

  // How things stood when the end began: what the evidence of an event tells of.
  const wsbpf_counters& at_end() const {
    return saw_departure() ? evidence.at_departure : evidence.at_close;
  }
  uint32_t unread_bytes() const;  // without the FIN
  uint32_t zero_window_ms() const;
  // Of one that has ended; where nobody saw it, when that was found out.
  uint64_t closed_ns() const {
    return saw_close() ? evidence.closed_ns : connection.state_since_ns;
  }
};

// "350 ms", "3.4 s", "54 s", "14 min", "2 h 5 min", "3 d 4 h".
std::string span_text(uint64_t nanoseconds);
std::string span_text_ms(uint64_t milliseconds);

// "1 byte", "8 bytes".
std::string count_of(uint64_t count, std::string_view one);

// The peer's "10.0.3.7:51234" or "[2001:db8::1]:443", cut where peers are redacted.
std::string peer_address(const Case& c);
std::string peer(const Case& c);         // "the peer (10.0.3.7:51234)"
std::string application(const Case& c);  // "the application (node[4121])", or without a name
std::string closer(const Case& c);       // whose call closed our end; "process 7", "our end"
std::string exit_text(
    const wsbpf_closer& closer);        // "exited with status 3", "was ended by SIGKILL"
std::string error_text(int32_t error);  // "ETIMEDOUT (Connection timed out)"
std::string reason_text(const Case& c, const ResetSeen& reset);  // the kernel's; "" for none

// From its beginning until then: "57 s", "at least 57 s".
std::string lasted(const Case& c, uint64_t until_ns);
// How long it lived, likewise.
std::string life(const Case& c);
// How long it had lived when its end began: " after 57 s"; "" where nobody saw it begin to end.
std::string after_life(const Case& c);
std::string life_before_end(const Case& c);  // "57 s", where it was seen
// How long it has been in its state, likewise.
std::string state_age(const Case& c);

// What the kernel's idle time counts from, given how many segments were sent again: those move it.
std::string_view data_last_passed(uint32_t retransmits);

// Who ended it and by what, as the end of a sentence: "the peer closed the connection".
std::string ending(const Case& c);

// With a capital at its beginning and a full stop at its end.
std::string sentence(std::string text);

}  // namespace wsbpf
