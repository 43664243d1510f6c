// SPDX-License-Identifier: MIT
#pragma once

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>

#include "vaekit/core/parallel.hpp"
#include "vaekit/train/trainer.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// `value` with a fixed number of digits after the point.
[[nodiscard]] inline std::string fixed(double value, int digits) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(digits) << value;
  return out.str();
}

/// "3:07" or "1:02:03".
[[nodiscard]] inline std::string clock_time(double seconds) {
  const auto total = static_cast<long>(std::llround(std::max(seconds, 0.0)));
  std::ostringstream out;
  out << std::setfill('0');
  if (total >= 3600) {
    out << total / 3600 << ':' << std::setw(2);
  }
  out << total / 60 % 60 << ':' << std::setw(2) << total % 60;
  return out.str();
}

/// One line on what the program runs on: "vaekit 0.1.0, avx2_fma, 2 threads, float32".
[[nodiscard]] inline std::string environment_line(int threads, std::string_view precision) {
  return concat("vaekit ", version, ", ", instruction_set, ", ", threads,
                threads == 1 ? " thread, " : " threads, ", precision, has_openmp ? "" : ", OpenMP off");
}

/// Progress of training on a stream: a bar that is redrawn when the stream is a terminal, else a plain line
/// an epoch. A callback of `Trainer`.
class ConsoleProgress {
 public:
  ConsoleProgress(std::ostream& out, bool terminal, Index epochs)
      : out_(out), terminal_(terminal), epochs_(epochs) {}

  template <class State>
  void begin(const State& state) {
    start_ = Clock::now();
    first_step_ = state.progress.step;
  }

  template <class State>
  void step(const State& state, const ObjectiveValue&, Index batches) {
    if (!terminal_ || Clock::now() - drawn_ < std::chrono::milliseconds(100)) {
      return;
    }
    drawn_ = Clock::now();
    constexpr int width = 24;
    const Progress& p = state.progress;
    const double done = static_cast<double>(p.batch) / static_cast<double>(batches);
    const auto filled = static_cast<std::size_t>(done * width);
    const double steps_left = static_cast<double>(epochs_) * static_cast<double>(batches) -
                              static_cast<double>(p.epoch) * static_cast<double>(batches) -
                              static_cast<double>(p.batch);
    const double elapsed = std::chrono::duration<double>(Clock::now() - start_).count();
    const double per_step = elapsed / static_cast<double>(std::max<std::uint64_t>(p.step - first_step_, 1));
    out_ << "\repoch " << p.epoch + 1 << '/' << epochs_ << " [" << std::string(filled, '#')
         << std::string(static_cast<std::size_t>(width) - filled, '.') << "] loss "
         << fixed(p.sums.mean().loss, 3) << ", "
         << fixed(p.sums.samples / static_cast<double>(p.batch) / per_step, 0) << " samples/s, "
         << clock_time(steps_left * per_step) << " left   " << std::flush;
  }

  template <class State, class EpochReport>
  Control epoch(const State& state, const EpochReport& report) {
    out_ << (terminal_ ? "\r\033[K" : "") << "epoch " << state.progress.epoch << '/' << epochs_ << ": train "
         << describe(report.train);
    if (report.validation) {
      out_ << ", validation elbo " << fixed(report.validation->value.elbo, 3);
    }
    if (report.test) {
      out_ << ", test elbo " << fixed(report.test->value.elbo, 3);
    }
    out_ << ", " << fixed(report.train.samples_per_second, 0) << " samples/s, "
         << clock_time(report.train.seconds) << std::endl;
    return Control::go_on;
  }

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] static std::string describe(const EpochMetrics& m) {
    return concat("loss ", fixed(m.value.loss, 3), ", elbo ", fixed(m.value.elbo, 3), " (reconstruction ",
                  fixed(m.value.reconstruction, 3), ", kl ", fixed(m.value.kl, 3), ')');
  }

  std::ostream& out_;
  bool terminal_;
  Index epochs_;
  Clock::time_point start_{};
  Clock::time_point drawn_{};
  std::uint64_t first_step_ = 0;
};

/// "importance sampling: 40 %" on a terminal; silent elsewhere.
class PercentProgress {
 public:
  PercentProgress(std::ostream& out, bool terminal, std::string what, Index count)
      : out_(out), terminal_(terminal), what_(std::move(what)), count_(count) {}

  void update(Index done) {
    const Index percent = 100 * done / count_;
    if (!terminal_ || percent == percent_) {
      return;
    }
    percent_ = percent;
    out_ << '\r' << what_ << ": " << percent << " %" << (done == count_ ? "\r\033[K" : "") << std::flush;
  }

 private:
  std::ostream& out_;
  bool terminal_;
  std::string what_;
  Index count_;
  Index percent_ = -1;
};

/// True when standard error goes to a terminal.
[[nodiscard]] inline bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

}  // namespace vaekit::inline VAEKIT_ABI
