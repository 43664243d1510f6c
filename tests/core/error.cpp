// SPDX-License-Identifier: MIT
#include "vaekit/core/error.hpp"

#include <doctest/doctest.h>

#include <locale>
#include <type_traits>

#include "support/throws_with.hpp"

using namespace vaekit;

namespace {
template <class E>
int exit_code_of() {
  return static_cast<int>(E("where: what").exit_code());
}

/// "60.000,5", as a program that set a European locale prints numbers.
struct European : std::numpunct<char> {
  char do_thousands_sep() const override { return '.'; }
  char do_decimal_point() const override { return ','; }
  std::string do_grouping() const override { return "\3"; }
};
}  // namespace

TEST_CASE("error: each class has its exit code and the common root") {
  CHECK(exit_code_of<ConfigError>() == 3);
  CHECK(exit_code_of<ShapeError>() == 4);
  CHECK(exit_code_of<DataError>() == 4);
  CHECK(exit_code_of<NumericError>() == 5);
  CHECK(exit_code_of<IoError>() == 6);
  CHECK(static_cast<int>(ExitCode::done) == 0);
  CHECK(static_cast<int>(ExitCode::usage) == 2);
  CHECK(static_cast<int>(ExitCode::unexpected) == 70);
  CHECK(static_cast<int>(ExitCode::interrupted) == 130);
  static_assert(std::is_base_of_v<Error, ConfigError> && std::is_base_of_v<Error, ShapeError> &&
                std::is_base_of_v<Error, DataError> && std::is_base_of_v<Error, NumericError> &&
                std::is_base_of_v<Error, IoError> && std::is_base_of_v<std::runtime_error, Error>);
}

TEST_CASE("error: the message is kept as it is and the class survives a catch by reference") {
  try {
    throw IoError("a.bin: cannot open");
  } catch (const Error& error) {
    CHECK(std::string(error.what()) == "a.bin: cannot open");
    CHECK(error.exit_code() == ExitCode::input_output);
  }
  check_throws_with<NumericError>("train: loss is nan", [] { throw NumericError("train: loss is nan"); });
}

TEST_CASE("concat: joins text, characters and numbers in their shortest form") {
  CHECK(concat("a", 'b', std::string("c"), std::string_view("d")) == "abcd");
  CHECK(concat(60000, " images of ", 28, 'x', 28) == "60000 images of 28x28");
  CHECK(concat(0.1, ' ', 0.1f, ' ', 2.0) == "0.1 0.1 2");
  CHECK(concat(123456789.0, ' ', 1e-9) == "1.234568e+08 1e-09");
  CHECK(concat(-0.5, ' ', 3.2e8) == "-0.5 3.2e+08");
}

TEST_CASE("concat: numbers do not depend on the global locale") {
  const std::locale previous = std::locale::global(std::locale(std::locale::classic(), new European));
  const std::string text = concat(60000, ' ', 0.5);
  std::locale::global(previous);
  CHECK(text == "60000 0.5");
}
