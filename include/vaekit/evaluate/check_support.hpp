// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "vaekit/distributions/distribution.hpp"
#include "vaekit/evaluate/data_view.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// The support of each feature of a likelihood.
template <class LikelihoodType>
[[nodiscard]] std::vector<Support> feature_supports(const LikelihoodType& likelihood) {
  std::vector<Support> supports;
  for (Index j = 0; j < likelihood.feature_count(); ++j) {
    supports.push_back(likelihood.support(j));
  }
  return supports;
}

/// Checks that every value the model will see lies where its likelihood has a density.
///
/// Throws DataError "<name>: sample 3, feature 7 is 1.5 after scaling, must be in [0, 1] for a bernoulli
/// likelihood; ..."
template <class LikelihoodType>
void check_support(const DataView& view, const LikelihoodType& likelihood, std::string_view name) {
  using T = typename LikelihoodType::Scalar;
  const std::vector<Support> supports = feature_supports(likelihood);
  Matrix<T> buffer(std::min<Index>(500, view.size()), view.columns());
  for_each_batch<T>(view, buffer, [&](Index first, MatrixIn<T> x) {
    for (Index row = 0; row < x.rows(); ++row) {
      for (Index j = 0; j < view.dataset->features(); ++j) {
        const auto value = static_cast<double>(x(row, j));
        if (const Support& support = supports[static_cast<std::size_t>(j)]; !support.contains(value)) {
          throw DataError(concat(
              view.dataset->name(), ": sample ", view.rows[static_cast<std::size_t>(first + row)],
              ", feature ", j, " is ", value, " after scaling, must be ", to_string(support), " for a ", name,
              " likelihood",
              support == Support{0, 1} ? "; hint: set data/scale to [0, 1] or use a gaussian likelihood"
                                       : ""));
        }
      }
    }
  });
}

}  // namespace vaekit::inline VAEKIT_ABI
