// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "vaekit/evaluate/elbo.hpp"
#include "vaekit/kernels/gemm.hpp"
#include "vaekit/latent/gaussian_mixture.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// The aggregate posterior q(z) = 1/N Σ q(z|x_i) of N inputs, seen as their whole distribution:
///
///   mutual information   I(x; z) = E log q(z|x) − log q(z), at most log N
///   marginal KL          KL(q(z) ‖ p(z)) = E log q(z) − log p(z)
///   total correlation    KL(q(z) ‖ Π q(z_d)) = E log q(z) − Σ_d log q(z_d)
///   dimension KL         Σ_d KL(q(z_d) ‖ p(z_d)) = E Σ_d log q(z_d) − log p(z), of a prior that is a product
///
/// so that mean KL(q(z|x) ‖ p(z)) = I + marginal KL, and marginal KL = total correlation + dimension KL. The
/// expectations are means over one z ~ q(z|x_i) for each input; standard errors are theirs.
///
/// Units   nats
/// Source  Hoffman & Johnson 2016 (ELBO surgery); Chen et al. 2018 (arXiv:1802.04942) eq. 2
struct AggregateStatistics {
  Index inputs = 0;  ///< N
  RunningMoments mutual_information = {};
  RunningMoments marginal_kl = {};
  RunningMoments total_correlation = {};
  RunningMoments dimension_kl = {};
};

/// How far samples of the aggregate posterior are from as many of the prior.
struct AggregateDiscrepancy {
  Index samples = 0;          ///< of either
  double mmd = 0;             ///< squared, unbiased, kernel exp(−‖a − b‖² / 2 dim)
  double standard_error = 0;  ///< of `mmd`
};

/// The squared maximum mean discrepancy of two sets of m samples without bias, the mean of
///
///   h_ij = k(a_i, a_j) + k(b_i, b_j) − k(a_i, b_j) − k(a_j, b_i),   k(a, b) = exp(−‖a − b‖² / 2 dim)
///
/// over i ≠ j, with the standard error of a U-statistic,
/// √(4 (m − 2) / (m (m − 1)) Var_i(E_j h_ij) + 2 / (m (m − 1)) Var(h)); of samples of one distribution it is
/// about 1.3 times the spread.
///
/// Shapes   a, b [m × dim], m ≥ 2
/// Threads  no bit depends on their number
/// Memory   O(m dim); time O(m² dim)
/// Source   Gretton et al. 2012 (JMLR 13), lemma 6; the error: Serfling 1980, section 5.2
[[nodiscard]] inline AggregateDiscrepancy kernel_discrepancy(const Matrix<double>& a,
                                                             const Matrix<double>& b);

namespace detail {

/// k(x_i, y_j) for rows first .. first + n of x. [n × m]
[[nodiscard]] inline Matrix<double> kernel_rows(const Matrix<double>& x, Index first, Index n,
                                                const Matrix<double>& y) {
  const auto rows = x.middleRows(first, n);
  Matrix<double> k(n, y.rows());
  gemm<double>(as_is<double>(rows), transposed<double>(y), x.cols(), k, Store::overwrite);
  k *= -2;
  k.colwise() += rows.rowwise().squaredNorm();
  k.rowwise() += y.rowwise().squaredNorm().transpose();
  k = (k.array().max(0) / static_cast<double>(-2 * x.cols())).exp();
  return k;
}

}  // namespace detail

inline AggregateDiscrepancy kernel_discrepancy(const Matrix<double>& a, const Matrix<double>& b) {
  constexpr Index block = 64;
  const Index m = a.rows();
  const auto count = static_cast<double>(m);
  const double pairs = count * (count - 1);
  double sum = 0;
  double square_sum = 0;
  RunningMoments row_means;
  for (Index first = 0; first < m; first += block) {
    const Index n = std::min(block, m - first);
    Matrix<double> h = detail::kernel_rows(a, first, n, a);
    h += detail::kernel_rows(b, first, n, b);
    h -= detail::kernel_rows(a, first, n, b);
    h -= detail::kernel_rows(b, first, n, a);
    for (Index i = 0; i < n; ++i) {
      h(i, first + i) = 0;
      row_means.add(h.row(i).sum() / (count - 1));
      sum += h.row(i).sum();
      square_sum += h.row(i).squaredNorm();
    }
  }
  const double mean = sum / pairs;
  const double variance = square_sum / pairs - mean * mean;
  // The means over j vary by their own error too.
  const double between = std::max(0.0, row_means.variance() - variance / (count - 1));
  return {.samples = m,
          .mmd = mean,
          .standard_error = std::sqrt((4 * (count - 2) * between + 2 * variance) / pairs)};
}

/// out[i] = log q(z_i) for the rows of z, where q is the mixture of the N diagonal Gaussians in the rows of
/// mu and logvar with equal weights.
///
/// Shapes   mu, logvar [N × dim], z [n × dim] → out [n]
/// Units    nats
/// Threads  no bit depends on their number
/// Memory   O(N dim); time O(n N dim)
template <class T>
void aggregate_log_density(const Matrix<T>& mu, const Matrix<T>& logvar, const Matrix<T>& z,
                           std::span<double> out) {
  constexpr Index rows = 64;  // whose shares in all components are held at a time
  std::vector<T> values(static_cast<std::size_t>(rows));
  MixtureCache<T> cache(rows, mu.rows(), mu.cols());
  cache.log_weights.setConstant(static_cast<T>(-std::log(static_cast<double>(mu.rows()))));
  for (Index first = 0; first < z.rows(); first += rows) {
    const auto n = static_cast<std::size_t>(std::min(rows, z.rows() - first));
    MixtureView<T>{mu, logvar}.log_prob(z.middleRows(first, static_cast<Index>(n)), cache,
                                        std::span(values).first(n));
    std::copy_n(values.begin(), n, out.begin() + first);
  }
}

/// out[i] = Σ_d log q(z_id) for the same mixture: each dimension by itself.
template <class T>
void aggregate_marginal_log_density(const Matrix<T>& mu, const Matrix<T>& logvar, const Matrix<T>& z,
                                    std::span<double> out) {
  std::vector<double> marginal(out.size());
  std::ranges::fill(out, 0.0);
  for (Index d = 0; d < mu.cols(); ++d) {
    aggregate_log_density(Matrix<T>(mu.col(d)), Matrix<T>(logvar.col(d)), Matrix<T>(z.col(d)),
                          std::span(marginal));
    std::ranges::transform(out, marginal, out.begin(), std::plus<>());
  }
}

/// out[i] = log q(z_i) for the rows of z, where q is the mixture with equal weights of the posteriors of a
/// latent that `has_point_density`, one for each row of the head's outputs `params` [N × head_size].
///
/// Time O(n N dim²), else as the one of diagonal Gaussians
template <class Latent>
void aggregate_log_density(const Latent& latent, const Matrix<typename Latent::Scalar>& params,
                           const Matrix<typename Latent::Scalar>& z, std::span<double> out) {
  using T = typename Latent::Scalar;
  constexpr Index block = 256;  // points that share what is computed once for each posterior
  parallel_for((z.rows() + block - 1) / block, 1, [&](Index first_block, Index last_block) {
    for (Index first = first_block * block; first < std::min(last_block * block, z.rows()); first += block) {
      const Index n = std::min(block, z.rows() - first);
      const Matrix<T> columns(z.middleRows(first, n).transpose());
      Matrix<T> points(columns.rows(), n);
      std::vector<T> values(static_cast<std::size_t>(n));
      std::vector<LogSumExp> sums(values.size());
      for (Index i = 0; i < params.rows(); ++i) {
        points = columns;
        latent.point_log_prob(params.middleRows(i, 1), points, values);
        for (std::size_t k = 0; k < values.size(); ++k) {
          sums[k].add(static_cast<double>(values[k]));
        }
      }
      const double log_count = std::log(static_cast<double>(params.rows()));
      std::ranges::transform(sums, out.begin() + first,
                             [&](const LogSumExp& sum) { return sum.value() - log_count; });
    }
  });
}

namespace detail {

/// The posteriors of inputs, a sample of each, and log-densities of the samples.
template <class T>
struct PosteriorSamples {
  Matrix<T> params;             // [N × head_size], where the posterior is no diagonal Gaussian
  Matrix<T> mu, logvar, z;      // [N × dim]
  std::vector<T> log_q, log_p;  // [N]
};

template <class Model>
[[nodiscard]] PosteriorSamples<typename Model::Scalar> posterior_samples(const Model& model,
                                                                         const DataView& view,
                                                                         std::uint64_t seed) {
  using T = typename Model::Scalar;
  const Index count = view.size();
  const Index dim = model.latent_dim();
  const Index batch = std::min<Index>(500, count);
  typename Model::Workspace w = model.make_inference_workspace(batch);
  model.prepare_prior(Matrix<T>(1, 0), w);
  Matrix<T> buffer(batch, model.input_columns());
  const auto all = static_cast<std::size_t>(count);
  const bool diagonal = is_diagonal_gaussian(model.latent);
  PosteriorSamples<T> samples{Matrix<T>(diagonal ? 0 : count, model.latent.head_size()),
                              Matrix<T>(count, dim),
                              Matrix<T>(count, dim),
                              Matrix<T>(count, dim),
                              std::vector<T>(all),
                              std::vector<T>(all)};
  for_each_batch<T>(view, buffer, [&](Index first, MatrixIn<T> x) {
    const Index n = x.rows();
    const auto values = [&](std::vector<T>& whole) {
      return std::span(whole).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(n));
    };
    model.draw_evaluation_noise(seed, static_cast<std::uint64_t>(first), n, w);
    const DiagonalGaussian<T> q = model.encode(x, w);
    samples.mu.middleRows(first, n) = q.mu;
    samples.logvar.middleRows(first, n) = q.logvar;
    const auto params = w.posterior.topRows(n);
    if (!diagonal) {
      samples.params.middleRows(first, n) = params;
    }
    model.latent.reparameterize(params, w.epsilon.topRows(n), w.latent, top(w.z, n));
    model.latent.log_prob(params, w.epsilon.topRows(n), w.z.topRows(n), w.latent, values(samples.log_q));
    model.prior.log_prob(w.z.topRows(n), w.prior, values(samples.log_p));
    samples.z.middleRows(first, n) = w.z.topRows(n);
  });
  return samples;
}

/// log q(z) of the samples.
template <class Latent, class T>
void joint_log_density(const Latent& latent, const PosteriorSamples<T>& samples, std::span<double> out) {
  if (is_diagonal_gaussian(latent)) {
    aggregate_log_density(samples.mu, samples.logvar, samples.z, out);
  } else if constexpr (HasPointDensity<Latent>) {
    aggregate_log_density(latent, samples.params, samples.z, out);
  }
}

}  // namespace detail

/// Samples of q(z|x) for at most `limit` samples of `view` (`random_rows`); the posterior's means where
/// training knows no noise. [n × dim]
template <class Model>
[[nodiscard]] Matrix<typename Model::Scalar> aggregate_latents(const Model& model, DataView view,
                                                               bool deterministic, std::uint64_t seed,
                                                               Index limit = 20'000) {
  using T = typename Model::Scalar;
  const std::vector<std::uint32_t> rows = random_rows(view, limit);
  view.rows = rows;
  const Index batch = std::min<Index>(500, view.size());
  typename Model::Workspace w = model.make_inference_workspace(batch);
  Matrix<T> buffer(batch, model.input_columns());
  Matrix<T> latents(view.size(), model.latent_dim());
  for_each_batch<T>(view, buffer, [&](Index first, MatrixIn<T> x) {
    if (deterministic) {
      model.zero_noise(x.rows(), w);
    } else {
      model.draw_evaluation_noise(seed, static_cast<std::uint64_t>(first), x.rows(), w);
    }
    model.divergence(x, w);
    latents.middleRows(first, x.rows()) = w.z.topRows(x.rows());
  });
  return latents;
}

/// Most inputs whose samples `vaekit evaluate` compares with the prior: time grows as their square.
inline constexpr Index discrepancy_inputs = 2000;

/// The discrepancy of a sample of q(z|x), or of its mean where training knows no noise, for each of at most
/// `inputs` inputs of `view` (`random_rows`) and as many samples of p(z): for any pair of a posterior and a
/// prior. Nothing for a model with a condition or with a codebook, whose use `code_usage` counts, or for a
/// single input.
///
/// Cost     as `kernel_discrepancy`
/// Threads  no bit depends on their number
template <class Model>
[[nodiscard]] std::optional<AggregateDiscrepancy> aggregate_discrepancy(const Model& model,
                                                                        const DataView& view,
                                                                        bool deterministic,
                                                                        std::uint64_t seed,
                                                                        Index inputs = discrepancy_inputs) {
  using T = typename Model::Scalar;
  const Index m = std::min(inputs, view.size());
  if (model.condition > 0 || code_count(model.latent) > 0 || m < 2) {
    return std::nullopt;
  }
  const Matrix<T> z = aggregate_latents(model, view, deterministic, seed, m);
  typename Model::Workspace w = model.make_inference_workspace(std::min<Index>(100, m));
  Matrix<T> prior_z(m, model.latent_dim());
  model.sample_latents(seed, 0, 1, w, prior_z);
  return kernel_discrepancy(z.template cast<double>(), prior_z.template cast<double>());
}

/// Most inputs that `vaekit evaluate` looks at: time grows as their square.
inline constexpr Index aggregate_inputs = 5000;

/// Statistics of the aggregate posterior of at most `inputs` inputs of `view` (`random_rows`), and at most
/// 10⁵ / dim where the covariance of their posteriors is not diagonal. Nothing for a model with a condition,
/// or whose posterior is no Gaussian, or for a single input.
///
/// Time     O(N² dim), O(N² dim²) where the covariance is not diagonal; Memory that of N outputs of the head
/// Threads  no bit depends on their number
template <class Model>
[[nodiscard]] std::optional<AggregateStatistics> aggregate_statistics(const Model& model, DataView view,
                                                                      std::uint64_t seed,
                                                                      Index inputs = aggregate_inputs) {
  const bool diagonal = is_diagonal_gaussian(model.latent);
  const bool is_gaussian = diagonal || has_point_density(model.latent);
  if (model.condition > 0 || !is_gaussian || std::min(inputs, view.size()) < 2) {
    return std::nullopt;
  }
  const Index most = diagonal ? inputs : std::min(inputs, 100'000 / model.latent_dim());
  const std::vector<std::uint32_t> rows = random_rows(view, most);
  view.rows = rows;
  const auto samples = detail::posterior_samples(model, view, seed);
  const auto n = static_cast<std::size_t>(view.size());
  std::vector<double> joint(n);
  std::vector<double> marginals(n);
  detail::joint_log_density(model.latent, samples, std::span(joint));
  aggregate_marginal_log_density(samples.mu, samples.logvar, samples.z, std::span(marginals));
  AggregateStatistics statistics{.inputs = view.size()};
  for (std::size_t i = 0; i < n; ++i) {
    const auto log_p = static_cast<double>(samples.log_p[i]);
    statistics.mutual_information.add(static_cast<double>(samples.log_q[i]) - joint[i]);
    statistics.marginal_kl.add(joint[i] - log_p);
    statistics.total_correlation.add(joint[i] - marginals[i]);
    statistics.dimension_kl.add(marginals[i] - log_p);
  }
  return statistics;
}

}  // namespace vaekit::inline VAEKIT_ABI
