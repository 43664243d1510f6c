// SPDX-License-Identifier: MIT
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "vaekit/core/error.hpp"

#if defined(__linux__)
#include <sys/prctl.h>
#endif

extern char** environ;  // POSIX leaves it to programs to declare

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

/// The child's side of `start_process`, between fork and exec: async-signal-safe calls only.
[[noreturn]] inline void become(const char* program, char* const* arguments, char* const* environment,
                                int log, pid_t parent) {
#if defined(__linux__)
  // A parent that is killed takes its children along; it may be gone already.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent) {
    ::_exit(127);
  }
#else
  static_cast<void>(parent);
#endif
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (nothing >= 0 && ::dup2(nothing, STDIN_FILENO) >= 0 && ::dup2(log, STDOUT_FILENO) >= 0 &&
      ::dup2(log, STDERR_FILENO) >= 0) {
    ::execve(program, arguments, environment);
  }
  ::_exit(127);
}

/// Null after the last, as exec wants them.
[[nodiscard]] inline std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) {
    pointers.push_back(text.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace detail

/// Environment variables `NAME=value` for processes that share the cores with one another: their OpenMP
/// threads give the core away soon after they come to a barrier, where otherwise they would turn in a loop
/// for milliseconds. None where the user has chosen how to wait.
///
/// Source  libgomp manual, GOMP_SPINCOUNT; LLVM OpenMP runtime, KMP_BLOCKTIME (in milliseconds)
[[nodiscard]] inline std::vector<std::string> neighbourly_environment() {
  for (const char* chosen : {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"}) {
    if (std::getenv(chosen) != nullptr) {
      return {};
    }
  }
  return {"GOMP_SPINCOUNT=10000", "KMP_BLOCKTIME=1"};
}

/// Starts `program` with `arguments`, in the environment of this process and `added` variables (`NAME=value`)
/// that it does not have; its output is added to the file `log`. On Linux it is killed when this process
/// ends.
///
/// Throws   IoError when the log cannot be opened or the process not be made
/// Threads  to be called while this process has one thread
[[nodiscard]] inline pid_t start_process(const std::filesystem::path& program,
                                         const std::vector<std::string>& arguments,
                                         const std::filesystem::path& log,
                                         std::vector<std::string> added = {}) {
  std::vector<std::string> owned{program.string()};
  owned.insert(owned.end(), arguments.begin(), arguments.end());
  const std::vector<char*> pointers = detail::pointers_to(owned);
  std::vector<char*> variables = detail::pointers_to(added);
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    variables.insert(variables.end() - 1, *variable);
  }
  const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (output < 0) {
    throw IoError(concat(log.string(), ": cannot write: ", std::generic_category().message(errno)));
  }
  const pid_t parent = ::getpid();
  // Until the child is another program, this one's handlers would swallow a signal that is meant for it.
  sigset_t stopping;
  sigset_t before;
  sigemptyset(&stopping);
  sigaddset(&stopping, SIGINT);
  sigaddset(&stopping, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &stopping, &before);
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGINT, SIG_DFL);
    ::signal(SIGTERM, SIG_DFL);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    detail::become(program.c_str(), pointers.data(), variables.data(), output, parent);
  }
  const int error = errno;
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  ::close(output);
  if (child < 0) {
    throw IoError(concat(program.string(), ": cannot start: ", std::generic_category().message(error)));
  }
  return child;
}

/// How a child process ended.
struct ProcessEnd {
  pid_t process = 0;
  int exit_code = 0;  ///< 128 + the signal's number when a signal ended it, as a shell says
};

/// Waits for the end of any child. `interrupted()` is called now and then: a signal just before a wait would
/// not break it.
///
/// Throws IoError when there is no child
template <class Interrupted>
[[nodiscard]] ProcessEnd wait_for_process(Interrupted&& interrupted) {
  int status = 0;
  while (true) {
    const pid_t process = ::waitpid(-1, &status, WNOHANG);
    if (process > 0) {
      return {process, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status)};
    }
    if (process < 0 && errno != EINTR) {
      throw IoError(concat("a child process: cannot wait: ", std::generic_category().message(errno)));
    }
    interrupted();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

/// The file of the running program; `argv0` where the system does not tell.
[[nodiscard]] inline std::filesystem::path program_path(const char* argv0) {
  std::error_code error;
  const std::filesystem::path link = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::filesystem::path(argv0) : link;
}

}  // namespace vaekit::inline VAEKIT_ABI
