// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "vaekit/latent/categorical_prior.hpp"
#include "vaekit/latent/concrete.hpp"
#include "vaekit/latent/gaussian.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {
[[nodiscard]] inline std::string joint_space(Index numbers, std::string_view rest) {
  return concat(numbers, numbers == 1 ? " real number and " : " real numbers and ", rest);
}
}  // namespace detail

struct JointConfig {
  static constexpr std::string_view kind = "joint";
  GaussianLatentConfig gaussian = {.dim = 10};
  ConcreteConfig concrete = {.variables = 1};

  static constexpr auto fields() {
    return std::tuple{field("gaussian", &JointConfig::gaussian, "the continuous variables"),
                      field("concrete", &JointConfig::concrete, "the categorical variables")};
  }
};

/// Continuous and categorical latent variables side by side, independent given x:
///
///   q(z, c|x) = N(z; mu, exp(logvar)) · Cat(c; softmax(logits))
///
/// A `GaussianLatent` of D dimensions and a `ConcreteLatent` of V variables with C classes, whose columns lie
/// next to each other in this order everywhere. The mean is mu | probabilities; there are no log-variances.
///
/// Shapes   params = mu | raw logvar | logits [n × 2 D + V C], epsilon = ε | g and z [n·samples × D + V C]
/// Units    nats
/// Threads  const calls are safe with a cache each; no bit depends on their number
/// Source   Dupont 2018 (arXiv:1804.00104)
template <class T = float>
struct JointLatent {
  using Scalar = T;
  using Config = JointConfig;
  struct Cache {
    typename GaussianLatent<T>::Cache gaussian;
    typename ConcreteLatent<T>::Cache concrete;
    Matrix<T> mean;        // [n × dim]
    RowVector<T> log_q;    // [rows] of the categorical part
    MomentGradient<T> dq;  // in `mu` of mu | logits [n × dim], in `logvar` [n × D]
  };

  GaussianLatent<T> gaussian;
  ConcreteLatent<T> concrete;
  Index dim = 0;
  std::string space_name;

  JointLatent() = default;
  /// Throws ConfigError when a number of a part is out of range.
  explicit JointLatent(const Config& config)
      : gaussian(config.gaussian),
        concrete(config.concrete),
        dim(gaussian.dim + concrete.dim),
        space_name(detail::joint_space(gaussian.dim, concrete.space())) {}

  [[nodiscard]] Index head_size() const { return gaussian.head_size() + concrete.head_size(); }
  [[nodiscard]] Index noise_size() const { return dim; }
  [[nodiscard]] Index kl_columns() const { return gaussian.kl_columns() + concrete.kl_columns(); }
  [[nodiscard]] bool has_density() const { return false; }
  [[nodiscard]] bool has_evaluation_density() const { return true; }
  [[nodiscard]] std::string_view space() const { return space_name; }
  [[nodiscard]] bool holds(const T* z) const { return concrete.holds(z + gaussian.dim); }
  [[nodiscard]] Index free_columns() const { return gaussian.dim; }
  [[nodiscard]] Cache make_cache(Index batch, Index rows) const {
    Cache cache{gaussian.make_cache(batch, rows),
                concrete.make_cache(batch, rows),
                Matrix<T>(batch, dim),
                RowVector<T>(rows),
                {}};
    cache.dq.mu = Matrix<T>(batch, dim);
    cache.dq.logvar = Matrix<T>(batch, gaussian.dim);
    return cache;
  }
  void initialize(const RandomStream&) {}

  void set_time(std::optional<double> time, Cache& cache) const { concrete.set_time(time, cache.concrete); }

  void draw_noise(const RandomStream& stream, std::uint64_t first, MatrixOut<T> epsilon) const {
    parallel_for(epsilon.rows(), row_grain(8 * dim), [&](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) {
        const std::uint64_t element = first + static_cast<std::uint64_t>(row);
        gaussian.draw_noise(stream.child(0), element, epsilon.block(row, 0, 1, gaussian.dim));
        concrete.draw_noise(stream.child(1), element, epsilon.block(row, gaussian.dim, 1, concrete.dim));
      }
    });
  }

  [[nodiscard]] DiagonalGaussian<T> posterior(MatrixIn<T> params, Cache& cache) const {
    const Index n = params.rows();
    const DiagonalGaussian<T> q = gaussian.posterior(numbers_of(params), cache.gaussian);
    const DiagonalGaussian<T> classes = concrete.posterior(logits_of(params), cache.concrete);
    cache.mean.topLeftCorner(n, gaussian.dim) = q.mu;
    cache.mean.topRightCorner(n, concrete.dim) = classes.mu;
    return {cache.mean.topRows(n), classes.logvar};
  }

  void reparameterize(MatrixIn<T> params, MatrixIn<T> epsilon, const Cache& cache, MatrixOut<T> z) const {
    gaussian.reparameterize(numbers_of(params), epsilon.leftCols(gaussian.dim), cache.gaussian,
                            z.leftCols(gaussian.dim));
    concrete.reparameterize(logits_of(params), epsilon.rightCols(concrete.dim), cache.concrete,
                            z.rightCols(concrete.dim));
  }

  /// log q(z, c|x) of samples drawn outside of training: the sum of those of the parts. In training NaN.
  void log_prob(MatrixIn<T> params, MatrixIn<T> epsilon, MatrixIn<T> z, Cache& cache,
                std::span<T> out) const {
    const std::span<T> log_q = cache.log_q.span().first(out.size());
    gaussian.log_prob(numbers_of(params), epsilon.leftCols(gaussian.dim), z.leftCols(gaussian.dim),
                      cache.gaussian, out);
    concrete.log_prob(logits_of(params), epsilon.rightCols(concrete.dim), z.rightCols(concrete.dim),
                      cache.concrete, log_q);
    for (std::size_t row = 0; row < out.size(); ++row) {
      out[row] += log_q[row];
    }
  }

  void backward(MatrixIn<T> params, MatrixIn<T> epsilon, MatrixIn<T> z, MatrixIn<T> dz, std::span<const T>,
                Cache& cache, MatrixOut<T> dparams, JointLatent& grad) const {
    cache.gaussian.dq.mu = cache.dq.mu.leftCols(gaussian.dim);
    cache.gaussian.dq.logvar = cache.dq.logvar;
    cache.concrete.dq.mu = cache.dq.mu.rightCols(concrete.dim);
    gaussian.backward(numbers_of(params), epsilon.leftCols(gaussian.dim), z.leftCols(gaussian.dim),
                      dz.leftCols(gaussian.dim), {}, cache.gaussian, dparams.leftCols(gaussian.head_size()),
                      grad.gaussian);
    concrete.backward(logits_of(params), epsilon.rightCols(concrete.dim), z.rightCols(concrete.dim),
                      dz.rightCols(concrete.dim), {}, cache.concrete, dparams.rightCols(concrete.dim),
                      grad.concrete);
  }

  static void reflect(auto& self, auto&& visit) {
    visit("gaussian", self.gaussian);
    visit("concrete", self.concrete);
  }

  using Columns = Eigen::Ref<const EigenMatrix<T>, Eigen::Unaligned, Eigen::OuterStride<>>;
  /// The head's outputs of the continuous variables.
  [[nodiscard]] Columns numbers_of(MatrixIn<T> params) const { return params.leftCols(gaussian.head_size()); }
  /// Those of the categorical ones.
  [[nodiscard]] Columns logits_of(MatrixIn<T> params) const { return params.rightCols(concrete.head_size()); }
};

struct JointPriorConfig {
  static constexpr std::string_view kind = "joint";
  Index dim = 10;
  Index classes = 10;
  bool learned = false;

  static constexpr auto fields() {
    return std::tuple{field("dim", &JointPriorConfig::dim,
                            "continuous latent variables; the others are categorical", size_range),
                      field("classes", &JointPriorConfig::classes, "values of each categorical variable",
                            between(2, 100'000)),
                      field("learned", &JointPriorConfig::learned,
                            "whether the probabilities of the classes are learned; uniform otherwise")};
  }
};

/// N(0, I) in the first `dim` columns times a `CategoricalPrior` in the others.
///
/// Shapes   z [n × dim + V C]
/// Units    nats
/// Threads  const calls are safe with a cache each; no bit depends on their number
/// Source   Dupont 2018 (arXiv:1804.00104)
template <class T = float>
struct JointPrior {
  using Scalar = T;
  using Config = JointPriorConfig;
  struct Cache {
    typename StandardNormal<T>::Cache gaussian;
    typename CategoricalPrior<T>::Cache categorical;
    RowVector<T> log_p;  // [rows] of the categorical part
  };

  StandardNormal<T> gaussian;
  CategoricalPrior<T> categorical;
  Index numbers = 0;  // D
  std::string space_name;

  JointPrior() = default;
  /// Throws ConfigError when a number is out of range, or the dimensions do not split into `dim` and a
  /// multiple of `classes`.
  JointPrior(const Config& config, Index latent_dim, Index = 0)
      : numbers(checked("joint prior", config).dim) {
    const Index rest = latent_dim - numbers;
    if (rest < 1 || rest % config.classes != 0) {
      throw ConfigError(concat("joint prior: ", latent_dim, " latent dimensions, must be ", numbers,
                               " (dim) and a multiple of ", config.classes, " (classes)"));
    }
    categorical = CategoricalPrior<T>({.classes = config.classes, .learned = config.learned}, rest);
    space_name = detail::joint_space(numbers, categorical.space());
  }

  [[nodiscard]] std::string_view space() const { return space_name; }
  [[nodiscard]] Cache make_cache(Index rows) const {
    return {{}, categorical.make_cache(rows), RowVector<T>(rows)};
  }
  void initialize(const RandomStream& stream) { categorical.initialize(stream); }

  void log_prob(MatrixIn<T> z, Cache& cache, std::span<T> out) const {
    const std::span<T> log_p = cache.log_p.span().first(out.size());
    gaussian.log_prob(z.leftCols(numbers), cache.gaussian, out);
    categorical.log_prob(z.rightCols(z.cols() - numbers), cache.categorical, log_p);
    for (std::size_t row = 0; row < out.size(); ++row) {
      out[row] += log_p[row];
    }
  }

  void backward(MatrixIn<T> z, std::span<const T> dlog_p, Cache& cache, MatrixOut<T> dz,
                JointPrior& grad) const {
    gaussian.backward(z.leftCols(numbers), dlog_p, cache.gaussian, dz.leftCols(numbers), grad.gaussian);
    categorical.backward(z.rightCols(z.cols() - numbers), dlog_p, cache.categorical,
                         dz.rightCols(z.cols() - numbers), grad.categorical);
  }

  void sample(const RandomStream& stream, std::uint64_t first, double temperature, Cache& cache,
              MatrixOut<T> z) const {
    gaussian.sample(stream.child(0), first, temperature, cache.gaussian, z.leftCols(numbers));
    categorical.sample(stream.child(1), first, temperature, cache.categorical,
                       z.rightCols(z.cols() - numbers));
  }

  static void reflect(auto& self, auto&& visit) {
    visit("gaussian", self.gaussian);
    visit("categorical", self.categorical);
  }
};

/// The divergences of the two parts: D columns, then V.
template <class T>
struct KlPair<JointLatent<T>, JointPrior<T>> {
  using Latent = JointLatent<T>;
  using Prior = JointPrior<T>;
  using Cache = typename Latent::Cache;
  using Gaussian = KlPair<GaussianLatent<T>, StandardNormal<T>>;
  using Categorical = KlPair<ConcreteLatent<T>, CategoricalPrior<T>>;

  static bool closed_form(const Latent& latent, const Prior& prior) {
    return latent.gaussian.dim == prior.numbers &&
           Categorical::closed_form(latent.concrete, prior.categorical);
  }
  static void forward(const Latent& latent, const Prior& prior, MatrixIn<T> params, Cache& cache,
                      typename Prior::Cache& prior_cache, MatrixOut<T> kl) {
    Gaussian::forward(latent.gaussian, prior.gaussian, latent.numbers_of(params), cache.gaussian,
                      prior_cache.gaussian, kl.leftCols(latent.gaussian.dim));
    Categorical::forward(latent.concrete, prior.categorical, latent.logits_of(params), cache.concrete,
                         prior_cache.categorical, kl.rightCols(latent.concrete.variables));
  }
  static void backward(const Latent& latent, const Prior& prior, MatrixIn<T> params, MatrixIn<T> dkl,
                       Cache& cache, typename Prior::Cache& prior_cache, Prior& grad) {
    for (Matrix<T>* part : {&cache.gaussian.dq.mu, &cache.gaussian.dq.logvar, &cache.concrete.dq.mu}) {
      part->setZero();
    }
    Gaussian::backward(latent.gaussian, prior.gaussian, latent.numbers_of(params),
                       dkl.leftCols(latent.gaussian.dim), cache.gaussian, prior_cache.gaussian,
                       grad.gaussian);
    Categorical::backward(latent.concrete, prior.categorical, latent.logits_of(params),
                          dkl.rightCols(latent.concrete.variables), cache.concrete, prior_cache.categorical,
                          grad.categorical);
    cache.dq.mu.leftCols(latent.gaussian.dim) += cache.gaussian.dq.mu;
    cache.dq.mu.rightCols(latent.concrete.dim) += cache.concrete.dq.mu;
    cache.dq.logvar += cache.gaussian.dq.logvar;
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
