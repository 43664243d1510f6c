// SPDX-License-Identifier: MIT
#include "vaekit/kernels/log_softmax.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "vaekit/kernels/random.hpp"

using namespace vaekit;

namespace {

template <class T>
std::vector<T> random_logits(Index count, double shift, double scale) {
  std::vector<T> logits(static_cast<std::size_t>(count));
  fill_normal(std::span<T>(logits), RandomStream(3, Purpose::synthetic));
  for (T& logit : logits) {
    logit = static_cast<T>(shift + scale * static_cast<double>(logit));
  }
  return logits;
}

template <class T>
long double log_sum_exp(const std::vector<T>& logits) {
  const auto maximum = static_cast<long double>(*std::ranges::max_element(logits));
  long double sum = 0;
  for (const T logit : logits) {
    sum += std::exp(static_cast<long double>(logit) - maximum);
  }
  return maximum + std::log(sum);
}

}  // namespace

TEST_CASE_TEMPLATE("log_softmax: sums and probabilities of any number of logits", T, float, double) {
  const double tolerance = std::same_as<T, float> ? 2e-6 : 4e-15;
  for (const Index count : {1, 2, 3, 7, 8, 9, 31, 64, 100, 100'000}) {
    for (const double shift : {0.0, -40.0, 1000.0}) {
      const std::vector<T> logits = random_logits<T>(count, shift, 3);
      std::vector<T> probabilities(logits.size());
      const LogPartition<T> partition = softmax<T>(logits.data(), count, probabilities.data());
      const long double exact = log_sum_exp(logits);
      const long double log_sum = exact - static_cast<long double>(partition.maximum);
      CHECK(partition.maximum == *std::ranges::max_element(logits));
      CHECK(std::abs(static_cast<double>(partition.log_sum - log_sum)) <= tolerance);
      const LogPartition<T> again = log_partition<T>(logits.data(), count);
      CHECK(again.log_sum == partition.log_sum);
      double worst = 0;
      for (std::size_t i = 0; i < logits.size(); ++i) {
        const double expected = static_cast<double>(std::exp(static_cast<long double>(logits[i]) - exact));
        worst = std::max(worst, std::abs(static_cast<double>(probabilities[i]) / expected - 1));
        worst = std::max(
            worst, std::abs(std::exp(static_cast<double>(partition.log_softmax(logits[i]))) / expected - 1));
      }
      CHECK(worst < (std::same_as<T, float> ? 1e-5 : 1e-13));
    }
  }
}

TEST_CASE_TEMPLATE("log_softmax: huge logits lose nothing", T, float, double) {
  const std::vector<T> equal(3, static_cast<T>(1e30));
  const LogPartition<T> partition = log_partition<T>(equal.data(), 3);
  CHECK(partition.log_softmax(equal[0]) == doctest::Approx(-std::log(3.0)));
  const std::vector<T> one_wins{static_cast<T>(-1e30), 5, static_cast<T>(-1e30), static_cast<T>(-1e30),
                                static_cast<T>(-1e30)};
  std::vector<T> probabilities(5);
  softmax<T>(one_wins.data(), 5, probabilities.data());
  CHECK(probabilities == std::vector<T>{0, 1, 0, 0, 0});
}

TEST_CASE_TEMPLATE("log_softmax: all negative logits, in place", T, float, double) {
  // The lanes beyond the last logit hold zeros, which are larger.
  for (const Index count : {1, 3, 5, 11}) {
    std::vector<T> values(static_cast<std::size_t>(count), static_cast<T>(-1e4));
    softmax<T>(values.data(), count, values.data());
    for (const T value : values) {
      CHECK(static_cast<double>(value) * static_cast<double>(count) == doctest::Approx(1));
    }
  }
}

TEST_CASE_TEMPLATE("log_softmax: NaN anywhere gives NaN", T, float, double) {
  for (const Index count : {1, 5, 17}) {
    for (Index i = 0; i < count; ++i) {
      std::vector<T> logits = random_logits<T>(count, 0, 1);
      logits[static_cast<std::size_t>(i)] = std::numeric_limits<T>::quiet_NaN();
      std::vector<T> probabilities(logits.size());
      CHECK(std::isnan(softmax<T>(logits.data(), count, probabilities.data()).log_sum));
      for (const T value : probabilities) {
        CHECK(std::isnan(value));
      }
    }
  }
}
