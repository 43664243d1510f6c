// SPDX-License-Identifier: MIT
#include "vaekit/app/console.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <sstream>
#include <string>

using namespace vaekit;

namespace {

struct State {
  Progress progress;
};

struct Report {
  EpochMetrics train;
  std::optional<EpochMetrics> validation;
  std::optional<EpochMetrics> test;
};

const EpochMetrics metrics{{.loss = 12.5, .elbo = -12.25, .reconstruction = -10, .kl = 2.25}, 1234.4, 67};

}  // namespace

TEST_CASE("console: numbers and times") {
  CHECK(fixed(-1.23456, 3) == "-1.235");
  CHECK(fixed(2, 0) == "2");
  CHECK(clock_time(0) == "0:00");
  CHECK(clock_time(-3) == "0:00");
  CHECK(clock_time(187.4) == "3:07");
  CHECK(clock_time(3599.6) == "1:00:00");
  CHECK(clock_time(3723) == "1:02:03");
}

TEST_CASE("console: the environment line names version, instruction set, threads and precision") {
  const std::string off = has_openmp ? "" : ", OpenMP off";
  const std::string start = concat("vaekit ", version, ", ", instruction_set, ", ");
  CHECK(environment_line(1, "float32") == start + "1 thread, float32" + off);
  CHECK(environment_line(2, "float64") == start + "2 threads, float64" + off);
}

TEST_CASE("console: without a terminal progress is a plain line an epoch") {
  std::ostringstream out;
  ConsoleProgress progress(out, false, 5);
  State state;
  progress.begin(state);
  state.progress.batch = 1;
  progress.step(state, ObjectiveValue{}, 10);
  CHECK(out.str().empty());
  state.progress.epoch = 3;
  CHECK(progress.epoch(state, Report{metrics, metrics, metrics}) == Control::go_on);
  CHECK(out.str() ==
        "epoch 3/5: train loss 12.500, elbo -12.250 (reconstruction -10.000, kl 2.250), validation elbo "
        "-12.250, "
        "test elbo -12.250, 1234 samples/s, 1:07\n");
  out.str("");
  progress.epoch(state, Report{metrics, {}, {}});
  CHECK(out.str() ==
        "epoch 3/5: train loss 12.500, elbo -12.250 (reconstruction -10.000, kl 2.250), 1234 samples/s, "
        "1:07\n");
}

TEST_CASE("console: on a terminal progress is a bar that is drawn over") {
  std::ostringstream out;
  ConsoleProgress progress(out, true, 5);
  State state;
  progress.begin(state);
  state.progress.epoch = 1;
  state.progress.batch = 5;
  state.progress.step = 15;
  state.progress.sums.add({.loss = 3, .elbo = -3, .reconstruction = -2, .kl = 1}, 50);
  progress.step(state, ObjectiveValue{}, 10);
  CHECK(out.str().starts_with("\repoch 2/5 [############............] loss 3.000, "));
  CHECK(out.str().find(" samples/s, 0:00 left") != std::string::npos);
  const std::string drawn = out.str();
  progress.step(state, ObjectiveValue{}, 10);
  CHECK(out.str() == drawn);
  progress.epoch(state, Report{metrics, {}, {}});
  CHECK(out.str().substr(drawn.size()).starts_with("\r\033[Kepoch 1/5: "));
}

TEST_CASE("console: percentages are drawn once each, and nowhere but on a terminal") {
  std::ostringstream out;
  PercentProgress progress(out, true, "sampling", 200);
  for (Index done = 1; done <= 200; ++done) {
    progress.update(done);
  }
  const std::string text = out.str();
  CHECK(text.starts_with("\rsampling: 0 %\rsampling: 1 %\rsampling: 2 %"));
  CHECK(text.ends_with("\rsampling: 100 %\r\033[K"));
  std::ostringstream silent;
  PercentProgress(silent, false, "sampling", 2).update(1);
  CHECK(silent.str().empty());
}
