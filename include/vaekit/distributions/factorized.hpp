// SPDX-License-Identifier: MIT
//
// Likelihoods whose features are independent given z: one loop over rows and features for all of them, and a
// density of one feature for each. A density is a small struct:
//
//   using Scalar = T;
//   static constexpr std::size_t parameters;                       of one feature
//   static constexpr std::array<std::string_view, parameters> names;
//   Support support() const;
//   Simd<T> evaluate(p, x, gradient) const;   log p(x) of a vector of features, gradient[i] = ∂ log p / ∂ pᵢ
//   Simd<T> mean(p) const;                    E[x]
//   double sample(p, RandomSequence&) const;  one feature, in double
//
// Where a parameter comes from (the decoder's head, or a learned or fixed number) is none of its business.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "vaekit/distributions/distribution.hpp"
#include "vaekit/kernels/math.hpp"
#include "vaekit/kernels/reduce.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Where a parameter of a feature's density comes from.
enum class ParameterSource {
  fixed,        ///< one number for all features, never changed
  learned,      ///< one learned number for all features
  per_feature,  ///< a learned number for each feature
  predicted,    ///< the decoder's head, for each value
};

[[nodiscard]] constexpr auto enum_names(ParameterSource) {
  return std::array<std::string_view, 4>{"fixed", "learned", "per_feature", "predicted"};
}

/// x kept in [low, high], and the gradient that passes: NaN stays NaN, outside the range it is exactly 0, as
/// for a constant.
template <class T>
class Clamped {
 public:
  Clamped(const Simd<T>& x, double low, double high)
      : x_(x), low_(static_cast<T>(low)), high_(static_cast<T>(high)) {}

  // Comparisons, not min and max, so that a NaN stays one.
  [[nodiscard]] Simd<T> value() const {
    return xsimd::select(x_ < low_, low_, xsimd::select(x_ > high_, high_, x_));
  }
  [[nodiscard]] Simd<T> gradient(const Simd<T>& upstream) const {
    const Simd<T> zero(T{0});
    return xsimd::select(x_ < low_, zero, xsimd::select(x_ > high_, zero, upstream));
  }

 private:
  Simd<T> x_;
  Simd<T> low_;
  Simd<T> high_;
};

/// What a factorized likelihood asks of the density of one feature.
template <class D>
concept FeatureDensity = std::copyable<D> &&
    requires(const D& density, std::span<const Simd<typename D::Scalar>, D::parameters> p,
             const Simd<typename D::Scalar>& x, std::span<Simd<typename D::Scalar>, D::parameters> gradient,
             std::span<const double, D::parameters> numbers, RandomSequence& random) {
  { D::names[D::parameters - 1] } -> std::convertible_to<std::string_view>;
  { density.support() } -> std::same_as<Support>;
  { density.evaluate(p, x, gradient) } -> std::same_as<Simd<typename D::Scalar>>;
  { density.mean(p) } -> std::same_as<Simd<typename D::Scalar>>;
  { density.sample(numbers, random) } -> std::convertible_to<double>;
};

/// log p(x|z) = Σⱼ log p(xⱼ | parameters of feature j).
///
/// The head's outputs lie in blocks, one for each predicted parameter: params = [first parameter of all
/// features | second ...].
///
/// Shapes    params [n·samples × predicted parameters · features], x [n × features]
/// Units     nats, summed over features
/// Threads   const calls are safe with a cache each; no bit depends on the number of threads
template <class Density>
struct Factorized {
  static_assert(FeatureDensity<Density>);
  using Scalar = typename Density::Scalar;
  using T = Scalar;
  static constexpr std::size_t parameter_count = Density::parameters;
  /// A parameter as it starts: predicted ones need no number.
  struct Source {
    ParameterSource from = ParameterSource::predicted;
    double start = 0;
  };
  using Sources = std::array<Source, parameter_count>;
  struct Cache {
    Matrix<T> gradient;      // [rows × head_size] ∂ log p / ∂ params
    Matrix<T> own_gradient;  // [rows × own parameters]
  };

  Index features = 0;
  Density density;
  Sources sources{};
  std::array<RowVector<T>, parameter_count> own;  // [1] or [features], empty where predicted

  Factorized() = default;
  Factorized(Density feature_density, Index feature_count, const Sources& parameter_sources)
      : features(feature_count), density(std::move(feature_density)), sources(parameter_sources) {
    for (std::size_t i = 0; i < parameter_count; ++i) {
      own[i] = RowVector<T>(own_size(i));
    }
    initialize();
  }

  [[nodiscard]] Index head_size() const { return features * predicted_parameters(); }
  [[nodiscard]] Index feature_count() const { return features; }
  [[nodiscard]] Support support(Index) const { return density.support(); }
  [[nodiscard]] Cache make_cache(Index rows) const {
    return {Matrix<T>(rows, head_size()), Matrix<T>(rows, own_width())};
  }
  void initialize() {
    for (std::size_t i = 0; i < parameter_count; ++i) {
      std::ranges::fill(own[i].span(), static_cast<T>(sources[i].start));
    }
  }

  void log_prob(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out) const {
    for_each_row(params, x, [&](const T* head, const T* values, Index row) {
      out[static_cast<std::size_t>(row)] = evaluate_row(head, values, false, nullptr, nullptr);
    });
  }

  void forward(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out, Cache& cache) const {
    for_each_row(params, x, [&](const T* head, const T* values, Index row) {
      T* to_head = cache.gradient.data() + row * cache.gradient.cols();
      T* to_own = cache.own_gradient.data() + row * cache.own_gradient.cols();
      out[static_cast<std::size_t>(row)] = evaluate_row(head, values, true, to_head, to_own);
    });
  }

  void backward(std::span<const T> dout, Cache& cache, Factorized& grad) const {
    const auto rows = static_cast<Index>(dout.size());
    scale_rows<T>(dout, top(cache.gradient, rows));
    if (cache.own_gradient.cols() == 0) {
      return;
    }
    scale_rows<T>(dout, top(cache.own_gradient, rows));
    Index column = 0;
    for (std::size_t i = 0; i < parameter_count; ++i) {
      if (is_learned(i)) {
        add_column_sums<T>(cache.own_gradient.topRows(rows).middleCols(column, own_size(i)),
                           grad.own[i].span());
        column += own_size(i);
      }
    }
  }

  void mean(MatrixIn<T> params, MatrixOut<T> out) const {
    parallel_for(params.rows(), row_grain(8 * features), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        const T* head = params.data() + row * params.outerStride();
        T* target = out.data() + row * out.outerStride();
        for_some_lanes<T>(features, [&](Index j, SomeLanes which) {
          store(target + j, density.mean(parameters_at(head, j, which)), which);
        });
      }
    });
  }

  void sample(MatrixIn<T> params, const RandomStream& stream, MatrixOut<T> out) const {
    parallel_for(params.rows(), row_grain(64 * features), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        for (Index j = 0; j < features; ++j) {
          RandomSequence random(stream, static_cast<std::uint64_t>(row * features + j));
          out(row, j) = static_cast<T>(density.sample(numbers_at(params, row, j), random));
        }
      }
    });
  }

  /// The parameters of one value, wherever they come from, in the order of `Density::names`.
  [[nodiscard]] std::array<double, parameter_count> numbers_at(MatrixIn<T> params, Index row, Index j) const {
    std::array<double, parameter_count> numbers{};
    Index column = j;
    for (std::size_t i = 0; i < parameter_count; ++i) {
      if (sources[i].from == ParameterSource::predicted) {
        numbers[i] = static_cast<double>(params(row, column));
        column += features;
      } else {
        numbers[i] = static_cast<double>(own[i][sources[i].from == ParameterSource::per_feature ? j : 0]);
      }
    }
    return numbers;
  }

  static void reflect(auto& self, auto&& visit) {
    for (std::size_t i = 0; i < parameter_count; ++i) {
      if (self.is_learned(i)) {
        visit(Density::names[i], self.own[i]);
      }
    }
  }

 protected:
  [[nodiscard]] bool is_learned(std::size_t i) const {
    return sources[i].from == ParameterSource::learned || sources[i].from == ParameterSource::per_feature;
  }

 private:
  using Values = std::array<Simd<T>, parameter_count>;

  [[nodiscard]] Index own_size(std::size_t i) const {
    switch (sources[i].from) {
      case ParameterSource::predicted:
        return 0;
      case ParameterSource::per_feature:
        return features;
      default:
        return 1;
    }
  }
  [[nodiscard]] Index own_width() const {
    Index width = 0;
    for (std::size_t i = 0; i < parameter_count; ++i) {
      width += is_learned(i) ? own_size(i) : 0;
    }
    return width;
  }
  [[nodiscard]] Index predicted_parameters() const {
    return std::ranges::count(sources, ParameterSource::predicted, &Source::from);
  }

  [[nodiscard]] Values parameters_at(const T* head, Index j, SomeLanes which) const {
    Values values;
    for (std::size_t i = 0; i < parameter_count; ++i) {
      switch (sources[i].from) {
        case ParameterSource::predicted:
          values[i] = load(head + j, which);
          head += features;
          break;
        case ParameterSource::per_feature:
          values[i] = load(own[i].data() + j, which);
          break;
        default:
          values[i] = Simd<T>(own[i][0]);
      }
    }
    return values;
  }

  /// The gradient of the row's log-probability, if wanted, goes to `to_head` and `to_own`.
  [[nodiscard]] T evaluate_row(const T* head, const T* values, bool wants_gradient, T* to_head,
                               T* to_own) const {
    Values own_sums;
    own_sums.fill(Simd<T>(T{0}));
    const T log_prob = sum_some_lanes<T>(features, [&](Index j, SomeLanes which) {
      Values gradient;
      const Simd<T> value =
          density.evaluate(parameters_at(head, j, which), load(values + j, which), gradient);
      if (!wants_gradient) {
        return value;
      }
      // Offsets, since either pointer may be null.
      Index head_at = j;
      Index own_at = j;
      for (std::size_t i = 0; i < parameter_count; ++i) {
        switch (sources[i].from) {
          case ParameterSource::predicted:
            store(to_head + head_at, gradient[i], which);
            head_at += features;
            break;
          case ParameterSource::per_feature:
            store(to_own + own_at, gradient[i], which);
            own_at += features;
            break;
          case ParameterSource::learned:
            own_sums[i] += keep<T>(gradient[i], which);
            own_at += 1;
            break;
          case ParameterSource::fixed:
            break;
        }
      }
      return value;
    });
    for (std::size_t i = 0; wants_gradient && i < parameter_count; ++i) {
      if (sources[i].from == ParameterSource::learned) {
        *to_own = sum_lanes<T>(own_sums[i]);
      }
      to_own += is_learned(i) ? own_size(i) : 0;
    }
    return log_prob;
  }

  template <class Row>
  void for_each_row(MatrixIn<T> params, MatrixIn<T> x, Row&& body) const {
    const Index samples = params.rows() / x.rows();
    parallel_for(params.rows(), row_grain(8 * features), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        body(params.data() + row * params.outerStride(), x.data() + row / samples * x.outerStride(), row);
      }
    });
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
