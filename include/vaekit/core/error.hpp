// SPDX-License-Identifier: MIT
#pragma once

#include <locale>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include "vaekit/version.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Exit codes of the programs; every error class carries its own.
enum class ExitCode : int {
  done = 0,
  faults_found = 1,  ///< by a check of a model
  usage = 2,
  configuration = 3,
  data = 4,
  numeric = 5,
  input_output = 6,
  unexpected = 70,  ///< a fault of the program itself (EX_SOFTWARE of sysexits.h)
  interrupted = 130,
};

/// Root of all exceptions thrown by the library.
///
/// Messages are one line and follow `<where>: <what> <got>, <expected>[; hint]`.
class Error : public std::runtime_error {
 public:
  Error(const std::string& message, ExitCode code) : std::runtime_error(message), exit_code_(code) {}

  [[nodiscard]] ExitCode exit_code() const noexcept { return exit_code_; }

 private:
  ExitCode exit_code_;
};

/// A command line that makes no sense.
class UsageError : public Error {
 public:
  explicit UsageError(const std::string& message) : Error(message, ExitCode::usage) {}
};

/// A configuration (JSON, or a `Config` struct filled in C++) that cannot be honoured.
class ConfigError : public Error {
 public:
  explicit ConfigError(const std::string& message) : Error(message, ExitCode::configuration) {}
};

/// A matrix whose rows or columns do not fit the callee.
class ShapeError : public Error {
 public:
  explicit ShapeError(const std::string& message) : Error(message, ExitCode::data) {}
};

/// A data set that is malformed, truncated, empty or outside a likelihood's support.
class DataError : public Error {
 public:
  explicit DataError(const std::string& message) : Error(message, ExitCode::data) {}
};

/// A computation that left the finite numbers.
class NumericError : public Error {
 public:
  explicit NumericError(const std::string& message) : Error(message, ExitCode::numeric) {}
};

/// A file or folder that cannot be read or written.
class IoError : public Error {
 public:
  explicit IoError(const std::string& message) : Error(message, ExitCode::input_output) {}
};

/// Concatenates its arguments as `operator<<` would print them; numbers in the shortest of %g with 7 digits,
/// whatever the program's locale.
template <class... Parts>
[[nodiscard]] std::string concat(const Parts&... parts) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out.precision(7);
  (out << ... << parts);
  return out.str();
}

}  // namespace vaekit::inline VAEKIT_ABI
