// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string_view>
#include <utility>
#include <variant>

#include "vaekit/distributions/factorized.hpp"
#include "vaekit/kernels/log_softmax.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// How many counts a sample has in total.
enum class LibrarySize {
  none,      ///< nobody asks: each feature has a mean of its own
  observed,  ///< as many as the data have: features share them out
};

[[nodiscard]] constexpr auto enum_names(LibrarySize) {
  return std::array<std::string_view, 2>{"none", "observed"};
}

namespace detail {

/// Memory of the calling thread, which grows to the largest count that it was asked for. What it holds lasts
/// until the thread asks again.
template <class T>
[[nodiscard]] std::span<T> thread_scratch(Index count) {
  thread_local AlignedVector<T> memory;
  if (memory.size() < static_cast<std::size_t>(count)) {
    memory.resize(static_cast<std::size_t>(count));
  }
  return std::span<T>(memory).first(static_cast<std::size_t>(count));
}

}  // namespace detail

/// A factorized likelihood of counts, whose first parameter is the logarithm of a mean and comes from the
/// decoder's head. With `LibrarySize::observed` the head's first block h makes fractions instead, and a
/// sample's mean counts are those fractions of the sample's own total:
///
///   log μⱼ = log softmax(h)ⱼ + log Σₖ xₖ
///   ∂/∂hⱼ = gⱼ − softmax(h)ⱼ Σₖ gₖ,   g = ∂ log p / ∂ log μ
///
/// log p is then that of x given its total, which is not modelled. `mean` and `sample` see no x and share out
/// `reference_size` counts.
///
/// Shapes    params [n·samples × head_size], x [n × features]
/// Units     nats, summed over features
/// Threads   const calls are safe with a cache each; no bit depends on the number of threads. A thread's
/// first
///           calls of log_prob, mean and sample allocate one row
/// Source    Lopez, Regier, Cole, Jordan, Yosef: Deep generative modeling for single-cell transcriptomics
///           (Nature Methods 15, 2018), Methods
template <class Density>
struct LibrarySized : Factorized<Density> {
  using Base = Factorized<Density>;
  using T = typename Base::T;
  struct Cache : Base::Cache {
    Matrix<T> params;                           // [rows × head_size], the first block in log means
    AlignedVector<LogPartition<T>> partitions;  // [rows] of the first block
  };

  LibrarySize library_size = LibrarySize::none;
  double reference_size = 1;

  LibrarySized() = default;
  LibrarySized(Density feature_density, Index feature_count, const typename Base::Sources& parameter_sources,
               LibrarySize size, double reference)
      : Base(std::move(feature_density), feature_count, parameter_sources),
        library_size(size),
        reference_size(reference) {}

  [[nodiscard]] Cache make_cache(Index rows) const {
    const Index own_rows = library_size == LibrarySize::none ? 0 : rows;
    return {Base::make_cache(rows), Matrix<T>(own_rows, this->head_size()),
            AlignedVector<LogPartition<T>>(static_cast<std::size_t>(own_rows))};
  }

  void log_prob(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out) const {
    if (library_size == LibrarySize::none) {
      Base::log_prob(params, x, out);
      return;
    }
    const Index samples = params.rows() / x.rows();
    const auto log_size = [&](Index row) { return log_total(row_of(x, row / samples)); };
    for_each_row(params, log_size, [&](MatrixIn<T> row_params, Index row) {
      Base::log_prob(row_params, x.middleRows(row / samples, 1),
                     out.subspan(static_cast<std::size_t>(row), 1));
    });
  }

  void forward(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out, Cache& cache) const {
    if (library_size == LibrarySize::none) {
      Base::forward(params, x, out, cache);
      return;
    }
    const Index rows = params.rows();
    const Index samples = rows / x.rows();
    parallel_for(rows, row_grain(4 * this->features), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        cache.partitions[static_cast<std::size_t>(row)] =
            to_log_means(row_of(params, row), log_total(row_of(x, row / samples)),
                         cache.params.data() + row * cache.params.cols());
      }
    });
    Base::forward(cache.params.topRows(rows), x, out, cache);
    parallel_for(rows, row_grain(4 * this->features), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        through_softmax(row_of(params, row), cache.partitions[static_cast<std::size_t>(row)],
                        cache.gradient.data() + row * cache.gradient.cols());
      }
    });
  }

  void mean(MatrixIn<T> params, MatrixOut<T> out) const {
    if (library_size == LibrarySize::none) {
      Base::mean(params, out);
      return;
    }
    for_each_row(params, log_reference(),
                 [&](MatrixIn<T> row_params, Index row) { Base::mean(row_params, out.middleRows(row, 1)); });
  }

  void sample(MatrixIn<T> params, const RandomStream& stream, MatrixOut<T> out) const {
    if (library_size == LibrarySize::none) {
      Base::sample(params, stream, out);
      return;
    }
    for_each_row(params, log_reference(), [&](MatrixIn<T> row_params, Index row) {
      Base::sample(row_params, stream.child(static_cast<std::uint64_t>(row)), out.middleRows(row, 1));
    });
  }

 private:
  [[nodiscard]] static const T* row_of(MatrixIn<T> matrix, Index row) {
    return matrix.data() + row * matrix.outerStride();
  }

  /// −∞ for a sample without counts: all its means are 0.
  [[nodiscard]] T log_total(const T* x) const {
    return std::log(sum_vectors<T>(this->features, [&](Index j, auto which) { return load(x + j, which); }));
  }
  [[nodiscard]] auto log_reference() const {
    return [log_size = static_cast<T>(std::log(reference_size))](Index) { return log_size; };
  }

  LogPartition<T> to_log_means(const T* head, T log_size, T* target) const {
    const LogPartition<T> partition = log_partition<T>(head, this->features);
    for_each_vector<T>(this->features, [&](Index j, auto which) {
      store(target + j, Simd<T>(partition.log_softmax(load(head + j, which)) + Simd<T>(log_size)), which);
    });
    std::copy(head + this->features, head + this->head_size(), target + this->features);
    return partition;
  }

  /// The gradient with respect to log means becomes that with respect to the head's first block.
  void through_softmax(const T* head, const LogPartition<T>& partition, T* gradient) const {
    const T sum =
        sum_vectors<T>(this->features, [&](Index j, auto which) { return load(gradient + j, which); });
    for_each_vector<T>(this->features, [&](Index j, auto which) {
      const Simd<T> fraction = math::exp<T>(partition.log_softmax(load(head + j, which)));
      store(gradient + j, Simd<T>(load(gradient + j, which) - fraction * Simd<T>(sum)), which);
    });
  }

  /// Calls `body(row_params, row)` with log means in place of the head's first block.
  template <class LogSize, class Body>
  void for_each_row(MatrixIn<T> params, LogSize&& log_size, Body&& body) const {
    parallel_for(params.rows(), row_grain(16 * this->features), [&](Index first, Index last) {
      const std::span<T> scratch = detail::thread_scratch<T>(params.cols());
      const Eigen::Map<const EigenMatrix<T>> row_params(scratch.data(), 1, params.cols());
      for (Index row = first; row < last; ++row) {
        to_log_means(row_of(params, row), log_size(row), scratch.data());
        body(row_params, row);
      }
    });
  }
};

/// Whether log p is that of what `sample` draws. It is not where a sample's own total is given: a draw has
/// another one.
template <class LikelihoodType>
[[nodiscard]] bool is_density_of_draws(const LikelihoodType& likelihood) {
  if constexpr (requires { likelihood.chosen; }) {
    return std::visit([](const auto& chosen) { return is_density_of_draws(chosen); }, likelihood.chosen);
  } else if constexpr (requires { likelihood.groups; }) {
    return std::ranges::all_of(likelihood.groups,
                               [](const auto& group) { return is_density_of_draws(group); });
  } else if constexpr (requires { likelihood.library_size; }) {
    return likelihood.library_size == LibrarySize::none;
  } else {
    return true;
  }
}

/// Whether one feature is given its own total, which leaves nothing to tell of it.
template <class LikelihoodType>
[[nodiscard]] bool has_total_of_one(const LikelihoodType& likelihood) {
  if constexpr (requires { likelihood.chosen; }) {
    return std::visit([](const auto& chosen) { return has_total_of_one(chosen); }, likelihood.chosen);
  } else if constexpr (requires { likelihood.groups; }) {
    return std::ranges::any_of(likelihood.groups, [](const auto& group) { return has_total_of_one(group); });
  } else {
    return !is_density_of_draws(likelihood) && likelihood.feature_count() == 1;
  }
}

}  // namespace vaekit::inline VAEKIT_ABI
