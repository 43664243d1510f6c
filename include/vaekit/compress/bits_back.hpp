// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "vaekit/compress/quantized_distribution.hpp"
#include "vaekit/data/transform.hpp"
#include "vaekit/distributions/bernoulli.hpp"
#include "vaekit/latent/gaussian.hpp"
#include "vaekit/model/part_name.hpp"
#include "vaekit/model/vae.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// The distribution of one value given the parameters of its row, in whole numbers: an overload for each
/// likelihood that can be coded.
template <class T>
[[nodiscard]] QuantizedBernoulli quantized(const Bernoulli<T>&, MatrixIn<T> params, Index row,
                                           Index feature) {
  return {static_cast<double>(params(row, feature))};
}

template <class T>
[[nodiscard]] QuantizedLogistic quantized(const DiscretizedLogistic<T>& likelihood, MatrixIn<T> params,
                                          Index row, Index feature) {
  const auto [mu, log_scale] = likelihood.numbers_at(params, row, feature);
  return {mu, log_scale};
}

namespace detail {

template <class L>
concept QuantizedLikelihood = requires(const L& likelihood, const Matrix<typename L::Scalar>& params) {
  { quantized(likelihood, params, Index{}, Index{}) } -> QuantizedDistribution;
};

/// Calls `f(likelihood)` with the likelihood itself, also where it was chosen at run time; false when it
/// cannot be coded.
template <class L, class F>
bool with_quantized(const L& likelihood, F&& f) {
  if constexpr (requires { likelihood.chosen; }) {
    return std::visit([&](const auto& chosen) { return with_quantized(chosen, f); }, likelihood.chosen);
  } else if constexpr (QuantizedLikelihood<L>) {
    f(likelihood);
    return true;
  } else {
    return false;
  }
}

/// Whether a part is a P, also where it was chosen at run time.
template <class P, class Part>
[[nodiscard]] bool is_part(const Part& part) {
  if constexpr (requires { part.chosen; }) {
    return std::holds_alternative<P>(part.chosen);
  } else {
    return std::same_as<P, Part>;
  }
}

/// Calls `f(row, column)` for every element, row by row.
template <class T, class F>
void for_each_cell(const Matrix<T>& matrix, F&& f) {
  for (Index row = 0; row < matrix.rows(); ++row) {
    for (Index column = 0; column < matrix.cols(); ++column) {
      f(row, column);
    }
  }
}

/// The same in the reverse order.
template <class T, class F>
void for_each_cell_back(const Matrix<T>& matrix, F&& f) {
  for (Index row = matrix.rows(); row-- > 0;) {
    for (Index column = matrix.cols(); column-- > 0;) {
      f(row, column);
    }
  }
}

}  // namespace detail

/// Values that a model has a probability for: 2 (0 and 1) or 256 (bytes).
///
/// Throws ConfigError "compress: ..." for a model that data cannot be coded with
template <class Model>
[[nodiscard]] std::uint32_t compressible_levels(const Model& model) {
  using T = typename Model::Scalar;
  const auto refuse = [](std::string_view part, const std::string& name, std::string_view expected) {
    throw ConfigError(concat("compress: ", part, " is \"", name, "\", must be ", expected));
  };
  if (!detail::is_part<GaussianLatent<T>>(model.latent)) {
    refuse("latent", part_name(model.latent),
           "gaussian: the dimensions of z are coded one by one, from their mean and variance");
  }
  if (!detail::is_part<StandardNormal<T>>(model.prior)) {
    refuse("prior", part_name(model.prior),
           "standard_normal: z is rounded to intervals of equal probability");
  }
  if (model.condition > 0) {
    throw ConfigError("compress: the model is conditional, must not be: the file holds no conditions");
  }
  std::uint32_t levels = 0;
  if (!detail::with_quantized(model.likelihood, [&](const auto& likelihood) {
        levels = decltype(quantized(likelihood, Matrix<T>(), 0, 0))::count;
      })) {
    refuse("likelihood", part_name(model.likelihood),
           "bernoulli or discretized_logistic: the others have no table of frequencies");
  }
  return levels;
}

/// Groups of rows that are coded together, so that the networks run on many: the first ones alone, then one
/// row for every `before` rows ahead of the group, up to `largest`. z of a whole group is drawn from the
/// message as it stands, so it must hold enough bits: it does where `before` rows add more than the z of one
/// row takes.
class BitsBackGroups {
 public:
  static constexpr Index least_before = 8;
  static constexpr Index most_before = 4096;

  explicit BitsBackGroups(Index rows, Index before = least_before, Index largest = 64)
      : rows_(rows), largest_(largest) {
    while (grown_ < std::min(rows, before * largest)) {
      const Index size = std::min(std::clamp<Index>(grown_ / before, 1, largest), rows - grown_);
      growing_.push_back({grown_, grown_ + size});
      grown_ += size;
    }
  }

  [[nodiscard]] Index size() const {
    return std::ssize(growing_) + (rows_ - grown_ + largest_ - 1) / largest_;
  }

  [[nodiscard]] Chunk operator[](Index group) const {
    if (group < std::ssize(growing_)) {
      return growing_[static_cast<std::size_t>(group)];
    }
    const Index first = grown_ + (group - std::ssize(growing_)) * largest_;
    return {first, std::min(first + largest_, rows_)};
  }

 private:
  Index rows_;
  Index largest_;
  Index grown_ = 0;             // rows of the growing groups
  std::vector<Chunk> growing_;  // those below `largest`; the others are known without a list
};

/// Lossless compression with a model's latent variables. For each row x the encoder
///
///   pops z ~ q(z|x), pushes x with p(x|z), pushes z with p(z),
///
/// which adds −log₂ p(x|z) − log₂ p(z) + log₂ q(z|x) bits: on average the negative ELBO. The decoder goes the
/// same way back. z is one of 2¹⁴ intervals of equal prior probability in each dimension, whose median the
/// networks see.
///
/// Accuracy  the rate is the negative ELBO within a fraction of a percent, besides the bits to begin with: at
///           most 20 a latent dimension when `before` (`BitsBackGroups`) is large enough
/// Threads   const calls are safe; networks run in parallel, and no bit depends on the number of threads
/// Source    Townsend, Bird, Barber 2019 (arXiv:1901.04866), section 2.3 and appendix
template <class Model>
class BitsBack {
 public:
  using T = typename Model::Scalar;

  /// `model` must outlive the object. `to_input` makes the model's inputs of bytes.
  ///
  /// Throws ConfigError for a model that data cannot be coded with, or whose inputs do not tell the levels
  /// apart; NumericError when a parameter of the likelihood is not finite
  BitsBack(const Model& model, Transform to_input)
      : model_(model), to_input_(std::move(to_input)), levels_(compressible_levels(model)) {
    check_transform();
    for (const auto& parameter : parameters(model.likelihood)) {
      if (!all_finite(parameter.values)) {
        throw NumericError(
            concat("compress: parameter \"", parameter.name, "\" of the likelihood is not finite, must be"));
      }
    }
  }

  [[nodiscard]] std::uint32_t levels() const { return levels_; }

  /// Bits by which a message may be longer after some of its rows are taken away. With
  /// E_q[p(x|z) p(z) / q(z|x)] = p(x) ≤ 1 the chance that rows shorten a message by b bits is at most 2^−b.
  static constexpr std::size_t most_growth = 1024;

  /// Puts `symbols` [rows × features], each below `levels()`, on the stack. `before` is of `BitsBackGroups`.
  ///
  /// Throws NumericError when the model's numbers are not finite, ShapeError for a part of a row, DataError
  /// for
  ///        a symbol that is no level
  void encode(std::span<const std::uint8_t> symbols, AnsStack& stack,
              Index before = BitsBackGroups::least_before) const {
    check_symbols(symbols);
    Pass pass(model_);
    const Index features = model_.features();
    const BitsBackGroups groups(std::ssize(symbols) / features, before, largest_group);
    for (Index i = 0; i < groups.size(); ++i) {
      const Chunk group = groups[i];
      pass.resize(group.last - group.first);
      const auto values = symbols.subspan(static_cast<std::size_t>(group.first * features),
                                          static_cast<std::size_t>(pass.x.size()));
      const DiagonalGaussian<T> q = posterior(values, pass);
      detail::for_each_cell(pass.z, [&](Index row, Index d) {
        pass.buckets(row, d) = pop_symbol(stack, QuantizedGaussian(buckets_, q.mu(row, d), q.logvar(row, d)));
      });
      with_values(pass, [&](const auto& likelihood, MatrixIn<T> params) {
        detail::for_each_cell(pass.x, [&](Index row, Index j) {
          push_symbol(stack, quantized(likelihood, params, row, j),
                      values[static_cast<std::size_t>(row * features + j)]);
        });
      });
      detail::for_each_cell(
          pass.z, [&](Index row, Index d) { push_symbol(stack, QuantizedPrior{}, pass.buckets(row, d)); });
    }
  }

  /// Takes `rows` rows off the stack, the exact reverse of `encode` with the same `before`. [rows ×
  /// features]; fewer when the stack runs out of bits or grows by more than `most_growth`, as only a damaged
  /// message does.
  ///
  /// Throws NumericError when the model's numbers are not finite
  [[nodiscard]] std::vector<std::uint8_t> decode(Index rows, AnsStack& stack,
                                                 Index before = BitsBackGroups::least_before) const {
    Pass pass(model_);
    const Index features = model_.features();
    // Last value first, so that memory grows with what the message holds and not with what a header says.
    std::vector<std::uint8_t> reversed;
    std::vector<std::uint8_t> values;
    const std::size_t most_words = stack.words().size() + most_growth / 32;
    const BitsBackGroups groups(rows, before, largest_group);
    for (Index i = groups.size(); i-- > 0 && !stack.exhausted() && stack.words().size() <= most_words;) {
      pass.resize(groups[i].last - groups[i].first);
      values.resize(static_cast<std::size_t>(pass.x.size()));
      detail::for_each_cell_back(
          pass.z, [&](Index row, Index d) { pass.buckets(row, d) = pop_symbol(stack, QuantizedPrior{}); });
      with_values(pass, [&](const auto& likelihood, MatrixIn<T> params) {
        detail::for_each_cell_back(pass.x, [&](Index row, Index j) {
          values[static_cast<std::size_t>(row * features + j)] =
              static_cast<std::uint8_t>(pop_symbol(stack, quantized(likelihood, params, row, j)));
        });
      });
      const DiagonalGaussian<T> q = posterior(values, pass);
      detail::for_each_cell_back(pass.z, [&](Index row, Index d) {
        push_symbol(stack, QuantizedGaussian(buckets_, q.mu(row, d), q.logvar(row, d)), pass.buckets(row, d));
      });
      reversed.insert(reversed.end(), values.rbegin(), values.rend());
    }
    std::ranges::reverse(reversed);
    return reversed;
  }

  /// Numbers that show a difference of rounding, which would make a message unreadable: the borders of z,
  /// both networks and the frequencies for the row 0, 1, 0, 1 ...
  ///
  /// Throws NumericError when the model's numbers are not finite
  [[nodiscard]] std::vector<double> probe() const {
    std::vector<double> numbers = buckets_.quantiles();
    Pass pass(model_);
    pass.resize(1);
    std::vector<std::uint8_t> values(static_cast<std::size_t>(pass.x.size()));
    for (std::size_t j = 1; j < values.size(); j += 2) {
      values[j] = 1;
    }
    const DiagonalGaussian<T> q = posterior(values, pass);
    detail::for_each_cell(pass.z, [&](Index row, Index d) {
      const QuantizedGaussian distribution(buckets_, q.mu(row, d), q.logvar(row, d));
      for (std::uint32_t bucket = 0; bucket < NormalBuckets::count; bucket += 1021) {
        numbers.push_back(distribution.cumulative(bucket));
      }
      pass.buckets(row, d) = static_cast<std::uint32_t>(1021 * (d + 1) % NormalBuckets::count);
    });
    with_values(pass, [&](const auto& likelihood, MatrixIn<T> params) {
      detail::for_each_cell(pass.x, [&](Index row, Index j) {
        const auto distribution = quantized(likelihood, params, row, j);
        const auto level = static_cast<std::uint32_t>(j) % (distribution.count - 1) + 1;
        numbers.push_back(distribution.cumulative(level));
      });
      numbers.insert(numbers.end(), params.data(), params.data() + params.cols());
    });
    return numbers;
  }

 private:
  static constexpr Index largest_group = 64;

  /// What is written while a group is coded.
  struct Pass {
    typename Model::Workspace workspace;
    Matrix<T> x;  // [rows × features]
    Matrix<T> z;  // [rows × dim]
    Matrix<std::uint32_t> buckets;

    explicit Pass(const Model& model)
        : workspace(model.make_inference_workspace(largest_group)),
          x(largest_group, model.features()),
          z(largest_group, model.latent_dim()),
          buckets(largest_group, model.latent_dim()) {}

    void resize(Index rows) {
      x.resize(rows, x.cols());
      z.resize(rows, z.cols());
      buckets.resize(rows, buckets.cols());
    }
  };

  void check_symbols(std::span<const std::uint8_t> symbols) const {
    if (std::ssize(symbols) % model_.features() != 0) {
      throw ShapeError(concat("compress: has ", symbols.size(), " symbols, must have a multiple of ",
                              model_.features(), " (features)"));
    }
    const auto large = std::ranges::find_if(symbols, [&](std::uint8_t symbol) { return symbol >= levels_; });
    if (large != symbols.end()) {
      throw DataError(
          concat("compress: symbol ", large - symbols.begin(), " is ", +*large, ", must be below ", levels_));
    }
  }

  /// Every level must come out of the scaling as itself.
  void check_transform() const {
    if (levels_ == 2) {
      return;  // 0 and 1 are the model's inputs as they are
    }
    std::vector<std::uint8_t> level(static_cast<std::size_t>(model_.features()));
    std::vector<T> x(level.size());
    for (std::uint32_t k = 0; k < levels_; ++k) {
      std::ranges::fill(level, static_cast<std::uint8_t>(k));
      to_input_.apply(std::span<const std::uint8_t>(level), std::span<T>(x));
      const auto lost = std::ranges::find_if(
          x, [&](T value) { return std::nearbyint(static_cast<double>(value) * (levels_ - 1)) != k; });
      if (lost != x.end()) {
        throw ConfigError(concat("compress: data/scale takes the byte ", k, " to ", *lost,
                                 ", must take each byte k to k/255; train on 8-bit data with scale [0, 1]"));
      }
    }
  }

  /// q(z|x) of the rows in `values`; views into the pass.
  [[nodiscard]] DiagonalGaussian<T> posterior(std::span<const std::uint8_t> values, Pass& pass) const {
    const auto width = static_cast<std::size_t>(pass.x.cols());
    for (Index row = 0; row < pass.x.rows(); ++row) {
      to_input_.apply(values.subspan(static_cast<std::size_t>(row) * width, width),
                      std::span<T>(pass.x.row(row).data(), width));
    }
    const DiagonalGaussian<T> q = model_.encode(pass.x, pass.workspace);
    check_finite("posterior", top(pass.workspace.posterior, pass.x.rows()));
    return q;
  }

  /// Calls `f(likelihood, params)` with the parameters of p(x|z) for the buckets of the pass.
  template <class F>
  void with_values(Pass& pass, F&& f) const {
    detail::for_each_cell(pass.z, [&](Index row, Index d) {
      pass.z(row, d) = static_cast<T>(buckets_.median(pass.buckets(row, d)));
    });
    const MatrixOut<T> params = model_.decode_parameters(pass.z, pass.workspace);
    check_finite("likelihood", params);
    detail::with_quantized(model_.likelihood, [&](const auto& likelihood) { f(likelihood, params); });
  }

  static void check_finite(std::string_view part, MatrixIn<T> params) {
    if (!all_finite(std::span<const T>(params.data(), static_cast<std::size_t>(params.size())))) {
      throw NumericError(concat("compress: parameters of the ", part, " are not finite, must be"));
    }
  }

  const Model& model_;
  Transform to_input_;
  std::uint32_t levels_;
  NormalBuckets buckets_;
};

}  // namespace vaekit::inline VAEKIT_ABI
