// SPDX-License-Identifier: MIT
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "vaekit/core/error.hpp"
#include "vaekit/data/bytes.hpp"
#include "vaekit/io/gzip.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

/// "<path>: cannot <what>: <text of errno>".
[[nodiscard]] inline IoError io_error(const std::filesystem::path& path, std::string_view what,
                                      int error = errno) {
  return IoError(concat(path.empty() ? "\"\"" : path.string(), ": cannot ", what, ": ",
                        std::generic_category().message(error)));
}

/// Repeats a system call that a signal interrupted.
template <class Call>
[[nodiscard]] auto uninterrupted(Call&& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) {
    result = call();
  }
  return result;
}

/// An open file; closed with the object. Messages call it `name`.
class File {
 public:
  /// Throws IoError "<name>: cannot <purpose>: ...".
  File(const std::filesystem::path& path, int flags, std::string_view purpose, std::filesystem::path name)
      : name_(std::move(name)),
        descriptor_(uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0666); })) {
    if (descriptor_ < 0) {
      throw io_error(name_, purpose);
    }
  }
  ~File() {
    if (descriptor_ >= 0) {
      ::close(descriptor_);
    }
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  [[nodiscard]] Bytes read_all() const {
    struct stat status {};
    const bool known = ::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode);
    // One byte more than the size, so that the end is seen without growing.
    Bytes bytes(known ? static_cast<std::size_t>(status.st_size) + 1 : 65536);
    std::size_t size = 0;
    while (true) {
      const auto count =
          uninterrupted([&] { return ::read(descriptor_, bytes.data() + size, bytes.size() - size); });
      if (count < 0) {
        throw io_error(name_, "read");
      }
      if (count == 0) {
        break;
      }
      size += static_cast<std::size_t>(count);
      if (size == bytes.size()) {
        bytes.resize(2 * size);
      }
    }
    bytes.resize(size);
    return bytes;
  }

  void write_all(ByteView bytes) const {
    while (!bytes.empty()) {
      const auto count = uninterrupted([&] { return ::write(descriptor_, bytes.data(), bytes.size()); });
      if (count < 0) {
        throw io_error(name_, "write");
      }
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
  }

  void sync() const {
    // Some file systems cannot sync a folder and say EINVAL.
    if (uninterrupted([&] { return ::fsync(descriptor_); }) != 0 && errno != EINVAL) {
      throw io_error(name_, "write");
    }
  }

  /// Closes the file now, to see the errors that a network file system reports only then.
  void close() {
    if (::close(std::exchange(descriptor_, -1)) != 0 && errno != EINTR) {
      throw io_error(name_, "write");
    }
  }

 private:
  std::filesystem::path name_;
  int descriptor_;
};

/// A new file beside `target`, removed again unless it takes the target's place.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& target) : target_(target) {
    static std::atomic<unsigned> counter = 0;
    path_ = target;
    path_ += concat('.', ::getpid(), '-', counter++, ".tmp");
  }
  ~TemporaryFile() {
    if (!path_.empty()) {
      ::unlink(path_.c_str());
    }
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  void replace_target() {
    if (::rename(path_.c_str(), target_.c_str()) != 0) {
      throw io_error(target_, "write");
    }
    path_.clear();
  }

 private:
  std::filesystem::path target_;
  std::filesystem::path path_;
};

}  // namespace detail

/// The bytes of a file as they are, compressed or not.
///
/// Throws IoError "<path>: cannot open: No such file or directory" and the like.
[[nodiscard]] inline Bytes read_raw_file(const std::filesystem::path& path) {
  return detail::File(path, O_RDONLY, "open", path).read_all();
}

/// The bytes of a file, decompressed if it is gzipped, whatever it is called.
///
/// Throws IoError as `read_raw_file` does, DataError "<file name>: ..." for broken gzip data.
[[nodiscard]] inline Bytes read_file(const std::filesystem::path& path) {
  Bytes bytes = read_raw_file(path);
  return is_gzip(bytes) ? gunzip(bytes, path.filename().string()) : bytes;
}

/// The text of a file, decompressed if it is gzipped. Throws as `read_file` does.
[[nodiscard]] inline std::string read_text_file(const std::filesystem::path& path) {
  return std::string(text_of(read_file(path)));
}

/// Writes a file so that at any moment, also when the process is killed or the power fails, `path` holds the
/// old content or the new one.
///
/// The bytes go to `<path>.<process>-<number>.tmp`, are synced, and take the place of `path`; the temporary
/// file is removed on failure. A link stays a link; a device or pipe is written directly.
/// Throws   IoError "<path>: cannot write: No space left on device" and the like
/// Threads  safe to call concurrently; of two writers of one path, the last one wins
inline void write_file_atomically(const std::filesystem::path& path, ByteView bytes) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    detail::File file(path, O_WRONLY, "write", path);
    file.write_all(bytes);
    file.close();
    return;
  }
  const fs::path target = fs::is_symlink(fs::symlink_status(path, error)) && fs::exists(status)
                              ? fs::canonical(path, error)
                              : path;
  detail::TemporaryFile temporary(target);
  detail::File file(temporary.path(), O_WRONLY | O_CREAT | O_TRUNC, "write", path);
  file.write_all(bytes);
  file.sync();
  file.close();
  temporary.replace_target();
  const fs::path folder = target.parent_path();
  detail::File(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY, "write", path).sync();
}

/// Writes a text as `write_file_atomically` writes bytes.
inline void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  write_file_atomically(path, bytes_of(text));
}

}  // namespace vaekit::inline VAEKIT_ABI
