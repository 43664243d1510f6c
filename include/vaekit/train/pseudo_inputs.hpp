// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "vaekit/core/random.hpp"
#include "vaekit/evaluate/data_view.hpp"
#include "vaekit/latent/latent.hpp"
#include "vaekit/model/part_name.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Gives the prior of `model` the pseudo-inputs it waits for: samples at different places of `train`, drawn
/// by `seed`, as they are in epoch 0. Does nothing when it waits for none.
///
/// Throws   ConfigError "prior: vamp has 500 components, must have at most 100 (training samples)"
/// Threads  bits do not depend on their number
template <class Model>
void choose_pseudo_inputs(Model& model, const DataView& train, std::uint64_t seed) {
  using T = typename Model::Scalar;
  if constexpr (requires(MatrixIn<T> x) { model.prior.set_pseudo_inputs(x); }) {
    if (!needs_pseudo_inputs(model.prior)) {
      return;
    }
    const Index count = pseudo_input_count(model.prior);
    if (count > train.size()) {
      throw ConfigError(concat("prior: ", part_name(model.prior), " has ", count,
                               " components, must have at most ", train.size(), " (training samples)"));
    }
    std::vector<std::uint32_t> order(train.rows.size());
    fill_permutation(order, RandomStream(seed, Purpose::initialize).child(300));
    std::vector<std::uint32_t> rows;
    for (Index i = 0; i < count; ++i) {
      rows.push_back(train.rows[order[static_cast<std::size_t>(i)]]);
    }
    Matrix<T> x(count, train.columns());
    read_view<T>(train, rows, 0, x);
    model.prior.set_pseudo_inputs(x);
  }
}

}  // namespace vaekit::inline VAEKIT_ABI
