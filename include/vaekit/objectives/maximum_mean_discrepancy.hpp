// SPDX-License-Identifier: MIT
//
// Objectives that compare samples of the aggregate posterior with samples of the prior.
#pragma once

#include <array>
#include <cmath>

#include "vaekit/core/fields.hpp"
#include "vaekit/core/parallel.hpp"
#include "vaekit/kernels/math.hpp"
#include "vaekit/kernels/reduce.hpp"
#include "vaekit/objectives/objective.hpp"

namespace vaekit::inline VAEKIT_ABI {

enum class MmdKernel { rbf, imq };

[[nodiscard]] constexpr auto enum_names(MmdKernel) { return std::array<std::string_view, 2>{"rbf", "imq"}; }

/// k(a, b) as a function of the squared distance s = ‖a − b‖², with h = 2 · bandwidth · dim, the mean squared
/// distance of standard normals at bandwidth 1:
///
///   rbf   exp(−s / h)
///   imq   Σ_c c h / (c h + s),  c = 0.1, 0.2, 0.5, 1, 2, 5, 10
struct KernelOfDistance {
  MmdKernel kernel;
  double width;

  template <class T>
  struct Value {
    Simd<T> value;
    Simd<T> slope;  ///< ∂k/∂s
  };
  template <class T>
  [[nodiscard]] Value<T> operator()(const Simd<T>& s) const {
    if (kernel == MmdKernel::rbf) {
      const Simd<T> rate(static_cast<T>(-1 / width));
      const Simd<T> value = math::exp<T>(s * rate);
      return {value, value * rate};
    }
    Value<T> sum{Simd<T>(T{0}), Simd<T>(T{0})};
    for (const double scale : scales) {
      const Simd<T> reach(static_cast<T>(scale * width));
      const Simd<T> inverse = Simd<T>(T{1}) / (reach + s);
      const Simd<T> ratio = reach * inverse;
      sum.value += ratio;
      sum.slope -= ratio * inverse;
    }
    return sum;
  }
  /// k(a, a)
  [[nodiscard]] double at_zero() const {
    return kernel == MmdKernel::rbf ? 1 : static_cast<double>(scales.size());
  }

 private:
  static constexpr std::array<double, 7> scales = {0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0};
};

namespace detail {

/// m points, one in each column, so that a vector holds several of them.
template <class T>
struct PointColumns {
  T* values;  // [dim × m]
  Index count;
  Index dim;

  void assign(MatrixIn<T> points) const {
    for (Index d = 0; d < dim; ++d) {
      for (Index j = 0; j < count; ++j) {
        values[d * count + j] = points(j, d);
      }
    }
  }

  /// Σ_j k(point, p_j); the slopes of the kernel go to `slopes` [m].
  [[nodiscard]] T kernel_sum(const KernelOfDistance& kernel, const T* point, T* slopes) const {
    return sum_vectors<T>(count, [&](Index j, auto which) {
      Simd<T> square(T{0});
      for (Index d = 0; d < dim; ++d) {
        const Simd<T> difference = Simd<T>(point[d]) - load(values + d * count + j, which);
        square = xsimd::fma(difference, difference, square);
      }
      const KernelOfDistance::Value<T> k = kernel(square);
      store(slopes + j, k.slope, which);
      return k.value;
    });
  }

  /// target += factor · Σ_j slopes_j (point − p_j)
  void add_slopes(T factor, const T* point, const T* slopes, T* target) const {
    for (Index d = 0; d < dim; ++d) {
      target[d] += factor * sum_vectors<T>(count, [&](Index j, auto which) {
                     return Simd<T>(load(slopes + j, which) *
                                    (Simd<T>(point[d]) - load(values + d * count + j, which)));
                   });
    }
  }
};

}  // namespace detail

/// The unbiased estimate of the squared maximum mean discrepancy of the rows of z and of `prior_z`, and
/// `factor` times its gradient, added to dz:
///
///   1/(m(m−1)) Σ_{i≠j} k(z_i, z_j) + 1/(m(m−1)) Σ_{i≠j} k(p_i, p_j) − 2/m² Σ_ij k(z_i, p_j)
///
/// Shapes   z, prior_z, dz [m × dim]; scratch is resized to [m + 2 dim + 1 × m]
/// Threads  no bit depends on their number
/// Source   Gretton et al. 2012 (JMLR 13), lemma 6
template <class T>
[[nodiscard]] double maximum_mean_discrepancy(const KernelOfDistance& kernel, const Matrix<T>& z,
                                              const Matrix<T>& prior_z, double factor, Matrix<T>& dz,
                                              Matrix<T>& scratch) {
  const Index m = z.rows();
  const Index dim = z.cols();
  const auto count = static_cast<double>(m);
  const double within = m > 1 ? 1 / (count * (count - 1)) : 0;
  const double between_sets = 2 / (count * count);
  scratch.resize(m + 2 * dim + 1, m);
  const detail::PointColumns<T> own{scratch.data() + m * m, m, dim};
  const detail::PointColumns<T> prior{own.values + dim * m, m, dim};
  T* const sums = prior.values + dim * m;
  own.assign(z);
  prior.assign(prior_z);
  const Index work = 24 * m * (dim + 8);
  parallel_for(m, row_grain(work), [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      const T* point = z.data() + i * dim;
      T* const slopes = scratch.data() + i * m;
      T* const target = dz.data() + i * dim;
      // A point's distance from itself is exactly 0, where the kernel is known.
      double sum = within * (static_cast<double>(own.kernel_sum(kernel, point, slopes)) - kernel.at_zero());
      own.add_slopes(static_cast<T>(4 * factor * within), point, slopes,
                     target);  // also as the second of a pair
      sum -= between_sets * static_cast<double>(prior.kernel_sum(kernel, point, slopes));
      prior.add_slopes(static_cast<T>(-2 * factor * between_sets), point, slopes, target);
      const T* other = prior_z.data() + i * dim;
      sum += within * (static_cast<double>(prior.kernel_sum(kernel, other, slopes)) - kernel.at_zero());
      sums[i] = static_cast<T>(sum);
    }
  });
  double total = 0;
  for (Index i = 0; i < m; ++i) {
    total += static_cast<double>(sums[i]);
  }
  return total;
}

struct InfoVaeConfig {
  static constexpr std::string_view kind = "info_vae";
  double alpha = 0;
  double lambda = 1000;
  MmdKernel kernel = MmdKernel::rbf;
  double bandwidth = 1;

  static constexpr auto fields() {
    return std::tuple{
        field("alpha", &InfoVaeConfig::alpha, "information preference; 1 takes the KL term away",
              Range{.minimum = -1000, .maximum = 1}),
        field("lambda", &InfoVaeConfig::lambda, "the discrepancy is weighted by alpha + lambda - 1",
              at_least(1)),
        field("kernel", &InfoVaeConfig::kernel, "of the discrepancy"),
        field("bandwidth", &InfoVaeConfig::bandwidth, "of the kernel", positive)};
  }
};

/// loss = −mean log p(x|z) + (1 − α) mean KL + (α + λ − 1) MMD²(q(z), p(z))
///
/// Units    nats
/// Threads  no bit depends on their number
/// Source   Zhao, Song, Ermon 2019 (arXiv:1706.02262) eq. 6
struct InfoVae {
  using Config = InfoVaeConfig;

  Config config;

  InfoVae() = default;
  /// Throws ConfigError when a number is out of range.
  explicit InfoVae(const Config& c) : config(checked("info_vae", c)) {}

  [[nodiscard]] Index samples() const { return 1; }
  [[nodiscard]] TermNeeds needs() const { return {.samples = true, .prior_samples = true}; }

  template <class T>
  ObjectiveValue evaluate(const Terms<T>& terms, double, Terms<T>& gradients) const {
    const double weight = config.alpha + config.lambda - 1;
    const KernelOfDistance kernel{config.kernel, 2 * config.bandwidth * static_cast<double>(terms.z.cols())};
    ObjectiveValue value = elbo_value(terms);
    gradients.log_likelihood.setConstant(
        static_cast<T>(-1 / static_cast<double>(terms.log_likelihood.size())));
    gradients.kl.setConstant(static_cast<T>((1 - config.alpha) / static_cast<double>(terms.kl.rows())));
    const double discrepancy =
        maximum_mean_discrepancy(kernel, terms.z, terms.prior_z, weight, gradients.z, gradients.scratch);
    value.loss = (1 - config.alpha) * value.kl + weight * discrepancy - value.reconstruction;
    return value;
  }
};

struct WaeMmdConfig {
  static constexpr std::string_view kind = "wae_mmd";
  double lambda = 100;
  MmdKernel kernel = MmdKernel::imq;
  double bandwidth = 1;

  static constexpr auto fields() {
    return std::tuple{field("lambda", &WaeMmdConfig::lambda, "weight of the discrepancy", non_negative),
                      field("kernel", &WaeMmdConfig::kernel, "of the discrepancy"),
                      field("bandwidth", &WaeMmdConfig::bandwidth, "of the kernel", positive)};
  }
};

/// loss = −mean log p(x|z) + λ MMD²(q(z), p(z)), without a KL term: the Wasserstein autoencoder.
///
/// Units    nats
/// Threads  no bit depends on their number
/// Source   Tolstikhin et al. 2018 (arXiv:1711.01558) algorithm 2
struct WaeMmd {
  using Config = WaeMmdConfig;

  Config config;

  WaeMmd() = default;
  /// Throws ConfigError when a number is out of range.
  explicit WaeMmd(const Config& c) : config(checked("wae_mmd", c)) {}

  [[nodiscard]] Index samples() const { return 1; }
  [[nodiscard]] TermNeeds needs() const { return {.samples = true, .prior_samples = true}; }

  template <class T>
  ObjectiveValue evaluate(const Terms<T>& terms, double, Terms<T>& gradients) const {
    const KernelOfDistance kernel{config.kernel, 2 * config.bandwidth * static_cast<double>(terms.z.cols())};
    ObjectiveValue value = elbo_value(terms);
    gradients.log_likelihood.setConstant(
        static_cast<T>(-1 / static_cast<double>(terms.log_likelihood.size())));
    const double discrepancy = maximum_mean_discrepancy(kernel, terms.z, terms.prior_z, config.lambda,
                                                        gradients.z, gradients.scratch);
    value.loss = config.lambda * discrepancy - value.reconstruction;
    return value;
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
