// SPDX-License-Identifier: MIT
// Importance-sampled log-likelihood with K = 5000 of 784-400-20, image after image.
//   log_likelihood [SECONDS for each measurement]
#include "vaekit/evaluate/log_likelihood.hpp"
#include "support/record.hpp"
#include "support/workload.hpp"

namespace {

using namespace benchmarks;

constexpr Index samples = 5000;
constexpr Index checked_images = 10;

/// Mean over the first ten images.
template <class T>
double mean_log_likelihood() {
  const auto model = make_vae<T>(quickstart);
  const Matrix<T> images = make_images<T>(quickstart, checked_images);
  ImportanceSampler sampler(model, samples);
  double sum = 0;
  for (Index i = 0; i < checked_images; ++i) {
    sum += sampler.log_likelihood(images.middleRows(i, 1), 1, static_cast<std::uint64_t>(i));
  }
  return sum / static_cast<double>(checked_images);
}

void measure(double check, int threads, double seconds) {
  const ThreadScope scope(threads);
  const auto model = make_vae<float>(quickstart);
  const Matrix<float> images = make_images<float>(quickstart, checked_images);
  ImportanceSampler sampler(model, samples);
  std::vector<double> rates;
  const auto begin = Clock::now();
  for (Index i = 0; i < 10 || seconds_since(begin) < seconds; ++i) {
    const auto start = Clock::now();
    const double value =
        sampler.log_likelihood(images.middleRows(i % checked_images, 1), 1, static_cast<std::uint64_t>(i));
    const double rate = 1 / seconds_since(start);
    if (!std::isfinite(value)) {
      throw NumericError("log_likelihood: is not finite");
    }
    if (i > 1) {  // the first are the warm-up
      rates.push_back(rate);
    }
  }
  print({.topic = "log_likelihood",
         .name = "784-400-20, K = 5000",
         .threads = threads,
         .unit = "images/s",
         .samples = rates,
         .check = check});
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(argc, argv, [](double seconds) {
    const double check = mean_log_likelihood<float>();
    require_close("log-likelihood", check, mean_log_likelihood<double>());
    for (const int threads : {1, 2}) {
      measure(check, threads, seconds);
    }
  });
}
