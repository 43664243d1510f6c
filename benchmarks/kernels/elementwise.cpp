// SPDX-License-Identifier: MIT
// Elementwise functions and row-wise passes in float on one thread, by vaekit, Eigen and SLEEF (AVX2, 1 ULP).
// Names are elementwise/<function>/<library>/1. Inputs and outputs of the functions fit a second-level cache
// together.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <unsupported/Eigen/SpecialFunctions>

#if defined(BENCHMARKS_SLEEF) && defined(__AVX2__)
#include <sleef.h>
#define BENCHMARKS_SLEEF_AVX2
#endif

#include "support/workload.hpp"
#include "vaekit/vaekit.hpp"

namespace {

using namespace benchmarks;

constexpr Index row_count = 128;
constexpr Index hidden = 400;
constexpr Index pixels = 784;

using Apply = std::function<void(const Matrix<float>&, Matrix<float>&)>;
using Reference = double (*)(double);

Matrix<float> uniform_matrix(Index rows, Index cols, double low, double high, std::uint32_t list = 1) {
  Matrix<float> matrix(rows, cols);
  for (std::uint32_t i = 0; float& value : matrix.span()) {
    value = static_cast<float>(low + (high - low) * 0.5 * (uniform(list, i++) + 1));
  }
  return matrix;
}

/// True when no value is further from its reference than 1e-5 of it (or 1e-6 where it is near zero).
template <class Values, class References>
bool agrees(const Values& values, const References& references) {
  const auto difference = (values.template cast<double>() - references).array().abs();
  return (difference <= 1e-6 + 1e-5 * references.array().abs()).all();
}

/// The largest difference in units in the last place of the reference.
template <class References>
double largest_ulp(const Matrix<float>& values, const References& references) {
  double largest = 0;
  for (Index i = 0; i < values.size(); ++i) {
    const double reference = std::abs(references.data()[i]);
    const auto rounded = static_cast<float>(reference);
    const double spacing =
        static_cast<double>(std::nextafter(rounded, 2 * rounded)) - static_cast<double>(rounded);
    if (reference > 0) {
      largest =
          std::max(largest, std::abs(static_cast<double>(values.data()[i]) - references.data()[i]) / spacing);
    }
  }
  return largest;
}

void finish(benchmark::State& state, Index elements) {
  state.SetItemsProcessed(state.iterations() * elements);
}

/// y = f(x) on 128 x 400 values in [low, high].
struct Function {
  const char* name;
  double low;
  double high;
  Reference reference;
};

void run_function(benchmark::State& state, const Function& function, const Apply& apply) {
  const ThreadScope threads(1);
  const Matrix<float> x = uniform_matrix(row_count, hidden, function.low, function.high);
  Matrix<float> y(row_count, hidden);
  apply(x, y);
  const EigenMatrix<double> reference = x.cast<double>().unaryExpr(function.reference);
  if (!agrees(y, reference)) {
    state.SkipWithError("differs from the function in double");
    return;
  }
  for (auto _ : state) {
    apply(x, y);
    benchmark::ClobberMemory();
  }
  state.counters["ulp"] = largest_ulp(y, reference);
  finish(state, x.size());
}

void add(const Function& function, const char* library, const Apply& apply) {
  benchmark::RegisterBenchmark(concat("elementwise/", function.name, '/', library, "/1").c_str(),
                               run_function, function, apply)
      ->Unit(benchmark::kMicrosecond);
}

/// y = f(x), vector by vector.
template <class F>
Apply by_vectors(F f) {
  return [f](const Matrix<float>& x, Matrix<float>& y) {
    for_each_vector<float>(x.size(), [&](Index i, auto which) {
      store(y.data() + i, Simd<float>(f(load(x.data() + i, which))), which);
    });
  };
}

Apply activation(Activation kind) {
  return [kind](const Matrix<float>& x, Matrix<float>& y) { activate<float>(kind, x, y); };
}

/// y = f(x) with an expression of Eigen's.
template <class F>
Apply by_eigen(F f) {
  return [f](const Matrix<float>& x, Matrix<float>& y) { y.array() = f(x.array()); };
}

#if defined(BENCHMARKS_SLEEF_AVX2)
template <class F>
Apply by_sleef(F f) {
  return [f](const Matrix<float>& x, Matrix<float>& y) {
    static_assert(row_count * hidden % 8 == 0);
    for (Index i = 0; i < x.size(); i += 8) {
      _mm256_storeu_ps(y.data() + i, f(_mm256_loadu_ps(x.data() + i)));
    }
  };
}
#endif

const Function exp_case{"exp", -20, 20, std::exp};
const Function log_case{"log", 1e-3, 10, std::log};
const Function log1p_case{"log1p", 0, 1, std::log1p};
const Function tanh_case{"tanh", -5, 5, std::tanh};
const Function sigmoid_case{"sigmoid", -10, 10, [](double x) { return 1 / (1 + std::exp(-x)); }};
const Function softplus_case{"softplus", -10, 10,
                             [](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }};
const Function erf_case{"erf", -3, 3, std::erf};

void register_functions() {
  add(exp_case, "vaekit", by_vectors([](const auto& x) { return math::exp<float>(x); }));
  add(log_case, "vaekit", by_vectors([](const auto& x) { return math::log<float>(x); }));
  add(log1p_case, "vaekit", by_vectors([](const auto& x) { return math::log1p<float>(x); }));
  add(erf_case, "vaekit", by_vectors([](const auto& x) { return math::erf<float>(x); }));
  add(tanh_case, "vaekit", activation(Activation::tanh));
  add(sigmoid_case, "vaekit", activation(Activation::sigmoid));
  add(softplus_case, "vaekit", activation(Activation::softplus));

  add(exp_case, "Eigen", by_eigen([](const auto& x) { return x.exp(); }));
  add(log_case, "Eigen", by_eigen([](const auto& x) { return x.log(); }));
  add(log1p_case, "Eigen", by_eigen([](const auto& x) { return x.log1p(); }));
  add(erf_case, "Eigen", by_eigen([](const auto& x) { return x.erf(); }));
  add(tanh_case, "Eigen", by_eigen([](const auto& x) { return x.tanh(); }));
  add(sigmoid_case, "Eigen", by_eigen([](const auto& x) { return x.logistic(); }));
  add(softplus_case, "Eigen", by_eigen([](const auto& x) { return x.max(0.0F) + (-x.abs()).exp().log1p(); }));
#if defined(BENCHMARKS_SLEEF_AVX2)
  const auto magnitude = [](__m256 x) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), x); };
  const auto exp_of_minus = [](__m256 x) {
    return Sleef_expf8_u10avx2(_mm256_xor_ps(_mm256_set1_ps(-0.0F), x));
  };
  add(exp_case, "SLEEF", by_sleef([](__m256 x) { return Sleef_expf8_u10avx2(x); }));
  add(log_case, "SLEEF", by_sleef([](__m256 x) { return Sleef_logf8_u10avx2(x); }));
  add(log1p_case, "SLEEF", by_sleef([](__m256 x) { return Sleef_log1pf8_u10avx2(x); }));
  add(erf_case, "SLEEF", by_sleef([](__m256 x) { return Sleef_erff8_u10avx2(x); }));
  add(tanh_case, "SLEEF", by_sleef([](__m256 x) { return Sleef_tanhf8_u10avx2(x); }));
  add(sigmoid_case, "SLEEF", by_sleef([=](__m256 x) {
        const __m256 one = _mm256_set1_ps(1);
        return _mm256_div_ps(one, _mm256_add_ps(one, exp_of_minus(x)));
      }));
  add(softplus_case, "SLEEF", by_sleef([=](__m256 x) {
        return _mm256_add_ps(_mm256_max_ps(x, _mm256_setzero_ps()),
                             Sleef_log1pf8_u10avx2(exp_of_minus(magnitude(x))));
      }));
#endif
}

// Standard normals.

using Fill = std::function<void(std::span<float>, std::uint64_t step)>;

void run_normals(benchmark::State& state, const Fill& fill) {
  const ThreadScope threads(1);
  Matrix<float> values(row_count, hidden);
  fill(values.span(), 0);
  const double mean = values.cast<double>().mean();
  const double variance = values.cast<double>().array().square().mean() - mean * mean;
  if (std::abs(mean) > 0.02 || std::abs(variance - 1) > 0.03) {
    state.SkipWithError("the numbers are not standard normals");
    return;
  }
  std::uint64_t step = 1;
  for (auto _ : state) {
    fill(values.span(), step++);
    benchmark::ClobberMemory();
  }
  finish(state, values.size());
}

void register_normals() {
  const auto add_normals = [](const char* library, const Fill& fill) {
    benchmark::RegisterBenchmark(concat("elementwise/normals/", library, "/1").c_str(), run_normals, fill)
        ->Unit(benchmark::kMicrosecond);
  };
  add_normals("vaekit", [](std::span<float> out, std::uint64_t step) {
    fill_normal(out, RandomStream(1, Purpose::posterior, step));
  });
  add_normals("std::mt19937", [generator = std::mt19937(1)](std::span<float> out, std::uint64_t) mutable {
    std::normal_distribution<float> normal;
    for (float& value : out) {
      value = normal(generator);
    }
  });
}

// The Bernoulli log-likelihood of 128 images of 784 pixels, with its gradient.

/// As one writes it with Eigen.
template <class T>
struct EigenBernoulli {
  EigenMatrix<T> gradient = EigenMatrix<T>(row_count, pixels);
  Eigen::Array<T, Eigen::Dynamic, 1> log_prob = Eigen::Array<T, Eigen::Dynamic, 1>(row_count);

  void forward(const Eigen::Ref<const EigenMatrix<T>>& logits, const Eigen::Ref<const EigenMatrix<T>>& x) {
    gradient.array() = x.array() - logits.array().logistic();
    log_prob = (x.array() * logits.array() - logits.array().max(T{0}) - (-logits.array().abs()).exp().log1p())
                   .rowwise()
                   .sum();
  }
};

struct BernoulliData {
  Matrix<float> logits = uniform_matrix(row_count, pixels, -6, 6, 1);
  Matrix<float> x = uniform_matrix(row_count, pixels, 0, 1, 2);
  EigenBernoulli<double> reference;
  BernoulliData() {
    reference.forward(EigenMatrix<double>(logits.cast<double>()), EigenMatrix<double>(x.cast<double>()));
  }
};

void bernoulli_vaekit(benchmark::State& state) {
  const ThreadScope threads(1);
  const BernoulliData data;
  const Bernoulli<float> likelihood({}, pixels);
  auto cache = likelihood.make_cache(row_count);
  Matrix<float> log_prob(row_count, 1);
  likelihood.forward(data.logits, data.x, log_prob.span(), cache);
  if (!agrees(log_prob.col(0), data.reference.log_prob.matrix()) ||
      !agrees(head_gradient(cache), data.reference.gradient)) {
    state.SkipWithError("differs from the likelihood in double");
    return;
  }
  for (auto _ : state) {
    likelihood.forward(data.logits, data.x, log_prob.span(), cache);
    benchmark::ClobberMemory();
  }
  finish(state, data.x.size());
}

void bernoulli_eigen(benchmark::State& state) {
  const BernoulliData data;
  EigenBernoulli<float> likelihood;
  likelihood.forward(data.logits, data.x);
  if (!agrees(likelihood.log_prob.matrix(), data.reference.log_prob.matrix())) {
    state.SkipWithError("differs from the likelihood in double");
    return;
  }
  for (auto _ : state) {
    likelihood.forward(data.logits, data.x);
    benchmark::ClobberMemory();
  }
  finish(state, data.x.size());
}

// Layer normalisation of 128 rows of 400 values, forward and backward.

/// As one writes it with Eigen.
template <class T>
struct EigenLayerNorm {
  EigenMatrix<T> normalised, y, scaled, dx;
  Eigen::Array<T, Eigen::Dynamic, 1> scale;
  EigenRowVector<T> dweight = EigenRowVector<T>::Zero(hidden);
  EigenRowVector<T> dbias = EigenRowVector<T>::Zero(hidden);

  void forward(const Eigen::Ref<const EigenMatrix<T>>& x, const EigenRowVector<T>& weight,
               const EigenRowVector<T>& bias) {
    normalised = x.colwise() - x.rowwise().mean();
    scale = (normalised.array().square().rowwise().mean() + T(1e-5)).rsqrt();
    normalised.array().colwise() *= scale;
    y = (normalised.array().rowwise() * weight.array()).rowwise() + bias.array();
  }

  void backward(const Eigen::Ref<const EigenMatrix<T>>& dy, const EigenRowVector<T>& weight) {
    scaled = dy.array().rowwise() * weight.array();
    const Eigen::Array<T, Eigen::Dynamic, 1> mean = scaled.rowwise().mean();
    const Eigen::Array<T, Eigen::Dynamic, 1> mean_x = (scaled.array() * normalised.array()).rowwise().mean();
    dx = ((scaled.array() - normalised.array().colwise() * mean_x).colwise() - mean).colwise() * scale;
    dweight += (dy.array() * normalised.array()).matrix().colwise().sum();
    dbias += dy.colwise().sum();
  }
};

struct LayerNormData {
  Matrix<float> x = uniform_matrix(row_count, hidden, -2, 3, 1);
  Matrix<float> dy = uniform_matrix(row_count, hidden, -1, 1, 2);
  EigenRowVector<float> weight = uniform_matrix(1, hidden, 0.5, 1.5, 3);
  EigenRowVector<float> bias = uniform_matrix(1, hidden, -1, 1, 4);
  EigenLayerNorm<double> reference;
  LayerNormData() {
    reference.forward(EigenMatrix<double>(x.cast<double>()), weight.cast<double>(), bias.cast<double>());
    reference.backward(EigenMatrix<double>(dy.cast<double>()), weight.cast<double>());
  }
};

void layer_norm_vaekit(benchmark::State& state) {
  const ThreadScope threads(1);
  const LayerNormData data;
  LayerNorm<float> layer({}, Shape::flat(hidden));
  layer.weight = data.weight;
  layer.bias = data.bias;
  LayerNorm<float> gradient = zeros_like(layer);
  auto cache = layer.make_cache(row_count);
  Matrix<float> y(row_count, hidden);
  Matrix<float> dx(row_count, hidden);
  layer.forward(data.x, y, cache);
  layer.backward(data.x, y, data.dy, dx, cache, gradient);
  if (!agrees(y, data.reference.y) || !agrees(dx, data.reference.dx)) {
    state.SkipWithError("differs from the layer in double");
    return;
  }
  for (auto _ : state) {
    layer.forward(data.x, y, cache);
    layer.backward(data.x, y, data.dy, dx, cache, gradient);
    benchmark::ClobberMemory();
  }
  finish(state, data.x.size());
}

void layer_norm_eigen(benchmark::State& state) {
  const LayerNormData data;
  EigenLayerNorm<float> layer;
  layer.forward(data.x, data.weight, data.bias);
  layer.backward(data.dy, data.weight);
  if (!agrees(layer.y, data.reference.y) || !agrees(layer.dx, data.reference.dx)) {
    state.SkipWithError("differs from the layer in double");
    return;
  }
  for (auto _ : state) {
    layer.forward(data.x, data.weight, data.bias);
    layer.backward(data.dy, data.weight);
    benchmark::ClobberMemory();
  }
  finish(state, data.x.size());
}

void register_passes() {
  const auto add_pass = [](const char* name, const char* library, void (*run)(benchmark::State&)) {
    benchmark::RegisterBenchmark(concat("elementwise/", name, '/', library, "/1").c_str(), run)
        ->Unit(benchmark::kMicrosecond);
  };
  add_pass("Bernoulli log-likelihood and gradient", "vaekit", bernoulli_vaekit);
  add_pass("Bernoulli log-likelihood and gradient", "Eigen", bernoulli_eigen);
  add_pass("LayerNorm forward and backward", "vaekit", layer_norm_vaekit);
  add_pass("LayerNorm forward and backward", "Eigen", layer_norm_eigen);
}

}  // namespace

int main(int argc, char** argv) {
  register_functions();
  register_normals();
  register_passes();
#if defined(BENCHMARKS_SLEEF_AVX2)
  benchmark::AddCustomContext(
      "version SLEEF", concat(SLEEF_VERSION_MAJOR, '.', SLEEF_VERSION_MINOR, '.', SLEEF_VERSION_PATCHLEVEL));
#endif
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 1;
  }
  benchmark::RunSpecifiedBenchmarks();
}
