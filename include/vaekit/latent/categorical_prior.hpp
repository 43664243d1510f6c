// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>

#include "vaekit/latent/concrete.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct CategoricalPriorConfig {
  static constexpr std::string_view kind = "categorical";
  Index classes = 10;
  bool learned = false;

  static constexpr auto fields() {
    return std::tuple{field("classes", &CategoricalPriorConfig::classes, "values of each latent variable",
                            between(2, 100'000)),
                      field("learned", &CategoricalPriorConfig::learned,
                            "whether the probabilities of each variable are learned; uniform otherwise")};
  }
};

/// V independent categorical variables with C classes, written as one-hot vectors:
///
///   log p(z) = Σ_v Σ_c z_vc log π_vc,   π_v uniform, or softmax(logits_v) with learned logits that start at
///   0
///
/// A z between the one-hot vectors, a sample of a relaxation, gets the same sum.
///
/// Shapes   z [n × V C]; V = latent dimensions / C
/// Units    nats
/// Threads  const calls are safe with a cache each; no bit depends on their number
/// Source   Jang et al. 2017 (arXiv:1611.01144) section 3
template <class T = float>
struct CategoricalPrior {
  using Scalar = T;
  using Config = CategoricalPriorConfig;
  struct Cache {
    Matrix<T> log_probabilities;  // [V × C]
  };

  Index variables = 0;
  Index classes = 0;
  bool learned = false;
  Matrix<T> logits;  // [V × C], a parameter when learned
  std::string space_name;

  CategoricalPrior() = default;
  /// Throws ConfigError when `classes` is out of range, or `dim` is no multiple of it.
  CategoricalPrior(const Config& config, Index dim, Index = 0)
      : variables(dim / checked("categorical prior", config).classes),
        classes(config.classes),
        learned(config.learned),
        logits(variables, classes),
        space_name(detail::one_hot_space(variables, classes)) {
    if (dim < 1 || dim % classes != 0) {
      throw ConfigError(concat("categorical prior: ", dim, " latent dimensions, must be a multiple of ",
                               classes, " (classes)"));
    }
  }

  [[nodiscard]] std::string_view space() const { return space_name; }
  [[nodiscard]] Cache make_cache(Index) const { return {Matrix<T>(variables, classes)}; }
  void initialize(const RandomStream&) { logits.setZero(); }

  /// log π, which the divergence and its gradient use as well.
  void find_log_probabilities(Cache& cache) const {
    for (Index v = 0; v < variables; ++v) {
      const T* source = logits.data() + v * classes;
      const LogPartition<T> partition = log_partition(source, classes);
      for_each_vector<T>(classes, [&](Index c, auto which) {
        store(cache.log_probabilities.data() + v * classes + c,
              partition.log_softmax(load(source + c, which)), which);
      });
    }
  }

  void log_prob(MatrixIn<T> z, Cache& cache, std::span<T> out) const {
    find_log_probabilities(cache);
    parallel_for(z.rows(), row_grain(z.cols()), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        const T* value = z.data() + row * z.outerStride();
        out[static_cast<std::size_t>(row)] = sum_vectors<T>(z.cols(), [&](Index j, auto which) {
          return Simd<T>(load(value + j, which) * load(cache.log_probabilities.data() + j, which));
        });
      }
    });
  }

  /// dz += dlog_p log π,  dlogits_vc += Σ dlog_p (z_vc − π_vc Σ_c z_vc)
  void backward(MatrixIn<T> z, std::span<const T> dlog_p, Cache& cache, MatrixOut<T> dz,
                CategoricalPrior& grad) const {
    for (Index row = 0; row < z.rows(); ++row) {
      const T upstream = dlog_p[static_cast<std::size_t>(row)];
      const T* log_p = cache.log_probabilities.data();
      T* target = dz.data() + row * dz.outerStride();
      for_each_vector<T>(z.cols(), [&](Index j, auto which) {
        store(target + j,
              Simd<T>(xsimd::fma(Simd<T>(upstream), load(log_p + j, which), load(target + j, which))), which);
      });
      for (Index v = 0; learned && v < variables; ++v) {
        const T* value = z.data() + row * z.outerStride() + v * classes;
        const T total = sum_vectors<T>(classes, [&](Index c, auto which) { return load(value + c, which); });
        add_to_logits(value, upstream, total, v, cache, grad);
      }
    }
  }

  /// grad.logits_v += factor (values − total π_v), values [C].
  void add_to_logits(const T* values, T factor, T total, Index v, const Cache& cache,
                     CategoricalPrior& grad) const {
    const T* log_p = cache.log_probabilities.data() + v * classes;
    T* target = grad.logits.data() + v * classes;
    for_each_vector<T>(classes, [&](Index c, auto which) {
      const Simd<T> slope = load(values + c, which) - Simd<T>(total) * math::exp<T>(load(log_p + c, which));
      store(target + c, Simd<T>(xsimd::fma(Simd<T>(factor), slope, load(target + c, which))), which);
    });
  }

  /// One-hot rows; variable v of class c with a probability ∝ π_vc^(1/temperature). At temperature 0 a most
  /// probable class.
  void sample(const RandomStream& stream, std::uint64_t first, double temperature, Cache&,
              MatrixOut<T> z) const {
    parallel_for(z.rows(), row_grain(32 * z.cols()), [&](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) {
        RandomSequence random(stream, first + static_cast<std::uint64_t>(row));
        for (Index v = 0; v < variables; ++v) {
          draw(logits.data() + v * classes, random.uniform(), temperature,
               z.data() + row * z.outerStride() + v * classes);
        }
      }
    });
  }

  static void reflect(auto& self, auto&& visit) {
    if (self.learned) {
      visit("logits", self.logits);
    }
  }

 private:
  /// By inversion: the first class at which the cumulative probability passes u. NaN logits give NaN.
  void draw(const T* values, double u, double temperature, T* target) const {
    const auto maximum = static_cast<double>(*std::max_element(values, values + classes));
    const auto weight = [&](Index c) {
      const double difference = static_cast<double>(values[c]) - maximum;
      return difference == 0 ? 1 : std::exp(difference / temperature);
    };
    double total = 0;
    for (Index c = 0; c < classes; ++c) {
      total += weight(c);
    }
    std::fill_n(target, classes, std::isnan(total) ? std::numeric_limits<T>::quiet_NaN() : T{0});
    double sum = 0;
    for (Index c = 0; c < classes; ++c) {
      sum += weight(c);
      if (sum > u * total) {
        target[c] = T{1};
        return;
      }
    }
  }
};

/// KL of two categorical distributions, a column for each variable:
///
///   KL_v = Σ_c q_c (log q_c − log π_c),   ∂/∂logit_c = q_c (log q_c − log π_c − KL_v),
///   ∂/∂logit of π_c = π_c − q_c
///
/// A class with q_c = 0 adds 0.
template <class T>
struct KlPair<ConcreteLatent<T>, CategoricalPrior<T>> {
  using Latent = ConcreteLatent<T>;
  using Prior = CategoricalPrior<T>;
  using Cache = typename Latent::Cache;

  static bool closed_form(const Latent& latent, const Prior& prior) {
    return latent.variables == prior.variables && latent.classes == prior.classes;
  }
  static void forward(const Latent& latent, const Prior& prior, MatrixIn<T> params, Cache& cache,
                      typename Prior::Cache& prior_cache, MatrixOut<T> kl) {
    prior.find_log_probabilities(prior_cache);
    parallel_for(params.rows(), row_grain(4 * latent.dim), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        for (Index v = 0; v < latent.variables; ++v) {
          kl(row, v) = Variable(latent, params, cache, prior_cache, row, v).divergence();
        }
      }
    });
  }
  static void backward(const Latent& latent, const Prior& prior, MatrixIn<T> params, MatrixIn<T> dkl,
                       Cache& cache, typename Prior::Cache& prior_cache, Prior& grad) {
    parallel_for(params.rows(), row_grain(8 * latent.dim), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        for (Index v = 0; v < latent.variables; ++v) {
          Variable(latent, params, cache, prior_cache, row, v)
              .add_gradient(dkl(row, v), cache.dq.mu.data() + row * latent.dim + v * latent.classes);
        }
      }
    });
    for (Index row = 0; prior.learned && row < params.rows(); ++row) {
      const T* q = cache.probabilities.data() + row * latent.dim;
      for (Index v = 0; v < latent.variables; ++v) {
        prior.add_to_logits(q + v * latent.classes, -dkl(row, v), T{1}, v, prior_cache, grad);
      }
    }
  }

 private:
  /// One variable of one input.
  struct Variable {
    const T* logits;
    const T* probabilities;
    const T* log_prior;
    LogPartition<T> partition;
    Index classes;

    Variable(const Latent& latent, MatrixIn<T> params, const Cache& cache,
             const typename Prior::Cache& prior_cache, Index row, Index v)
        : logits(params.data() + row * params.outerStride() + v * latent.classes),
          probabilities(cache.probabilities.data() + row * latent.dim + v * latent.classes),
          log_prior(prior_cache.log_probabilities.data() + v * latent.classes),
          partition(cache.partitions[static_cast<std::size_t>(row * latent.variables + v)]),
          classes(latent.classes) {}

    [[nodiscard]] Simd<T> term(Index c, auto which) const {
      const Simd<T> zero(T{0});
      const Simd<T> q = load(probabilities + c, which);
      const Simd<T> ratio = partition.log_softmax(load(logits + c, which)) - load(log_prior + c, which);
      return xsimd::select(q == zero, zero, Simd<T>(q * ratio));
    }
    [[nodiscard]] T divergence() const {
      return sum_vectors<T>(classes, [&](Index c, auto which) { return term(c, which); });
    }
    void add_gradient(T upstream, T* target) const {
      const Simd<T> kl(divergence());
      for_each_vector<T>(classes, [&](Index c, auto which) {
        const Simd<T> slope = term(c, which) - load(probabilities + c, which) * kl;
        store(target + c, Simd<T>(xsimd::fma(Simd<T>(upstream), slope, load(target + c, which))), which);
      });
    }
  };
};

}  // namespace vaekit::inline VAEKIT_ABI
