// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "vaekit/version.hpp"

namespace vaekit::inline VAEKIT_ABI {

using PhiloxCounter = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

namespace detail {
inline constexpr int philox_rounds = 10;
inline constexpr PhiloxKey philox_multipliers = {0xD2511F53, 0xCD9E8D57};
inline constexpr PhiloxKey philox_key_steps = {0x9E3779B9, 0xBB67AE85};  // golden ratio, sqrt(3) - 1
}  // namespace detail

/// Philox 4x32-10: a bijection of 128-bit counters for each 64-bit key; 4 random words a call, no state.
///
/// Threads  pure.
/// Source   Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3 (SC 2011), section 4.
[[nodiscard]] constexpr PhiloxCounter philox4x32(PhiloxCounter counter, PhiloxKey key) {
  for (int round = 0; round < detail::philox_rounds; ++round) {
    const std::uint64_t product0 = std::uint64_t{detail::philox_multipliers[0]} * counter[0];
    const std::uint64_t product1 = std::uint64_t{detail::philox_multipliers[1]} * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(product0)};
    key[0] += detail::philox_key_steps[0];
    key[1] += detail::philox_key_steps[1];
  }
  return counter;
}

/// What a random number is drawn for. Two purposes never share random words.
enum class Purpose : std::uint32_t {
  initialize = 1,  ///< initial parameters
  shuffle = 2,     ///< order of the samples in an epoch
  split = 3,       ///< which samples are held out for validation
  binarize = 4,    ///< stochastic binarisation of the data
  posterior = 5,   ///< ε of the reparameterisation, in training
  layer = 6,       ///< dropout masks and other noise inside layers
  evaluation = 7,  ///< ε when a model is evaluated
  prior = 8,       ///< z ~ p(z)
  likelihood = 9,  ///< x ~ p(x|z)
  synthetic = 10,  ///< built-in data sets
  update = 11,     ///< changes of a model's buffers after a step
  compress = 12,   ///< the bits that a compressed file begins with
  subset = 13,     ///< which samples a figure is measured on, where it is not measured on all
};

namespace detail {
/// Finaliser of SplitMix64 (Steele, Lea, Flood 2014): decorrelates nearby seeds.
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}
}  // namespace detail

/// An infinite sequence of random words named by (seed, purpose, step): any element can be computed at any
/// time by any thread, so a resumed run and a run on more threads see the same noise.
class RandomStream {
 public:
  constexpr RandomStream(std::uint64_t seed, Purpose purpose, std::uint64_t step = 0)
      : key_(detail::mix(seed)), purpose_(purpose), step_(step) {}

  /// An independent stream for the same purpose and step: one for each layer, dimension, file ...
  [[nodiscard]] constexpr RandomStream child(std::uint64_t index) const {
    RandomStream stream = *this;
    // Not symmetric in key and index: child 1 of seed 2 is no relative of child 2 of seed 1.
    stream.key_ = detail::mix(key_ + (index + 1) * 0x9E3779B97F4A7C15);
    return stream;
  }

  /// Four random words: elements `4 block .. 4 block + 3`.
  [[nodiscard]] constexpr PhiloxCounter words(std::uint64_t block) const {
    return philox4x32(counter(block), key());
  }

  /// What `words` feeds to Philox.
  [[nodiscard]] constexpr PhiloxCounter counter(std::uint64_t block) const {
    return {static_cast<std::uint32_t>(block),
            static_cast<std::uint32_t>(block >> 32) ^ (static_cast<std::uint32_t>(purpose_) << 24),
            static_cast<std::uint32_t>(step_), static_cast<std::uint32_t>(step_ >> 32)};
  }
  [[nodiscard]] constexpr PhiloxKey key() const {
    return {static_cast<std::uint32_t>(key_), static_cast<std::uint32_t>(key_ >> 32)};
  }

 private:
  std::uint64_t key_;
  Purpose purpose_;
  std::uint64_t step_;
};

/// Uniform on (0, 1), never 0 or 1: (word + 1/2) / 2^32.
[[nodiscard]] constexpr double to_unit_interval(std::uint32_t word) {
  return (static_cast<double>(word) + 0.5) * 0x1p-32;
}

/// Two independent standard normals from two uniform words (Box & Muller 1958).
[[nodiscard]] inline std::pair<double, double> to_normals(std::uint32_t word0, std::uint32_t word1) {
  const double radius = std::sqrt(-2 * std::log(to_unit_interval(word0)));
  const double angle = 2 * std::numbers::pi * to_unit_interval(word1);
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

/// A uniformly random order of 0 .. count-1 (Fisher & Yates; bias below count / 2^64).
inline void fill_permutation(std::span<std::uint32_t> out, const RandomStream& stream) {
  std::iota(out.begin(), out.end(), std::uint32_t{0});
  for (std::size_t i = out.size(); i > 1; --i) {
    const PhiloxCounter words = stream.words(i);
    const std::uint64_t word = (std::uint64_t{words[0]} << 32) | words[1];
    // The high half of word * i is uniform on 0 .. i-1.
    const auto j = static_cast<std::size_t>(((word >> 32) * i + (((word & 0xFFFFFFFF) * i) >> 32)) >> 32);
    std::swap(out[i - 1], out[j]);
  }
}

/// The random numbers of one element, one after another, for samplers that need an unknown number of them
/// (rejection): element e owns 2¹⁸ words of its stream.
class RandomSequence {
 public:
  RandomSequence(const RandomStream& stream, std::uint64_t element)
      : stream_(stream.child(0)), block_(element << 16) {}

  /// Uniform on (0, 1), 32 bits.
  [[nodiscard]] double uniform() {
    if (used_ == words_.size()) {
      words_ = stream_.words(block_++);
      used_ = 0;
    }
    return to_unit_interval(words_[used_++]);
  }

  /// Standard normal.
  [[nodiscard]] double normal() {
    const double radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  RandomStream stream_;
  std::uint64_t block_;
  PhiloxCounter words_{};
  std::size_t used_ = words_.size();
};

}  // namespace vaekit::inline VAEKIT_ABI
