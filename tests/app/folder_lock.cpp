// SPDX-License-Identifier: MIT
#include "vaekit/app/folder_lock.hpp"

#include <doctest/doctest.h>

#include <csignal>

#include "io/temporary_folder.hpp"
#include "support/throws_with.hpp"
#include "vaekit/app/child_process.hpp"

using namespace vaekit;

TEST_CASE("folder lock: one holder at a time, children hold it too") {
  const TemporaryFolder folder("lock");
  const std::string parent = (folder / "lock").parent_path().string();
  pid_t child = 0;
  {
    const FolderLock lock(folder / "lock");
    check_throws_with<IoError>(parent + ": is in use by another process, must be free",
                               [&] { const FolderLock second(folder / "lock"); });
    child = start_process("/bin/sh", {"-c", "exec sleep 100"}, folder / "log");
  }
  check_throws_with<IoError>(parent + ": is in use by another process, must be free",
                             [&] { const FolderLock second(folder / "lock"); });
  ::kill(child, SIGKILL);
  CHECK(wait_for_process([] {}).exit_code == 128 + SIGKILL);
  CHECK_NOTHROW(FolderLock(folder / "lock"));
}
