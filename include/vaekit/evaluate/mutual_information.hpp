// SPDX-License-Identifier: MIT
//
// What codes and factors of variation tell of one another, from counts.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "vaekit/core/check.hpp"
#include "vaekit/core/error.hpp"
#include "vaekit/core/matrix.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// States that a code is cut into: the number of Chen et al. 2018 and Locatello et al. 2019.
inline constexpr Index code_bins = 20;

/// Each column in `bins` intervals of equal width between its smallest and largest value; a constant column
/// is 0.
///
/// Shapes  codes [n × d], result [n × d] in 0 .. bins − 1
/// Throws  NumericError when a code is not finite
[[nodiscard]] inline Matrix<std::int32_t> discretize(MatrixIn<double> codes, Index bins = code_bins) {
  Matrix<std::int32_t> states(codes.rows(), codes.cols());
  for (Index d = 0; d < codes.cols() && codes.rows() > 0; ++d) {
    const double low = codes.col(d).minCoeff();
    const double width = codes.col(d).maxCoeff() - low;
    if (!codes.col(d).allFinite()) {
      throw NumericError(concat("discretize: code ", d, " has a value that is not finite, must be finite"));
    }
    for (Index i = 0; i < codes.rows() && width > 0; ++i) {
      const double place = (codes(i, d) - low) / width * static_cast<double>(bins);
      states(i, d) = static_cast<std::int32_t>(std::min(std::floor(place), static_cast<double>(bins - 1)));
    }
  }
  return states;
}

/// Throws ShapeError unless there are as many codes as factors, and a sample at least.
inline void check_paired(std::string_view where, Index codes, MatrixIn<std::int32_t> factors) {
  check_rows(where, "factors", factors, codes, "rows of codes");
  if (codes == 0 || factors.cols() == 0) {
    throw ShapeError(concat(where, ": factors are ", factors.rows(), 'x', factors.cols(),
                            ", must have at least 1 row and 1 column"));
  }
}

/// Of codes and factors that are both integers ≥ 0; nats.
struct MutualInformation {
  Matrix<double> information;     ///< [d × k] I(z_j; v_k)
  std::vector<double> entropies;  ///< [k] H(v_k)
};

namespace detail {

/// −Σ p log p of counts that sum to `total`.
[[nodiscard]] inline double entropy_of_counts(const std::vector<Index>& counts, double total) {
  double entropy = 0;
  for (const Index count : counts) {
    const double p = static_cast<double>(count) / total;
    entropy -= count > 0 ? p * std::log(p) : 0;
  }
  return entropy;
}

}  // namespace detail

/// I(z; v) = H(z) + H(v) − H(z, v) of every code and factor, from their empirical frequencies: the plug-in
/// estimate, too high by about (states of the code − 1)(states of the factor − 1) / 2n for independent
/// variables.
///
/// Shapes  states [n × d], factors [n × k], all ≥ 0
/// Throws  ShapeError when the rows differ
[[nodiscard]] inline MutualInformation mutual_information(MatrixIn<std::int32_t> states,
                                                          MatrixIn<std::int32_t> factors) {
  check_paired("mutual_information", states.rows(), factors);
  const Index n = states.rows();
  const auto total = static_cast<double>(n);
  const auto entropy_of = [&](Index count, auto&& state) {
    std::vector<Index> counts(static_cast<std::size_t>(count));
    for (Index i = 0; i < n; ++i) {
      ++counts[static_cast<std::size_t>(state(i))];
    }
    return detail::entropy_of_counts(counts, total);
  };
  MutualInformation result{Matrix<double>(states.cols(), factors.cols()), {}};
  for (Index k = 0; k < factors.cols(); ++k) {
    const Index values = factors.col(k).maxCoeff() + 1;
    result.entropies.push_back(entropy_of(values, [&](Index i) { return factors(i, k); }));
    for (Index d = 0; d < states.cols(); ++d) {
      const Index bins = states.col(d).maxCoeff() + 1;
      const double code = entropy_of(bins, [&](Index i) { return states(i, d); });
      const double joint =
          entropy_of(bins * values, [&](Index i) { return states(i, d) * values + factors(i, k); });
      result.information(d, k) = std::max(0.0, code + result.entropies.back() - joint);
    }
  }
  return result;
}

}  // namespace vaekit::inline VAEKIT_ABI
