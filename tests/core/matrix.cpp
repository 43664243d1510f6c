// SPDX-License-Identifier: MIT
#include "vaekit/core/matrix.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "support/alloc_guard.hpp"

using vaekit::Index;
using vaekit::Matrix;
using vaekit::RowVector;

namespace {

bool is_aligned(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % vaekit::alignment == 0; }

/// 0, 1, 2, ... in memory order.
Matrix<float> counting(Index rows, Index cols) {
  Matrix<float> matrix(rows, cols);
  std::iota(matrix.span().begin(), matrix.span().end(), 0.0f);
  return matrix;
}

bool is_counting(const Matrix<float>& matrix, Index rows, Index cols) {
  bool same = matrix.rows() == rows && matrix.cols() == cols && matrix.size() == rows * cols;
  for (Index i = 0; same && i < rows; ++i) {
    for (Index j = 0; same && j < cols; ++j) {
      same = matrix(i, j) == static_cast<float>(i * cols + j);
    }
  }
  return same;
}

void fill_with_ones(vaekit::MatrixOut<float> out) { out.setOnes(); }
float sum_of(vaekit::MatrixIn<float> in) { return in.sum(); }
const float* address_of(vaekit::MatrixIn<float> in) { return in.data(); }

}  // namespace

TEST_CASE("matrix: buffers of all sizes start on a 64-byte boundary and are zero") {
  for (Index rows = 0; rows < 20; ++rows) {
    for (Index cols = 0; cols < 20; ++cols) {
      const Matrix<float> floats(rows, cols);
      const Matrix<double> doubles(rows, cols);
      const RowVector<double> vector(cols);
      const Matrix<float> copy = floats;
      REQUIRE(is_aligned(floats.data()));
      REQUIRE(is_aligned(doubles.data()));
      REQUIRE(is_aligned(vector.data()));
      REQUIRE(is_aligned(copy.data()));
      REQUIRE((floats.array() == 0.0f).all());
      REQUIRE((doubles.array() == 0.0).all());
    }
  }
  for (std::size_t n = 1; n < 200; ++n) {
    REQUIRE(is_aligned(vaekit::AlignedVector<unsigned char>(n).data()));
  }
}

TEST_CASE("matrix: rows are contiguous, one after the other") {
  const Matrix<float> m = counting(3, 5);
  CHECK(is_counting(m, 3, 5));
  CHECK(&m(1, 0) == m.data() + 5);
  CHECK(m.span().size() == 15);
  CHECK(m.span().data() == m.data());
}

TEST_CASE("matrix: default-constructed matrices are empty") {
  const Matrix<float> m;
  CHECK(m.rows() == 0);
  CHECK(m.cols() == 0);
  CHECK(m.span().empty());
  const RowVector<float> v;
  CHECK(v.rows() == 1);
  CHECK(v.cols() == 0);
  CHECK(Matrix<float>(m).size() == 0);
}

TEST_CASE("matrix: copies are deep") {
  const Matrix<float> original = counting(4, 3);
  Matrix<float> copy = original;
  CHECK(copy.data() != original.data());
  copy(2, 1) = -1;
  CHECK(is_counting(original, 4, 3));
  CHECK(copy(2, 1) == -1);
  CHECK(copy(3, 2) == 11);
}

TEST_CASE("matrix: copy assignment takes the size of the source") {
  const Matrix<float> source = counting(5, 7);
  Matrix<float> larger(20, 20);
  Matrix<float> smaller(1, 2);
  Matrix<float> empty;
  larger = source;
  smaller = source;
  empty = source;
  CHECK(is_counting(larger, 5, 7));
  CHECK(is_counting(smaller, 5, 7));
  CHECK(is_counting(empty, 5, 7));
  smaller = Matrix<float>();
  CHECK(smaller.size() == 0);
  RowVector<float> vector(2);
  vector = RowVector<float>(9);
  CHECK(vector.rows() == 1);
  CHECK(vector.cols() == 9);
}

TEST_CASE("matrix: self-assignment and self-move change nothing") {
  Matrix<float> m = counting(3, 4);
  Matrix<float>& alias = m;
  m = alias;
  CHECK(is_counting(m, 3, 4));
  m = std::move(alias);
  CHECK(is_counting(m, 3, 4));
}

TEST_CASE("matrix: a move keeps the buffer and leaves an empty, reusable matrix") {
  Matrix<float> source = counting(6, 2);
  const float* buffer = source.data();

  Matrix<float> constructed = std::move(source);
  CHECK(constructed.data() == buffer);
  CHECK(is_counting(constructed, 6, 2));
  CHECK(source.rows() == 0);  // NOLINT(bugprone-use-after-move): that is the promise
  CHECK(source.cols() == 0);

  Matrix<float> assigned(1, 1);
  assigned = std::move(constructed);
  CHECK(assigned.data() == buffer);
  CHECK(is_counting(assigned, 6, 2));
  CHECK(constructed.size() == 0);  // NOLINT(bugprone-use-after-move)
  constructed = assigned;
  CHECK(is_counting(constructed, 6, 2));

  static_assert(std::is_nothrow_move_constructible_v<Matrix<float>>);
  static_assert(std::is_nothrow_move_assignable_v<RowVector<double>>);
}

TEST_CASE("matrix: a moved-from row vector still has one row") {
  RowVector<float> v(3);
  const RowVector<float> taken = std::move(v);
  CHECK(taken.cols() == 3);
  CHECK(v.rows() == 1);  // NOLINT(bugprone-use-after-move)
  CHECK(v.cols() == 0);
  CHECK(v.span().empty());
}

TEST_CASE("matrix: swap exchanges buffers") {
  Matrix<float> a = counting(2, 2);
  Matrix<float> b(3, 1);
  const float* buffer = a.data();
  std::swap(a, b);
  CHECK(b.data() == buffer);
  CHECK(is_counting(b, 2, 2));
  CHECK(a.rows() == 3);
}

TEST_CASE("matrix: resize keeps elements in memory order, zeroes new ones and stays aligned") {
  Matrix<float> m = counting(2, 3);
  m.resize(3, 4);
  CHECK(m.rows() == 3);
  CHECK(m.cols() == 4);
  CHECK(is_aligned(m.data()));
  for (Index i = 0; i < 12; ++i) {
    CHECK(m.data()[i] == (i < 6 ? static_cast<float>(i) : 0.0f));
  }
  m.setConstant(9);
  m.resize(1, 1);
  m.resize(2, 2);
  CHECK(m(0, 0) == 9);
  CHECK(m(1, 1) == 0);
}

TEST_CASE("matrix: resize below an earlier size does not allocate") {
  Matrix<float> m(10, 10);
  const float* buffer = m.data();
  AllocationCount guard;
  m.resize(2, 3);
  m.resize(0, 5);
  m.resize(10, 10);
  const std::size_t allocations = guard.count();
  CHECK(allocations == 0);
  CHECK(m.data() == buffer);
}

TEST_CASE("matrix: an impossible size is refused") {
  volatile Index negative = -1;  // volatile: the compiler must not see, and warn of, the size
  volatile Index largest = std::numeric_limits<Index>::max();
  CHECK_THROWS_AS(Matrix<double>(negative, 1), std::length_error);
  CHECK_THROWS_AS(Matrix<double>(1, largest), std::length_error);
}

TEST_CASE("matrix: expressions are evaluated at construction and in assignments") {
  const Matrix<float> a = counting(2, 3);
  const Matrix<float> b = a * a.transpose();  // [2 × 2]
  CHECK(b(0, 0) == 5);
  CHECK(b(0, 1) == 14);
  CHECK(b(1, 1) == 50);
  Matrix<float> c(2, 3);
  c = 2 * a + Matrix<float>::Base::PlainObject::Ones(2, 3);
  CHECK(c(1, 2) == 11);
  const RowVector<float> sums = a.colwise().sum();
  CHECK(sums(2) == 7);
  const Matrix<double> wide = a.cast<double>();
  CHECK(wide(1, 1) == 4.0);
}

TEST_CASE("matrix: arguments bind to matrices, vectors and blocks without a copy") {
  Matrix<float> m = counting(4, 6);
  const RowVector<float> v = m.row(1);
  AllocationCount guard;
  const float whole = sum_of(m);
  const float block = sum_of(m.middleRows(1, 2));
  const float columns = sum_of(m.middleCols(2, 3));
  const float vector = sum_of(v);
  const bool no_copy = address_of(m) == m.data() && address_of(m.middleCols(2, 3)) == m.data() + 2 &&
                       address_of(v) == v.data();
  fill_with_ones(m.middleCols(4, 2));
  fill_with_ones(vaekit::top(m, 1));
  const std::size_t allocations = guard.count();
  CHECK(allocations == 0);
  CHECK(whole == 276);
  CHECK(block == 138);
  CHECK(columns == 144);
  CHECK(vector == 51);
  CHECK(no_copy);
  CHECK(m(0, 0) == 1);
  CHECK(m(1, 0) == 6);
  CHECK(m(3, 5) == 1);
  CHECK(m(3, 3) == 21);
}

TEST_CASE("matrix: no_matrix is null") {
  const vaekit::MatrixOut<double> none = vaekit::no_matrix<double>();
  CHECK(none.data() == nullptr);
  CHECK(none.size() == 0);
}

TEST_CASE("matrix: parameter tensors are Matrix and RowVector alone") {
  static_assert(vaekit::ParameterTensor<Matrix<float>>);
  static_assert(vaekit::ParameterTensor<const RowVector<double>&>);
  static_assert(!vaekit::ParameterTensor<float>);
  static_assert(!vaekit::ParameterTensor<Matrix<float>::Base>);
  CHECK(vaekit::ParameterTensor<Matrix<float>&>);
}

TEST_CASE("matrix: the allocation guard of these tests sees every matrix" *
          doctest::skip(!AllocationCount::counts)) {
  AllocationCount guard;
  const Matrix<float> m(3, 3);
  const std::size_t one = guard.count();
  const Matrix<float> copy = m;
  const std::size_t two = guard.count();
  CHECK(one == 1);
  CHECK(two == 2);
  CHECK(copy.size() == 9);
}
