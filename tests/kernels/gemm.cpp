// SPDX-License-Identifier: MIT
#include "vaekit/kernels/gemm.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <thread>
#include <vector>

#include "support/alloc_guard.hpp"
#include "support/same_bits.hpp"
#include "vaekit/kernels/random.hpp"

using namespace vaekit;

namespace {

struct Size {
  Index m, n, k;
};

struct Mode {
  bool a_transposed, b_transposed;
  Store store;
};

const std::vector<Mode> all_modes = {{false, false, Store::overwrite},  {false, true, Store::overwrite},
                                     {true, false, Store::overwrite},   {true, true, Store::overwrite},
                                     {false, false, Store::accumulate}, {false, true, Store::accumulate},
                                     {true, false, Store::accumulate},  {true, true, Store::accumulate}};

/// A block inside a larger matrix whose rim would show any access outside the block.
template <class T>
struct Framed {
  static constexpr Index rim = 3;
  Matrix<T> whole;
  Index block_rows, block_cols;

  Framed(Index rows, Index cols, T rim_value)
      : whole(rows + 2 * rim, cols + 2 * rim), block_rows(rows), block_cols(cols) {
    whole.setConstant(rim_value);
  }
  [[nodiscard]] MatrixOut<T> block() { return whole.block(rim, rim, block_rows, block_cols); }

  /// Small integers: float holds every sum of this file exactly, in any order.
  void fill_integers(Index seed) {
    for (Index i = 0; i < block_rows; ++i) {
      for (Index j = 0; j < block_cols; ++j) {
        whole(rim + i, rim + j) = static_cast<T>((seed + 31 * i + 17 * j + i * j) % 7 - 3);
      }
    }
  }
};

/// The number of elements of a framed product that differ from the definition, its rim included.
template <class T>
Index wrong_elements(const Size& size, const Mode& mode) {
  const auto nan = std::numeric_limits<T>::quiet_NaN();
  Framed<T> a(mode.a_transposed ? size.k : size.m, mode.a_transposed ? size.m : size.k, nan);
  Framed<T> b(mode.b_transposed ? size.n : size.k, mode.b_transposed ? size.k : size.n, nan);
  Framed<T> c(size.m, size.n, T{77});
  a.fill_integers(1);
  b.fill_integers(5);
  Matrix<T> expected = c.whole;
  const Index rim = Framed<T>::rim;
  if (mode.store == Store::accumulate) {
    c.fill_integers(2);
    expected = c.whole;
  } else {
    c.block().setConstant(nan);
    expected.block(rim, rim, size.m, size.n).setZero();
  }
  const Matrix<T> left = mode.a_transposed ? Matrix<T>(a.block().transpose()) : Matrix<T>(a.block());
  const Matrix<T> right = mode.b_transposed ? Matrix<T>(b.block().transpose()) : Matrix<T>(b.block());
  for (Index i = 0; i < size.m; ++i) {
    for (Index k = 0; k < size.k; ++k) {
      for (Index j = 0; j < size.n; ++j) {
        expected(rim + i, rim + j) += left(i, k) * right(k, j);
      }
    }
  }
  gemm<T>(mode.a_transposed ? transposed<T>(a.block()) : as_is<T>(a.block()),
          mode.b_transposed ? transposed<T>(b.block()) : as_is<T>(b.block()), size.k, c.block(), mode.store);
  return (c.whole.array() == expected.array())
      .select(0, Eigen::ArrayXX<Index>::Ones(c.whole.rows(), c.whole.cols()))
      .sum();
}

template <class T>
void check_all_modes(const Size& size) {
  for (const Mode& mode : all_modes) {
    const Index wrong = wrong_elements<T>(size, mode);
    REQUIRE_MESSAGE(wrong == 0, size.m << 'x' << size.n << 'x' << size.k
                                       << " transposed: " << mode.a_transposed << mode.b_transposed
                                       << " accumulate: " << (mode.store == Store::accumulate) << ": "
                                       << wrong << " wrong elements");
  }
}

template <class T>
Matrix<T> uniform(Index rows, Index cols, std::uint64_t seed) {
  Matrix<T> m(rows, cols);
  fill_uniform(m.span(), RandomStream(seed, Purpose::synthetic));
  m.array() -= T{0.5};
  return m;
}

template <class T>
Matrix<T> product(const Matrix<T>& a, const Matrix<T>& b) {
  Matrix<T> c(a.rows(), b.cols());
  gemm<T>(as_is<T>(a), as_is<T>(b), a.cols(), c, Store::overwrite);
  return c;
}

/// Adds `terms` to the product and counts its visits to each element.
template <class T>
struct CountingEpilogue {
  const Matrix<T>* terms;
  Matrix<T>* visits;

  template <class Which>
  Simd<T> operator()(const Simd<T>& value, Index row, Index col, Which which) const {
    T* count = visits->data() + row * visits->cols() + col;
    store(count, Simd<T>(load(count, which) + Simd<T>(T{1})), which);
    return value + load(terms->data() + row * terms->cols() + col, which);
  }
};

template <class T>
void check_epilogue(const Size& size, Store mode) {
  CAPTURE(size.m);
  CAPTURE(size.n);
  CAPTURE(size.k);
  Framed<T> a(size.m, size.k, 0);
  Framed<T> b(size.k, size.n, 0);
  Framed<T> terms(size.m, size.n, 0);
  a.fill_integers(3);
  b.fill_integers(4);
  terms.fill_integers(6);
  const Matrix<T> added = terms.block();
  Matrix<T> visits(size.m, size.n);
  Matrix<T> plain = uniform<T>(size.m, size.n, 9).array().round();
  Matrix<T> c = plain;
  gemm<T>(as_is<T>(a.block()), as_is<T>(b.block()), size.k, plain, mode);
  gemm<T>(as_is<T>(a.block()), as_is<T>(b.block()), size.k, c, mode, CountingEpilogue<T>{&added, &visits});
  CHECK((visits.array() == 1).all());
  CHECK(same_bits(c, Matrix<T>(plain + added)));
}

}  // namespace

TEST_CASE_TEMPLATE("gemm: all transpositions, overwriting and accumulating, around the register tile", T,
                   float, double) {
  using Tile = detail::GemmTile<T>;
  for (const Index m : {Index{1}, Tile::rows - 1, Tile::rows, Tile::rows + 1, 2 * Tile::rows + 1}) {
    for (const Index n :
         {Index{1}, lanes<T>, Tile::cols - 1, Tile::cols, Tile::cols + 1, 2 * Tile::cols + 3}) {
      for (const Index k : {0, 1, 2, 15, 16, 33}) {
        check_all_modes<T>({m, n, k});
      }
    }
  }
}

TEST_CASE_TEMPLATE("gemm: around the blocks of depth and rows, with operands packed in every way", T, float,
                   double) {
  using Tile = detail::GemmTile<T>;
  for (const Index k : {Tile::depth - 1, Tile::depth, Tile::depth + 1, 2 * Tile::depth + 1}) {
    check_all_modes<T>({Tile::rows + 1, Tile::cols + 1, k});
  }
  const Index l2_rows = Tile::l2_elements / 100;
  for (const Index m : {l2_rows, l2_rows + 1}) {
    check_all_modes<T>({m, 3, 100});
  }
  // Rows of A in two groups, both of which meet all panels of B.
  check_all_modes<T>({Tile::l2_elements / 300 + 2 * Tile::rows, 2 * Tile::cols + 5, 300});
  check_all_modes<T>({4 * Tile::rows, 5 * Tile::cols + 1, 4});
  check_all_modes<T>({3 * Tile::rows, 3 * lanes<T>, 7});
  // With the frame, rows of A start 4096 bytes apart.
  const Index colliding = 4096 / static_cast<Index>(sizeof(T)) - 2 * Framed<T>::rim;
  check_all_modes<T>({2 * Tile::rows + 1, 4 * Tile::cols, colliding});
  check_all_modes<T>({colliding, 4 * Tile::cols, 5});
  CHECK(wrong_elements<T>({colliding, 4 * Tile::cols + 1, Tile::depth + 1}, all_modes[3]) == 0);
}

TEST_CASE_TEMPLATE("gemm: as accurate as a sum in T of exact products", T, float, double) {
  const Matrix<T> a = uniform<T>(37, 1000, 1);
  const Matrix<T> b = uniform<T>(1000, 41, 2);
  const Matrix<T> c = product(a, b);
  using Wide = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;
  const Wide exact = a.template cast<long double>() * b.template cast<long double>();
  const Wide scale = a.template cast<long double>().cwiseAbs() * b.template cast<long double>().cwiseAbs();
  const Wide error = ((c.template cast<long double>() - exact).array() / scale.array()).abs();
  CHECK(static_cast<double>(error.maxCoeff()) < 2 * static_cast<double>(std::numeric_limits<T>::epsilon()));
}

TEST_CASE_TEMPLATE("gemm: the epilogue sees every element once, with its row and column", T, float, double) {
  using Tile = detail::GemmTile<T>;
  for (const Store mode : {Store::overwrite, Store::accumulate}) {
    check_epilogue<T>({1, 1, 1}, mode);
    check_epilogue<T>({5, 7, 0}, mode);
    check_epilogue<T>({Tile::rows + 1, Tile::cols + lanes<T> + 1, 3}, mode);
    check_epilogue<T>({2 * Tile::rows, 2 * Tile::cols, Tile::depth + 1}, mode);
    check_epilogue<T>({2 * Tile::rows, 3 * lanes<T>, 3}, mode);
    check_epilogue<T>({Tile::l2_elements / 200 + 1, 3, 200}, mode);
    check_epilogue<T>({64, 100, 80}, mode);  // above the thread gate
  }
}

TEST_CASE_TEMPLATE("gemm: the same bits for any number of threads", T, float, double) {
  const Index two_groups = detail::GemmTile<T>::l2_elements / 400 + 3 * detail::GemmTile<T>::rows;
  for (const Size& size : std::vector<Size>{{61, 130, 401},
                                            {two_groups, 230, 400},
                                            {7, 1000, 100},
                                            {1000, 7, 100},
                                            {1100, 40, 30},
                                            {5, 4200, 20},
                                            {1, 3000, 200},
                                            {300, 130, 900},
                                            {64, 64, 1024}}) {
    REQUIRE(size.m * size.n * size.k >= detail::gemm_thread_gate);
    const Matrix<T> a = uniform<T>(size.m, size.k, 3);
    const Matrix<T> b = uniform<T>(size.k, size.n, 4);
    const Matrix<T> serial = [&] {
      const ThreadScope scope(1);
      return product(a, b);
    }();
    for (const int threads : {2, 3, 5}) {
      const ThreadScope scope(threads);
      REQUIRE_MESSAGE(same_bits(product(a, b), serial), size.m, 'x', size.n, 'x', size.k, ", ", threads,
                      " threads");
    }
  }
}

TEST_CASE_TEMPLATE("gemm: a row does not depend on the rows around it", T, float, double) {
  const Matrix<T> a = uniform<T>(600, 450, 3);
  const Matrix<T> b = uniform<T>(77, 450, 4);
  const auto multiply = [&](Index rows) {
    Matrix<T> c(rows, 77);
    gemm<T>(as_is<T>(a.topRows(rows)), transposed<T>(b), 450, c, Store::overwrite);
    return c;
  };
  const Matrix<T> all = multiply(600);
  for (const Index rows : {1, 2, 3, 4, 5, 6, 7, 100, 300}) {
    CHECK(same_bits(multiply(rows), Matrix<T>(all.topRows(rows))));
  }
}

TEST_CASE_TEMPLATE("gemm: the gradients of weight and bias, with A packed and as it lies", T, float, double) {
  using Tile = detail::GemmTile<T>;
  for (const Size& size : std::vector<Size>{{1, 1, 1},
                                            {2 * Tile::rows + 1, 2 * Tile::cols, 5},
                                            {2 * Tile::rows + 1, 5 * Tile::cols + 1, 5},
                                            {61, 130, 401},
                                            {7, 6 * Tile::cols, 0}}) {
    const Matrix<T> a = uniform<T>(size.k, size.m, 3);
    const Matrix<T> b = uniform<T>(size.k, size.n, 4);
    for (const Store mode : {Store::overwrite, Store::accumulate}) {
      Matrix<T> expected = uniform<T>(size.m, size.n, 5);
      Matrix<T> c = expected;
      gemm<T>(transposed<T>(a), as_is<T>(b), size.k, expected, mode);
      RowVector<T> expected_sums(size.m);
      expected_sums.setConstant(T{0.25});
      add_column_sums<T>(a, expected_sums.span());
      for (const int threads : {1, 3}) {
        const ThreadScope scope(threads);
        Matrix<T> result = c;
        RowVector<T> sums(size.m);
        sums.setConstant(T{0.25});
        gemm_with_column_sums<T>(a, b, result, mode, sums.span());
        CHECK(same_bits(result, expected));
        for (Index i = 0; i < size.m; ++i) {
          CHECK(static_cast<double>(sums(i)) ==
                doctest::Approx(static_cast<double>(expected_sums(i))).epsilon(1e-5));
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("gemm: a packed matrix gives the bits of the matrix", T, float, double) {
  PackedMatrix<T> packed;
  CHECK(packed.empty());
  for (const Size& size :
       std::vector<Size>{{1, 40, 30}, {3, 333, 401}, {5, 20, 401}, {64, 784, 400}, {300, 17, 1000}}) {
    const Matrix<T> a = uniform<T>(size.m, size.k, 3);
    const Matrix<T> b = uniform<T>(size.k, size.n, 4);
    const Matrix<T> bt = b.transpose();
    Matrix<T> c(size.m, size.n);
    packed.pack(as_is<T>(b), size.k, size.n);
    CHECK_FALSE(packed.empty());
    packed.multiply(as_is<T>(a), c, Store::overwrite);
    CHECK(same_bits(c, product(a, b)));
    c.setZero();
    packed.multiply(as_is<T>(a), c, Store::overwrite, {}, Sweep::backwards);
    CHECK(same_bits(c, product(a, b)));
    Matrix<T> expected(size.m, size.n);
    gemm<T>(as_is<T>(a), transposed<T>(bt), size.k, expected, Store::overwrite);
    packed.pack(transposed<T>(bt), size.k, size.n);
    packed.multiply(as_is<T>(a), c, Store::overwrite);
    CHECK(same_bits(c, expected));
  }
  packed.clear();
  CHECK(packed.empty());
}

TEST_CASE("gemm: threads of the program do not disturb each other") {
  const Matrix<float> a = uniform<float>(40, 300, 5);
  const Matrix<float> b = uniform<float>(300, 50, 6);
  const Matrix<float> expected = product(a, b);
  std::vector<Matrix<float>> results(8);
  std::vector<std::thread> threads;
  for (Matrix<float>& result : results) {
    threads.emplace_back([&] { result = product(a, b); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const Matrix<float>& result : results) {
    CHECK(same_bits(result, expected));
  }
}

TEST_CASE_TEMPLATE("gemm: no allocation after the first product of a size", T, float, double) {
  const Matrix<T> a = uniform<T>(70, 500, 7);
  const Matrix<T> b = uniform<T>(500, 90, 8);
  Matrix<T> c(70, 90);
  for (const int threads : {1, 2}) {
    const ThreadScope scope(threads);
    gemm<T>(as_is<T>(a), as_is<T>(b), 500, c, Store::overwrite);
    std::size_t count = 1;
    {
      const AllocationCount guard;
      gemm<T>(as_is<T>(a), as_is<T>(b), 500, c, Store::overwrite);
      gemm<T>(as_is<T>(a.topRows(3)), as_is<T>(b), 500, top(c, 3), Store::accumulate);
      count = guard.count();
    }
    CHECK(count == 0);
  }
}

TEST_CASE_TEMPLATE("gemm: NaN and infinity reach the rows and columns they belong to, and no others", T,
                   float, double) {
  Matrix<T> a = uniform<T>(20, 30, 9);
  Matrix<T> b = uniform<T>(30, 40, 10);
  a(7, 11) = std::numeric_limits<T>::quiet_NaN();
  b(0, 33) = std::numeric_limits<T>::infinity();
  const Matrix<T> c = product(a, b);
  for (Index i = 0; i < c.rows(); ++i) {
    for (Index j = 0; j < c.cols(); ++j) {
      REQUIRE(std::isfinite(c(i, j)) == (i != 7 && j != 33));
    }
  }
}

TEST_CASE("gemm: products without rows, columns or terms") {
  CHECK(product(Matrix<float>(0, 4), Matrix<float>(4, 3)).size() == 0);
  CHECK(product(Matrix<float>(3, 4), Matrix<float>(4, 0)).size() == 0);
  CHECK(same_bits(product(Matrix<float>(7, 0), Matrix<float>(0, 30)), Matrix<float>(7, 30)));
}
