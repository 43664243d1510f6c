// SPDX-License-Identifier: MIT
//
// Arrays of random numbers. A stream is an infinite sequence: element 4b + l comes from word l of Philox
// block b. Numbers are made in groups of blocks, word l of all blocks side by side, so that every step runs
// on whole vectors; where a group begins does not show in the values.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include "vaekit/core/parallel.hpp"
#include "vaekit/core/random.hpp"
#include "vaekit/kernels/math.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

/// Philox blocks made at once: one AVX-512 vector of words, two of AVX2.
inline constexpr std::size_t group_blocks = 16;
inline constexpr std::size_t group_size = 4 * group_blocks;
/// Elements below which a second thread does not pay.
inline constexpr Index random_grain = 8192;

/// word[l][i] = word l of block `first + i`.
using WordGroup = std::array<std::array<std::uint32_t, group_blocks>, 4>;

/// A vector of 64-bit lanes. Each holds a word in its low half; the high half is left to chance, which saves
/// masks: only low halves are multiplied and stored.
using WordVector = Simd<std::uint64_t>;

/// Low half of `a` times low half of `b`, all 64 bits.
[[nodiscard]] inline WordVector multiply_words(const WordVector& a, const WordVector& b) {
#if defined(VAEKIT_SCALAR)
  return (a.data & 0xFFFFFFFF) * (b.data & 0xFFFFFFFF);
#elif defined(__AVX512F__)
  return _mm512_mul_epu32(a, b);
#elif defined(__AVX2__)
  return _mm256_mul_epu32(a, b);
#elif defined(__SSE2__) && !defined(__AVX__)
  return _mm_mul_epu32(a, b);
#elif defined(__ARM_NEON) && defined(__aarch64__)
  return vmull_u32(vmovn_u64(a), vmovn_u64(b));
#else
  alignas(alignment) std::array<std::uint64_t, WordVector::size> left;
  alignas(alignment) std::array<std::uint64_t, WordVector::size> right;
  a.store_aligned(left.data());
  b.store_aligned(right.data());
  for (std::size_t i = 0; i < left.size(); ++i) {
    left[i] = (left[i] & 0xFFFFFFFF) * (right[i] & 0xFFFFFFFF);
  }
  return WordVector::load_aligned(left.data());
#endif
}

/// Philox of `WordVector::size` counters.
using WordVectors = std::array<WordVector, 4>;

inline void philox_round(WordVectors& c, const WordVector& key0, const WordVector& key1) {
  const WordVector product0 = multiply_words(c[0], WordVector(std::uint64_t{philox_multipliers[0]}));
  const WordVector product1 = multiply_words(c[2], WordVector(std::uint64_t{philox_multipliers[1]}));
  c = {(product1 >> 32) ^ c[1] ^ key0, product1, (product0 >> 32) ^ c[3] ^ key1, product0};
}

inline constexpr std::array<std::uint64_t, 8> lane_numbers = {0, 1, 2, 3, 4, 5, 6, 7};

/// Ten rounds on the counters of blocks `first ...` in `a` and the next ones in `b`: two vectors, because a
/// round waits for its products.
inline void philox_vectors(const RandomStream& stream, std::uint64_t first, WordVectors& a, WordVectors& b) {
  const PhiloxCounter zero = stream.counter(0);
  const WordVector block = WordVector(first) + WordVector::load_unaligned(lane_numbers.data());
  const WordVector next = block + WordVector(std::uint64_t{WordVector::size});
  const WordVector high(std::uint64_t{zero[1]});
  a = {block, (block >> 32) ^ high, WordVector(std::uint64_t{zero[2]}), WordVector(std::uint64_t{zero[3]})};
  b = {next, (next >> 32) ^ high, a[2], a[3]};
  PhiloxKey key = stream.key();
  for (int round = 0; round < philox_rounds; ++round) {
    const WordVector key0(std::uint64_t{key[0]});
    const WordVector key1(std::uint64_t{key[1]});
    philox_round(a, key0, key1);
    philox_round(b, key0, key1);
    key[0] += philox_key_steps[0];
    key[1] += philox_key_steps[1];
  }
}

/// The words of `RandomStream::words(first + i)`.
inline void fill_words(const RandomStream& stream, std::uint64_t first, WordGroup& words) {
  constexpr std::size_t step = WordVector::size;
  static_assert(step <= lane_numbers.size() && group_blocks % (2 * step) == 0);
  alignas(alignment) std::array<std::array<std::uint64_t, group_blocks>, 4> wide;
  for (std::size_t i = 0; i < group_blocks; i += 2 * step) {
    WordVectors a;
    WordVectors b;
    philox_vectors(stream, first + i, a, b);
    for (std::size_t l = 0; l < 4; ++l) {
      a[l].store_aligned(&wide[l][i]);
      b[l].store_aligned(&wide[l][i + step]);
    }
  }
  for (std::size_t l = 0; l < 4; ++l) {
    for (std::size_t i = 0; i < group_blocks; ++i) {
      words[l][i] = static_cast<std::uint32_t>(wide[l][i]);
    }
  }
}

/// (word + 1/2) / 2³² rounded once to T. Vectors have no conversion of unsigned words, and 32 bits do not fit
/// a float: the halves of the word are exact, their sum is rounded.
template <class T>
[[nodiscard]] inline T upper_half(std::uint32_t word) {
  return static_cast<T>(static_cast<std::int32_t>(word >> 16)) * T{0x1p-16};
}
template <class T>
[[nodiscard]] inline T lower_half(std::uint32_t word) {
  return static_cast<T>(static_cast<std::int32_t>(word & 0xFFFF)) * T{0x1p-32} + T{0x1p-33};
}

/// out[4 i + l] = uniform of word l of block i.
template <class T>
void uniform_group(const RandomStream& stream, std::uint64_t first, T* out) {
  WordGroup words;
  fill_words(stream, first, words);
  std::array<std::uint32_t, group_size> ordered;
  for (std::size_t i = 0; i < group_blocks; ++i) {
    for (std::size_t l = 0; l < 4; ++l) {
      ordered[4 * i + l] = words[l][i];
    }
  }
  for (std::size_t i = 0; i < group_size; ++i) {
    out[i] = upper_half<T>(ordered[i]) + lower_half<T>(ordered[i]);
  }
}

/// −2 log u of u = upper + lower in (0, 1), where `upper` is a multiple of 2⁻¹⁶. A float u near 1 has lost
/// the digits of 1 − u: from 1/2 on, −log(1 − v) = 2 atanh(v / (2 − v)) takes v = 1 − u from the exact parts.
template <class T>
[[nodiscard]] inline Simd<T> minus_two_log(const Simd<T>& upper, const Simd<T>& lower) {
  const Simd<T> uniform = upper + lower;
  const Simd<T> far_from_one = Simd<T>(T{-2}) * math::log<T>(uniform);
  if constexpr (std::same_as<T, double>) {
    return far_from_one;
  } else {
    const Simd<T> v = (Simd<T>(T{1}) - upper) - lower;
    const Simd<T> s = v / (Simd<T>(T{2}) - v);
    const Simd<T> z = s * s;
    const Simd<T> series = xsimd::fma(z, math::detail::log1p_remainder<T>(z), Simd<T>(T{2}));
    return xsimd::select(uniform < Simd<T>(T{0.5}), far_from_one, s * (series + series));
  }
}

/// Box-Muller of pairs of words, T by T: cosine[i], sine[i] = √(−2 log u) (cos, sin)(2π u′).
template <class T>
void box_muller(const std::uint32_t* radius, const std::uint32_t* angle, T* cosine, T* sine) {
  std::array<T, 4 * group_blocks> parts;
  T* const u = parts.data();
  for (std::size_t i = 0; i < group_blocks; ++i) {
    u[i] = upper_half<T>(radius[i]);
    u[i + group_blocks] = lower_half<T>(radius[i]);
    u[i + 2 * group_blocks] = upper_half<T>(angle[i]);
    u[i + 3 * group_blocks] = lower_half<T>(angle[i]);
  }
  for_each_vector<T>(static_cast<Index>(group_blocks), [&](Index i, auto which) {
    constexpr auto step = static_cast<Index>(group_blocks);
    const Simd<T> r = xsimd::sqrt(minus_two_log<T>(load(u + i, which), load(u + i + step, which)));
    const math::SinCos<T> turn =
        math::sincos_turn<T>(load(u + i + 2 * step, which), load(u + i + 3 * step, which));
    store(cosine + i, Simd<T>(r * turn.cos), which);
    store(sine + i, Simd<T>(r * turn.sin), which);
  });
}

/// out[4 i .. 4 i + 3] = the normals of block i.
template <class T>
void normal_group(const RandomStream& stream, std::uint64_t first, T* out) {
  WordGroup words;
  fill_words(stream, first, words);
  std::array<std::array<T, group_blocks>, 4> normals;
  box_muller<T>(words[0].data(), words[1].data(), normals[0].data(), normals[1].data());
  box_muller<T>(words[2].data(), words[3].data(), normals[2].data(), normals[3].data());
  for (std::size_t i = 0; i < group_blocks; ++i) {
    for (std::size_t l = 0; l < 4; ++l) {
      out[4 * i + l] = normals[l][i];
    }
  }
}

/// Calls `body(i, values, n)` with the elements `offset + i .. offset + i + n - 1` of the sequence whose
/// groups `group(first_block, out)` makes, for pieces that cover `[first, last)`.
template <class Value, class Group, class Body>
void for_each_group(Index first, Index last, std::uint64_t offset, Group&& group, Body&& body) {
  alignas(alignment) std::array<Value, group_size> values;
  for (Index i = first; i < last;) {
    const std::uint64_t element = offset + static_cast<std::uint64_t>(i);
    const auto skip = static_cast<Index>(element % 4);
    const Index n = std::min(static_cast<Index>(group_size) - skip, last - i);
    group(element / 4, values.data());
    body(i, values.data() + skip, n);
    i += n;
  }
}

template <class T, class Group>
void fill_groups(std::span<T> out, std::uint64_t offset, Group&& group) {
  const auto count = static_cast<Index>(out.size());
  parallel_for(
      count, random_grain,
      [&](Index first, Index last) {
        for_each_group<T>(first, last, offset, group,
                          [&](Index i, const T* values, Index n) { std::copy_n(values, n, out.data() + i); });
      },
      static_cast<Index>(group_size));
}

}  // namespace detail

/// Fills `out` with elements `offset ...` of the stream as uniforms on (0, 1): (word + 1/2) / 2³².
///
/// Accuracy  exact in double; rounded once in float, where words above 2³² − 2⁷ give 1 (never 0)
/// Threads   parallel; the result depends neither on their number nor on how a range is cut into calls
template <class T>
void fill_uniform(std::span<T> out, const RandomStream& stream, std::uint64_t offset = 0) {
  detail::fill_groups(
      out, offset, [&](std::uint64_t first, T* values) { detail::uniform_group<T>(stream, first, values); });
}

/// Fills `out` with elements `offset ...` of the stream as standard normals, |value| < 6.77: `to_normals` of
/// words 0, 1 and of words 2, 3 of each block.
///
/// Accuracy  absolute, 1e-6 in float and 3e-15 in double
/// Threads   parallel; the result depends neither on their number nor on how a range is cut into calls
/// Source    Box & Muller 1958
template <class T>
void fill_normal(std::span<T> out, const RandomStream& stream, std::uint64_t offset = 0) {
  detail::fill_groups(
      out, offset, [&](std::uint64_t first, T* values) { detail::normal_group<T>(stream, first, values); });
}

/// values[i] = 1 where the uniform number `offset + i` of the stream is below values[i], else 0: a Bernoulli
/// draw with probability values[i], always 0 for 0 (and NaN) and always 1 for 1.
///
/// Accuracy  exact: probabilities are compared with uniforms in double
/// Threads   parallel; the result depends neither on their number nor on how a range is cut into calls
template <class T>
void sample_bernoulli(std::span<T> values, const RandomStream& stream, std::uint64_t offset = 0) {
  const auto group = [&](std::uint64_t first, double* uniforms) {
    detail::uniform_group<double>(stream, first, uniforms);
  };
  parallel_for(
      static_cast<Index>(values.size()), detail::random_grain,
      [&](Index first, Index last) {
        detail::for_each_group<double>(
            first, last, offset, group, [&](Index i, const double* uniforms, Index n) {
              T* const target = values.data() + i;
              for (Index j = 0; j < n; ++j) {
                target[j] = uniforms[j] < static_cast<double>(target[j]) ? T{1} : T{0};
              }
            });
      },
      static_cast<Index>(detail::group_size));
}

}  // namespace vaekit::inline VAEKIT_ABI
