// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "vaekit/evaluate/data_view.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Share of the samples of `view` whose most probable label under q(y|x) is theirs; nothing for a model
/// without a classifier, or data without labels.
///
/// Threads  const model
template <class Model>
[[nodiscard]] std::optional<double> classification_accuracy(const Model& model, const DataView& view,
                                                            Index batch = 500) {
  using T = typename Model::Scalar;
  if (!model.classifier || view.dataset->labels().empty()) {
    return std::nullopt;
  }
  batch = std::min(batch, view.size());
  auto cache = model.classifier->make_cache(batch);
  Matrix<T> buffer(batch, view.columns());
  std::vector<Index> guesses(static_cast<std::size_t>(batch));
  Index right = 0;
  for_each_batch<T>(view, buffer, [&](Index first, MatrixIn<T> x) {
    model.classify(x, cache, std::span(guesses).first(static_cast<std::size_t>(x.rows())));
    for (Index row = 0; row < x.rows(); ++row) {
      const std::uint32_t sample = view.rows[static_cast<std::size_t>(first + row)];
      right += view.dataset->labels()[sample] == guesses[static_cast<std::size_t>(row)] ? 1 : 0;
    }
  });
  return static_cast<double>(right) / static_cast<double>(view.size());
}

}  // namespace vaekit::inline VAEKIT_ABI
