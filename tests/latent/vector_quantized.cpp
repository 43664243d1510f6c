// SPDX-License-Identifier: MIT
#include "vaekit/latent/vector_quantized.hpp"

#include <doctest/doctest.h>

#include "support/alloc_guard.hpp"
#include "support/golden.hpp"
#include "support/posterior_suite.hpp"
#include "support/throws_with.hpp"
#include "vaekit/latent/code_prior.hpp"

using namespace vaekit;
using posterior_suite::random_matrix;
using posterior_suite::same_bytes;

namespace {

template <class T>
VectorQuantizedLatent<T> make_quantizer(const VectorQuantizedConfig& config) {
  VectorQuantizedLatent<T> latent(config);
  latent.initialize(RandomStream(7, Purpose::initialize));
  return latent;
}

struct QuantizedCase {
  template <class T>
  using Prior = CodePrior<T>;
  template <class T>
  static VectorQuantizedLatent<T> make() {
    return make_quantizer<T>({.positions = 12, .width = 5, .codes = 150});
  }
  template <class T>
  static Prior<T> make_prior() {
    return {};
  }
};

template <class T>
using QuantizedRun = posterior_suite::Pass<VectorQuantizedLatent<T>, CodePrior<T>>;

template <class T>
QuantizedRun<T> quantize(const VectorQuantizedLatent<T>& latent, const Matrix<T>& params, Index samples = 1) {
  return {latent, {}, params, Matrix<T>(params.rows() * samples, 0)};
}

template <class T>
std::vector<double> usage_of(const VectorQuantizedLatent<T>& latent,
                             const typename VectorQuantizedLatent<T>::Cache& cache) {
  std::vector<double> usage(static_cast<std::size_t>(latent.code_count()));
  latent.add_code_usage(cache, usage);
  return usage;
}

/// The first code at the least distance.
template <class T>
Index plain_nearest(const Matrix<T>& codebook, const T* x) {
  Index best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (Index k = 0; k < codebook.rows(); ++k) {
    double distance = 0;
    for (Index i = 0; i < codebook.cols(); ++i) {
      distance += std::pow(static_cast<double>(x[i]) - static_cast<double>(codebook(k, i)), 2);
    }
    if (distance < least) {
      least = distance;
      best = k;
    }
  }
  return best;
}

}  // namespace

TEST_CASE("vector quantized: keeps the contract of a posterior") {
  static_assert(LatentPosterior<VectorQuantizedLatent<float>>);
  static_assert(LatentPrior<CodePrior<float>>);
  SUBCASE("the number of threads changes no bit") { posterior_suite::check_threads<QuantizedCase>(); }
  SUBCASE("extreme parameters are finite") {
    posterior_suite::check_extremes<QuantizedCase, float>();
    posterior_suite::check_extremes<QuantizedCase, double>();
  }
  SUBCASE("noise has no columns") { posterior_suite::check_noise<QuantizedCase>(); }
  SUBCASE("NaN in, NaN out") { posterior_suite::check_nan<QuantizedCase>(); }
}

TEST_CASE_TEMPLATE("vector quantized: every position becomes its nearest code", T, float, double) {
  for (const Index codes : {2, 64, 150}) {
    for (const Index width : {1, 5, 40}) {
      const auto latent = make_quantizer<T>({.positions = 3, .width = width, .codes = codes});
      const Matrix<T> params = random_matrix<T>(47, latent.dim, 3);
      const auto run = quantize(latent, params, 2);
      int wrong = 0;
      for (Index place = 0; place < 47 * 3; ++place) {
        const Index expected = plain_nearest(latent.codebook, params.data() + place * width);
        const Index row = place / 3;
        const Index col = place % 3 * width;
        wrong += run.cache.codes[static_cast<std::size_t>(place)] != expected;
        wrong += run.z.row(2 * row).segment(col, width) != latent.codebook.row(expected);
        wrong += run.z.row(2 * row + 1).segment(col, width) != latent.codebook.row(expected);
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("vector quantized: NaN stays in its position, and out of the codebook") {
  auto latent = make_quantizer<float>({.positions = 3, .width = 2, .codes = 4});
  Matrix<float> params = random_matrix<float>(2, 6, 3);
  params(1, 3) = std::numeric_limits<float>::quiet_NaN();
  const auto run = quantize(latent, params);
  CHECK(run.z.row(0).array().isFinite().all());
  CHECK(run.z.row(1).segment(2, 2).array().isNaN().all());
  CHECK(run.z.row(1).segment(0, 2).array().isFinite().all());
  CHECK(run.z.row(1).segment(4, 2).array().isFinite().all());
  const auto usage = usage_of(latent, run.cache);
  CHECK(std::accumulate(usage.begin(), usage.end(), 0.0) == 5);
  for (std::uint64_t step = 0; step < 100; ++step) {
    latent.update(RandomStream(1, Purpose::update, step), 2, run.cache);
  }
  CHECK(latent.codebook.array().isFinite().all());
}

TEST_CASE("vector quantized: gradients go straight through, plus that of the commitment") {
  for (const double decay : {0.0, 0.9}) {
    const auto latent = make_quantizer<double>({.positions = 3, .width = 2, .codes = 6, .decay = decay});
    Matrix<double> params = random_matrix<double>(4, 6, 3);
    auto run = quantize(latent, params, 2);
    const Matrix<double> dz = random_matrix<double>(8, 6, 4);
    Matrix<double> dparams(4, 6);
    dparams.setConstant(1e9);  // overwritten
    auto grad = zeros_like(latent);
    latent.backward(params, Matrix<double>(8, 0), run.z, dz, {}, run.cache, dparams, grad);
    for (Index row = 0; row < 4; ++row) {
      dparams.row(row) -= dz.row(2 * row) + dz.row(2 * row + 1);
    }
    const double commitment_share = decay == 0 ? 0.25 / 1.25 : 1;
    check_finite_differences(params.span(), dparams.span(), [&] {
      const auto moved = quantize(latent, params);
      return commitment_share * latent.auxiliary_loss(params, moved.z, moved.cache);
    });
  }
}

TEST_CASE(
    "vector quantized: without averages the codebook is a parameter with the gradient of its distance") {
  auto latent = make_quantizer<double>({.positions = 3, .width = 2, .codes = 6, .commitment = 0, .decay = 0});
  const Matrix<double> params = random_matrix<double>(4, 6, 3);
  auto run = quantize(latent, params);
  Matrix<double> dparams(4, 6);
  auto grad = zeros_like(latent);
  latent.backward(params, Matrix<double>(4, 0), run.z, Matrix<double>(4, 6), {}, run.cache, dparams, grad);
  CHECK(dparams == Matrix<double>(4, 6));
  CHECK(parameter_count(latent) == 12);
  CHECK(state_tensors(latent).size() == 1);
  check_parameter_gradients(latent, grad, [&] {
    const auto moved = quantize(latent, params);
    return latent.auxiliary_loss(params, moved.z, moved.cache);
  });
  const auto before = latent;
  latent.update(RandomStream(1, Purpose::update), 4, run.cache);
  CHECK(latent.codebook == before.codebook);
}

TEST_CASE("vector quantized: with averages the state is buffers") {
  const auto latent = make_quantizer<float>({.positions = 3, .width = 2, .codes = 6});
  CHECK(parameter_count(latent) == 0);
  const auto state = state_tensors(latent);
  REQUIRE(state.size() == 3);
  CHECK(state[0].name == "codebook");
  CHECK(state[1].name == "counts");
  CHECK(state[2].name == "sums");
  CHECK(latent.code_count() == 6);
}

TEST_CASE("vector quantized: the codebook follows the averages of a plain loop") {
  auto latent =
      make_quantizer<double>({.positions = 3, .width = 2, .codes = 6, .decay = 0.8, .revive_below = 0});
  Matrix<double> codebook = latent.codebook;
  std::vector<double> counts(6, 1.0);
  Matrix<double> sums = codebook;
  for (std::uint64_t step = 0; step < 4; ++step) {
    const Matrix<double> params = random_matrix<double>(5, 6, 30 + step);
    const auto run = quantize(latent, params);
    latent.update(RandomStream(1, Purpose::update, step), 5, run.cache);
    Matrix<double> batch(6, 2);
    std::vector<double> uses(6);
    for (Index place = 0; place < 15; ++place) {
      const Index code = plain_nearest(codebook, params.data() + place * 2);
      uses[static_cast<std::size_t>(code)] += 1;
      batch.row(code) += Eigen::Map<const Eigen::RowVector2d>(params.data() + place * 2);
    }
    double total = 0;
    for (std::size_t k = 0; k < 6; ++k) {
      counts[k] = 0.8 * counts[k] + 0.2 * uses[k];
      total += counts[k];
    }
    for (Index k = 0; k < 6; ++k) {
      sums.row(k) = 0.8 * sums.row(k) + 0.2 * batch.row(k);
      codebook.row(k) = sums.row(k) / ((counts[static_cast<std::size_t>(k)] + 1e-5) / (total + 6e-5) * total);
    }
    CHECK((latent.codebook - codebook).cwiseAbs().maxCoeff() < 1e-13);
  }
}

TEST_CASE("vector quantized: the first update puts unused codes on the data") {
  auto latent = make_quantizer<double>({.positions = 2, .width = 2, .codes = 8});
  latent.codebook.array() += 100;
  latent.codebook.row(3).setZero();
  const Matrix<double> params = random_matrix<double>(40, 4, 3, 0.1);
  const auto run = quantize(latent, params);
  const auto update = [&](std::uint64_t seed) {
    auto updated = latent;
    updated.update(RandomStream(seed, Purpose::update), 40, run.cache);
    return updated;
  };
  const auto updated = update(1);
  for (Index code = 0; code < 8; ++code) {
    double least = 1;
    for (Index place = 0; place < 80; ++place) {
      const Eigen::RowVector2d x(params.data()[2 * place], params.data()[2 * place + 1]);
      least = std::min(least, (updated.codebook.row(code) - x).norm());
    }
    CHECK((least < 1e-5) == (code != 3));
    CHECK((updated.counts(0, code) == 2) == (code != 3));
  }
  CHECK(update(1).codebook == updated.codebook);
  CHECK(update(2).codebook != updated.codebook);
}

TEST_CASE("vector quantized: a batch too small for all codes does not replace those it uses") {
  auto latent = make_quantizer<double>({.positions = 1, .width = 2, .codes = 64});
  const auto before = latent;
  const Matrix<double> params = Matrix<double>(latent.codebook.topRows(4));
  for (std::uint64_t step = 0; step < 300; ++step) {
    latent.update(RandomStream(1, Purpose::update, step), 4, quantize(latent, params).cache);
  }
  CHECK((latent.codebook - before.codebook).topRows(4).cwiseAbs().maxCoeff() < 1e-2);
  const auto run = quantize(latent, params);
  for (Index row = 0; row < 4; ++row) {
    CHECK((run.z.row(row) - params.row(row)).norm() < 1e-2);
  }
}

TEST_CASE("vector quantized: dead codes come back, so that training uses the codebook") {
  auto latent = make_quantizer<float>({.positions = 2, .width = 2, .codes = 16});
  latent.codebook.array() += 50;
  latent.sums = latent.codebook;
  for (std::uint64_t step = 0; step < 300; ++step) {
    const auto run = quantize(latent, random_matrix<float>(100, 4, 100 + step));
    latent.update(RandomStream(1, Purpose::update, step), 100, run.cache);
  }
  const auto usage = usage_of(latent, quantize(latent, random_matrix<float>(2000, 4, 5)).cache);
  CHECK(std::ranges::count_if(usage, [](double count) { return count > 40; }) > 12);
}

TEST_CASE("vector quantized: sampled codes are uniform, each row's own; projection finds codes") {
  constexpr Index count = 20'000;
  const auto latent = make_quantizer<double>({.positions = 2, .width = 3, .codes = 5});
  Matrix<double> z(count, 6);
  Matrix<double> rest(count - 7, 6);
  latent.sample_codes(RandomStream(5, Purpose::prior), 0, z);
  latent.sample_codes(RandomStream(5, Purpose::prior), 7, rest);
  CHECK(rest == z.bottomRows(count - 7));
  std::vector<double> uses(10);
  for (Index row = 0; row < count; ++row) {
    for (Index p = 0; p < 2; ++p) {
      const Index code = plain_nearest(latent.codebook, &z(row, 3 * p));
      const bool is_code = z.row(row).segment(3 * p, 3) == latent.codebook.row(code);
      uses[static_cast<std::size_t>(5 * p + code)] += is_code ? 1 : 0;
    }
  }
  for (const double use : uses) {
    CHECK(std::abs(use / count - 0.2) < 5 * std::sqrt(0.2 * 0.8 / count));
  }
  const Matrix<double> params = random_matrix<double>(9, 6, 3);
  const auto run = quantize(latent, params);
  Matrix<double> wide(9, 8);
  wide.leftCols(6) = params;
  latent.project(wide.leftCols(6));
  Matrix<double> dense = params;
  latent.project(dense);
  CHECK(wide.leftCols(6) == run.z);
  CHECK(dense == run.z);
}

TEST_CASE_TEMPLATE("vector quantized: PyTorch computes the same", T, float, double) {
  const Golden golden("discrete");
  VectorQuantizedLatent<T> latent({.positions = 4, .width = 3, .codes = 5, .decay = 0});
  golden.copy_to<T>("vq.codebook", latent.codebook.span());
  const Matrix<T> params = golden.matrix<T>("vq.x");
  auto run = quantize(latent, params);
  golden.check("vq.z", run.z);
  Matrix<T> codes(1, 24);
  std::ranges::transform(run.cache.codes, codes.data(), [](Index code) { return static_cast<T>(code); });
  golden.check("vq.codes", codes);
  const Matrix<double> loss = golden.matrix<double>("vq.loss");
  CHECK(std::abs(latent.auxiliary_loss(params, run.z, run.cache) - loss(0, 0)) <
        Golden::tolerance<T> * loss(0, 0));
  Matrix<T> dparams(6, 12);
  auto grad = zeros_like(latent);
  latent.backward(params, Matrix<T>(6, 0), run.z, golden.matrix<T>("vq.dz"), {}, run.cache, dparams, grad);
  golden.check("vq.x_gradient", dparams);
  golden.check("vq.codebook_gradient", grad.codebook);

  VectorQuantizedLatent<T> follower(
      {.positions = 4, .width = 3, .codes = 5, .decay = 0.9, .revive_below = 0});
  follower.initialize(RandomStream(1, Purpose::initialize));
  golden.copy_to<T>("ema.codebook", follower.codebook.span());
  golden.copy_to<T>("ema.codebook", follower.sums.span());
  for (const std::string step : {"0", "1", "2"}) {
    const auto pass = quantize(follower, golden.matrix<T>("ema.x." + step));
    follower.update(RandomStream(1, Purpose::update), 6, pass.cache);
    golden.check("ema.codebook." + step, follower.codebook);
    golden.check("ema.counts." + step, follower.counts);
  }
}

TEST_CASE("vector quantized: nothing is allocated after a first call") {
  for (const double decay : {0.0, 0.9}) {
    auto latent = make_quantizer<float>({.positions = 8, .width = 4, .codes = 100, .decay = decay});
    const Matrix<float> params = random_matrix<float>(40, 32, 1);
    const Matrix<float> epsilon(80, 0);
    Matrix<float> z(80, 32), dparams(40, 32);
    auto cache = latent.make_cache(40, 80);
    auto grad = zeros_like(latent);
    const auto step = [&] {
      static_cast<void>(latent.posterior(params, cache));
      latent.reparameterize(params, epsilon, cache, z);
      latent.backward(params, epsilon, z, z, {}, cache, dparams, grad);
      static_cast<void>(latent.auxiliary_loss(params, z, cache));
      latent.update(RandomStream(1, Purpose::update), 40, cache);
      latent.project(z);
    };
    step();
    const AllocationCount guard;
    step();
    const std::size_t allocations = guard.count();
    CHECK(allocations == 0);
  }
}

TEST_CASE("vector quantized: numbers are checked") {
  check_throws_with<ConfigError>("vector_quantized latent: codes is 1, must be in [2, 1000000]",
                                 [] { VectorQuantizedLatent<float>({.codes = 1}); });
  check_throws_with<ConfigError>("vector_quantized latent: positions is 0, must be in [1, 100000]",
                                 [] { VectorQuantizedLatent<float>({.positions = 0}); });
  check_throws_with<ConfigError>("vector_quantized latent: decay is 1, must be in [0, 1)",
                                 [] { VectorQuantizedLatent<float>({.decay = 1}); });
  check_throws_with<ConfigError>("vector_quantized latent: commitment is -1, must be >= 0",
                                 [] { VectorQuantizedLatent<float>({.commitment = -1}); });
}
