// SPDX-License-Identifier: MIT
#include "vaekit/app/child_process.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <cstdlib>

#include "io/temporary_folder.hpp"
#include "support/throws_with.hpp"
#include "vaekit/io/file.hpp"

using namespace vaekit;

namespace {

ProcessEnd end_of(const std::string& script, const std::filesystem::path& log) {
  const pid_t child = start_process("/bin/sh", {"-c", script}, log);
  const ProcessEnd end = wait_for_process([] {});
  CHECK(end.process == child);
  return end;
}

}  // namespace

TEST_CASE("child process: its output is added to the log, its exit code comes back") {
  const TemporaryFolder folder("child");
  CHECK(end_of("echo one; echo two >&2; exit 5", folder / "log").exit_code == 5);
  CHECK(end_of("echo three; cat", folder / "log").exit_code == 0);
  CHECK(read_text_file(folder / "log") == "one\ntwo\nthree\n");
  CHECK(end_of("kill -9 $$", folder / "log").exit_code == 128 + SIGKILL);
}

TEST_CASE("child process: it can be stopped whatever this process does with the signals") {
  const TemporaryFolder folder("child-signals");
  const auto before = std::signal(SIGTERM, [](int) {});
  CHECK(end_of("kill -TERM $$; exit 3", folder / "log").exit_code == 128 + SIGTERM);
  std::signal(SIGTERM, SIG_IGN);
  CHECK(end_of("kill -TERM $$; exit 3", folder / "log").exit_code == 128 + SIGTERM);
  std::signal(SIGTERM, before);
  sigset_t mask;
  sigemptyset(&mask);
  ::sigprocmask(SIG_BLOCK, nullptr, &mask);
  CHECK(sigismember(&mask, SIGTERM) == 0);  // as before the start
}

TEST_CASE("child process: has the environment of this process and what is added") {
  const TemporaryFolder folder("child-environment");
  ::setenv("VAEKIT_TEST_VARIABLE", "mine", 1);
  static_cast<void>(
      start_process("/bin/sh", {"-c", "echo $VAEKIT_TEST_VARIABLE $ADDED"}, folder / "log", {"ADDED=a b"}));
  CHECK(wait_for_process([] {}).exit_code == 0);
  ::unsetenv("VAEKIT_TEST_VARIABLE");
  CHECK(read_text_file(folder / "log") == "mine a b\n");
}

TEST_CASE("child process: OpenMP is told to wait without a loop, unless the user says how to wait") {
  for (const char* name : {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"}) {
    ::unsetenv(name);
  }
  CHECK(neighbourly_environment() == std::vector<std::string>{"GOMP_SPINCOUNT=10000", "KMP_BLOCKTIME=1"});
  for (const char* name : {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"}) {
    ::setenv(name, "7", 1);
    CHECK(neighbourly_environment().empty());
    ::unsetenv(name);
  }
}

TEST_CASE("child process: what cannot be started") {
  const TemporaryFolder folder("child-bad");
  static_cast<void>(start_process(folder / "missing", {}, folder / "log"));
  CHECK(wait_for_process([] {}).exit_code == 127);
  check_throws_with<IoError>((folder / "none/log").string() + ": cannot write: No such file or directory",
                             [&] { static_cast<void>(start_process("/bin/sh", {}, folder / "none/log")); });
  check_throws_with<IoError>("a child process: cannot wait: No child processes",
                             [] { static_cast<void>(wait_for_process([] {})); });
}

TEST_CASE("program path: this test") { CHECK(std::filesystem::exists(program_path("/bin/sh"))); }
