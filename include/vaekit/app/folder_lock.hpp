// SPDX-License-Identifier: MIT
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "vaekit/core/error.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// A lock on a folder that this process and the children it starts hold together, until the last has ended.
/// It leaves no file behind. File systems without such locks give none.
class FolderLock {
 public:
  /// Throws IoError "<folder>: is in use by another process, must be free" or that it cannot be opened
  explicit FolderLock(const std::filesystem::path& folder)
      : descriptor_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY)) {  // children inherit it
    if (descriptor_ < 0) {
      throw IoError(concat(folder.string(), ": cannot open: ", std::generic_category().message(errno)));
    }
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      ::close(descriptor_);
      throw IoError(concat(folder.string(), ": is in use by another process, must be free"));
    }
  }
  ~FolderLock() { ::close(descriptor_); }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace vaekit::inline VAEKIT_ABI
