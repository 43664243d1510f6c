// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstring>
#include <span>

#include "vaekit/core/reflect.hpp"

/// Equal shapes and equal bytes: tells −0 from 0, and NaN equals itself.
template <class M>
[[nodiscard]] bool same_bits(const M& a, const M& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         (a.size() == 0 || std::memcmp(a.data(), b.data(), a.span().size_bytes()) == 0);
}

/// Equal names, shapes and bytes of all parameters, of objects of any two types.
template <vaekit::Reflectable A, vaekit::Reflectable B>
[[nodiscard]] bool same_parameters(const A& a, const B& b) {
  const auto left = vaekit::parameters(a);
  const auto right = vaekit::parameters(b);
  return std::ranges::equal(left, right, [](const auto& p, const auto& q) {
    return p.name == q.name && p.rows == q.rows && p.cols == q.cols && p.is_vector == q.is_vector &&
           std::ranges::equal(std::as_bytes(p.values), std::as_bytes(q.values));
  });
}
