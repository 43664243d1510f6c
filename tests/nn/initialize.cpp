// SPDX-License-Identifier: MIT
#include "vaekit/nn/initialize.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "vaekit/nn/dense.hpp"

using namespace vaekit;

namespace {

struct Moments {
  double mean = 0;
  double deviation = 0;
  double largest = 0;
};

Moments moments(std::span<const double> values) {
  Moments m;
  for (const double v : values) {
    m.mean += v / static_cast<double>(values.size());
    m.largest = std::max(m.largest, std::abs(v));
  }
  for (const double v : values) {
    m.deviation += (v - m.mean) * (v - m.mean) / static_cast<double>(values.size());
  }
  m.deviation = std::sqrt(m.deviation);
  return m;
}

Dense<double> initialized(Initializer kind) {
  Dense<double> layer({.units = 150, .initializer = kind}, Shape::flat(300));
  layer.initialize(RandomStream(1, Purpose::initialize));
  return layer;
}

/// Uniform on ±bound: bounded by it, close to it, and with its deviation.
void check_uniform(Initializer kind, double bound) {
  CAPTURE(to_string(kind));
  const Moments m = moments(initialized(kind).weight.span());
  CHECK(m.largest <= bound);
  CHECK(m.largest > 0.999 * bound);
  CHECK(std::abs(m.mean) < 0.02 * bound);
  CHECK(m.deviation == doctest::Approx(bound / std::sqrt(3.0)).epsilon(0.01));
}

void check_normal(Initializer kind, double deviation) {
  CAPTURE(to_string(kind));
  const Moments m = moments(initialized(kind).weight.span());
  CHECK(std::abs(m.mean) < 0.03 * deviation);
  CHECK(m.deviation == doctest::Approx(deviation).epsilon(0.01));
  CHECK(m.largest > 3.5 * deviation);
}

}  // namespace

TEST_CASE("initialize: weights have the stated distribution for 300 inputs and 150 outputs") {
  check_uniform(Initializer::fan_in_uniform, 1 / std::sqrt(300.0));
  check_uniform(Initializer::kaiming_uniform, std::sqrt(6 / 300.0));
  check_uniform(Initializer::xavier_uniform, std::sqrt(6 / 450.0));
  check_normal(Initializer::kaiming_normal, std::sqrt(2 / 300.0));
  check_normal(Initializer::xavier_normal, std::sqrt(2 / 450.0));
  check_normal(Initializer::small_normal, 0.01);
  CHECK(initialized(Initializer::zeros).weight.cwiseAbs().maxCoeff() == 0);
}

TEST_CASE("initialize: biases are zero except where PyTorch or the paper draws them") {
  CHECK(moments(initialized(Initializer::fan_in_uniform).bias.span()).largest <= 1 / std::sqrt(300.0));
  CHECK(moments(initialized(Initializer::fan_in_uniform).bias.span()).largest > 0.9 / std::sqrt(300.0));
  CHECK(moments(initialized(Initializer::small_normal).bias.span()).deviation ==
        doctest::Approx(0.01).epsilon(0.2));
  for (const Initializer kind :
       {Initializer::kaiming_uniform, Initializer::kaiming_normal, Initializer::xavier_uniform,
        Initializer::xavier_normal, Initializer::zeros}) {
    CHECK(moments(initialized(kind).bias.span()).largest == 0);
  }
}

TEST_CASE("initialize: a function of the stream, the same in float and double up to rounding") {
  Dense<double> a({.units = 3}, Shape::flat(4));
  Dense<double> b({.units = 3}, Shape::flat(4));
  Dense<float> c({.units = 3}, Shape::flat(4));
  a.initialize(RandomStream(1, Purpose::initialize));
  b.initialize(RandomStream(1, Purpose::initialize));
  c.initialize(RandomStream(1, Purpose::initialize));
  CHECK((a.weight.array() == b.weight.array()).all());
  CHECK((a.weight - c.weight.cast<double>()).cwiseAbs().maxCoeff() < 1e-7);
  b.initialize(RandomStream(2, Purpose::initialize));
  CHECK_FALSE((a.weight.array() == b.weight.array()).any());
}
