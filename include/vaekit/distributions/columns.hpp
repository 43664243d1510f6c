// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "vaekit/core/parallel.hpp"
#include "vaekit/distributions/any_likelihood.hpp"
#include "vaekit/kernels/simd.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Consecutive columns with one likelihood.
template <class LikelihoodConfigs>
struct ColumnGroup {
  Index count = 1;
  LikelihoodConfigs likelihood{};

  static constexpr auto fields() {
    return std::tuple{
        required_field("count", &ColumnGroup::count, "columns, from where the last group ends", size_range),
        required_field("likelihood", &ColumnGroup::likelihood, "p(x|z) of these columns")};
  }
};

template <class LikelihoodConfigs>
struct ColumnsConfig {
  static constexpr std::string_view kind = "columns";
  std::vector<ColumnGroup<LikelihoodConfigs>> groups;

  static constexpr auto fields() {
    return std::tuple{
        required_field("groups", &ColumnsConfig::groups, "the likelihoods of all columns, in their order")};
  }
};

/// Likelihood of a table whose columns are of different kinds: consecutive columns form groups, independent
/// given z, each with one of the `Likelihoods` (a tuple of types).
///
///   log p(x) = Σ over groups of log p_group(columns of the group)
///
/// The head's outputs are those of the groups, side by side; the own parameters of group i are named "i".
///
/// Shapes    params [n·samples × Σ head sizes], x [n × Σ counts]
/// Units     nats, summed over columns. The groups' terms weigh as they are: a density of a column in other
///           units, or of more columns, weighs differently
/// Threads   const calls are safe with a cache each; no bit depends on the number of threads
template <class Likelihoods>
struct Columns {
  using Group = AnyOf<Likelihoods>;
  using Scalar = typename Group::Scalar;
  using T = Scalar;
  using Config = ColumnsConfig<typename PartList<Likelihoods>::ConfigVariant>;
  struct Cache {
    std::vector<typename Group::Cache> groups;
    AlignedVector<T> log_prob;  // [rows] of one group
    Matrix<T> gradient;         // [rows × head_size]
  };

  std::vector<Group> groups;

  Columns() = default;
  /// Throws ConfigError when the groups do not have `feature_count` columns in all, or as their likelihoods
  /// do.
  Columns(const Config& config, Index feature_count) {
    Index count = 0;
    for (const auto& group : config.groups) {
      check_fields(concat("columns/groups/", groups.size()), group);
      groups.emplace_back(group.likelihood, group.count);
      count += group.count;
    }
    if (count != feature_count) {
      throw ConfigError(concat("columns likelihood: groups have ", count, " columns, must have ",
                               feature_count, " (features of the data)"));
    }
  }

  [[nodiscard]] Index head_size() const { return sum(&Group::head_size); }
  [[nodiscard]] Index feature_count() const { return sum(&Group::feature_count); }
  [[nodiscard]] Support support(Index feature) const {
    std::size_t i = 0;
    for (; feature >= groups[i].feature_count(); ++i) {
      feature -= groups[i].feature_count();
    }
    return groups[i].support(feature);
  }
  [[nodiscard]] Cache make_cache(Index rows) const {
    Cache cache{{}, AlignedVector<T>(static_cast<std::size_t>(rows)), Matrix<T>(rows, head_size())};
    for (const Group& group : groups) {
      cache.groups.push_back(group.make_cache(rows));
    }
    return cache;
  }
  void initialize() {
    for (Group& group : groups) {
      group.initialize();
    }
  }

  void log_prob(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out) const {
    const Index samples = params.rows() / x.rows();
    // Rows in pieces, for whose terms the stack has room: some inputs with all their samples, or some samples
    // of one input.
    const Index inputs_each = std::max<Index>(1, piece / samples);
    const Index pieces_each = (samples + piece - 1) / piece;
    const Index pieces = (x.rows() + inputs_each - 1) / inputs_each * pieces_each;
    const Index grain = std::max<Index>(1, row_grain(8 * feature_count()) / piece);
    parallel_for(pieces, grain, [&](Index begin, Index end) {
      for (Index p = begin; p < end; ++p) {
        const Index input = p / pieces_each * inputs_each;
        const Index inputs = std::min(inputs_each, x.rows() - input);
        const Chunk part = chunk(inputs * samples, p % pieces_each, pieces_each);
        const Index rows = part.last - part.first;
        const Index first = input * samples + part.first;
        log_prob_of_piece(params.middleRows(first, rows), x.middleRows(input, inputs),
                          out.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(rows)));
      }
    });
  }

  void forward(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out, Cache& cache) const {
    const std::span<T> terms = std::span<T>(cache.log_prob).first(out.size());
    for_each_group([&](std::size_t i, Index head, Index column) {
      const Group& group = groups[i];
      group.forward(params.middleCols(head, group.head_size()), x.middleCols(column, group.feature_count()),
                    i == 0 ? out : terms, cache.groups[i]);
      if (i > 0) {
        add(terms, out);
      }
    });
  }

  void backward(std::span<const T> dout, Cache& cache, Columns& grad) const {
    const auto rows = static_cast<Index>(dout.size());
    for_each_group([&](std::size_t i, Index head, Index) {
      groups[i].backward(dout, cache.groups[i], grad.groups[i]);
      cache.gradient.block(0, head, rows, groups[i].head_size()) =
          head_gradient(cache.groups[i]).topRows(rows);
    });
  }

  void update(const RandomStream& stream, Index rows, const Cache& cache) {
    for (std::size_t i = 0; i < groups.size(); ++i) {
      groups[i].update(stream.child(i), rows, cache.groups[i]);
    }
  }

  void mean(MatrixIn<T> params, MatrixOut<T> out) const {
    for_each_group([&](std::size_t i, Index head, Index column) {
      groups[i].mean(params.middleCols(head, groups[i].head_size()),
                     out.middleCols(column, groups[i].feature_count()));
    });
  }

  void sample(MatrixIn<T> params, const RandomStream& stream, MatrixOut<T> out) const {
    for_each_group([&](std::size_t i, Index head, Index column) {
      groups[i].sample(params.middleCols(head, groups[i].head_size()), stream.child(i),
                       out.middleCols(column, groups[i].feature_count()));
    });
  }

  static void reflect(auto& self, auto&& visit) {
    for (std::size_t i = 0; i < self.groups.size(); ++i) {
      visit(std::to_string(i), self.groups[i]);
    }
  }

 private:
  static constexpr Index piece = 64;

  [[nodiscard]] Index sum(Index (Group::*size)() const) const {
    Index total = 0;
    for (const Group& group : groups) {
      total += (group.*size)();
    }
    return total;
  }

  void log_prob_of_piece(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out) const {
    std::array<T, static_cast<std::size_t>(piece)> buffer;
    const std::span<T> terms = std::span<T>(buffer).first(out.size());
    for_each_group([&](std::size_t i, Index head, Index column) {
      const Group& group = groups[i];
      group.log_prob(params.middleCols(head, group.head_size()), x.middleCols(column, group.feature_count()),
                     i == 0 ? out : terms);
      if (i > 0) {
        add(terms, out);
      }
    });
  }

  static void add(std::span<const T> terms, std::span<T> out) {
    std::ranges::transform(terms, out, out.begin(), std::plus<>());
  }

  /// Calls `body(i, head, column)` with a group's first output of the head and first column.
  template <class Body>
  void for_each_group(Body&& body) const {
    Index head = 0;
    Index column = 0;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      body(i, head, column);
      head += groups[i].head_size();
      column += groups[i].feature_count();
    }
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
