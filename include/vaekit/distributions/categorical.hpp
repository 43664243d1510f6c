// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>

#include "vaekit/distributions/distribution.hpp"
#include "vaekit/kernels/log_softmax.hpp"
#include "vaekit/kernels/reduce.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// How the data name a class.
enum class CategoricalEncoding {
  index,    ///< a column holds the class's number, 0 .. classes − 1
  one_hot,  ///< a column for each class, 1 for the one that it is and 0 elsewhere
};

[[nodiscard]] constexpr auto enum_names(CategoricalEncoding) {
  return std::array<std::string_view, 2>{"index", "one_hot"};
}

struct CategoricalConfig {
  static constexpr std::string_view kind = "categorical";
  Index classes = 2;
  CategoricalEncoding encoding = CategoricalEncoding::index;

  static constexpr auto fields() {
    return std::tuple{
        required_field("classes", &CategoricalConfig::classes, "how many there are", between(2, 1e6)),
        field("encoding", &CategoricalConfig::encoding,
              "index: a column holds the class's number; one_hot: a column for each class")};
  }
};

/// Categorical likelihood: each position has one of V classes.
///
///   log p(x) = Σ over positions of lₓ − log Σᵥ exp(lᵥ),   ∂/∂lᵥ = [v = x] − softmax(l)ᵥ
///
/// The V logits of a position lie side by side. With `index` a position is a column of x; with `one_hot` it
/// is V columns, and log p = Σᵥ xᵥ log softmax(l)ᵥ. The mean of one_hot data is the probabilities. A number
/// of a class has no mean: with `index`, `mean` gives the most probable class (the first of equals).
///
/// Shapes    params = logits [n·samples × features·V] (one_hot: × features), x [n × features]
/// Units     nats, summed over positions
/// Accuracy  no probability is formed: every finite logit is safe; a position adds at most 2e-6 (double:
///           4e-15) nats for up to 10⁵ classes. What is no number of a class has a log-probability of NaN
/// Threads   const calls are safe with a cache each; no bit depends on the number of threads
template <class T = float>
struct Categorical {
  using Scalar = T;
  using Config = CategoricalConfig;
  struct Cache {
    Matrix<T> gradient;  // [rows × head_size] ∂ log p / ∂ logits
  };

  Index features = 0;
  Index classes = 1;
  CategoricalEncoding encoding = CategoricalEncoding::index;

  Categorical() = default;
  /// Throws ConfigError when `classes` is out of range, or with one_hot does not divide the number of
  /// features.
  Categorical(const CategoricalConfig& config, Index feature_count)
      : features(feature_count), classes(checked("categorical", config).classes), encoding(config.encoding) {
    if (is_one_hot() && features % classes != 0) {
      throw ConfigError(concat("categorical: data have ", features, " features, must be a multiple of ",
                               classes, " (classes, one_hot)"));
    }
  }

  [[nodiscard]] Index head_size() const { return positions() * classes; }
  [[nodiscard]] Index feature_count() const { return features; }
  [[nodiscard]] Support support(Index) const {
    return {.minimum = 0, .maximum = is_one_hot() ? 1 : static_cast<double>(classes - 1), .integer = true};
  }
  [[nodiscard]] Cache make_cache(Index rows) const { return {Matrix<T>(rows, head_size())}; }
  void initialize() {}

  void log_prob(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out) const {
    for_each_row(params, x, out, [&](const T* logits, const T* values, Index) {
      return sum_positions([&](Index position) {
        const T* l = logits + position * classes;
        const LogPartition<T> partition = log_partition(l, classes);
        return position_log_prob(l, partition, values, position);
      });
    });
  }

  void forward(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out, Cache& cache) const {
    for_each_row(params, x, out, [&](const T* logits, const T* values, Index row) {
      T* gradient = cache.gradient.data() + row * cache.gradient.cols();
      return sum_positions([&](Index position) {
        const Index first = position * classes;
        const LogPartition<T> partition = softmax(logits + first, classes, gradient + first);
        subtract_from_data(values, position, gradient + first);
        return position_log_prob(logits + first, partition, values, position);
      });
    });
  }

  void backward(std::span<const T> dout, Cache& cache, Categorical&) const {
    scale_rows<T>(dout, top(cache.gradient, static_cast<Index>(dout.size())));
  }

  void mean(MatrixIn<T> params, MatrixOut<T> out) const {
    for_each_position(params, 4, [&](const T* logits, Index row, Index position) {
      T* target = out.data() + row * out.outerStride();
      if (is_one_hot()) {
        softmax(logits, classes, target + position * classes);
      } else {
        target[position] = most_probable(logits);
      }
    });
  }

  void sample(MatrixIn<T> params, const RandomStream& stream, MatrixOut<T> out) const {
    for_each_position(params, 32, [&](const T* logits, Index row, Index position) {
      RandomSequence random(stream, static_cast<std::uint64_t>(row * positions() + position));
      T* target = out.data() + row * out.outerStride();
      const T label = draw(logits, random.uniform());
      if (is_one_hot()) {
        for (Index v = 0; v < classes; ++v) {
          target[position * classes + v] =
              std::isnan(label) ? label : static_cast<T>(static_cast<T>(v) == label);
        }
      } else {
        target[position] = label;
      }
    });
  }

  static void reflect(auto&, auto&&) {}

 private:
  static constexpr T nan = std::numeric_limits<T>::quiet_NaN();

  [[nodiscard]] bool is_one_hot() const { return encoding == CategoricalEncoding::one_hot; }
  [[nodiscard]] Index positions() const { return is_one_hot() ? features / classes : features; }

  /// The class that x is the number of; −1 when it is none.
  [[nodiscard]] Index label_of(T x) const {
    if (!(x >= 0 && x < static_cast<T>(classes))) {
      return -1;
    }
    const auto label = static_cast<Index>(x);
    return static_cast<T>(label) == x ? label : -1;
  }

  [[nodiscard]] T position_log_prob(const T* logits, const LogPartition<T>& partition, const T* values,
                                    Index position) const {
    if (is_one_hot()) {
      const T* x = values + position * classes;
      return sum_vectors<T>(classes, [&](Index v, auto which) {
        return load(x + v, which) * partition.log_softmax(load(logits + v, which));
      });
    }
    const Index label = label_of(values[position]);
    // Other logits' NaN are in the partition.
    return label < 0 ? nan : partition.log_softmax(logits[label]);
  }

  /// gradient = one-hot x − gradient · Σ one-hot x, for one position whose probabilities are in `gradient`.
  void subtract_from_data(const T* values, Index position, T* gradient) const {
    if (is_one_hot()) {
      const T* x = values + position * classes;
      const Simd<T> total(sum_vectors<T>(classes, [&](Index v, auto which) { return load(x + v, which); }));
      for_each_vector<T>(classes, [&](Index v, auto which) {
        store(gradient + v, Simd<T>(load(x + v, which) - load(gradient + v, which) * total), which);
      });
      return;
    }
    const Index label = label_of(values[position]);
    const Simd<T> factor(label < 0 ? nan : T{-1});
    for_each_vector<T>(classes, [&](Index v, auto which) {
      store(gradient + v, Simd<T>(load(gradient + v, which) * factor), which);
    });
    if (label >= 0) {
      gradient[label] += 1;
    }
  }

  /// NaN when a logit is.
  [[nodiscard]] T most_probable(const T* logits) const {
    Index best = 0;
    for (Index v = 0; v < classes; ++v) {
      if (std::isnan(logits[v])) {
        return nan;
      }
      best = logits[v] > logits[best] ? v : best;
    }
    return static_cast<T>(best);
  }

  /// By inversion: the first class at which the cumulative probability passes u.
  [[nodiscard]] T draw(const T* logits, double u) const {
    const auto maximum = static_cast<double>(*std::max_element(logits, logits + classes));
    const auto weight = [&](Index v) { return std::exp(static_cast<double>(logits[v]) - maximum); };
    double total = 0;
    for (Index v = 0; v < classes; ++v) {
      total += weight(v);
    }
    double sum = 0;
    for (Index v = 0; v < classes; ++v) {
      sum += weight(v);
      if (sum > u * total) {
        return static_cast<T>(v);
      }
    }
    return nan;
  }

  template <class Value>
  [[nodiscard]] T sum_positions(Value&& value) const {
    double sum = 0;
    for (Index position = 0; position < positions(); ++position) {
      sum += static_cast<double>(value(position));
    }
    return static_cast<T>(sum);
  }

  template <class Row>
  void for_each_row(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out, Row&& row_value) const {
    const Index samples = params.rows() / x.rows();
    parallel_for(params.rows(), row_grain(8 * params.cols()), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        out[static_cast<std::size_t>(row)] = row_value(params.data() + row * params.outerStride(),
                                                       x.data() + row / samples * x.outerStride(), row);
      }
    });
  }

  /// `work` is what a logit costs in units of an addition.
  template <class Body>
  void for_each_position(MatrixIn<T> params, Index work, Body&& body) const {
    parallel_for(params.rows(), row_grain(work * params.cols()), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        for (Index position = 0; position < positions(); ++position) {
          body(params.data() + row * params.outerStride() + position * classes, row, position);
        }
      }
    });
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
