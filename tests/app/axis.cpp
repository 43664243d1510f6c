// SPDX-License-Identifier: MIT
#include "vaekit/app/axis.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

using namespace vaekit;

namespace {

using Numbers = std::vector<double>;
using Labels = std::vector<std::string>;
constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("axis: ends are extended to ticks at multiples of 1, 2 or 5") {
  const Axis elbo = round_axis(-291.4, -243.2);
  CHECK(elbo.ticks == Numbers{-300, -290, -280, -270, -260, -250, -240});
  CHECK(elbo.labels.front() == "\u2212300");
  CHECK(elbo.low == -300);
  CHECK(elbo.high == -240);
  CHECK(round_axis(0, 9).ticks == Numbers{0, 2, 4, 6, 8, 10});
  CHECK(round_axis(0, 18).ticks == Numbers{0, 5, 10, 15, 20});
  CHECK(round_axis(-3, 4).ticks == Numbers{-4, -2, 0, 2, 4});
}

TEST_CASE("axis: ticks are the doubles nearest to their decimals and have equally many of them") {
  const Axis axis = round_axis(0.0, 0.3, {.intervals = 3});
  CHECK(axis.ticks == Numbers{0.0, 0.1, 0.2, 0.3});
  CHECK(axis.labels == Labels{"0.0", "0.1", "0.2", "0.3"});
  CHECK(round_axis(0.97, 1.02).labels == Labels{"0.97", "0.98", "0.99", "1.00", "1.01", "1.02"});
  CHECK(round_axis(0, 4e4).labels == Labels{"0", "10,000", "20,000", "30,000", "40,000"});
}

TEST_CASE("axis: very large and very small numbers are scientific") {
  CHECK(round_axis(0, 2e9).labels == Labels{"0", "5.0e+08", "1.0e+09", "1.5e+09", "2.0e+09"});
  CHECK(round_axis(0, 1e-7, {.intervals = 2}).labels == Labels{"0", "5.0e\u221208", "1.0e\u221207"});
}

TEST_CASE("axis: data's ends are kept when asked, ticks are whole numbers") {
  const Axis epochs = round_axis(1, 10, {.intervals = 10, .extend_to_tick = false, .smallest_step = 1});
  CHECK(epochs.ticks == Numbers{1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  CHECK(epochs.low == 1);
  CHECK(epochs.high == 10);
  CHECK(epochs.place(1) == 0.0);
  CHECK(epochs.place(5.5) == 0.5);
  const Axis two = round_axis(1, 2, {.intervals = 10, .extend_to_tick = false, .smallest_step = 1});
  CHECK(two.ticks == Numbers{1, 2});
  const Axis many = round_axis(1, 100, {.intervals = 10, .extend_to_tick = false, .smallest_step = 1});
  CHECK(many.ticks == Numbers{10, 20, 30, 40, 50, 60, 70, 80, 90, 100});
  CHECK(many.low == 1);
}

TEST_CASE("axis: equal ends are moved apart") {
  const Axis axis = round_axis(3, 3);
  CHECK(axis.low == 2.6);
  CHECK(axis.high == 3.4);
  CHECK(round_axis(0, 0).ticks == Numbers{-1, -0.5, 0, 0.5, 1});
  CHECK(round_axis(1, 1, {.intervals = 10, .extend_to_tick = false, .smallest_step = 1}).ticks ==
        Numbers{0, 1, 2});
  const Axis close = round_axis(1, std::nextafter(1, 2));
  CHECK(close.low < 1);
  CHECK(close.high > 1);
}

TEST_CASE("axis: ends in reverse, not finite, tiny and huge are all drawn") {
  CHECK(round_axis(9, 0).ticks == round_axis(0, 9).ticks);
  CHECK(round_axis(infinity, -infinity).ticks == round_axis(0, 1).ticks);
  CHECK(round_axis(std::nan(""), 5).ticks == round_axis(0, 1).ticks);
  for (const double size : {std::numeric_limits<double>::max(), 1e300, 1e9, 1e-200, 1e-290, 5e-324}) {
    const Axis axis = round_axis(-size, size);
    CAPTURE(size);
    CHECK(std::isfinite(axis.high - axis.low));
    CHECK(axis.low < axis.high);
    CHECK(axis.ticks.size() >= 3);
    CHECK(axis.ticks.size() <= 7);
    CHECK(axis.labels.size() == axis.ticks.size());
  }
}
