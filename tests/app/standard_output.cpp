// SPDX-License-Identifier: MIT
#include "vaekit/app/standard_output.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <string>

#include "io/temporary_folder.hpp"
#include "vaekit/io/file.hpp"

using namespace vaekit;

TEST_CASE("standard output: all that is printed arrives") {
  const TemporaryFolder folder("standard-output");
  const int file = ::open((folder / "out").c_str(), O_WRONLY | O_CREAT, 0666);
  REQUIRE(file >= 0);
  std::ostringstream stream;
  std::ostringstream err;
  std::string expected;
  {
    StandardOutput output(stream, file);
    for (int i = 0; i < 5000; ++i) {
      stream << i << '\n';
      expected += std::to_string(i) + '\n';
    }
    CHECK(output.finish(ExitCode::done, err) == ExitCode::done);
    CHECK(read_text_file(folder / "out") == expected);
    CHECK(output.finish(ExitCode::numeric, err) == ExitCode::numeric);
    stream << "later";
  }
  ::close(file);
  CHECK(read_text_file(folder / "out") == expected + "later");
  CHECK(err.str().empty());
  stream << "own";
  CHECK(stream.str() == "own");
}

TEST_CASE("standard output: what cannot be written is an error, once, unless the program failed before") {
  const int closed = ::open("/dev/null", O_RDONLY);
  REQUIRE(closed >= 0);
  std::ostringstream stream;
  std::ostringstream err;
  {
    StandardOutput output(stream, closed);
    CHECK(output.finish(ExitCode::done, err) == ExitCode::done);  // nothing was said
    stream << "results" << std::endl;
    stream << "more" << std::endl;
    CHECK(output.finish(ExitCode::configuration, err) == ExitCode::configuration);
    CHECK(err.str().empty());
    CHECK(output.finish(ExitCode::faults_found, err) == ExitCode::input_output);
    err.str("");
    CHECK(output.finish(ExitCode::done, err) == ExitCode::input_output);
  }
  ::close(closed);
  CHECK(err.str() == "stdout: cannot write: " + std::generic_category().message(EBADF) + '\n');
}

TEST_CASE("standard output: the three descriptors stay as they are where they are open") {
  occupy_standard_descriptors();
  const int next = ::open("/dev/null", O_RDONLY);
  CHECK(next > STDERR_FILENO);
  ::close(next);
}
