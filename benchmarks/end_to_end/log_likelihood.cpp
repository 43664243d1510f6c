// SPDX-License-Identifier: MIT
// Importance-sampled log-likelihood with K = 5000, as `vaekit evaluate --importance-samples 5000` computes
// it.
//   log_likelihood [SECONDS for each measurement]
#include "vaekit/evaluate/log_likelihood.hpp"
#include "support/record.hpp"
#include "support/workload.hpp"

namespace {

using namespace benchmarks;

constexpr Index samples = 5000;
constexpr Index images = 10;  // of one measurement

template <class T>
double mean_log_likelihood(const Sizes& sizes) {
  const auto model = make_vae<T>(sizes);
  const Dataset data = make_dataset(sizes, images);
  const std::vector<std::uint32_t> rows = all_rows(images);
  const Transform to_input = Transform::fit({}, data, rows);
  return evaluate_log_likelihood(model, {&data, &to_input, rows, 1}, samples, 1, [](Index, double) {}).mean();
}

void measure(const Sizes& sizes, double check, int threads, double seconds) {
  const ThreadScope scope(threads);
  const auto model = make_vae<float>(sizes);
  const Dataset data = make_dataset(sizes, images);
  const std::vector<std::uint32_t> rows = all_rows(images);
  const Transform to_input = Transform::fit({}, data, rows);
  std::vector<double> rates;
  const auto begin = Clock::now();
  for (Index i = 0; i < 4 || seconds_since(begin) < seconds; ++i) {
    const auto start = Clock::now();
    const RunningMoments result =
        evaluate_log_likelihood(model, {&data, &to_input, rows, 1}, samples, 1, [](Index, double) {});
    const double rate = static_cast<double>(images) / seconds_since(start);
    if (!std::isfinite(result.mean())) {
      throw NumericError("log_likelihood: is not finite");
    }
    if (i > 0) {  // the first is the warm-up
      rates.push_back(rate);
    }
  }
  print({.topic = "log_likelihood",
         .name = concat(sizes.name, ", K = ", samples),
         .threads = threads,
         .unit = "images/s",
         .samples = rates,
         .check = check});
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(argc, argv, [](double seconds) {
    for (const Sizes& sizes : {quickstart, wide}) {
      const double check = mean_log_likelihood<float>(sizes);
      require_close("log-likelihood", check, mean_log_likelihood<double>(sizes));
      for (const int threads : {1, 2}) {
        measure(sizes, check, threads, seconds);
      }
    }
  });
}
