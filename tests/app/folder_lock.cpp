// SPDX-License-Identifier: MIT
#include "vaekit/app/folder_lock.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>

#include "io/temporary_folder.hpp"
#include "support/throws_with.hpp"
#include "vaekit/app/child_process.hpp"

using namespace vaekit;

TEST_CASE("folder lock: one holder at a time, children hold it too") {
  const TemporaryFolder folder("lock");
  const std::filesystem::path locked = folder / "locked";
  std::filesystem::create_directory(locked);
  const auto refused = [&] {
    check_throws_with<IoError>(locked.string() + ": is in use by another process, must be free",
                               [&] { const FolderLock second(locked, std::chrono::milliseconds(0)); });
  };
  pid_t child = 0;
  {
    const FolderLock lock(locked);
    refused();
    child = start_process("/bin/sh", {"-c", "exec sleep 100"}, folder / "log");
  }
  refused();
  ::kill(child, SIGKILL);
  CHECK(wait_for_process([] {}).exit_code == 128 + SIGKILL);
  CHECK_NOTHROW(FolderLock{locked});
  CHECK(std::filesystem::is_empty(locked));
  check_throws_with<IoError>((folder / "none").string() + ": cannot open: No such file or directory",
                             [&] { const FolderLock none(folder / "none"); });
}

TEST_CASE("folder lock: waits for a holder that is about to end") {
  const TemporaryFolder folder("lock-wait");
  const std::filesystem::path locked = folder / "locked";
  std::filesystem::create_directory(locked);
  {
    const FolderLock lock(locked);
    static_cast<void>(start_process("/bin/sh", {"-c", "exec sleep 0.3"}, folder / "log"));
  }
  CHECK_NOTHROW(FolderLock{locked});
  CHECK(wait_for_process([] {}).exit_code == 0);
}
