// SPDX-License-Identifier: MIT
//
// Objectives that compare samples of the aggregate posterior with samples of the prior.
#pragma once

#include <array>
#include <cmath>

#include "vaekit/core/fields.hpp"
#include "vaekit/core/parallel.hpp"
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

  struct Value {
    double value;
    double slope;  ///< ∂k/∂s
  };
  [[nodiscard]] Value operator()(double s) const {
    if (kernel == MmdKernel::rbf) {
      const double value = std::exp(-s / width);
      return {value, -value / width};
    }
    Value sum{0, 0};
    for (const double c : {0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0}) {
      const double ratio = c * width / (c * width + s);
      sum.value += ratio;
      sum.slope -= ratio / (c * width + s);
    }
    return sum;
  }
};

/// The unbiased estimate of the squared maximum mean discrepancy of the rows of z and of `prior_z`, and
/// `factor` times its gradient, added to dz:
///
///   1/(m(m−1)) Σ_{i≠j} k(z_i, z_j) + 1/(m(m−1)) Σ_{i≠j} k(p_i, p_j) − 2/m² Σ_ij k(z_i, p_j)
///
/// Shapes   z, prior_z, dz [m × dim]; scratch is resized to [m × 1]
/// Threads  no bit depends on their number
/// Source   Gretton et al. 2012 (JMLR 13), lemma 6
template <class T>
[[nodiscard]] double maximum_mean_discrepancy(const KernelOfDistance& kernel, const Matrix<T>& z,
                                              const Matrix<T>& prior_z, double factor, Matrix<T>& dz,
                                              Matrix<T>& scratch) {
  const Index m = z.rows();
  const auto count = static_cast<double>(m);
  const double within = m > 1 ? 1 / (count * (count - 1)) : 0;
  const double between_sets = 2 / (count * count);
  scratch.resize(m, 1);
  parallel_for(m, 8, [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      double sum = 0;
      const auto add = [&](const Matrix<T>& others, Index j, double weight, double gradient_weight) {
        const double s = static_cast<double>((z.row(i) - others.row(j)).squaredNorm());
        const KernelOfDistance::Value k = kernel(s);
        sum += weight * k.value;
        dz.row(i) += static_cast<T>(factor * gradient_weight * 2 * k.slope) * (z.row(i) - others.row(j));
      };
      for (Index j = 0; j < m; ++j) {
        if (j != i) {
          add(z, j, within, 2 * within);  // also as the second of the pair (j, i)
          sum += within * kernel(static_cast<double>((prior_z.row(i) - prior_z.row(j)).squaredNorm())).value;
        }
        add(prior_z, j, -between_sets, -between_sets);
      }
      scratch(i, 0) = static_cast<T>(sum);
    }
  });
  double total = 0;
  for (const T value : scratch.span()) {
    total += static_cast<double>(value);
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
