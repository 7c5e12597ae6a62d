// Errors as return values, each with the exit code it leads to.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace wsbpf {

// What the process returns to its caller; scripts depend on the numbers.
enum class ExitCode {
  kOk = 0,
  kFailure = 1,      // something went wrong at run time
  kUsage = 2,        // wrong flags, values or configuration
  kAlertFiring = 3,  // `wsbpf check` only
  kUnsupported = 4,  // the kernel or the privileges lack something
};

// One line that says what is wrong and what to do about it.
struct Error {
  std::string message;
  ExitCode exit_code = ExitCode::kFailure;
};

template <typename T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(std::string message, ExitCode exit_code = ExitCode::kFailure) {
  return tl::unexpected<Error>(Error{std::move(message), exit_code});
}

// Puts `context` in front of an error on its way up: "context: message".
inline tl::unexpected<Error> wrap(const std::string& context, Error error) {
  error.message = context + ": " + error.message;
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace wsbpf
