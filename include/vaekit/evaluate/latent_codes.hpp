// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "vaekit/evaluate/data_view.hpp"
#include "vaekit/evaluate/factor_groups.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Fills codes [view.size() × latent dim] with the posterior's mean or mode of each sample.
///
/// Threads  const model; no bit depends on the number of threads
template <class Model>
void latent_codes(const Model& model, const DataView& view, MatrixOut<double> codes, Index batch = 500) {
  using T = typename Model::Scalar;
  batch = std::min(batch, view.size());
  typename Model::Workspace w = model.make_inference_workspace(batch);
  Matrix<T> buffer(batch, model.input_columns());
  for_each_batch<T>(view, buffer, [&](Index first, MatrixIn<T> x) {
    codes.middleRows(first, x.rows()) = model.encode_point(x, w).template cast<double>();
  });
}

/// What a model makes of any combination of the factors of a generated data set: a `Representation`.
///
/// Refers to the model, the data set and the transform.
template <class Model>
class LatentRepresentation {
 public:
  LatentRepresentation(const Model& model, const Dataset& generated, const Transform& transform,
                       std::uint64_t seed)
      : model_(model), data_(generated), transform_(transform), seed_(seed) {}

  /// codes [combinations × latent dim]
  void operator()(std::span<const std::uint32_t> combinations, MatrixOut<double> codes) const {
    const GeneratedRows& all = *data_.generated();
    GeneratedRows chosen{all.factors, all.draw, {combinations.begin(), combinations.end()}};
    const Dataset samples(data_.name(), data_.shape(), std::move(chosen));
    const std::vector<std::uint32_t> rows = all_rows(samples.size());
    latent_codes(model_, {&samples, &transform_, rows, seed_}, codes);
    silence(codes);
  }

  /// From now on the codes that vary less than `least_code_variance` over the rows of `codes` are 0, there
  /// and in all that follows: what a metric would find in them after rescaling is no use of the latent
  /// variable.
  void silence_dead_codes(MatrixOut<double> codes) {
    const RowVector<double> variances = column_variances(codes);
    dead_.clear();
    for (Index d = 0; d < codes.cols(); ++d) {
      if (!(variances[d] >= least_code_variance)) {
        dead_.push_back(d);
      }
    }
    silence(codes);
  }

 private:
  void silence(MatrixOut<double> codes) const {
    for (const Index d : dead_) {
      codes.col(d).setZero();
    }
  }

  const Model& model_;
  const Dataset& data_;
  const Transform& transform_;
  std::uint64_t seed_;
  std::vector<Index> dead_;
};

}  // namespace vaekit::inline VAEKIT_ABI
