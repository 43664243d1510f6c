// SPDX-License-Identifier: MIT
//
// Samples for metrics that choose their own: combinations of factors in which one factor is held.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "vaekit/core/error.hpp"
#include "vaekit/core/random.hpp"
#include "vaekit/data/generated.hpp"
#include "vaekit/evaluate/linear_probe.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Something that codes combinations of factors: `represent(combinations, codes)` fills codes [n × d].
template <class F>
concept Representation = requires(const F& represent, std::span<const std::uint32_t> combinations,
                                  MatrixOut<double> codes) {
  represent(combinations, codes);
};

/// Codes that vary less over the data, a standard deviation of 0.05, tell nothing that a decoder would see.
inline constexpr double least_code_variance = 0.0025;

/// The variance of each column.
[[nodiscard]] inline RowVector<double> column_variances(MatrixIn<double> x) {
  RowVector<double> variances(x.cols());
  for (Index d = 0; d < x.cols(); ++d) {
    variances[d] = (x.col(d).array() - x.col(d).mean()).square().mean();
  }
  return variances;
}

/// A number 0 .. count − 1; bias below count / 2³².
[[nodiscard]] inline std::uint32_t draw_below(RandomSequence& random, Index count) {
  return static_cast<std::uint32_t>(
      std::min(static_cast<Index>(random.uniform() * static_cast<double>(count)), count - 1));
}

/// Combinations drawn evenly and independently.
[[nodiscard]] inline std::vector<std::uint32_t> draw_combinations(const Factors& factors, Index count,
                                                                  std::uint64_t seed) {
  RandomSequence random(RandomStream(seed, Purpose::evaluation).child(50), 0);
  std::vector<std::uint32_t> combinations(static_cast<std::size_t>(count));
  std::ranges::generate(combinations, [&] { return draw_below(random, factors.combinations()); });
  return combinations;
}

/// The factor's value in each combination. [n × k]
[[nodiscard]] inline Matrix<std::int32_t> factor_values(const Factors& factors,
                                                        std::span<const std::uint32_t> combinations) {
  Matrix<std::int32_t> values(std::ssize(combinations), factors.size());
  for (Index i = 0; i < values.rows(); ++i) {
    factors.decompose(combinations[static_cast<std::size_t>(i)],
                      std::span(values.row(i).data(), static_cast<std::size_t>(factors.size())));
  }
  return values;
}

/// Groups of combinations that agree in one factor each.
struct FactorGroups {
  std::vector<std::int32_t> held;           ///< [groups] the factor
  std::vector<std::uint32_t> combinations;  ///< [groups × size]
};

/// `groups` groups of `size` combinations, of number `first` ... In a group one factor, drawn evenly among
/// those with more than one value, is the same for every `agreeing` consecutive combinations; all else is
/// drawn evenly.
///
/// Throws  DataError when no factor has two values
[[nodiscard]] inline FactorGroups draw_groups(const Factors& factors, Index groups, Index size,
                                              Index agreeing, std::uint64_t seed, Index first = 0) {
  std::vector<std::int32_t> varying;
  for (Index k = 0; k < factors.size(); ++k) {
    if (factors[k].values > 1) {
      varying.push_back(static_cast<std::int32_t>(k));
    }
  }
  if (varying.empty()) {
    throw DataError("draw_groups: no factor has 2 values, must have at least one that varies");
  }
  const RandomStream stream = RandomStream(seed, Purpose::evaluation).child(51);
  FactorGroups result;
  std::vector<std::int32_t> values(static_cast<std::size_t>(factors.size()));
  for (Index g = first; g < first + groups; ++g) {
    RandomSequence random(stream, static_cast<std::uint64_t>(g));
    const std::int32_t held = varying[draw_below(random, std::ssize(varying))];
    result.held.push_back(held);
    std::int32_t value = 0;
    for (Index i = 0; i < size; ++i) {
      if (i % agreeing == 0) {
        value = static_cast<std::int32_t>(draw_below(random, factors[held].values));
      }
      factors.decompose(draw_below(random, factors.combinations()), values);
      values[static_cast<std::size_t>(held)] = value;
      result.combinations.push_back(factors.compose(values));
    }
  }
  return result;
}

/// Draws `groups` groups as `draw_groups` and codes them; `visit(first, held, codes)` is called in order with
/// some of them at a time, codes [n · size × dim].
///
/// Memory  some thousand codes, whatever the number of groups
/// Throws  DataError when no factor has two values
template <Representation Represent, class Visit>
void for_each_coded_groups(const Factors& factors, Index groups, Index size, Index agreeing,
                           std::uint64_t seed, Index dim, const Represent& represent, Visit&& visit) {
  constexpr Index most_codes = 8192;
  const Index most_groups = std::max<Index>(1, most_codes / size);
  Matrix<double> codes(std::min(groups, most_groups) * size, dim);
  for (Index first = 0; first < groups; first += most_groups) {
    const Index n = std::min(most_groups, groups - first);
    const FactorGroups drawn = draw_groups(factors, n, size, agreeing, seed, first);
    const MatrixOut<double> some = top(codes, n * size);
    represent(drawn.combinations, some);
    visit(first, std::span<const std::int32_t>(drawn.held), some);
  }
}

/// Throws ShapeError unless there is one held factor for each of `groups` groups, some before and some after
/// the first `train`; DataError unless each is in 0 .. factors − 1.
inline void check_held(std::string_view where, Index groups, std::span<const std::int32_t> held, Index train,
                       Index factors) {
  check_labels(where, groups, held, factors);
  if (train < 1 || train >= groups) {
    throw ShapeError(concat(where, ": learns from ", train, " of ", groups,
                            " groups, must learn from at least 1 and leave at least 1"));
  }
}

}  // namespace vaekit::inline VAEKIT_ABI
