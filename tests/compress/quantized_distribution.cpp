// SPDX-License-Identifier: MIT
#include "vaekit/compress/quantized_distribution.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>

#include "vaekit/distributions/bernoulli.hpp"

using namespace vaekit;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Strictly increasing from 0 to all, and each symbol is found again from the ends of its interval.
template <class D>
void check_table(const D& distribution) {
  std::uint32_t before = distribution.cumulative(0);
  CHECK(before == 0);
  bool increasing = true;
  for (std::uint32_t symbol = 1; symbol <= D::count; ++symbol) {
    const std::uint32_t next = distribution.cumulative(symbol);
    increasing = increasing && next > before;
    before = next;
  }
  CHECK(increasing);
  CHECK(before == std::uint32_t{1} << D::precision);
}

template <class D>
void check_round_trip(const D& distribution, std::uint32_t symbol) {
  const RandomStream first_bits(3, Purpose::compress);
  AnsStack stack(first_bits);
  push_symbol(stack, distribution, symbol);
  CHECK(pop_symbol(stack, distribution) == symbol);
  CHECK(stack.holds_only(first_bits));
}

template <class D>
double probability(const D& distribution, std::uint32_t symbol) {
  return std::ldexp(interval_of(distribution, symbol).frequency, -D::precision);
}

const NormalBuckets& buckets() {
  static const NormalBuckets made;
  return made;
}

}  // namespace

TEST_CASE("quantized bernoulli: the probabilities of the likelihood, none of them 0") {
  for (const double logit : {-1e30, -800.0, -20.0, -3.0, -1e-9, 0.0, 1e-9, 0.7, 15.0, 800.0, 1e30}) {
    const QuantizedBernoulli distribution{logit};
    check_table(distribution);
    check_round_trip(distribution, 0);
    check_round_trip(distribution, 1);
    CHECK(std::abs(probability(distribution, 1) - 1 / (1 + std::exp(-logit))) < 0x1.8p-24);
  }
  CHECK(interval_of(QuantizedBernoulli{-infinity}, 1).frequency == 1);
  CHECK(interval_of(QuantizedBernoulli{infinity}, 0).frequency == 1);
  CHECK(interval_of(QuantizedBernoulli{0}, 1) == CodeInterval{1U << 23, 1U << 23});
}

TEST_CASE("quantized logistic: the probabilities of the likelihood's levels") {
  const DiscretizedLogistic<double> likelihood({.spread = ParameterSource::predicted}, 1);
  for (const double mu : {-1e30, -0.4, 0.0, 0.31, 0.5, 1.0, 1.7, 1e30}) {
    for (const double log_scale : {-40.0, -8.0, -5.0, -3.0, -1.0, 2.0, 10.0, 40.0}) {
      const QuantizedLogistic distribution(mu, log_scale);
      check_table(distribution);
      for (const std::uint32_t level : {0U, 1U, 79U, 128U, 254U, 255U}) {
        check_round_trip(distribution, level);
        Matrix<double> params(1, 2);
        params(0, 0) = mu;
        params(0, 1) = log_scale;
        Matrix<double> x(1, 1);
        x(0, 0) = level / 255.0;
        std::array<double, 1> log_prob{};
        likelihood.log_prob(params, x, log_prob);
        const double mixed = std::exp(log_prob[0]) * (1 - 0x1p-16) + 0x1p-24;
        CHECK(std::abs(probability(distribution, level) - mixed) < 0x1.8p-24);
      }
    }
  }
}

TEST_CASE("normal buckets: equal shares of N(0, 1), each around its median") {
  CHECK(buckets().border(NormalBuckets::count / 2) == 0);
  for (const std::uint32_t bucket : {1U, 100U, 8191U, 8192U, 16000U, 16383U}) {
    const auto below = [](double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); };
    CHECK(below(buckets().border(bucket)) == doctest::Approx(bucket / 16384.0).epsilon(1e-11));
    CHECK(below(buckets().median(bucket)) == doctest::Approx((bucket + 0.5) / 16384.0).epsilon(1e-11));
    check_round_trip(QuantizedPrior{}, bucket);
  }
  check_table(QuantizedPrior{});
}

TEST_CASE("quantized gaussian: a table of positive frequencies for every mean and variance") {
  for (const double mu : {-1e30, -9.0, -1.0, 0.0, 0.37, 4.0, 1e4}) {
    for (const double logvar : {-30.0, -12.0, -4.0, 0.0, 3.0, 20.0}) {
      check_table(QuantizedGaussian(buckets(), mu, logvar));
      for (const std::uint32_t bucket : {0U, 1U, 5000U, 8192U, 16383U}) {
        check_round_trip(QuantizedGaussian(buckets(), mu, logvar), bucket);
      }
    }
  }
}

TEST_CASE("quantized gaussian: popped buckets have the posterior's mean and variance, and cost the KL") {
  const double mu = 0.8;
  const double logvar = std::log(0.04);
  const QuantizedGaussian distribution(buckets(), mu, logvar);
  double mean = 0;
  double square = 0;
  double kl = 0;
  for (std::uint32_t bucket = 0; bucket < NormalBuckets::count; ++bucket) {
    const double p = probability(distribution, bucket);
    mean += p * buckets().median(bucket);
    square += p * buckets().median(bucket) * buckets().median(bucket);
    kl += p * std::log(p * NormalBuckets::count);
  }
  CHECK(mean == doctest::Approx(mu).epsilon(1e-4));
  CHECK(square - mean * mean == doctest::Approx(0.04).epsilon(2e-3));
  CHECK(kl == doctest::Approx(0.5 * (mu * mu + 0.04 - 1 - logvar)).epsilon(1e-3));
}
