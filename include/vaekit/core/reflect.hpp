// SPDX-License-Identifier: MIT
//
// A model, its gradient and an optimizer's moments are objects of one type. Everything that treats a model as
// "a list of tensors" is a loop over this file's functions and knows no layer.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "vaekit/core/error.hpp"
#include "vaekit/core/matrix.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {
struct ReflectProbe {
  void operator()(std::string_view, auto&) const {}
};
}  // namespace detail

/// An object whose parameters can be visited: `O::reflect(object, visit)` calls `visit(name, member)` for
/// each member that is a tensor, a buffer or is itself reflectable.
template <class O>
concept Reflectable = requires(std::remove_cvref_t<O>& object) {
  std::remove_cvref_t<O>::reflect(object, detail::ReflectProbe{});
};

/// For `reflect`: shows `tensor` as part of the state that no optimizer touches and that has no gradient,
/// such as a codebook or a variance that follows the data by averaging. It is saved and copied with the
/// parameters.
template <class Tensor>
void visit_buffer(auto&& visit, std::string_view name, Tensor& tensor) {
  BufferView<Tensor> view{tensor};
  visit(name, view);
}

/// Calls `visit(tensor)` for every parameter tensor of `object`, depth first. Does not allocate.
template <Reflectable O, class Visit>
void for_each_tensor(O& object, Visit&& visit) {
  std::remove_cv_t<O>::reflect(object, [&](std::string_view, auto& member) {
    if constexpr (ParameterTensor<decltype(member)>) {
      visit(member);
    } else if constexpr (!BufferTensor<decltype(member)>) {
      for_each_tensor(member, visit);
    }
  });
}

/// Calls `visit(values)` for every buffer of `object`, depth first. Does not allocate.
template <Reflectable O, class Visit>
void for_each_buffer(O& object, Visit&& visit) {
  std::remove_cv_t<O>::reflect(object, [&]([[maybe_unused]] std::string_view name, auto& member) {
    if constexpr (BufferTensor<decltype(member)>) {
      visit(member.values);
    } else if constexpr (!ParameterTensor<decltype(member)>) {
      for_each_buffer(member, visit);
    }
  });
}

/// Calls `visit(name, tensor, is_buffer)` for parameters and buffers; names are PyTorch's:
/// "encoder.0.weight".
template <Reflectable O, class Visit>
void for_each_named_tensor(O& object, Visit&& visit, const std::string& prefix = "") {
  std::remove_cv_t<O>::reflect(object, [&](std::string_view name, auto& member) {
    const std::string full = prefix.empty() ? std::string(name) : prefix + '.' + std::string(name);
    if constexpr (ParameterTensor<decltype(member)>) {
      visit(full, member, false);
    } else if constexpr (BufferTensor<decltype(member)>) {
      visit(full, member.values, true);
    } else {
      for_each_named_tensor(member, visit, full);
    }
  });
}

/// One tensor of a model, seen without its type.
template <class T>
struct Parameter {
  std::string name;
  Index rows = 0;
  Index cols = 0;
  bool is_vector = false;  ///< a `RowVector`: stored as a one-dimensional tensor
  std::span<T> values;
};

namespace detail {
template <class T>
inline constexpr bool is_vector_tensor = false;
template <class T>
inline constexpr bool is_vector_tensor<DenseMatrix<T, 1>> = true;

template <class O>
struct ScalarOf {
  using type = typename O::Scalar;
};
template <class O>
using ScalarLike =
    std::conditional_t<std::is_const_v<O>, const typename ScalarOf<std::remove_const_t<O>>::type,
                       typename ScalarOf<std::remove_const_t<O>>::type>;
}  // namespace detail

namespace detail {
template <Reflectable O>
[[nodiscard]] std::vector<Parameter<ScalarLike<O>>> named_tensors(O& object, bool with_buffers) {
  std::vector<Parameter<ScalarLike<O>>> list;
  for_each_named_tensor(object, [&](const std::string& name, auto& tensor, bool is_buffer) {
    if (with_buffers || !is_buffer) {
      list.push_back({name, tensor.rows(), tensor.cols(),
                      is_vector_tensor<std::remove_cvref_t<decltype(tensor)>>, tensor.span()});
    }
  });
  return list;
}
}  // namespace detail

/// The named parameters of `object`. The spans stay valid while the object lives and is not resized.
template <Reflectable O>
[[nodiscard]] std::vector<Parameter<detail::ScalarLike<O>>> parameters(O& object) {
  return detail::named_tensors(object, false);
}

/// Parameters and buffers: all that a copy or a file of `object` must hold.
template <Reflectable O>
[[nodiscard]] std::vector<Parameter<detail::ScalarLike<O>>> state_tensors(O& object) {
  return detail::named_tensors(object, true);
}

/// Fills `spans` with the parameters of `object`; allocates only while the vector's capacity grows.
template <Reflectable O>
void parameter_spans(O& object, std::vector<std::span<detail::ScalarLike<O>>>& spans) {
  spans.clear();
  for_each_tensor(object, [&](auto& tensor) { spans.push_back(tensor.span()); });
}

/// Number of scalar parameters.
template <Reflectable O>
[[nodiscard]] Index parameter_count(const O& object) {
  Index count = 0;
  for_each_tensor(object, [&](const auto& tensor) { count += tensor.size(); });
  return count;
}

/// A number that tells objects with different lists of tensor shapes apart (but for a chance of 2⁻⁶⁴). Does
/// not allocate.
template <Reflectable O>
[[nodiscard]] std::uint64_t shape_fingerprint(const O& object) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for_each_tensor(object, [&](const auto& tensor) {
    for (const Index length : {Index{tensor.rows()}, Index{tensor.cols()}}) {
      hash = (hash ^ static_cast<std::uint64_t>(length)) * 0x9E3779B97F4A7C15;
      hash ^= hash >> 32;
    }
  });
  return hash;
}

template <Reflectable O>
void set_zero(O& object) {
  for_each_tensor(object, [](auto& tensor) { std::ranges::fill(tensor.span(), 0); });
}

/// A gradient (or moment) accumulator for `object`: the same type and shapes, all parameters zero.
template <Reflectable O>
[[nodiscard]] O zeros_like(const O& object) {
  O zeros = object;
  set_zero(zeros);
  return zeros;
}

/// Copies parameters and buffers between objects of one structure.
///
/// Throws ShapeError when a tensor's size differs.
template <Reflectable From, Reflectable To>
void copy_parameters(const From& from, To& to) {
  const auto source = state_tensors(from);
  const auto target = state_tensors(to);
  if (source.size() != target.size()) {
    throw ShapeError(
        concat("copy_parameters: source has ", source.size(), " tensors, target has ", target.size()));
  }
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i].rows != target[i].rows || source[i].cols != target[i].cols) {
      throw ShapeError(concat("copy_parameters: ", source[i].name, " is ", source[i].rows, 'x',
                              source[i].cols, ", target is ", target[i].rows, 'x', target[i].cols));
    }
    std::ranges::copy(source[i].values, target[i].values.begin());
  }
}

/// Sum of squares of all parameters, accumulated in double in a fixed order.
template <Reflectable O>
[[nodiscard]] double squared_norm(const O& object) {
  double sum = 0;
  for_each_tensor(object, [&](const auto& tensor) {
    for (const auto value : tensor.span()) {
      sum += static_cast<double>(value) * static_cast<double>(value);
    }
  });
  return sum;
}

namespace detail {
/// The values of tensor `index` in the order of `for_each_tensor`; empty beyond the last.
template <Reflectable O>
[[nodiscard]] std::span<ScalarLike<O>> tensor_values(O& object, Index index) {
  std::span<ScalarLike<O>> values;
  for_each_tensor(object, [&](auto& tensor) {
    if (index-- == 0) {
      values = tensor.span();
    }
  });
  return values;
}
}  // namespace detail

/// to += factor · from, for objects of one structure. Does not allocate.
template <Reflectable O>
void add_scaled(typename O::Scalar factor, const O& from, O& to) {
  Index count = 0;
  for_each_tensor(from, [&](const auto&) { ++count; });
  for (Index i = 0; i < count; ++i) {
    const auto source = detail::tensor_values(from, i);
    const auto target = detail::tensor_values(to, i);
    for (std::size_t j = 0; j < target.size(); ++j) {
      target[j] += factor * source[j];
    }
  }
}

/// Copies the buffers between objects of one structure. Does not allocate.
template <Reflectable O>
void copy_buffers(const O& from, O& to) {
  Index count = 0;
  for_each_buffer(from, [&](const auto&) { ++count; });
  for (Index i = 0; i < count; ++i) {
    Index left = i;
    for_each_buffer(from, [&](const auto& source) {
      if (left-- == 0) {
        Index place = i;
        for_each_buffer(to, [&](auto& target) {
          if (place-- == 0) {
            std::ranges::copy(source.span(), target.span().begin());
          }
        });
      }
    });
  }
}

}  // namespace vaekit::inline VAEKIT_ABI
