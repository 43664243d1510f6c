// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vaekit/latent/ladder_prior.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct LadderLatentConfig {
  static constexpr std::string_view kind = "ladder";
  std::vector<Index> dims = {8, 4};
  Index hidden = 64;
  Activation activation = Activation::relu;

  static constexpr auto fields() {
    return std::tuple{field("dims", &LadderLatentConfig::dims,
                            "latent variables of each level, nearest to the data first", size_range),
                      field("hidden", &LadderLatentConfig::hidden,
                            "units of the hidden layer between two levels", between(1, 100'000)),
                      field("activation", &LadderLatentConfig::activation, "function of the hidden layers")};
  }
};

/// The posterior of two or more levels, z = z_1 | ... | z_L side by side, z_1 nearest to the data:
///
///   q(z|x) = N(z_L; mu^_L, v^_L) Π_{l<L} N(z_l; mu_l, v_l)
///   1 / v_l = 1 / v^_l + 1 / v~_l,   mu_l = v_l (mu^_l / v^_l + mu~_l / v~_l)
///
/// The encoder goes from the bottom up and gives the evidence mu^_l | raw logvar^_l of every level at once.
/// From the top down a `TopDownNetwork` gives mu~_l | raw logvar~_l from the sample z_(l+1), and q is the
/// product of both Gaussians, weighted by their precisions. In the paper mu~ and v~ are those of the
/// generative model; here inference has top-down networks of its own, so that it goes with any prior.
/// Log-variances are raw ones clamped to [−30, 20]; outside, raw has gradient 0.
///
/// `posterior` gives the evidence means mu^ side by side, which no sample is needed for: the means of q at
/// the top, one of its two sources below. There are no log-variances.
///
/// Shapes   params = mu^_1 | raw logvar^_1 | ... | mu^_L | raw logvar^_L [n × 2 dim];
///          epsilon, z [n·samples × dim]
/// Units    nats
/// Threads  const calls are safe with a cache each; no bit depends on their number
/// Source   Sønderby et al. 2016 (arXiv:1602.02282), equations 17 to 19
template <class T = float>
struct LadderLatent {
  using Scalar = T;
  using Config = LadderLatentConfig;
  using Network = TopDownNetwork<T>;
  struct Cache {
    Matrix<T> evidence;         // [n × dim] mu^
    Matrix<T> evidence_logvar;  // [n × dim] clamped
    std::vector<typename Network::Cache> networks;
    Matrix<T> z;                  // [n·samples × dim]
    Matrix<T> mu;                 // [n·samples × dim] of q(z_l | x, z_(l+1))
    Matrix<T> logvar;             // [n·samples × dim]
    Matrix<T> deviation;          // [n·samples × dim] exp(logvar / 2)
    MomentGradient<T> dmoments;   // [n·samples × dim] of mu and logvar, from a divergence
    Matrix<T> dz;                 // [n·samples × dim] from a divergence
    Matrix<T> total;              // [n·samples × dim] all that reaches z
    MomentGradient<T> dq;         // of mu^ [n × dim]; no log-variances
    Index rows = 0;               // n·samples of the last samples
    bool has_divergence = false;  // dmoments and dz belong to them
  };

  LadderLevels levels;
  std::vector<Network> networks;  // l: z_(l+1) → mu~ | raw logvar~ of z_l
  Index dim = 0;

  LadderLatent() = default;
  /// Throws ConfigError when a number is out of range.
  explicit LadderLatent(const Config& config)
      : levels("ladder latent", checked("ladder latent", config).dims),
        networks(detail::top_down_networks<T>(levels, config.hidden, config.activation)),
        dim(levels.dim) {}

  [[nodiscard]] Index head_size() const { return 2 * dim; }
  [[nodiscard]] Index noise_size() const { return dim; }
  [[nodiscard]] Index kl_columns() const { return dim; }
  [[nodiscard]] bool reports_mean() const { return false; }
  [[nodiscard]] Cache make_cache(Index batch, Index rows) const {
    Cache cache{.evidence = Matrix<T>(batch, dim),
                .evidence_logvar = Matrix<T>(batch, dim),
                .networks = detail::make_caches(networks, rows),
                .z = Matrix<T>(rows, dim),
                .mu = Matrix<T>(rows, dim),
                .logvar = Matrix<T>(rows, dim),
                .deviation = Matrix<T>(rows, dim),
                .dmoments = MomentGradient<T>(rows, dim),
                .dz = Matrix<T>(rows, dim),
                .total = Matrix<T>(rows, dim),
                .dq = {}};
    cache.dq.mu = Matrix<T>(batch, dim);
    cache.dq.logvar = Matrix<T>(batch, 0);
    return cache;
  }
  void initialize(const RandomStream& stream) {
    for (std::size_t l = 0; l < networks.size(); ++l) {
      networks[l].initialize(stream.child(l));
    }
  }

  void draw_noise(const RandomStream& stream, std::uint64_t first, MatrixOut<T> epsilon) const {
    fill_normal(std::span<T>(epsilon.data(), static_cast<std::size_t>(epsilon.size())), stream,
                first * static_cast<std::uint64_t>(dim));
  }

  /// The evidence means side by side; the log-variance has no columns.
  [[nodiscard]] DiagonalGaussian<T> posterior(MatrixIn<T> params, Cache& cache) const {
    for (Index row = 0; row < params.rows(); ++row) {
      for (std::size_t l = 0; l < levels.dims.size(); ++l) {
        const Index at = row * dim + levels.first[l];
        const T* mu = params.data() + row * params.outerStride() + 2 * levels.first[l];
        for_each_vector<T>(levels.dims[l], [&](Index j, auto which) {
          const Simd<T> raw = load(mu + levels.dims[l] + j, which);
          store(cache.evidence.data() + at + j, load(mu + j, which), which);
          store(cache.evidence_logvar.data() + at + j, detail::clamped_logvar<T>(raw).value(), which);
        });
      }
    }
    return {cache.evidence.topRows(params.rows()), cache.dq.logvar.topRows(params.rows())};
  }

  /// Samples from the top down, z_l = mu_l + exp(logvar_l / 2) ∘ ε_l.
  void reparameterize(MatrixIn<T> params, MatrixIn<T> epsilon, Cache& cache, MatrixOut<T> z) const {
    const Index samples = z.rows() / params.rows();
    cache.rows = z.rows();
    cache.has_divergence = false;
    draw_level(levels.top(), samples, epsilon, cache);
    for (std::size_t l = networks.size(); l-- > 0;) {
      networks[l].forward(level_of(cache.z.topRows(z.rows()), l + 1), cache.networks[l]);
      draw_level(l, samples, epsilon, cache);
    }
    z = cache.z.topRows(z.rows());
  }

  /// log q(z|x) = −½ Σ (ε² + logvar + log 2π) of the samples that ε gave, over all levels.
  void log_prob(MatrixIn<T>, MatrixIn<T> epsilon, MatrixIn<T>, const Cache& cache, std::span<T> out) const {
    parallel_for(epsilon.rows(), row_grain(2 * dim), [&](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) {
        const T* noise = epsilon.data() + row * epsilon.outerStride();
        const T sum = sum_vectors<T>(dim, [&](Index j, auto which) {
          const Simd<T> e = load(noise + j, which);
          return Simd<T>(e * e + load(cache.logvar.data() + row * dim + j, which));
        });
        out[static_cast<std::size_t>(row)] =
            T{-0.5} * (sum + static_cast<T>(log_two_pi) * static_cast<T>(dim));
      }
    });
  }

  /// From the lowest level up, as z_(l+1) also decides the distribution of z_l. With the gradients
  ///
  ///   g = dz + that of divergences and of the level below,   dmu = g + that of divergences
  ///   dlogvar = ½ (g ∘ ε ∘ exp(logvar/2) − dlog_q) + that of divergences
  ///
  /// and the share of the evidence w = v / v^, u = 1 − w = v / v~:
  ///
  ///   dmu^ = w dmu,   dlogvar^ = w dlogvar − s,   dmu~ = u dmu,   dlogvar~ = u dlogvar + s,
  ///   s = u w dmu (mu^ − mu~)
  ///
  /// Those of the evidence are summed over samples.
  void backward(MatrixIn<T> params, MatrixIn<T> epsilon, MatrixIn<T>, MatrixIn<T> dz,
                std::span<const T> dlog_q, Cache& cache, MatrixOut<T> dparams, LadderLatent& grad) const {
    const Index rows = dz.rows();
    if (cache.has_divergence) {
      top(cache.total, rows) = dz + cache.dz.topRows(rows);
    } else {
      top(cache.total, rows) = dz;
      cache.dmoments.mu.setZero();
      cache.dmoments.logvar.setZero();
    }
    for (std::size_t l = 0; l < networks.size(); ++l) {
      level_backward(l, params, epsilon, dlog_q, cache, dparams);
      networks[l].backward(level_of(cache.z.topRows(rows), l + 1), cache.networks[l],
                           top(cache.total, rows).middleCols(levels.first[l + 1], levels.dims[l + 1]),
                           grad.networks[l]);
    }
    level_backward(levels.top(), params, epsilon, dlog_q, cache, dparams);
  }

  static void reflect(auto& self, auto&& visit) {
    for (std::size_t l = 0; l < self.networks.size(); ++l) {
      visit("networks." + std::to_string(l), self.networks[l]);
    }
  }

 private:
  [[nodiscard]] Eigen::Ref<const EigenMatrix<T>, Eigen::Unaligned, Eigen::OuterStride<>> level_of(
      MatrixIn<T> z, std::size_t l) const {
    return z.middleCols(levels.first[l], levels.dims[l]);
  }

  /// Below the top, with d = logvar^ − logvar~: w = sigmoid(−d), u = sigmoid(d), logvar = logvar^ − log(1 +
  /// exp d).
  void draw_level(std::size_t l, Index samples, MatrixIn<T> epsilon, Cache& cache) const {
    const Index width = levels.dims[l];
    const bool is_top = l == levels.top();
    parallel_for(cache.rows, row_grain(16 * width), [&](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) {
        const Index source = row / samples * dim + levels.first[l];
        const Index at = row * dim + levels.first[l];
        const T* other = is_top ? nullptr : cache.networks[l].params.data() + row * 2 * width;
        const T* noise = epsilon.data() + row * epsilon.outerStride() + levels.first[l];
        for_each_vector<T>(width, [&](Index j, auto which) {
          Simd<T> mu = load(cache.evidence.data() + source + j, which);
          Simd<T> logvar = load(cache.evidence_logvar.data() + source + j, which);
          if (!is_top) {
            const Simd<T> d = logvar - detail::clamped_logvar<T>(load(other + width + j, which)).value();
            const math::SigmoidSoftplus<T> u = math::sigmoid_softplus<T>(d);
            mu = xsimd::fma(math::sigmoid<T>(-d), mu, Simd<T>(u.sigmoid * load(other + j, which)));
            logvar -= u.softplus;
          }
          store_moments(cache, at + j, mu, logvar, load(noise + j, which), which);
        });
      }
    });
  }

  template <class Which>
  static void store_moments(Cache& cache, Index at, const Simd<T>& mu, const Simd<T>& logvar,
                            const Simd<T>& noise, Which which) {
    const Simd<T> deviation = math::exp<T>(Simd<T>(T{0.5}) * logvar);
    store(cache.mu.data() + at, mu, which);
    store(cache.logvar.data() + at, logvar, which);
    store(cache.deviation.data() + at, deviation, which);
    store(cache.z.data() + at, Simd<T>(xsimd::fma(deviation, noise, mu)), which);
  }

  struct Moments {
    Simd<T> mu;
    Simd<T> logvar;
  };
  /// Gradient of mean and log-variance of q at element `at`.
  template <class Which>
  [[nodiscard]] static Moments moment_slopes(const Cache& cache, Index at, const Simd<T>& noise,
                                             const Simd<T>& density, Which which) {
    const Simd<T> g = load(cache.total.data() + at, which);
    const Simd<T> spread = g * noise * load(cache.deviation.data() + at, which);
    return {g + load(cache.dmoments.mu.data() + at, which),
            xsimd::fma(Simd<T>(T{0.5}), Simd<T>(spread - density),
                       load(cache.dmoments.logvar.data() + at, which))};
  }
  [[nodiscard]] static Simd<T> density_of(std::span<const T> dlog_q, Index row) {
    return Simd<T>(dlog_q.empty() ? T{0} : dlog_q[static_cast<std::size_t>(row)]);
  }

  /// The gradient of the evidence of level l and, below the top, of what its network gave.
  void level_backward(std::size_t l, MatrixIn<T> params, MatrixIn<T> epsilon, std::span<const T> dlog_q,
                      Cache& cache, MatrixOut<T>& dparams) const {
    const Index width = levels.dims[l];
    const Index first = levels.first[l];
    const Index samples = cache.rows / params.rows();
    parallel_for(params.rows(), row_grain(24 * samples * width), [&](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) {
        const Index source = row * dim + first;
        const T* raw = params.data() + row * params.outerStride() + 2 * first + width;
        T* target = dparams.data() + row * dparams.outerStride() + 2 * first;
        for_some_lanes<T>(width, [&](Index j, SomeLanes some) {
          const Simd<T> mean = load(cache.evidence.data() + source + j, some);
          const Simd<T> logvar = load(cache.evidence_logvar.data() + source + j, some);
          Simd<T> to_mean = load(cache.dq.mu.data() + source + j, some);
          Simd<T> to_logvar(T{0});
          for (Index s = row * samples; s < (row + 1) * samples; ++s) {
            const Simd<T> noise = load(epsilon.data() + s * epsilon.outerStride() + first + j, some);
            const Moments dq = moment_slopes(cache, s * dim + first + j, noise, density_of(dlog_q, s), some);
            if (l == levels.top()) {
              to_mean += dq.mu;
              to_logvar += dq.logvar;
              continue;
            }
            const T* other = cache.networks[l].params.data() + s * 2 * width + j;
            T* to_other = cache.networks[l].dparams.data() + s * 2 * width + j;
            const auto other_logvar = detail::clamped_logvar<T>(load(other + width, some));
            const Simd<T> d = logvar - other_logvar.value();
            const Simd<T> u = math::sigmoid<T>(d);
            const Simd<T> w = math::sigmoid<T>(-d);
            const Simd<T> shift = u * w * dq.mu * (mean - load(other, some));
            to_mean += w * dq.mu;
            to_logvar += w * dq.logvar - shift;
            store(to_other, Simd<T>(u * dq.mu), some);
            store(to_other + width, other_logvar.gradient(xsimd::fma(u, dq.logvar, shift)), some);
          }
          store(target + j, to_mean, some);
          store(target + width + j, detail::clamped_logvar<T>(load(raw + j, some)).gradient(to_logvar), some);
        });
      }
    });
  }
};

/// The divergence given the samples that were drawn, its mean over the samples of one input:
///
///   columns of level L   KL(N(mu^_L, v^_L) ‖ N(0, I))
///   columns of l < L     KL(q(z_l | x, z_(l+1)) ‖ p(z_l | z_(l+1))) at the sampled z_(l+1)
///
/// See `kl_divergence` for both. Its expectation over samples is KL(q(z|x) ‖ p(z)), with less variance than
/// log q − log p has.
///
/// Shapes  kl, dkl [n × dim], columns as those of z
template <class T>
struct KlPair<LadderLatent<T>, LadderPrior<T>> {
  using Latent = LadderLatent<T>;
  using Prior = LadderPrior<T>;
  using Cache = typename Latent::Cache;
  using PriorCache = typename Prior::Cache;

  static bool closed_form(const Latent& latent, const Prior& prior) {
    return latent.levels.dims == prior.levels.dims;
  }

  static void forward(const Latent& latent, const Prior& prior, MatrixIn<T> params, Cache& cache,
                      PriorCache& prior_cache, MatrixOut<T> kl) {
    prior.run_networks(cache.z.topRows(cache.rows), prior_cache);
    const Index samples = cache.rows / params.rows();
    const Simd<T> share(T{0.5} / static_cast<T>(samples));
    parallel_for(params.rows(), row_grain(8 * samples * latent.dim), [&](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) {
        for (std::size_t l = 0; l < latent.levels.dims.size(); ++l) {
          T* target = kl.data() + row * kl.outerStride() + latent.levels.first[l];
          for_each_vector<T>(latent.levels.dims[l], [&](Index j, auto which) {
            Simd<T> sum(T{0});
            for (Index s = row * samples; s < (row + 1) * samples; ++s) {
              const Gap gap = gap_of(latent.levels, l, s, j, cache, prior_cache, which);
              sum += gap.deviation * gap.deviation * gap.precision + (math::expm1<T>(gap.ratio) - gap.ratio);
            }
            store(target + j, Simd<T>(share * sum), which);
          });
        }
      }
    });
  }

  static void backward(const Latent& latent, const Prior& prior, MatrixIn<T> params, MatrixIn<T> dkl,
                       Cache& cache, PriorCache& prior_cache, Prior& grad) {
    const Index samples = cache.rows / params.rows();
    parallel_for(cache.rows, row_grain(8 * latent.dim), [&](Index begin, Index end) {
      for (Index s = begin; s < end; ++s) {
        const T* upstream = dkl.data() + s / samples * dkl.outerStride();
        for (std::size_t l = 0; l < latent.levels.dims.size(); ++l) {
          row_backward(latent.levels, l, s, upstream, T{1} / static_cast<T>(samples), cache, prior_cache);
        }
      }
    });
    top(cache.dz, cache.rows).setZero();
    cache.has_divergence = true;
    prior.run_networks_backward(cache.z.topRows(cache.rows), prior_cache, top(cache.dz, cache.rows), grad);
  }

 private:
  /// What the divergence of one vector of variables depends on.
  struct Gap {
    Simd<T> deviation;  // mu of q − mu of p
    Simd<T> precision;  // exp(−logvar of p)
    Simd<T> ratio;      // logvar of q − logvar of p
  };
  template <class Which>
  [[nodiscard]] static Gap gap_of(const LadderLevels& levels, std::size_t l, Index s, Index j,
                                  const Cache& cache, const PriorCache& prior_cache, Which which) {
    const Index at = s * levels.dim + levels.first[l] + j;
    const Simd<T> mu = load(cache.mu.data() + at, which);
    const Simd<T> logvar = load(cache.logvar.data() + at, which);
    if (l == levels.top()) {
      return {mu, Simd<T>(T{1}), logvar};
    }
    const T* p = prior_cache.networks[l].params.data() + s * 2 * levels.dims[l] + j;
    const Simd<T> other = detail::clamped_logvar<T>(load(p + levels.dims[l], which)).value();
    return {mu - load(p, which), math::exp<T>(-other), logvar - other};
  }

  static void row_backward(const LadderLevels& levels, std::size_t l, Index s, const T* upstream, T share,
                           Cache& cache, PriorCache& prior_cache) {
    const Index width = levels.dims[l];
    const Index at = s * levels.dim + levels.first[l];
    const Simd<T> half(T{0.5});
    for_some_lanes<T>(width, [&](Index j, SomeLanes some) {
      const Gap gap = gap_of(levels, l, s, j, cache, prior_cache, some);
      const Simd<T> d = Simd<T>(share) * load(upstream + levels.first[l] + j, some);
      const Simd<T> slope = d * gap.deviation * gap.precision;
      const Simd<T> growth = half * d * math::expm1<T>(gap.ratio);
      store(cache.dmoments.mu.data() + at + j, slope, some);
      store(cache.dmoments.logvar.data() + at + j, growth, some);
      if (l == levels.top()) {
        return;
      }
      typename TopDownNetwork<T>::Cache& network = prior_cache.networks[l];
      const auto other =
          detail::clamped_logvar<T>(load(network.params.data() + s * 2 * width + width + j, some));
      T* to_p = network.dparams.data() + s * 2 * width + j;
      store(to_p, Simd<T>(-slope), some);
      store(to_p + width, other.gradient(Simd<T>(-growth - half * slope * gap.deviation)), some);
    });
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
