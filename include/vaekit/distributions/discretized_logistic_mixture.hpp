// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <span>

#include "vaekit/distributions/discretized_logistic.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct DiscretizedLogisticMixtureConfig {
  static constexpr std::string_view kind = "discretized_logistic_mixture";
  static constexpr Index most_components = 32;
  Index components = 5;

  static constexpr auto fields() {
    return std::tuple{field("components", &DiscretizedLogisticMixtureConfig::components,
                            "logistics for each feature: the head gives three numbers for each",
                            between(1, most_components))};
  }
};

/// Mixture of K discretized logistics for each feature, for values with 256 levels as 8-bit images in [0, 1]
/// have.
///
///   log P(x) = Σⱼ log Σₖ πⱼₖ P(xⱼ | μⱼₖ, sⱼₖ),   π = softmax(logits),   P as in DiscretizedLogisticDensity
///   ∂/∂logitₖ = rₖ − πₖ,   ∂/∂μₖ, ∂/∂log_scaleₖ = rₖ times those of component k,
///   with its responsibility rₖ = πₖ P(x | μₖ, sₖ) / P(x)
///
/// The features are independent: there is no autoregression over colours as in the paper.
///
/// Shapes    params [n·samples × 3 K features], in blocks of `features`: K of logits, K of μ, K of log_scale;
///           x [n × features], rounded to k/255
/// Units     nats, summed over features
/// Accuracy  that of DiscretizedLogistic
/// Cost      `mean` is the exact E[x], the sum of 255 K sigmoids for each feature; samples are levels k/255
/// Threads   const calls are safe with a cache each; no bit depends on the number of threads
/// Source    Salimans et al.: PixelCNN++ (2017), arXiv:1701.05517, equations 1 and 2
template <class T = float>
struct DiscretizedLogisticMixture {
  using Scalar = T;
  using Config = DiscretizedLogisticMixtureConfig;
  struct Cache {
    Matrix<T> gradient;  // [rows × head_size] ∂ log P / ∂ params
  };

  Index features = 0;
  Index components = 0;

  DiscretizedLogisticMixture() = default;
  /// Throws ConfigError when `components` is out of range.
  DiscretizedLogisticMixture(const Config& config, Index feature_count)
      : features(feature_count), components(checked("discretized_logistic_mixture", config).components) {}

  [[nodiscard]] Index head_size() const { return 3 * components * features; }
  [[nodiscard]] Index feature_count() const { return features; }
  [[nodiscard]] Support support(Index) const { return density.support(); }
  [[nodiscard]] Cache make_cache(Index rows) const { return {Matrix<T>(rows, head_size())}; }
  void initialize() {}

  void log_prob(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out) const {
    for_each_row(params, x, [&](const T* head, const T* values, Index row) {
      out[static_cast<std::size_t>(row)] = sum_some_lanes<T>(features, [&](Index j, SomeLanes which) {
        return Mixture(*this, head + j, load(values + j, which), which).log_prob;
      });
    });
  }

  void forward(MatrixIn<T> params, MatrixIn<T> x, std::span<T> out, Cache& cache) const {
    for_each_row(params, x, [&](const T* head, const T* values, Index row) {
      T* gradient = cache.gradient.data() + row * cache.gradient.cols();
      out[static_cast<std::size_t>(row)] = sum_some_lanes<T>(features, [&](Index j, SomeLanes which) {
        const Mixture mixture(*this, head + j, load(values + j, which), which);
        mixture.store_gradient(*this, gradient + j, which);
        return mixture.log_prob;
      });
    });
  }

  void backward(std::span<const T> dout, Cache& cache, DiscretizedLogisticMixture&) const {
    scale_rows<T>(dout, top(cache.gradient, static_cast<Index>(dout.size())));
  }

  void mean(MatrixIn<T> params, MatrixOut<T> out) const {
    parallel_for(params.rows(), row_grain(1000 * components * features), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        const T* head = params.data() + row * params.outerStride();
        T* target = out.data() + row * out.outerStride();
        for_some_lanes<T>(features, [&](Index j, SomeLanes which) {
          const Weights weights(*this, head + j, which);
          Simd<T> sum(T{0});
          for (Index k = 0; k < components; ++k) {
            sum += weights.weight[at(k)] * density.mean(component(head + j, k, which));
          }
          store(target + j, Simd<T>(sum / weights.total), which);
        });
      }
    });
  }

  void sample(MatrixIn<T> params, const RandomStream& stream, MatrixOut<T> out) const {
    parallel_for(params.rows(), row_grain(64 * features), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        for (Index j = 0; j < features; ++j) {
          RandomSequence random(stream, static_cast<std::uint64_t>(row * features + j));
          out(row, j) = static_cast<T>(sample_feature(params, row, j, random));
        }
      }
    });
  }

  static void reflect(auto&, auto&&) {}

 private:
  static constexpr auto most = static_cast<std::size_t>(Config::most_components);
  static constexpr DiscretizedLogisticDensity<T> density{};
  using Component = std::array<Simd<T>, 2>;

  [[nodiscard]] static std::size_t at(Index k) { return static_cast<std::size_t>(k); }

  /// Location and log-scale of component k; `head` points to its first logit of the features.
  template <class Which>
  [[nodiscard]] Component component(const T* head, Index k, Which which) const {
    return {load(head + (components + k) * features, which),
            load(head + (2 * components + k) * features, which)};
  }

  /// The largest of some values; without the NaN among them, which enter by their own exponentials.
  struct Largest {
    Simd<T> value = Simd<T>(std::numeric_limits<T>::lowest());
    void add(const Simd<T>& other) { value = xsimd::select(other > value, other, value); }
  };

  /// exp(logit − largest logit) of each component, and their sum.
  struct Weights {
    std::array<Simd<T>, most> logit;  // minus the largest
    std::array<Simd<T>, most> weight;
    Simd<T> total = Simd<T>(T{0});

    template <class Which>
    Weights(const DiscretizedLogisticMixture& of, const T* head, Which which) {
      Largest largest;
      for (Index k = 0; k < of.components; ++k) {
        logit[at(k)] = load(head + k * of.features, which);
        largest.add(logit[at(k)]);
      }
      for (Index k = 0; k < of.components; ++k) {
        logit[at(k)] -= largest.value;
        weight[at(k)] = math::exp<T>(logit[at(k)]);
        total += weight[at(k)];
      }
    }
  };

  /// log P(x) of a vector of features, and what its gradient needs.
  struct Mixture {
    Weights weights;
    std::array<Simd<T>, most> joint;        // exp(log πₖ P(x | k) − the largest of them)
    std::array<Component, most> gradients;  // of log P(x | k)
    Simd<T> total = Simd<T>(T{0});
    Simd<T> log_prob;

    template <class Which>
    Mixture(const DiscretizedLogisticMixture& of, const T* head, const Simd<T>& x, Which which)
        : weights(of, head, which) {
      Largest largest;
      for (Index k = 0; k < of.components; ++k) {
        const Component parameters = of.component(head, k, which);
        joint[at(k)] = weights.logit[at(k)] + density.evaluate(parameters, x, gradients[at(k)]);
        largest.add(joint[at(k)]);
      }
      for (Index k = 0; k < of.components; ++k) {
        joint[at(k)] = math::exp<T>(joint[at(k)] - largest.value);
        total += joint[at(k)];
      }
      log_prob = largest.value + math::log<T>(total / weights.total);
    }

    template <class Which>
    void store_gradient(const DiscretizedLogisticMixture& of, T* gradient, Which which) const {
      const Simd<T> inverse = Simd<T>(T{1}) / total;
      const Simd<T> inverse_weight = Simd<T>(T{1}) / weights.total;
      for (Index k = 0; k < of.components; ++k) {
        const Simd<T> responsibility = joint[at(k)] * inverse;
        T* block = gradient + k * of.features;
        store(block, Simd<T>(responsibility - weights.weight[at(k)] * inverse_weight), which);
        block += of.components * of.features;
        store(block, Simd<T>(responsibility * gradients[at(k)][0]), which);
        block += of.components * of.features;
        store(block, Simd<T>(responsibility * gradients[at(k)][1]), which);
      }
    }
  };

  [[nodiscard]] double sample_feature(MatrixIn<T> params, Index row, Index j, RandomSequence& random) const {
    const auto number = [&](Index block) { return static_cast<double>(params(row, block * features + j)); };
    double largest = number(0);
    for (Index k = 1; k < components; ++k) {
      largest = std::max(largest, number(k));
    }
    double total = 0;
    for (Index k = 0; k < components; ++k) {
      total += std::exp(number(k) - largest);
    }
    if (std::isnan(total)) {
      return total;
    }
    double left = random.uniform() * total;
    Index chosen = 0;
    for (; chosen < components - 1; ++chosen) {
      left -= std::exp(number(chosen) - largest);
      if (left < 0) {
        break;
      }
    }
    const std::array<double, 2> p{number(components + chosen), number(2 * components + chosen)};
    return density.sample(p, random);
  }

  template <class Row>
  void for_each_row(MatrixIn<T> params, MatrixIn<T> x, Row&& body) const {
    const Index samples = params.rows() / x.rows();
    parallel_for(params.rows(), row_grain(32 * components * features), [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) {
        body(params.data() + row * params.outerStride(), x.data() + row / samples * x.outerStride(), row);
      }
    });
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
