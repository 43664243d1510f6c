// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "vaekit/evaluate/data_view.hpp"
#include "vaekit/latent/latent.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// exp(entropy) of the distribution that `counts` are in proportion to: how many codes are in use, if all of
/// them were used equally. 0 when nothing was counted.
[[nodiscard]] inline double perplexity(std::span<const double> counts) {
  double total = 0;
  for (const double count : counts) {
    total += count;
  }
  double entropy = 0;
  for (const double count : counts) {
    entropy -= count > 0 ? count / total * std::log(count / total) : 0;
  }
  return total > 0 ? std::exp(entropy) : 0;
}

/// How often each code of a posterior with a codebook describes a position of the samples of a data set.
struct CodeUsage {
  std::vector<double> counts;  ///< [C]

  /// Codes that were chosen at all.
  [[nodiscard]] Index used() const {
    return static_cast<Index>(std::ranges::count_if(counts, [](double count) { return count > 0; }));
  }
  [[nodiscard]] double perplexity() const { return vaekit::perplexity(counts); }
};

/// The codes that the encoder chooses for the samples of `view`; `counts` is empty for a posterior without
/// codes.
///
/// Threads  const model; the result does not depend on the number of threads
/// Source   perplexity: van den Oord et al. 2017 (arXiv:1711.00937), the authors' code in Sonnet
template <class Model>
[[nodiscard]] CodeUsage code_usage(const Model& model, const DataView& view, Index batch = 500) {
  using T = typename Model::Scalar;
  CodeUsage usage{std::vector<double>(static_cast<std::size_t>(code_count(model.latent)))};
  if (usage.counts.empty()) {
    return usage;
  }
  batch = std::min(batch, view.size());
  typename Model::Workspace w = model.make_inference_workspace(batch);
  Matrix<T> buffer(batch, model.input_columns());
  for_each_batch<T>(view, buffer, [&](Index, MatrixIn<T> x) {
    static_cast<void>(model.encode(x, w));
    add_code_usage(model.latent, w.latent, usage.counts);
  });
  return usage;
}

}  // namespace vaekit::inline VAEKIT_ABI
