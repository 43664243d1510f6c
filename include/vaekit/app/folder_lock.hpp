// SPDX-License-Identifier: MIT
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <thread>

#include "vaekit/core/error.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// A lock on a folder that this process and the children it starts hold together, until the last has ended: a
/// sweep that is killed leaves its study locked while its runs still write. It leaves no file behind. File
/// systems without such locks give none.
class FolderLock {
 public:
  /// Waits for `patience` before it gives up: a process that was killed takes a moment to end.
  ///
  /// Throws IoError "<folder>: is in use by another process, must be free" or that it cannot be opened
  explicit FolderLock(const std::filesystem::path& folder,
                      std::chrono::milliseconds patience = std::chrono::seconds(2))
      : descriptor_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY)) {  // children inherit it
    if (descriptor_ < 0) {
      throw IoError(concat(folder.string(), ": cannot open: ", std::generic_category().message(errno)));
    }
    const auto end = std::chrono::steady_clock::now() + patience;
    while (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      if (std::chrono::steady_clock::now() >= end) {
        ::close(descriptor_);
        throw IoError(concat(folder.string(), ": is in use by another process, must be free"));
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  ~FolderLock() { ::close(descriptor_); }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace vaekit::inline VAEKIT_ABI
