// SPDX-License-Identifier: MIT
//
// Results that cannot be written are an error of the program, not a success.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ostream>
#include <streambuf>
#include <system_error>

#include "vaekit/core/error.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Gives standard input, output and error a place where the caller closed them: the next file that is opened
/// would take their number, and what is printed would go into it. Writing to them still fails.
inline void occupy_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) < 0 && errno == EBADF) {
      // The lowest free number, which is this one.
      static_cast<void>(::open("/dev/null", O_RDONLY));
    }
  }
}

/// Writes to an open file and keeps the first error, which a stream does not tell.
class DescriptorBuffer : public std::streambuf {
 public:
  explicit DescriptorBuffer(int descriptor) : descriptor_(descriptor) {
    setp(buffer_.data(), buffer_.data() + buffer_.size());
  }

  /// The `errno` of the first write that failed, 0 when none did.
  [[nodiscard]] int error() const { return error_; }

 protected:
  int_type overflow(int_type next) override {
    if (sync() != 0) {
      return traits_type::eof();
    }
    if (!traits_type::eq_int_type(next, traits_type::eof())) {
      sputc(traits_type::to_char_type(next));
    }
    return traits_type::not_eof(next);
  }

  int sync() override {
    const char* place = pbase();
    while (place != pptr() && error_ == 0) {
      const ssize_t count = ::write(descriptor_, place, static_cast<std::size_t>(pptr() - place));
      if (count >= 0) {
        place += count;
      } else if (errno != EINTR) {
        error_ = errno;
      }
    }
    setp(buffer_.data(), buffer_.data() + buffer_.size());
    return error_ == 0 ? 0 : -1;
  }

 private:
  int descriptor_;
  int error_ = 0;
  std::array<char, 8192> buffer_{};
};

/// Sends a stream to an open file for as long as the object lives.
class StandardOutput {
 public:
  StandardOutput(std::ostream& stream, int descriptor)
      : stream_(stream), buffer_(descriptor), before_(stream.rdbuf(&buffer_)) {}
  ~StandardOutput() {
    stream_.flush();
    stream_.rdbuf(before_);
  }
  StandardOutput(const StandardOutput&) = delete;
  StandardOutput& operator=(const StandardOutput&) = delete;

  /// The exit code of a program whose work ended with `result`: input_output, and one line on `err`, where
  /// what it had to say could not be written. A failure keeps its own code.
  [[nodiscard]] ExitCode finish(ExitCode result, std::ostream& err) {
    stream_.flush();
    const bool said_all = buffer_.error() == 0;
    if (said_all || (result != ExitCode::done && result != ExitCode::faults_found)) {
      return result;
    }
    err << "stdout: cannot write: " << std::generic_category().message(buffer_.error()) << '\n';
    return ExitCode::input_output;
  }

 private:
  std::ostream& stream_;
  DescriptorBuffer buffer_;
  std::streambuf* before_;
};

}  // namespace vaekit::inline VAEKIT_ABI
