// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "vaekit/version.hpp"

namespace vaekit::inline VAEKIT_ABI {

using Index = Eigen::Index;

/// Every owned buffer starts on a cache line, whatever the compiler flags of the translation unit.
inline constexpr std::size_t alignment = 64;

namespace detail {

/// Bytes of matrices that the calling thread has allocated and not freed; only differences mean anything.
[[nodiscard]] inline std::ptrdiff_t& allocated_bytes() {
  thread_local std::ptrdiff_t bytes = 0;
  return bytes;
}

/// Allocator with an alignment that does not depend on compiler flags (Eigen's and xsimd's do).
template <class T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) noexcept {}  // NOLINT(google-explicit-constructor)
  [[nodiscard]] T* allocate(std::size_t n) {
    T* p = static_cast<T*>(::operator new (n * sizeof(T), std::align_val_t{alignment}));
    allocated_bytes() += static_cast<std::ptrdiff_t>(n * sizeof(T));
    return p;
  }
  void deallocate(T* p, std::size_t n) noexcept {
    allocated_bytes() -= static_cast<std::ptrdiff_t>(n * sizeof(T));
    ::operator delete (p, std::align_val_t{alignment});
  }
  template <class U>
  bool operator==(const AlignedAllocator<U>&) const noexcept {
    return true;
  }
};

template <class T>
struct MatrixStorage {
  std::vector<T, AlignedAllocator<T>> values;
};

}  // namespace detail

/// A vector of scalars on a 64-byte boundary.
template <class T>
using AlignedVector = std::vector<T, detail::AlignedAllocator<T>>;

template <class T>
using EigenMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using EigenRowVector = Eigen::Matrix<T, 1, Eigen::Dynamic, Eigen::RowMajor>;

/// Read-only argument `[rows × cols]`, row-major with contiguous rows; binds to `Matrix` and to blocks of
/// rows or columns without a copy.
template <class T>
using MatrixIn =
    const Eigen::Ref<const EigenMatrix<std::type_identity_t<T>>, Eigen::Unaligned, Eigen::OuterStride<>>&;

/// Output argument `[rows × cols]`; never resized by the callee.
template <class T>
using MatrixOut = Eigen::Ref<EigenMatrix<std::type_identity_t<T>>, Eigen::Unaligned, Eigen::OuterStride<>>;

/// Owning row-major matrix (`Rows == Dynamic`) or row vector (`Rows == 1`) on a 64-byte boundary.
///
/// It is an `Eigen::Map` of its own buffer, so every Eigen expression works on it. New elements are zero.
/// Assigning an expression does not resize: sizes are decided by constructors and `resize` alone, which keeps
/// allocations visible. Copies are deep; a moved-from object is empty.
template <class T, int Rows = Eigen::Dynamic>
class DenseMatrix final
    : private detail::MatrixStorage<T>,
      public Eigen::Map<Eigen::Matrix<T, Rows, Eigen::Dynamic, Eigen::RowMajor>, Eigen::Aligned64> {
  using Storage = detail::MatrixStorage<T>;

 public:
  using Base = Eigen::Map<Eigen::Matrix<T, Rows, Eigen::Dynamic, Eigen::RowMajor>, Eigen::Aligned64>;
  using Base::operator=;
  using Base::cols;
  using Base::data;
  using Base::rows;
  using Base::size;

  DenseMatrix() : Base(nullptr, Rows == 1 ? 1 : 0, 0) {}

  DenseMatrix(Index row_count, Index column_count)
      : Storage{AlignedVector<T>(static_cast<std::size_t>(row_count * column_count))},
        Base(this->values.data(), row_count, column_count) {}

  explicit DenseMatrix(Index column_count) requires(Rows == 1) : DenseMatrix(1, column_count) {}

  /// Evaluates any Eigen expression of the same scalar.
  template <class Derived>
  DenseMatrix(const Eigen::DenseBase<Derived>& expression)  // NOLINT(google-explicit-constructor)
      : DenseMatrix(expression.rows(), expression.cols()) {
    Base::operator=(expression.derived());
  }

  DenseMatrix(const DenseMatrix& other)
      : Storage(other), Base(this->values.data(), other.rows(), other.cols()) {}

  DenseMatrix(DenseMatrix&& other) noexcept
      : Storage(std::move(static_cast<Storage&>(other))),
        Base(this->values.data(), other.rows(), other.cols()) {
    other.values.clear();
    other.rebind(Rows == 1 ? 1 : 0, 0);
  }

  DenseMatrix& operator=(const DenseMatrix& other) {
    if (this != &other) {
      resize(other.rows(), other.cols());
      std::copy_n(other.data(), other.size(), data());
    }
    return *this;
  }

  DenseMatrix& operator=(DenseMatrix&& other) noexcept {
    if (this != &other) {
      const Index row_count = other.rows();
      const Index column_count = other.cols();
      this->values = std::move(other.values);
      other.values.clear();
      rebind(row_count, column_count);
      other.rebind(Rows == 1 ? 1 : 0, 0);
    }
    return *this;
  }

  ~DenseMatrix() = default;

  /// Changes the size; allocates only when the new size exceeds every earlier one. Kept elements stay in
  /// memory order, new ones are zero.
  void resize(Index row_count, Index column_count) {
    this->values.resize(static_cast<std::size_t>(row_count * column_count));
    rebind(row_count, column_count);
  }

  /// All elements in row-major order.
  [[nodiscard]] std::span<T> span() noexcept { return {data(), static_cast<std::size_t>(size())}; }
  [[nodiscard]] std::span<const T> span() const noexcept {
    return {data(), static_cast<std::size_t>(size())};
  }

 private:
  // A Map is pointed elsewhere by constructing it again in place, as Eigen documents and Eigen::Ref does.
  void rebind(Index row_count, Index column_count) noexcept {
    std::construct_at(static_cast<Base*>(this), this->values.data(), row_count, column_count);
  }
};

/// `[rows × cols]`, row-major: rows are samples.
template <class T>
using Matrix = DenseMatrix<T, Eigen::Dynamic>;

/// `[1 × cols]`.
template <class T>
using RowVector = DenseMatrix<T, 1>;

/// A tensor of the state that is no parameter, as `reflect` shows it: see `visit_buffer`.
template <class Tensor>
struct BufferView {
  Tensor& values;
};

/// The absent matrix: what `backward` takes for `dx` when the gradient of the input is not needed.
template <class T>
[[nodiscard]] MatrixOut<T> no_matrix() {
  return Eigen::Map<EigenMatrix<T>>(nullptr, 0, 0);
}

/// The first `rows` rows, as an output argument.
template <class T>
[[nodiscard]] MatrixOut<T> top(Matrix<T>& matrix, Index rows) {
  return matrix.topRows(rows);
}

namespace detail {
template <class M>
inline constexpr bool is_dense_matrix = false;
template <class T, int Rows>
inline constexpr bool is_dense_matrix<DenseMatrix<T, Rows>> = true;
template <class M>
inline constexpr bool is_buffer = false;
template <class Tensor>
inline constexpr bool is_buffer<BufferView<Tensor>> = true;
}  // namespace detail

/// A parameter tensor: `Matrix<T>` or `RowVector<T>`.
template <class M>
concept ParameterTensor = detail::is_dense_matrix<std::remove_cvref_t<M>>;

/// A tensor of the state that is no parameter.
template <class M>
concept BufferTensor = detail::is_buffer<std::remove_cvref_t<M>>;

}  // namespace vaekit::inline VAEKIT_ABI
