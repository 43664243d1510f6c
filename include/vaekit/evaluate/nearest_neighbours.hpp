// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "vaekit/core/check.hpp"
#include "vaekit/core/error.hpp"
#include "vaekit/core/parallel.hpp"
#include "vaekit/evaluate/linear_probe.hpp"
#include "vaekit/kernels/gemm.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// The k nearest references of each query, nearest first; of equally near ones those with the lower number.
struct Neighbours {
  Matrix<std::int32_t> index;  ///< [queries × k]
  Matrix<double> square;       ///< [queries × k] squared distances
};

namespace detail {

/// Squared lengths of the rows.
[[nodiscard]] inline RowVector<double> row_squares(MatrixIn<double> x) {
  RowVector<double> squares(x.rows());
  for (Index i = 0; i < x.rows(); ++i) {
    squares[i] = x.row(i).squaredNorm();
  }
  return squares;
}

/// The columns of one row of distances that are smallest, by insertion: k is small.
inline void insert_nearest(std::span<const double> squares, Index skip, std::span<std::int32_t> index,
                           std::span<double> nearest) {
  std::ranges::fill(nearest, std::numeric_limits<double>::infinity());
  for (std::size_t j = 0; j < squares.size(); ++j) {
    if (!(squares[j] < nearest.back()) || static_cast<Index>(j) == skip) {
      continue;
    }
    std::size_t place = nearest.size() - 1;
    for (; place > 0 && squares[j] < nearest[place - 1]; --place) {
      nearest[place] = nearest[place - 1];
      index[place] = index[place - 1];
    }
    nearest[place] = squares[j];
    index[place] = static_cast<std::int32_t>(j);
  }
}

}  // namespace detail

/// Calls `visit(row, squares)` with the squared distances of each row of `queries` to all of `references`, in
/// double by ‖a‖² + ‖b‖² − 2 a·b, which loses what is below 10⁻¹⁶ of the lengths; never negative.
///
/// Shapes   queries [m × d], references [n × d], squares [n]
/// Threads  `visit` is called for several rows at a time
/// Throws   ShapeError when the columns differ
template <class Visit>
void for_each_distance(MatrixIn<double> queries, MatrixIn<double> references, Visit&& visit) {
  check_columns("for_each_distance", "queries", queries, references.cols(), "columns of the references");
  constexpr Index block = 64;
  const RowVector<double> query_squares = detail::row_squares(queries);
  const RowVector<double> reference_squares = detail::row_squares(references);
  Matrix<double> products(std::min(block, queries.rows()), references.rows());
  for (Index first = 0; first < queries.rows(); first += block) {
    const Index n = std::min(block, queries.rows() - first);
    gemm<double>(as_is<double>(queries.middleRows(first, n)), transposed<double>(references),
                 references.cols(), top(products, n), Store::overwrite);
    parallel_for(n, 4, [&](Index from, Index to) {
      for (Index i = from; i < to; ++i) {
        products.row(i) =
            (query_squares[first + i] + reference_squares.array() - 2 * products.row(i).array()).max(0.0);
        visit(first + i,
              std::span<const double>(products.row(i).data(), static_cast<std::size_t>(references.rows())));
      }
    });
  }
}

/// Exact search. With `same` the queries are the references, and none is its own neighbour.
///
/// Shapes   queries [m × d], references [n × d]
/// Threads  parallel over queries; no bit depends on the number of threads
/// Throws   ShapeError when the columns differ, ConfigError unless 1 ≤ k ≤ references
[[nodiscard]] inline Neighbours nearest_neighbours(MatrixIn<double> queries, MatrixIn<double> references,
                                                   Index k, bool same = false) {
  const Index candidates = references.rows() - (same ? 1 : 0);
  if (k < 1 || k > candidates) {
    throw ConfigError(concat("nearest_neighbours: k is ", k, ", must be in [1, ", candidates, ']'));
  }
  Neighbours result{Matrix<std::int32_t>(queries.rows(), k), Matrix<double>(queries.rows(), k)};
  const auto width = static_cast<std::size_t>(k);
  for_each_distance(queries, references, [&](Index i, std::span<const double> squares) {
    detail::insert_nearest(squares, same ? i : -1, {result.index.row(i).data(), width},
                           {result.square.row(i).data(), width});
  });
  return result;
}

/// Labels by majority of the k nearest training samples; of equals the label of the nearest.
///
/// Shapes  x_train [n × d], labels [n] in 0 .. classes − 1, x [m × d]
/// Throws  ShapeError, DataError, ConfigError
[[nodiscard]] inline std::vector<std::int32_t> classify_by_neighbours(MatrixIn<double> x_train,
                                                                      std::span<const std::int32_t> labels,
                                                                      Index classes, MatrixIn<double> x,
                                                                      Index k) {
  check_labels("nearest neighbours", x_train.rows(), labels, classes);
  const Neighbours near = nearest_neighbours(x, x_train, k);
  std::vector<std::int32_t> guesses;
  std::vector<Index> votes(static_cast<std::size_t>(classes));
  for (Index i = 0; i < x.rows(); ++i) {
    const auto label_of = [&](Index place) { return labels[static_cast<std::size_t>(near.index(i, place))]; };
    std::ranges::fill(votes, 0);
    for (Index place = 0; place < k; ++place) {
      ++votes[static_cast<std::size_t>(label_of(place))];
    }
    std::int32_t best = label_of(0);
    for (Index place = 1; place < k; ++place) {
      const std::int32_t other = label_of(place);
      best = votes[static_cast<std::size_t>(other)] > votes[static_cast<std::size_t>(best)] ? other : best;
    }
    guesses.push_back(best);
  }
  return guesses;
}

}  // namespace vaekit::inline VAEKIT_ABI
