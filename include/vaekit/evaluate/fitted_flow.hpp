// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <vector>

#include "vaekit/core/error.hpp"
#include "vaekit/data/batches.hpp"
#include "vaekit/latent/flow_prior.hpp"
#include "vaekit/optim/adam.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct FittedFlowConfig {
  FlowPriorConfig flow = {.length = 6, .flow = CouplingFlowConfig{}};
  Index epochs = 30;
  Index batch_size = 200;
  double learning_rate = 1e-3;
};

/// A normalizing flow fitted to latents by maximum likelihood, after centring and scaling each dimension: a
/// sampler for models whose prior is none or a poor one.
///
/// Units    nats
/// Threads  no bit depends on their number; `sample` is safe to call concurrently
/// Source   as `FlowPrior`; for trained autoencoders Böhm & Seljak 2022 (arXiv:2006.05479)
template <class T = float>
class FittedFlow {
 public:
  /// Throws DataError when there are no latents, ConfigError when the flow cannot have their dimension,
  /// NumericError when the fit diverges.
  FittedFlow(Matrix<T> z, const FittedFlowConfig& config, std::uint64_t seed)
      : prior_(config.flow, z.cols()), mean_(z.cols()), deviation_(z.cols()) {
    if (z.rows() < 1) {
      throw DataError("fitted flow: has no latents, must have at least 1");
    }
    standardize(z);
    prior_.initialize(RandomStream(seed, Purpose::initialize).child(200));
    train(z, config, seed);
  }

  /// Mean log-density over the last epoch of the fit.
  [[nodiscard]] double log_likelihood() const { return log_likelihood_; }

  /// Row r depends on `first` + r alone.
  void sample(const RandomStream& stream, std::uint64_t first, double temperature, MatrixOut<T> z) const {
    typename FlowPrior<T>::Cache cache = prior_.make_cache(std::min<Index>(z.rows(), 500));
    prior_.sample(stream, first, temperature, cache, z);
    for (Index row = 0; row < z.rows(); ++row) {
      z.row(row).array() = z.row(row).array() * deviation_.array() + mean_.array();
    }
  }

 private:
  void standardize(Matrix<T>& z) {
    for (Index j = 0; j < z.cols(); ++j) {
      const double mean = z.col(j).template cast<double>().mean();
      const double variance = (z.col(j).template cast<double>().array() - mean).square().mean();
      mean_[j] = static_cast<T>(mean);
      deviation_[j] = static_cast<T>(std::sqrt(std::max(variance, 1e-12)));
      log_scale_ += std::log(static_cast<double>(deviation_[j]));
      z.col(j).array() = (z.col(j).array() - mean_[j]) / deviation_[j];
    }
  }

  void train(const Matrix<T>& z, const FittedFlowConfig& config, std::uint64_t seed) {
    const Index batch = std::min(config.batch_size, z.rows());
    Batches batches(all_rows(z.rows()), batch);
    const Adam adam(AdamConfig{});
    auto state = adam.make_state(prior_);
    FlowPrior<T> grad = zeros_like(prior_);
    typename FlowPrior<T>::Cache cache = prior_.make_cache(batch);
    Matrix<T> x(batch, z.cols());
    Matrix<T> dx(batch, z.cols());
    std::vector<T> log_prob(static_cast<std::size_t>(batch));
    std::vector<T> upstream(static_cast<std::size_t>(batch));
    for (Index epoch = 0; epoch < config.epochs; ++epoch) {
      batches.shuffle(seed, static_cast<std::uint64_t>(epoch));
      double sum = 0;
      for (Index b = 0; b < batches.count(); ++b) {
        const std::span<const std::uint32_t> rows = batches.batch(b);
        const std::size_t n = rows.size();
        for (std::size_t i = 0; i < n; ++i) {
          x.row(static_cast<Index>(i)) = z.row(static_cast<Index>(rows[i]));
        }
        std::ranges::fill(upstream, static_cast<T>(-1 / static_cast<double>(n)));
        const auto count = static_cast<Index>(n);
        set_zero(grad);
        prior_.log_prob(x.topRows(count), cache, std::span(log_prob).first(n));
        prior_.backward(x.topRows(count), std::span<const T>(upstream).first(n), cache, top(dx, count), grad);
        adam.step(config.learning_rate, grad, 1, prior_, state);
        for (std::size_t i = 0; i < n; ++i) {
          sum += static_cast<double>(log_prob[i]);
        }
      }
      log_likelihood_ = sum / static_cast<double>(z.rows()) - log_scale_;
      if (!std::isfinite(log_likelihood_)) {
        throw NumericError(concat("fitted flow: epoch ", epoch + 1, ": log-likelihood is ", log_likelihood_,
                                  ", must be finite"));
      }
    }
  }

  FlowPrior<T> prior_;
  RowVector<T> mean_;       // [dim]
  RowVector<T> deviation_;  // [dim]
  double log_scale_ = 0;    // of the scaling
  double log_likelihood_ = 0;
};

}  // namespace vaekit::inline VAEKIT_ABI
