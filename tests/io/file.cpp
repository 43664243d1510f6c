// SPDX-License-Identifier: MIT
#include "vaekit/io/file.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <string>

#include "io/make_gzip.hpp"
#include "io/temporary_folder.hpp"
#include "support/throws_with.hpp"

using vaekit::Bytes;
namespace fs = std::filesystem;

namespace {

void check_not_written(const fs::path& path, const std::string& reason) {
  check_throws_with<vaekit::IoError>(path.string() + ": cannot write: " + reason,
                                     [&] { vaekit::write_file_atomically(path, std::string(100000, 'x')); });
}

/// Files of this process cannot grow beyond `bytes` while it lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{bytes, old_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit old_{};
  void (*handler_)(int);
};

}  // namespace

TEST_CASE("file: what is written is read back, and nothing else stays in the folder") {
  const TemporaryFolder folder("file");
  for (const std::size_t size : {0U, 1U, 200000U}) {
    const Bytes bytes(size, 7);
    vaekit::write_file_atomically(folder / "a.bin", bytes);
    CHECK(vaekit::read_raw_file(folder / "a.bin") == bytes);
    CHECK(vaekit::read_file(folder / "a.bin") == bytes);
    CHECK(folder.files() == 1);
  }
  vaekit::write_file_atomically(folder / "a.txt", "text\n");
  CHECK(vaekit::read_text_file(folder / "a.txt") == "text\n");
}

TEST_CASE("file: gzipped files are decompressed whatever they are called") {
  const TemporaryFolder folder("gzip");
  const Bytes data{1, 2, 3};
  Bytes packed = make_gzip(data);
  vaekit::write_file_atomically(folder / "a.bin", packed);
  CHECK(vaekit::read_file(folder / "a.bin") == data);
  CHECK(vaekit::read_raw_file(folder / "a.bin") == packed);
  packed.resize(packed.size() - 1);
  vaekit::write_file_atomically(folder / "a.bin", packed);
  check_throws_with<vaekit::DataError>(
      "a.bin: truncated gzip stream: ends after " + std::to_string(packed.size()) + " bytes, must go on",
      [&] { static_cast<void>(vaekit::read_file(folder / "a.bin")); });
}

TEST_CASE("file: files that cannot be read are refused with their path and the reason") {
  const TemporaryFolder folder("read");
  const auto check_not_read = [](const fs::path& path, const std::string& message) {
    check_throws_with<vaekit::IoError>(message, [&] { static_cast<void>(vaekit::read_file(path)); });
  };
  check_not_read(folder / "no.npy",
                 (folder / "no.npy").string() + ": cannot open: No such file or directory");
  check_not_read(folder / "", (folder / "").string() + ": cannot read: Is a directory");
  check_not_read("", "\"\": cannot open: No such file or directory");
}

TEST_CASE("file: a file that cannot be written is refused with its path and the reason") {
  const TemporaryFolder folder("write");
  vaekit::write_file_atomically(folder / "plain", "text");
  check_not_written(folder / "plain" / "below", "Not a directory");
  check_not_written(folder / "missing" / "a", "No such file or directory");
  fs::create_directory(folder / "folder");
  check_not_written(folder / "folder", "Is a directory");
  check_not_written(folder / std::string(300, 'x'), "File name too long");
  CHECK(folder.files() == 2);
}

TEST_CASE("file: a write that fails half-way leaves the old file and no temporary one") {
  const TemporaryFolder folder("half");
  vaekit::write_file_atomically(folder / "a", "old");
  {
    const FileSizeLimit limit(4096);
    check_not_written(folder / "a", "File too large");
    check_not_written(folder / "b", "File too large");
  }
  CHECK(vaekit::read_text_file(folder / "a") == "old");
  CHECK(folder.files() == 1);
}

TEST_CASE("file: a link stays a link") {
  const TemporaryFolder folder("link");
  vaekit::write_file_atomically(folder / "target", "old");
  fs::create_symlink("target", folder / "link");
  vaekit::write_file_atomically(folder / "link", "new");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(vaekit::read_text_file(folder / "target") == "new");
}

TEST_CASE("file: a pipe or device is written directly, a full one is reported") {
  const TemporaryFolder folder("pipe");
  const fs::path path = folder / "pipe";
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  vaekit::write_file_atomically(path, "text");
  std::array<char, 8> text{};
  CHECK(::read(reader, text.data(), text.size()) == 4);
  CHECK(std::string(text.data()) == "text");
  ::close(reader);
  REQUIRE(fs::is_fifo(path));  // else the next line might replace a device of this machine
  if (fs::exists("/dev/full")) {
    check_not_written("/dev/full", "No space left on device");
  }
}
