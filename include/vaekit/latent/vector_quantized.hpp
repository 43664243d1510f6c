// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "vaekit/core/fields.hpp"
#include "vaekit/kernels/random.hpp"
#include "vaekit/latent/latent.hpp"
#include "vaekit/latent/nearest_code.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct VectorQuantizedConfig {
  static constexpr std::string_view kind = "vector_quantized";
  Index positions = 16;
  Index width = 4;
  Index codes = 64;
  double commitment = 0.25;
  double decay = 0.99;
  double revive_below = 1.0;

  static constexpr auto fields() {
    using C = VectorQuantizedConfig;
    return std::tuple{
        field("positions", &C::positions, "codes that describe an input", between(1, 100'000)),
        field("width", &C::width, "numbers of a code", between(1, 100'000)),
        field("codes", &C::codes, "vectors in the codebook", between(2, 1'000'000)),
        field("commitment", &C::commitment,
              "weight of the distance of the encoder's outputs from their codes", non_negative),
        field("decay", &C::decay,
              "of the averages that the codebook follows; 0: the codebook learns by its gradient", below_one),
        field("revive_below", &C::revive_below,
              "average uses in a batch below which a code is replaced by an output of the encoder; 0: never",
              non_negative)};
  }
};

/// P positions, each the nearest of C learned codes e [C × W] to the encoder's output x [P × W]:
///
///   z_p = e_k,  k = argmin_k |x_p − e_k| (of equals the first),   dx += dz (straight through)
///   auxiliary loss, mean over inputs   Σ_p commitment |x_p − sg(e_k)|²  (+ |sg(x_p) − e_k|² when decay = 0)
///   KL to uniform codes                log C for each position: a constant
///
/// With decay > 0 the codebook follows the outputs that chose its codes; after each step, n_k of them with
/// sum s_k in the batch:
///
///   N_k ← decay N_k + (1 − decay) n_k,   m_k ← decay m_k + (1 − decay) s_k,   e_k = m_k / Ñ_k
///   Ñ_k = (N_k + ε) / (Σ N + C ε) Σ N,   ε = 10⁻⁵ (Laplace smoothing)
///
/// and a code with N_k below `revive_below` (or half the mean use of a code in the batch, if that is less)
/// becomes a random output of the batch. Codes start as random normals with N_k at that limit, so those that
/// the first batch does not use are replaced at once.
///
/// Shapes   params = x [n × P W], epsilon [n·samples × 0], z [n·samples × P W]
/// Units    nats
/// Threads  const calls are safe with a cache each; no bit depends on their number
/// Source   van den Oord et al. 2017 (arXiv:1711.00937) eq. 1-3 and appendix A.1; smoothing: DeepMind's
/// Sonnet,
///          nets/vqvae.py; revival: Dhariwal et al. 2020 (arXiv:2005.00341)
template <class T = float>
struct VectorQuantizedLatent {
  using Scalar = T;
  using Config = VectorQuantizedConfig;
  static constexpr double smoothing = 1e-5;
  struct Cache {
    Matrix<T> encoded;         // [batch·P × W] x of the last pass, for `update`
    Matrix<T> quantized;       // [batch × dim] their codes
    std::vector<Index> codes;  // [batch·P] their numbers; −1 where x is NaN
    Index inputs = 0;          // of the last pass
    MomentGradient<T> dq;      // in `mu` of the codes that were chosen [n × dim]; `logvar` has no columns
  };

  Index positions = 0;
  Index width = 0;
  Index dim = 0;
  double commitment = 0;
  double decay = 0;
  double revive_below = 0;
  Matrix<T> codebook;  // [C × W], a parameter when decay = 0
  Matrix<T> counts;    // [1 × C] N
  Matrix<T> sums;      // [C × W] m

  VectorQuantizedLatent() = default;
  /// Throws ConfigError when a number is out of range.
  explicit VectorQuantizedLatent(const Config& config)
      : positions(checked("vector_quantized latent", config).positions),
        width(config.width),
        dim(positions * width),
        commitment(config.commitment),
        decay(config.decay),
        revive_below(config.revive_below),
        codebook(config.codes, width),
        counts(follows_averages() ? 1 : 0, config.codes),
        sums(follows_averages() ? config.codes : 0, width) {}

  [[nodiscard]] Index head_size() const { return dim; }
  [[nodiscard]] Index noise_size() const { return 0; }
  [[nodiscard]] Index kl_columns() const { return positions; }
  [[nodiscard]] Index code_count() const { return codebook.rows(); }
  [[nodiscard]] bool has_density() const { return false; }
  [[nodiscard]] std::string_view space() const { return "codes of a vector quantizer"; }
  /// Up to 10⁻³ of a code's length, so that codes from a text file are still codes.
  [[nodiscard]] bool holds(const T* z) const {
    bool held = true;
    for (Index p = 0; p < positions; ++p) {
      nearest_code()(z + p * width, 1, [&](Index, Index code) {
        double distance = 0;
        double length = 0;
        for (Index j = 0; code >= 0 && j < width; ++j) {
          const auto e = static_cast<double>(codebook(code, j));
          const double gap = static_cast<double>(z[p * width + j]) - e;
          distance += gap * gap;
          length += e * e;
        }
        held = held && code >= 0 && distance <= 1e-6 * length;
      });
    }
    return held;
  }
  /// Whether the codebook is a buffer.
  [[nodiscard]] bool follows_averages() const { return decay > 0; }

  [[nodiscard]] Cache make_cache(Index batch, Index) const {
    Cache cache{Matrix<T>(batch * positions, width),
                Matrix<T>(batch, dim),
                std::vector<Index>(static_cast<std::size_t>(batch * positions)),
                0,
                {}};
    cache.dq.mu = Matrix<T>(batch, dim);
    cache.dq.logvar = Matrix<T>(batch, 0);
    return cache;
  }
  void initialize(const RandomStream& stream) {
    fill_normal(codebook.span(), stream);
    const T start = revive_below > 0 ? static_cast<T>(revive_below) : T{1};
    counts.setConstant(start);
    if (follows_averages()) {
      sums = start * codebook;
    }
  }

  void draw_noise(const RandomStream&, std::uint64_t, MatrixOut<T>) const {}

  /// The codes; there are no log-variances.
  [[nodiscard]] DiagonalGaussian<T> posterior(MatrixIn<T> params, Cache& cache) const {
    const Index n = params.rows();
    for (Index row = 0; row < n; ++row) {
      std::copy_n(params.data() + row * params.outerStride(), dim, cache.encoded.data() + row * dim);
    }
    cache.inputs = n;
    nearest_code()(cache.encoded.data(), n * positions, [&](Index place, Index code) {
      cache.codes[static_cast<std::size_t>(place)] = code;
      copy_code(code, cache.quantized.data() + place * width);
    });
    return {cache.quantized.topRows(n), cache.dq.logvar.topRows(n)};
  }

  void reparameterize(MatrixIn<T> params, MatrixIn<T>, const Cache& cache, MatrixOut<T> z) const {
    const Index samples = z.rows() / params.rows();
    for (Index s = 0; s < z.rows(); ++s) {
      std::copy_n(cache.quantized.data() + s / samples * dim, dim, z.data() + s * z.outerStride());
    }
  }

  /// There is none: NaN.
  void log_prob(MatrixIn<T>, MatrixIn<T>, MatrixIn<T>, const Cache&, std::span<T> out) const {
    std::ranges::fill(out, std::numeric_limits<T>::quiet_NaN());
  }

  [[nodiscard]] double auxiliary_loss(MatrixIn<T> params, MatrixIn<T>, const Cache& cache) const {
    double sum = 0;
    for (Index row = 0; row < params.rows(); ++row) {
      const T* x = params.data() + row * params.outerStride();
      const T* e = cache.quantized.data() + row * dim;
      sum += static_cast<double>(sum_vectors<T>(dim, [&](Index j, auto which) {
        const Simd<T> distance = load(x + j, which) - load(e + j, which);
        return Simd<T>(distance * distance);
      }));
    }
    return (commitment + (follows_averages() ? 0 : 1)) * sum / static_cast<double>(params.rows());
  }

  /// dx = dq + Σ dz over samples + 2 commitment (x − e) / n;  without averages de_k −= 2 (x − e_k) / n
  void backward(MatrixIn<T> params, MatrixIn<T>, MatrixIn<T>, MatrixIn<T> dz, std::span<const T>,
                const Cache& cache, MatrixOut<T> dparams, VectorQuantizedLatent& grad) const {
    const Index samples = dz.rows() / params.rows();
    const auto share = static_cast<T>(2 / static_cast<double>(params.rows()));
    parallel_for(params.rows(), row_grain((samples + 3) * dim), [&](Index first, Index last) {
      const Simd<T> factor(static_cast<T>(commitment) * share);
      for (Index row = first; row < last; ++row) {
        const T* x = params.data() + row * params.outerStride();
        const T* e = cache.quantized.data() + row * dim;
        for_each_vector<T>(dim, [&](Index j, auto which) {
          Simd<T> sum = load(cache.dq.mu.data() + row * dim + j, which);
          for (Index s = row * samples; s < (row + 1) * samples; ++s) {
            sum += load(dz.data() + s * dz.outerStride() + j, which);
          }
          const Simd<T> distance = load(x + j, which) - load(e + j, which);
          store(dparams.data() + row * dparams.outerStride() + j, Simd<T>(xsimd::fma(factor, distance, sum)),
                which);
        });
      }
    });
    if (!follows_averages()) {
      add_codebook_gradient(cache, share, grad.codebook);
    }
  }

  /// Moves the codebook after a step on so many inputs. Does nothing when it learns by its gradient.
  void update(const RandomStream& stream, Index inputs, const Cache& cache) {
    if (!follows_averages() || inputs < 1) {
      return;
    }
    const Index places = inputs * positions;
    counts *= static_cast<T>(decay);
    sums *= static_cast<T>(decay);
    const auto rate = static_cast<T>(1 - decay);
    for (Index place = 0; place < places; ++place) {
      if (const Index code = cache.codes[static_cast<std::size_t>(place)]; code >= 0) {
        counts(0, code) += rate;
        add_vector(rate, cache.encoded.data() + place * width, sums.data() + code * width);
      }
    }
    revive(stream, places, cache);
    divide_sums();
  }

  /// counts[k] += how often code k was chosen in the last pass. [C]
  void add_code_usage(const Cache& cache, std::span<double> usage) const {
    for (Index place = 0; place < cache.inputs * positions; ++place) {
      if (const Index code = cache.codes[static_cast<std::size_t>(place)]; code >= 0) {
        usage[static_cast<std::size_t>(code)] += 1;
      }
    }
  }

  /// Uniformly random codes at every position; row r depends on first + r alone. [n × dim]
  void sample_codes(const RandomStream& stream, std::uint64_t first, MatrixOut<T> z) const {
    for (Index row = 0; row < z.rows(); ++row) {
      RandomSequence random(stream, first + static_cast<std::uint64_t>(row));
      for (Index p = 0; p < positions; ++p) {
        const auto code = static_cast<Index>(random.uniform() * static_cast<double>(code_count()));
        copy_code(code, z.data() + row * z.outerStride() + p * width);
      }
    }
  }

  /// Replaces each position by its nearest code. [n × dim]
  void project(MatrixOut<T> z) const {
    const NearestCode<T> nearest = nearest_code();
    const bool contiguous = z.outerStride() == dim;
    const Index rows = contiguous ? z.rows() * positions : positions;
    for (Index row = 0; row < (contiguous ? Index{1} : z.rows()); ++row) {
      T* values = z.data() + row * z.outerStride();
      nearest(values, rows, [&](Index place, Index code) { copy_code(code, values + place * width); });
    }
  }

  static void reflect(auto& self, auto&& visit) {
    if (self.follows_averages()) {
      visit_buffer(visit, "codebook", self.codebook);
      visit_buffer(visit, "counts", self.counts);
      visit_buffer(visit, "sums", self.sums);
    } else {
      visit("codebook", self.codebook);
    }
  }

 private:
  [[nodiscard]] NearestCode<T> nearest_code() const { return {codebook.data(), code_count(), width}; }

  void copy_code(Index code, T* target) const {
    if (code < 0) {
      std::fill_n(target, width, std::numeric_limits<T>::quiet_NaN());
    } else {
      std::copy_n(codebook.data() + code * width, width, target);
    }
  }

  /// target += factor · source, W numbers.
  void add_vector(T factor, const T* source, T* target) const {
    for_each_vector<T>(width, [&](Index i, auto which) {
      store(target + i,
            Simd<T>(xsimd::fma(Simd<T>(factor), load(source + i, which), load(target + i, which))), which);
    });
  }

  void add_codebook_gradient(const Cache& cache, T share, Matrix<T>& grad) const {
    for (Index place = 0; place < cache.inputs * positions; ++place) {
      if (const Index code = cache.codes[static_cast<std::size_t>(place)]; code >= 0) {
        add_vector(share, codebook.data() + code * width, grad.data() + code * width);
        add_vector(-share, cache.encoded.data() + place * width, grad.data() + code * width);
      }
    }
  }

  /// A code that is replaced starts with twice the limit: time to be found.
  void revive(const RandomStream& stream, Index places, const Cache& cache) {
    const double mean_use = static_cast<double>(places) / static_cast<double>(code_count());
    const auto limit = static_cast<T>(std::min(revive_below, mean_use / 2));
    for (Index code = 0; code < code_count(); ++code) {
      if (!(counts(0, code) < limit)) {
        continue;
      }
      const PhiloxCounter words = stream.words(static_cast<std::uint64_t>(code));
      const auto place = static_cast<Index>(to_unit_interval(words[0]) * static_cast<double>(places));
      if (cache.codes[static_cast<std::size_t>(place)] >= 0) {  // no NaN gets into the codebook
        counts(0, code) = 2 * limit;
        sums.row(code) = 2 * limit * cache.encoded.row(place);
      }
    }
  }

  void divide_sums() {
    double total = 0;
    for (const T count : counts.span()) {
      total += static_cast<double>(count);
    }
    const double scale = total / (total + static_cast<double>(code_count()) * smoothing);
    for (Index code = 0; code < code_count(); ++code) {
      const double smoothed = (static_cast<double>(counts(0, code)) + smoothing) * scale;
      codebook.row(code) = sums.row(code) * static_cast<T>(1 / smoothed);
    }
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
