// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cctype>
#include <exception>
#include <filesystem>
#include <new>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>

#include "vaekit/core/error.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// A message as one line, whatever names of files it quotes: control characters become '?'.
[[nodiscard]] inline std::string one_line(std::string_view message) {
  std::string line(message);
  std::ranges::replace_if(
      line, [](char c) { return std::iscntrl(static_cast<unsigned char>(c)) != 0; }, '?');
  return line;
}

/// Tells of the exception that is being handled, in one line on `err`, and returns the program's exit code:
/// an Error's own, input_output for a path that the file system refuses and for memory that is not there, and
/// unexpected for all else, which is a fault of the program.
///
/// Outside a handler it ends the program, as `throw;` does.
[[nodiscard]] inline ExitCode report_failure(std::ostream& err) {
  const auto out_of_memory = [&] {
    err << "vaekit: out of memory; try a smaller model, batch_size or number of samples\n";
    return ExitCode::input_output;
  };
  try {
    throw;
  } catch (const Error& error) {
    err << one_line(error.what()) << '\n';
    return error.exit_code();
  } catch (const std::filesystem::filesystem_error& error) {
    const std::string path = error.path1().string();
    err << (path.empty() ? "\"\"" : one_line(path)) << ": cannot access: " << error.code().message() << '\n';
    return ExitCode::input_output;
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  } catch (const std::length_error&) {  // of a vector that no memory could hold
    return out_of_memory();
  } catch (const std::exception& error) {
    err << "vaekit: unexpected error: " << one_line(error.what()) << '\n';
    return ExitCode::unexpected;
  } catch (...) {
    err << "vaekit: unexpected error\n";
    return ExitCode::unexpected;
  }
}

}  // namespace vaekit::inline VAEKIT_ABI
