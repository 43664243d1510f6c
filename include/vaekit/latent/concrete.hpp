// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vaekit/core/fields.hpp"
#include "vaekit/core/schedule.hpp"
#include "vaekit/kernels/log_softmax.hpp"
#include "vaekit/kernels/random.hpp"
#include "vaekit/kernels/reduce.hpp"
#include "vaekit/latent/latent.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Fills `out` with elements `offset ...` of the stream as standard Gumbel variables −log(−log(1 − u)), where
/// u is the uniform of `fill_uniform`. The large values, which decide an argmax, come from small u, where
/// floats are dense.
///
/// Range    [−3.2, 22.9]
/// Threads  parallel; the result depends neither on their number nor on how a range is cut into calls
template <class T>
void fill_gumbel(std::span<T> out, const RandomStream& stream, std::uint64_t offset = 0) {
  fill_uniform(out, stream, offset);
  T* const values = out.data();
  const auto transform = [values](Index first, Index last) {
    const Simd<T> one(T{1});
    const Simd<T> highest(T{1} - std::numeric_limits<T>::epsilon() / 2);
    for_each_vector<T>(last - first, [&](Index i, auto which) {
      const Simd<T> u = xsimd::min(load(values + first + i, which), highest);
      const Simd<T> rest = one - u;
      const Simd<T> near_zero = math::log1p<T>(xsimd::min(Simd<T>(u / rest), one));
      const Simd<T> exponential = xsimd::select(u < Simd<T>(T{0.5}), near_zero, Simd<T>(-math::log<T>(rest)));
      store(values + first + i, Simd<T>(-math::log<T>(exponential)), which);
    });
  };
  parallel_for(static_cast<Index>(out.size()), elementwise_grain / 4, transform, 64);
}

namespace detail {
/// Of Jang et al. 2017, by epochs: from 1, and below the default minimum after 14 epochs.
[[nodiscard]] inline Schedule falling_temperature() {
  Schedule schedule(1.0);
  schedule.schedule = ScheduleKind::exponential;
  schedule.factor = 0.95;
  return schedule;
}

/// Where one-hot vectors live.
[[nodiscard]] inline std::string one_hot_space(Index variables, Index classes) {
  return concat("one-hot vectors of ", variables, " x ", classes);
}
}  // namespace detail

struct ConcreteConfig {
  static constexpr std::string_view kind = "concrete";
  Index variables = 20;
  Index classes = 10;
  Schedule temperature = detail::falling_temperature();
  double minimum_temperature = 0.5;

  static constexpr auto fields() {
    return std::tuple{
        field("variables", &ConcreteConfig::variables, "categorical latent variables", between(1, 100'000)),
        field("classes", &ConcreteConfig::classes, "values of each variable", between(2, 100'000)),
        field("temperature", &ConcreteConfig::temperature,
              "of the relaxed samples in training: a number or a schedule", positive),
        field("minimum_temperature", &ConcreteConfig::minimum_temperature,
              "below which the schedule does not go", positive)};
  }
};

/// The posterior of V independent categorical variables with C classes, q(z_v = c|x) = softmax(logits_v)_c,
/// and its samples as vectors of C numbers, from Gumbel noise g:
///
///   in training  z_v = softmax((logits_v + g_v) / τ),   τ = max(temperature(time), minimum_temperature)
///   elsewhere    z_v = one-hot of argmax(logits_v + g_v), an exact sample of q (of equals the first)
///
/// so training has a gradient, and what evaluation reports is the bound of the discrete model. The one-hot z
/// passes no gradient to the logits. KL is that of the categorical distributions, see `CategoricalPrior`. The
/// one-hot samples have the probability q(z|x) = Π_v q(z_v|x); the relaxed ones have a density, which is not
/// used: `has_evaluation_density` is true, `has_density` is false.
///
/// Shapes   params = logits [n × V C], epsilon = g and z [n·samples × V C]
/// Units    nats
/// Threads  const calls are safe with a cache each; no bit depends on their number
/// Source   Jang et al. 2017 (arXiv:1611.01144) eq. 2 and section 3; Maddison et al. 2017 (arXiv:1611.00712)
template <class T = float>
struct ConcreteLatent {
  using Scalar = T;
  using Config = ConcreteConfig;
  struct Cache {
    Matrix<T> probabilities;                  // [n × dim]
    std::vector<LogPartition<T>> partitions;  // [n × variables] of the logits
    T temperature = 0;                        // 0: samples are one-hot
    MomentGradient<T> dq;                     // in `mu` of the logits [n × dim]; `logvar` has no columns
  };

  Index variables = 0;
  Index classes = 0;
  Index dim = 0;
  Schedule temperature;
  double minimum_temperature = 0;
  std::string space_name;

  ConcreteLatent() = default;
  /// Throws ConfigError when a number is out of range.
  explicit ConcreteLatent(const Config& config)
      : variables(checked("concrete latent", config).variables),
        classes(config.classes),
        dim(variables * classes),
        temperature(config.temperature),
        minimum_temperature(config.minimum_temperature),
        space_name(detail::one_hot_space(variables, classes)) {}

  [[nodiscard]] Index head_size() const { return dim; }
  [[nodiscard]] Index noise_size() const { return dim; }
  [[nodiscard]] Index kl_columns() const { return variables; }
  [[nodiscard]] bool has_density() const { return false; }
  [[nodiscard]] bool has_evaluation_density() const { return true; }
  [[nodiscard]] std::string_view space() const { return space_name; }
  /// Probabilities count, as the decoder sees them in training: each in [0, 1], those of a variable sum to 1.
  [[nodiscard]] bool holds(const T* z) const {
    for (Index v = 0; v < variables; ++v) {
      double sum = 0;
      for (const T* value = z + v * classes; value < z + (v + 1) * classes; ++value) {
        if (!(*value >= T{0} && *value <= T{1})) {
          return false;
        }
        sum += static_cast<double>(*value);
      }
      if (!(std::abs(sum - 1) <= 1e-3)) {
        return false;
      }
    }
    return true;
  }
  [[nodiscard]] Cache make_cache(Index batch, Index) const {
    Cache cache{Matrix<T>(batch, dim),
                std::vector<LogPartition<T>>(static_cast<std::size_t>(batch * variables)),
                T{0},
                {}};
    cache.dq.mu = Matrix<T>(batch, dim);
    cache.dq.logvar = Matrix<T>(batch, 0);
    return cache;
  }
  void initialize(const RandomStream&) {}

  void set_time(std::optional<double> time, Cache& cache) const {
    cache.temperature = time ? static_cast<T>(std::max(temperature.value(*time), minimum_temperature)) : T{0};
  }

  void draw_noise(const RandomStream& stream, std::uint64_t first, MatrixOut<T> epsilon) const {
    fill_gumbel(std::span<T>(epsilon.data(), static_cast<std::size_t>(epsilon.size())), stream,
                first * static_cast<std::uint64_t>(dim));
  }

  /// The probabilities; there are no log-variances.
  [[nodiscard]] DiagonalGaussian<T> posterior(MatrixIn<T> params, Cache& cache) const {
    parallel_for(params.rows(), row_grain(8 * dim), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        const T* logits = params.data() + row * params.outerStride();
        T* target = cache.probabilities.data() + row * dim;
        LogPartition<T>* partitions = cache.partitions.data() + row * variables;
        for (Index v = 0; v < variables; ++v) {
          partitions[v] = softmax(logits + v * classes, classes, target + v * classes);
        }
      }
    });
    return {cache.probabilities.topRows(params.rows()), cache.dq.logvar.topRows(params.rows())};
  }

  void reparameterize(MatrixIn<T> params, MatrixIn<T> epsilon, const Cache& cache, MatrixOut<T> z) const {
    const Index samples = z.rows() / params.rows();
    parallel_for(z.rows(), row_grain(8 * dim), [&](Index first, Index last) {
      for (Index s = first; s < last; ++s) {
        const T* logits = params.data() + s / samples * params.outerStride();
        const T* noise = epsilon.data() + s * epsilon.outerStride();
        T* target = z.data() + s * z.outerStride();
        if (cache.temperature > 0) {
          relax(logits, noise, T{1} / cache.temperature, target);
        } else {
          choose(logits, noise, target);
        }
      }
    });
  }

  /// log q(z|x) = Σ_v log softmax(logits_v) at the classes of one-hot samples. Of relaxed ones NaN.
  void log_prob(MatrixIn<T> params, MatrixIn<T>, MatrixIn<T> z, const Cache& cache, std::span<T> out) const {
    if (cache.temperature > 0) {
      std::ranges::fill(out, std::numeric_limits<T>::quiet_NaN());
      return;
    }
    const Index samples = z.rows() / params.rows();
    parallel_for(z.rows(), row_grain(4 * dim), [&](Index first, Index last) {
      for (Index s = first; s < last; ++s) {
        const Index row = s / samples;
        const T* logits = params.data() + row * params.outerStride();
        const LogPartition<T>* partitions = cache.partitions.data() + row * variables;
        out[static_cast<std::size_t>(s)] =
            log_probability(logits, partitions, z.data() + s * z.outerStride());
      }
    });
  }

  /// Gradient of the logits of a variable: dq + Σ z ∘ (dz − z·dz) / τ over samples; of one-hot samples dq.
  void backward(MatrixIn<T> params, MatrixIn<T>, MatrixIn<T> z, MatrixIn<T> dz, std::span<const T>,
                const Cache& cache, MatrixOut<T> dparams, ConcreteLatent&) const {
    const Index samples = z.rows() / params.rows();
    parallel_for(params.rows(), row_grain(4 * samples * dim), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        T* target = dparams.data() + row * dparams.outerStride();
        std::copy_n(cache.dq.mu.data() + row * dim, dim, target);
        for (Index s = row * samples; cache.temperature > 0 && s < (row + 1) * samples; ++s) {
          add_slopes(z.data() + s * z.outerStride(), dz.data() + s * dz.outerStride(),
                     T{1} / cache.temperature, target);
        }
      }
    });
  }

  static void reflect(auto&, auto&&) {}

 private:
  void relax(const T* logits, const T* noise, T factor, T* target) const {
    const Simd<T> factors(factor);
    for_each_vector<T>(dim, [&](Index j, auto which) {
      store(target + j, Simd<T>((load(logits + j, which) + load(noise + j, which)) * factors), which);
    });
    for (Index v = 0; v < variables; ++v) {
      static_cast<void>(softmax(target + v * classes, classes, target + v * classes));
    }
  }

  /// A variable with a NaN becomes NaN.
  void choose(const T* logits, const T* noise, T* target) const {
    for (Index v = 0; v < variables; ++v, logits += classes, noise += classes, target += classes) {
      Index best = 0;
      T probe = 0;
      for (Index c = 0; c < classes; ++c) {
        const T sum = logits[c] + noise[c];
        probe = std::isnan(sum) ? sum : probe;
        best = sum > logits[best] + noise[best] ? c : best;
      }
      std::fill_n(target, classes, probe);
      target[best] += T{1};
    }
  }

  /// A class that was not drawn counts 0, also where its logit is −∞.
  [[nodiscard]] T log_probability(const T* logits, const LogPartition<T>* partitions, const T* z) const {
    const Simd<T> zero(T{0});
    T sum = 0;
    for (Index v = 0; v < variables; ++v, logits += classes, z += classes) {
      sum += sum_vectors<T>(classes, [&](Index c, auto which) {
        const Simd<T> drawn = load(z + c, which);
        const Simd<T> log_q = partitions[v].log_softmax(load(logits + c, which));
        return Simd<T>(xsimd::select(drawn == zero, zero, Simd<T>(drawn * log_q)));
      });
    }
    return sum;
  }

  void add_slopes(const T* z, const T* dz, T factor, T* target) const {
    const Simd<T> factors(factor);
    for (Index v = 0; v < variables; ++v, z += classes, dz += classes, target += classes) {
      const Simd<T> mean(sum_vectors<T>(
          classes, [&](Index c, auto which) { return Simd<T>(load(z + c, which) * load(dz + c, which)); }));
      for_each_vector<T>(classes, [&](Index c, auto which) {
        const Simd<T> slope = load(z + c, which) * (load(dz + c, which) - mean);
        store(target + c, Simd<T>(xsimd::fma(factors, slope, load(target + c, which))), which);
      });
    }
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
