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

/// A lock on a file that this process and the children it starts hold together, until the last has ended.
/// File systems without locks give none.
class FolderLock {
 public:
  /// Throws IoError "<folder>: is in use by another process, must be free" or that the file cannot be written
  explicit FolderLock(const std::filesystem::path& file)
      : descriptor_(::open(file.c_str(), O_RDWR | O_CREAT, 0666)) {  // children inherit it
    if (descriptor_ < 0) {
      throw IoError(concat(file.string(), ": cannot write: ", std::generic_category().message(errno)));
    }
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno != ENOSYS && errno != ENOTSUP) {
      const int error = errno;
      ::close(descriptor_);
      throw IoError(error == EWOULDBLOCK
                        ? concat(file.parent_path().string(), ": is in use by another process, must be free")
                        : concat(file.string(), ": cannot lock: ", std::generic_category().message(error)));
    }
  }
  ~FolderLock() { ::close(descriptor_); }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace vaekit::inline VAEKIT_ABI
