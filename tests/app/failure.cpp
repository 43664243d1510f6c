// SPDX-License-Identifier: MIT
#include "vaekit/app/failure.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <stdexcept>
#include <string>

using namespace vaekit;

namespace {

struct Failure {
  int code;
  std::string text;
  bool operator==(const Failure&) const = default;
};

template <class E>
Failure failure_of(const E& exception) {
  std::ostringstream err;
  try {
    throw exception;
  } catch (...) {
    return {static_cast<int>(report_failure(err)), err.str()};
  }
}

}  // namespace

TEST_CASE("failure: an error of the library has its own code and its own words") {
  CHECK(failure_of(ConfigError("config /a: unknown key")) == Failure{3, "config /a: unknown key\n"});
  CHECK(failure_of(NumericError("train: loss is nan")) == Failure{5, "train: loss is nan\n"});
}

TEST_CASE("failure: a path that the file system refuses, and memory that is not there") {
  const auto refusal = std::make_error_code(std::errc::permission_denied);
  const std::string said = refusal.message();
  CHECK(failure_of(std::filesystem::filesystem_error("status", "a/b", refusal)) ==
        Failure{6, "a/b: cannot access: " + said + '\n'});
  CHECK(failure_of(std::filesystem::filesystem_error("current path", refusal)) ==
        Failure{6, "\"\": cannot access: " + said + '\n'});
  const Failure out_of_memory{
      6, "vaekit: out of memory; try a smaller model, batch_size or number of samples\n"};
  CHECK(failure_of(std::bad_alloc()) == out_of_memory);
  CHECK(failure_of(std::length_error("cannot create std::vector larger than max_size()")) == out_of_memory);
}

TEST_CASE("failure: what nobody expected is never taken for a fault that a check found") {
  CHECK(failure_of(std::out_of_range("index 7")) == Failure{70, "vaekit: unexpected error: index 7\n"});
  CHECK(failure_of(7) == Failure{70, "vaekit: unexpected error\n"});
  CHECK(failure_of(std::out_of_range("")).code != static_cast<int>(ExitCode::faults_found));
}

TEST_CASE("failure: one line, whatever a file is called") {
  CHECK(failure_of(vaekit::IoError("a\nb\t\x7f\xc3\xa9: cannot open")) ==
        Failure{6, "a?b??\xc3\xa9: cannot open\n"});
}
