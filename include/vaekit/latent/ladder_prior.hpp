// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "vaekit/latent/gaussian.hpp"
#include "vaekit/nn/dense.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// How columns are split into levels, the one nearest to the data first. Level l of the code is z_(l+1) of
/// the formulas.
struct LadderLevels {
  std::vector<Index> dims;   // columns of each level
  std::vector<Index> first;  // first column of each level
  Index dim = 0;             // the sum of `dims`

  LadderLevels() = default;
  /// Throws ConfigError, its text starting with `where`, unless there are two levels or more, none empty.
  LadderLevels(std::string_view where, const std::vector<Index>& sizes) : dims(sizes) {
    if (dims.size() < 2) {
      throw ConfigError(concat(where, ": dims has ", dims.size(), dims.size() == 1 ? " level" : " levels",
                               ", must have at least 2"));
    }
    for (std::size_t l = 0; l < dims.size(); ++l) {
      if (!size_range.contains(static_cast<double>(dims[l]))) {
        throw ConfigError(concat(where, ": dims/", l, " is ", dims[l], ", ", to_string(size_range)));
      }
      first.push_back(dim);
      dim += dims[l];
    }
  }

  /// The last level, furthest from the data.
  [[nodiscard]] std::size_t top() const { return dims.size() - 1; }
};

/// mu | raw logvar of N(mu, exp(clamp(raw, −30, 20))) of one level from the level above:
///
///   W₂ act(W₁ z + b₁) + b₂,   W₂ and b₂ start at 0, which is N(0, I)
///
/// Shapes   z [rows × above], cache.params [rows × 2 dim]
/// Threads  const calls are safe with a cache each; no bit depends on their number
template <class T = float>
struct TopDownNetwork {
  using Scalar = T;
  struct Cache {
    typename Dense<T>::Cache hidden_layer;
    typename Dense<T>::Cache output_layer;
    Matrix<T> hidden;  // [rows × hidden]
    Matrix<T> dhidden;
    Matrix<T> params;   // [rows × 2 dim]
    Matrix<T> dparams;  // what `backward` starts from
    Matrix<T> dabove;   // [rows × above]
  };

  Dense<T> hidden;
  Dense<T> output;

  TopDownNetwork() = default;
  TopDownNetwork(Index above, Index units, Index dim, Activation activation)
      : hidden({.units = units, .activation = activation}, Shape::flat(above)),
        output({.units = 2 * dim, .initializer = Initializer::zeros}, Shape::flat(units)) {}

  [[nodiscard]] Cache make_cache(Index rows) const {
    const Index units = hidden.weight.rows();
    Cache cache{.hidden_layer = hidden.make_cache(rows),
                .output_layer = output.make_cache(rows),
                .hidden = Matrix<T>(rows, units),
                .dhidden = Matrix<T>(rows, units),
                .params = Matrix<T>(rows, output.weight.rows()),
                .dparams = Matrix<T>(rows, output.weight.rows()),
                .dabove = Matrix<T>(rows, hidden.weight.cols())};
    fuse_derivative(hidden, cache.hidden_layer, output, cache.output_layer);
    return cache;
  }
  void initialize(const RandomStream& stream) {
    hidden.initialize(stream.child(0));
    output.initialize(stream.child(1));
  }

  void forward(MatrixIn<T> z, Cache& cache) const {
    hidden.forward(z, top(cache.hidden, z.rows()), cache.hidden_layer);
    output.forward(cache.hidden.topRows(z.rows()), top(cache.params, z.rows()), cache.output_layer);
  }

  /// dz += and `grad` += from cache.dparams.
  void backward(MatrixIn<T> z, Cache& cache, MatrixOut<T> dz, TopDownNetwork& grad) const {
    const Index rows = z.rows();
    output.backward(cache.hidden.topRows(rows), cache.params.topRows(rows), cache.dparams.topRows(rows),
                    top(cache.dhidden, rows), cache.output_layer, grad.output);
    hidden.backward(z, cache.hidden.topRows(rows), cache.dhidden.topRows(rows), top(cache.dabove, rows),
                    cache.hidden_layer, grad.hidden);
    dz += cache.dabove.topRows(rows);
  }

  static void reflect(auto& self, auto&& visit) {
    visit("hidden", self.hidden);
    visit("output", self.output);
  }
};

namespace detail {

/// The networks between the levels of a ladder: number l leads from level l + 1 to level l.
template <class T>
[[nodiscard]] std::vector<TopDownNetwork<T>> top_down_networks(const LadderLevels& levels, Index hidden,
                                                               Activation activation) {
  std::vector<TopDownNetwork<T>> networks;
  for (std::size_t l = 0; l < levels.top(); ++l) {
    networks.emplace_back(levels.dims[l + 1], hidden, levels.dims[l], activation);
  }
  return networks;
}

template <class T>
[[nodiscard]] std::vector<typename TopDownNetwork<T>::Cache> make_caches(
    const std::vector<TopDownNetwork<T>>& networks, Index rows) {
  std::vector<typename TopDownNetwork<T>::Cache> caches;
  for (const TopDownNetwork<T>& network : networks) {
    caches.push_back(network.make_cache(rows));
  }
  return caches;
}

template <class T>
[[nodiscard]] Clamped<T> clamped_logvar(const Simd<T>& raw) {
  return {raw, minimum_logvar, maximum_logvar};
}

}  // namespace detail

struct LadderPriorConfig {
  static constexpr std::string_view kind = "ladder";
  std::vector<Index> dims = {8, 4};
  Index hidden = 64;
  Activation activation = Activation::relu;

  static constexpr auto fields() {
    return std::tuple{field("dims", &LadderPriorConfig::dims,
                            "latent variables of each level, nearest to the data first", size_range),
                      field("hidden", &LadderPriorConfig::hidden,
                            "units of the hidden layer between two levels", between(1, 100'000)),
                      field("activation", &LadderPriorConfig::activation, "function of the hidden layers")};
  }
};

/// A prior of two or more levels, z = z_1 | ... | z_L side by side, z_1 nearest to the data:
///
///   p(z) = N(z_L; 0, I) Π_{l<L} N(z_l; mu_l(z_{l+1}), exp(logvar_l(z_{l+1})))
///
/// A `TopDownNetwork` for each l < L gives mu_l | raw logvar_l. It starts as N(0, I).
///
/// Shapes   z [n × dim]
/// Units    nats
/// Threads  const calls are safe with a cache each; no bit depends on their number
/// Source   Sønderby et al. 2016 (arXiv:1602.02282), the generative model of section 2
template <class T = float>
struct LadderPrior {
  using Scalar = T;
  using Config = LadderPriorConfig;
  using Network = TopDownNetwork<T>;
  struct Cache {
    std::vector<typename Network::Cache> networks;
    std::vector<typename Network::Cache> sampling;  // so that `sample` leaves what `backward` needs
  };

  LadderLevels levels;
  std::vector<Network> networks;  // l: z_{l+1} → mu | raw logvar of z_l

  LadderPrior() = default;
  /// Throws ConfigError when a number is out of range, or `dims` do not add up to `dim`.
  LadderPrior(const Config& config, Index dim, Index = 0)
      : levels("ladder prior", checked("ladder prior", config).dims) {
    if (levels.dim != dim) {
      throw ConfigError(concat("ladder prior: dims add up to ", levels.dim, ", must add up to ", dim,
                               " (latent dimensions)"));
    }
    networks = detail::top_down_networks<T>(levels, config.hidden, config.activation);
  }

  [[nodiscard]] Cache make_cache(Index rows) const {
    return {detail::make_caches(networks, rows), detail::make_caches(networks, sample_block)};
  }
  void initialize(const RandomStream& stream) {
    for (std::size_t l = 0; l < networks.size(); ++l) {
      networks[l].initialize(stream.child(l));
    }
  }

  /// Finds mu | raw logvar of every level but the top one.
  void run_networks(MatrixIn<T> z, Cache& cache) const {
    for (std::size_t l = 0; l < networks.size(); ++l) {
      networks[l].forward(level_of(z, l + 1), cache.networks[l]);
    }
  }
  /// From the dparams of each network to the levels above, dz +=, and to the weights, `grad` +=.
  void run_networks_backward(MatrixIn<T> z, Cache& cache, MatrixOut<T> dz, LadderPrior& grad) const {
    for (std::size_t l = 0; l < networks.size(); ++l) {
      networks[l].backward(level_of(z, l + 1), cache.networks[l],
                           dz.middleCols(levels.first[l + 1], levels.dims[l + 1]), grad.networks[l]);
    }
  }

  void log_prob(MatrixIn<T> z, Cache& cache, std::span<T> out) const {
    run_networks(z, cache);
    parallel_for(z.rows(), row_grain(8 * levels.dim), [&](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) {
        const T* value = z.data() + row * z.outerStride();
        const T* highest = value + levels.first.back();
        T sum = sum_vectors<T>(levels.dims.back(), [&](Index j, auto which) {
          const Simd<T> v = load(highest + j, which);
          return Simd<T>(v * v);
        });
        for (std::size_t l = 0; l < networks.size(); ++l) {
          sum += quadratic(l, value + levels.first[l], row, cache);
        }
        out[static_cast<std::size_t>(row)] =
            T{-0.5} * (sum + static_cast<T>(log_two_pi) * static_cast<T>(levels.dim));
      }
    });
  }

  /// With e = dlog_p (z − mu) / v:  dz −= e,  dmu = e,  dlogvar = ½ (e (z − mu) − dlog_p)  at every level,
  /// then through the networks to the level above.
  void backward(MatrixIn<T> z, std::span<const T> dlog_p, Cache& cache, MatrixOut<T> dz,
                LadderPrior& grad) const {
    parallel_for(z.rows(), row_grain(8 * levels.dim), [&](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) {
        const T* value = z.data() + row * z.outerStride();
        T* to_z = dz.data() + row * dz.outerStride();
        const T upstream = dlog_p[static_cast<std::size_t>(row)];
        for (Index j = levels.first.back(); j < levels.dim; ++j) {
          to_z[j] -= upstream * value[j];
        }
        for (std::size_t l = 0; l < networks.size(); ++l) {
          add_slopes(l, value + levels.first[l], row, upstream, cache, to_z + levels.first[l]);
        }
      }
    });
    run_networks_backward(z, cache, dz, grad);
  }

  /// From the top down, z_l = mu_l + temperature exp(logvar_l / 2) ε_l.
  void sample(const RandomStream& stream, std::uint64_t first, double temperature, Cache& cache,
              MatrixOut<T> z) const {
    for (Index row = 0; row < z.rows(); ++row) {
      fill_normal(std::span<T>(z.data() + row * z.outerStride(), static_cast<std::size_t>(z.cols())), stream,
                  (first + static_cast<std::uint64_t>(row)) * static_cast<std::uint64_t>(z.cols()));
    }
    z *= static_cast<T>(temperature);
    for (Index begin = 0; begin < z.rows(); begin += sample_block) {
      const Index rows = std::min(sample_block, z.rows() - begin);
      for (std::size_t l = networks.size(); l-- > 0;) {
        place_samples(l, cache.sampling[l], z.middleRows(begin, rows));
      }
    }
  }

  static void reflect(auto& self, auto&& visit) {
    for (std::size_t l = 0; l < self.networks.size(); ++l) {
      visit("networks." + std::to_string(l), self.networks[l]);
    }
  }

 private:
  static constexpr Index sample_block = 64;  // rows that `sample` takes through the networks at once

  [[nodiscard]] Eigen::Ref<const EigenMatrix<T>, Eigen::Unaligned, Eigen::OuterStride<>> level_of(
      MatrixIn<T> z, std::size_t l) const {
    return z.middleCols(levels.first[l], levels.dims[l]);
  }

  /// Σ (z − mu)² / v + logvar of a row of level l.
  [[nodiscard]] T quadratic(std::size_t l, const T* value, Index row, const Cache& cache) const {
    const Index dim = levels.dims[l];
    const T* mu = cache.networks[l].params.data() + row * 2 * dim;
    return sum_vectors<T>(dim, [&](Index j, auto which) {
      const Simd<T> deviation = load(value + j, which) - load(mu + j, which);
      const Simd<T> logvar = detail::clamped_logvar<T>(load(mu + dim + j, which)).value();
      return Simd<T>(deviation * deviation * math::exp<T>(-logvar) + logvar);
    });
  }

  void add_slopes(std::size_t l, const T* value, Index row, T upstream, Cache& cache, T* to_z) const {
    const Index dim = levels.dims[l];
    const T* mu = cache.networks[l].params.data() + row * 2 * dim;
    T* to_mu = cache.networks[l].dparams.data() + row * 2 * dim;
    const Simd<T> d(upstream);
    for_each_vector<T>(dim, [&](Index j, auto which) {
      const auto logvar = detail::clamped_logvar<T>(load(mu + dim + j, which));
      const Simd<T> deviation = load(value + j, which) - load(mu + j, which);
      const Simd<T> slope = d * deviation * math::exp<T>(-logvar.value());
      store(to_z + j, Simd<T>(load(to_z + j, which) - slope), which);
      store(to_mu + j, slope, which);
      store(to_mu + dim + j, logvar.gradient(Simd<T>(T{0.5}) * (slope * deviation - d)), which);
    });
  }

  /// Level l of z holds scaled noise before and samples after; the level above holds samples.
  void place_samples(std::size_t l, typename Network::Cache& cache, MatrixOut<T> z) const {
    const Index dim = levels.dims[l];
    networks[l].forward(level_of(z, l + 1), cache);
    for (Index row = 0; row < z.rows(); ++row) {
      const T* mu = cache.params.data() + row * 2 * dim;
      T* target = z.data() + row * z.outerStride() + levels.first[l];
      for_each_vector<T>(dim, [&](Index j, auto which) {
        const Simd<T> logvar = detail::clamped_logvar<T>(load(mu + dim + j, which)).value();
        const Simd<T> deviation = math::exp<T>(Simd<T>(T{0.5}) * logvar);
        store(target + j, Simd<T>(xsimd::fma(deviation, load(target + j, which), load(mu + j, which))),
              which);
      });
    }
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
