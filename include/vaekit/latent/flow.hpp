// SPDX-License-Identifier: MIT
//
// The contract of one step of a normalizing flow, an invertible map of ℝ^dim to itself whose Jacobian has a
// cheap determinant.
//
//   Config                    an aggregate with `kind` and a `fields()` table
//   Step(config, dim, position)   position 0, 1 ... in the chain, for steps that alternate; throws
//   ConfigError parameter_count()         numbers that each input gives the step, columns of the encoder's
//   head; 0 where
//                             the step has weights of its own only
//   make_cache(rows)          all that the calls write besides their outputs, for ≤ rows rows
//   forward(params, in, out, log_det, cache)
//                             out = f(in), log_det[r] += log |det ∂out/∂in| of row r
//   backward(params, in, out, dout, dlog_det, cache, din, dparams, grad)
//                             with the arguments and cache of the forward call: din = the gradient of `in`;
//                             dparams += that of params, summed over samples; `grad` += that of own weights
//   inverse(out, in, cache)   in = f⁻¹(out), row by row independent of the rows around; of steps that can be
//                             part of a prior, which have no params
//   initialize(stream), reflect(self, visit)    its own weights
//
// Shapes: in, out, dout, din [n·samples × dim], samples of one input in consecutive rows; params, dparams
// [n × parameter_count], or empty where that is 0; log_det, dlog_det [n·samples]. `out` does not overlap
// `in`; `din` may be `dout` itself. All calls but `initialize` are const and allocate nothing except
// `make_cache`. No bit depends on the number of threads. NaN propagates.
#pragma once

#include <algorithm>
#include <concepts>
#include <span>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "vaekit/core/fields.hpp"
#include "vaekit/core/random.hpp"
#include "vaekit/core/reflect.hpp"
#include "vaekit/core/variant.hpp"
#include "vaekit/kernels/math.hpp"
#include "vaekit/kernels/reduce.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// A step of a flow, see the top of this file.
template <class S>
concept FlowStep = std::copyable<S> && Reflectable<S> && HasFields<typename S::Config> &&
    std::constructible_from<S, const typename S::Config&, Index, Index> && requires(
        const S& step, S& grad, typename S::Cache& cache, std::span<typename S::Scalar> values,
        std::span<const typename S::Scalar> dvalues, RandomStream stream,
        const Eigen::Ref<const EigenMatrix<typename S::Scalar>, Eigen::Unaligned, Eigen::OuterStride<>>& in,
        MatrixOut<typename S::Scalar> out) {
  { S::Config::kind } -> std::convertible_to<std::string_view>;
  { step.parameter_count() } -> std::convertible_to<Index>;
  { step.make_cache(Index{}) } -> std::same_as<typename S::Cache>;
  step.forward(in, in, out, values, cache);
  step.backward(in, in, in, in, dvalues, cache, out, out, grad);
  grad.initialize(stream);
};

/// A step that a prior can be made of.
template <class S>
concept InvertibleFlowStep = FlowStep<S> && requires(
    const S& step, typename S::Cache& cache,
    const Eigen::Ref<const EigenMatrix<typename S::Scalar>, Eigen::Unaligned, Eigen::OuterStride<>>& in,
    MatrixOut<typename S::Scalar> out) {
  step.inverse(in, out, cache);
};

namespace detail {

/// Factors of a determinant count as this where rounding makes them smaller, as for a constant: the
/// logarithm and all gradients stay finite in float.
inline constexpr double least_factor = 1e-30;

/// log of `factor`, and `gradient` (of that logarithm) divided by it.
template <class T>
class FlooredLog {
 public:
  explicit FlooredLog(const Simd<T>& factor)
      : factor_(factor), least_(static_cast<T>(least_factor)), is_small_(factor < least_) {}

  [[nodiscard]] Simd<T> value() const { return math::log<T>(xsimd::select(is_small_, least_, factor_)); }
  [[nodiscard]] Simd<T> gradient(const Simd<T>& upstream) const {
    return xsimd::select(is_small_, Simd<T>(T{0}), Simd<T>(upstream / factor_));
  }

 private:
  Simd<T> factor_;
  Simd<T> least_;
  decltype(std::declval<Simd<T>>() < std::declval<Simd<T>>()) is_small_;  // NaN is not
};

/// Calls `body(first, last)` for blocks of inputs, on several threads where there is work enough. Blocks are
/// small, so that several passes over one read memory once, and the same for any number of threads.
template <class Body>
void for_each_input_block(Index inputs, Index work_of_input, Body&& body) {
  constexpr Index block = 64;
  parallel_for(
      inputs, row_grain(work_of_input),
      [&](Index first, Index last) {
        for (Index i = first; i < last; i += block) {
          body(i, std::min(last, i + block));
        }
      },
      block);
}

template <class T>
[[nodiscard]] inline T dot(const T* a, const T* b, Index count) {
  return sum_vectors<T>(
      count, [&](Index j, auto which) { return Simd<T>(load(a + j, which) * load(b + j, which)); });
}

/// y += factor x
template <class T>
inline void add_multiple(T factor, const T* x, T* y, Index count) {
  for_each_vector<T>(count, [&](Index j, auto which) {
    store(y + j, Simd<T>(xsimd::fma(Simd<T>(factor), load(x + j, which), load(y + j, which))), which);
  });
}

template <class T>
[[nodiscard]] inline const T* row_of(MatrixIn<T> m, Index row) {
  return m.data() + row * m.outerStride();
}
template <class T>
[[nodiscard]] inline T* row_of(MatrixOut<T>& m, Index row) {
  return m.data() + row * m.outerStride();
}

}  // namespace detail

/// Steps one after another, each of a type chosen at run time from `Steps...`: out = f_K(... f_1(in)). Itself
/// keeps the contract of a step; params are the columns of the steps side by side.
///
/// Threads  const calls are safe with a cache each
template <class... Steps>
struct FlowChain {
  using Step = std::variant<Steps...>;
  using Scalar = typename std::variant_alternative_t<0, Step>::Scalar;
  using T = Scalar;
  using StepConfig = std::variant<typename Steps::Config...>;
  struct Cache {
    std::vector<std::variant<typename Steps::Cache...>> steps;
    std::vector<Matrix<T>> values;  // [rows × dim] outputs of all steps but the last
  };

  Index dim = 0;
  std::vector<Step> steps;

  FlowChain() = default;
  /// `length` steps of one type. Throws ConfigError.
  FlowChain(const StepConfig& config, Index columns, Index length) : dim(columns) {
    for (Index position = 0; position < length; ++position) {
      steps.push_back(make_alternative<Step>(config, columns, position));
    }
  }

  [[nodiscard]] Index parameter_count() const {
    Index count = 0;
    for (const Step& step : steps) {
      count += parameter_count(step);
    }
    return count;
  }

  [[nodiscard]] Cache make_cache(Index rows) const {
    Cache cache;
    for (const Step& chosen : steps) {
      std::visit(
          [&]<class S>(const S& step) {
            cache.steps.emplace_back(std::in_place_type<typename S::Cache>, step.make_cache(rows));
          },
          chosen);
    }
    for (std::size_t i = 1; i < steps.size(); ++i) {
      cache.values.emplace_back(rows, dim);
    }
    return cache;
  }
  void initialize(const RandomStream& stream) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      std::visit([&](auto& step) { step.initialize(stream.child(i)); }, steps[i]);
    }
  }

  void forward(MatrixIn<T> params, MatrixIn<T> in, MatrixOut<T> out, std::span<T> log_det,
               Cache& cache) const {
    Index column = 0;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const Index count = parameter_count(steps[i]);
      visit(i, cache, [&](const auto& step, auto& step_cache) {
        step.forward(params.middleCols(column, count), input(i, in, cache), output(i, out, cache), log_det,
                     step_cache);
      });
      column += count;
    }
  }

  /// `gradient` holds that of `out` before and that of `in` after.
  void backward(MatrixIn<T> params, MatrixIn<T> in, MatrixIn<T> out, std::span<const T> dlog_det,
                Cache& cache, MatrixOut<T> gradient, MatrixOut<T> dparams, FlowChain& grad) const {
    Index column = parameter_count();
    for (std::size_t i = steps.size(); i-- > 0;) {
      const Index count = parameter_count(steps[i]);
      column -= count;
      visit(i, cache, [&]<class S>(const S& step, auto& step_cache) {
        const ConstRef result = i + 1 == steps.size() ? ConstRef(out) : input(i + 1, in, cache);
        step.backward(params.middleCols(column, count), input(i, in, cache), result, gradient, dlog_det,
                      step_cache, gradient, dparams.middleCols(column, count), std::get<S>(grad.steps[i]));
      });
    }
  }

  void inverse(MatrixIn<T> out, MatrixOut<T> in, Cache& cache) const
      requires(InvertibleFlowStep<Steps>&&...) {
    for (std::size_t i = steps.size(); i-- > 0;) {
      const Index rows = out.rows();
      visit(i, cache, [&](const auto& step, auto& step_cache) {
        const MatrixOut<T> target = i == 0 ? in : top(cache.values[i - 1], rows);
        if (i + 1 == steps.size()) {
          step.inverse(out, target, step_cache);
        } else {
          step.inverse(cache.values[i].topRows(rows), target, step_cache);
        }
      });
    }
  }

  static void reflect(auto& self, auto&& visitor) {
    for (std::size_t i = 0; i < self.steps.size(); ++i) {
      std::visit([&](auto& step) { visitor(std::to_string(i), step); }, self.steps[i]);
    }
  }

 private:
  using ConstRef = Eigen::Ref<const EigenMatrix<T>, Eigen::Unaligned, Eigen::OuterStride<>>;

  [[nodiscard]] static Index parameter_count(const Step& chosen) {
    return std::visit([](const auto& step) { return Index{step.parameter_count()}; }, chosen);
  }
  [[nodiscard]] ConstRef input(std::size_t i, MatrixIn<T> in, const Cache& cache) const {
    if (i == 0) {
      return in;
    }
    return cache.values[i - 1].topRows(in.rows());
  }
  [[nodiscard]] MatrixOut<T> output(std::size_t i, MatrixOut<T> out, Cache& cache) const {
    return i + 1 == steps.size() ? out : top(cache.values[i], out.rows());
  }
  template <class Body>
  void visit(std::size_t i, Cache& cache, Body&& body) const {
    std::visit([&]<class S>(const S& step) { body(step, std::get<typename S::Cache>(cache.steps[i])); },
               steps[i]);
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
