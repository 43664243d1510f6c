// SPDX-License-Identifier: MIT
// Importance-sampled log-likelihood with K = 5000, as `vaekit evaluate --importance-samples 5000` computes
// it: of models with random weights on synthetic images, and of trained ones on the test images of
// Fashion-MNIST.
//   log_likelihood [SECONDS for each measurement [FOLDER where peers find the trained models]]
#include "vaekit/evaluate/log_likelihood.hpp"
#include "support/record.hpp"
#include "support/trained.hpp"

namespace {

using namespace benchmarks;

constexpr Index samples = 5000;

template <class Model>
double mean_log_likelihood(const Model& model, const Dataset& images) {
  const std::vector<std::uint32_t> rows = all_rows(measured_images);
  const Transform to_input = Transform::fit({}, images, rows);
  const RunningMoments result =
      evaluate_log_likelihood(model, {&images, &to_input, rows, 1}, samples, 1, [](Index, double) {});
  if (!std::isfinite(result.mean())) {
    throw NumericError("log_likelihood: is not finite");
  }
  return result.mean();
}

template <class Model>
std::vector<double> time_images(const Model& model, const Dataset& images, double seconds) {
  std::vector<double> rates;
  const auto begin = Clock::now();
  for (Index i = 0; i < 4 || seconds_since(begin) < seconds; ++i) {
    const auto start = Clock::now();
    (void)mean_log_likelihood(model, images);
    if (i > 0) {  // the first is the warm-up
      rates.push_back(static_cast<double>(measured_images) / seconds_since(start));
    }
  }
  return rates;
}

template <class Model>
void measure(const Sizes& sizes, const char* kind, const Model& model, const Dataset& images,
             double seconds) {
  auto reference = make_vae<double>(sizes);
  copy_parameters(model, reference);
  const double check = mean_log_likelihood(model, images);
  require_close("log-likelihood", check, mean_log_likelihood(reference, images));
  for (const int threads : {1, 2}) {
    const ThreadScope scope(threads);
    print({.topic = "log_likelihood",
           .name = concat(sizes.name, ", K = ", samples, ", ", kind),
           .threads = threads,
           .unit = "images/s",
           .samples = time_images(model, images, seconds),
           .check = check});
  }
}

void measure_trained(double seconds, const std::optional<std::filesystem::path>& folder) {
  const std::optional<Dataset> train = load_fashion_mnist("train");
  const std::optional<Dataset> test = load_fashion_mnist("t10k");
  if (!train || !test) {
    return;
  }
  for (const Sizes& sizes : {quickstart, wide}) {
    const auto model = make_trained_vae(sizes, *train);
    if (folder) {
      write_trained(*folder / concat(sizes.name, ".safetensors"), model, scaled(*test));
    }
    measure(sizes, "trained", model, *test, seconds);
  }
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(argc, argv, [&](double seconds) {
    for (const Sizes& sizes : {quickstart, wide}) {
      measure(sizes, "random weights", make_vae<float>(sizes), make_dataset(sizes, measured_images), seconds);
    }
    measure_trained(seconds, argc > 2 ? std::optional<std::filesystem::path>(argv[2]) : std::nullopt);
  });
}
