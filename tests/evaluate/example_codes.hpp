// SPDX-License-Identifier: MIT
//
// Representations of known quality: each factor in a code of its own, the same turned by 45°, and noise.
#pragma once

#include <cmath>
#include <numbers>
#include <vector>

#include "vaekit/evaluate/factor_groups.hpp"

namespace example {

using namespace vaekit;

inline const Factors four_factors{{{"shape", 3, false}, {"size", 6}, {"x", 8}, {"y", 8}}};

/// Of four factors in 6 codes; the last two are constant.
enum class Representing { perfect, rotated, random };

struct ExampleCodes {
  Representing kind;

  void operator()(std::span<const std::uint32_t> combinations, MatrixOut<double> codes) const {
    std::vector<std::int32_t> values(4);
    const RandomStream stream(5, Purpose::evaluation);
    for (Index i = 0; i < codes.rows(); ++i) {
      const std::uint32_t combination = combinations[static_cast<std::size_t>(i)];
      four_factors.decompose(combination, values);
      RandomSequence random(stream, combination);
      codes.row(i).setZero();
      for (Index k = 0; k < 4; ++k) {
        const auto count = static_cast<double>(four_factors[k].values);
        const double value = values[static_cast<std::size_t>(k)] - (count - 1) / 2;
        codes(i, k) =
            kind == Representing::random ? random.normal() : value / std::sqrt((count * count - 1) / 12);
      }
      for (Index k = 0; k < 4 && kind == Representing::rotated; k += 2) {
        const double a = codes(i, k);
        const double b = codes(i, k + 1);
        codes(i, k) = (a - b) / std::numbers::sqrt2;
        codes(i, k + 1) = (a + b) / std::numbers::sqrt2;
      }
    }
  }
};

/// 3000 samples with their factors.
struct CodedSamples {
  std::vector<std::uint32_t> combinations = draw_combinations(four_factors, 3000, 1);
  Matrix<std::int32_t> values = factor_values(four_factors, combinations);
  Matrix<double> codes{3000, 6};

  explicit CodedSamples(Representing kind) { ExampleCodes{kind}(combinations, codes); }
};

}  // namespace example
