// SPDX-License-Identifier: MIT
#include "vaekit/latent/nearest_code.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "support/distribution_suite.hpp"

using namespace vaekit;
using likelihood_suite::random_matrix;

namespace {

/// The codes of the rows of x; −2 where none was assigned.
template <class T>
std::vector<Index> nearest_codes(const Matrix<T>& codebook, const Matrix<T>& x) {
  std::vector<Index> found(static_cast<std::size_t>(x.rows()), -2);
  const NearestCode<T> nearest{codebook.data(), codebook.rows(), codebook.cols()};
  nearest(x.data(), x.rows(), [&](Index row, Index code) { found[static_cast<std::size_t>(row)] = code; });
  return found;
}

}  // namespace

TEST_CASE_TEMPLATE("nearest code: is the one at the least distance, at any size", T, float, double) {
  for (const Index codes : {1, 63, 64, 150}) {
    for (const Index width : {1, 5, 40}) {
      for (const Index rows : {1, 128, 300}) {
        const Matrix<T> codebook = random_matrix<T>(codes, width, 1);
        const Matrix<T> x = random_matrix<T>(rows, width, 2);
        const std::vector<Index> found = nearest_codes<T>(codebook, x);
        Index wrong = 0;
        for (Index row = 0; row < rows; ++row) {
          Index expected = 0;
          (codebook.rowwise() - x.row(row)).rowwise().squaredNorm().minCoeff(&expected);
          wrong += found[static_cast<std::size_t>(row)] == expected ? 0 : 1;
        }
        CHECK(wrong == 0);
      }
    }
  }
}

TEST_CASE("nearest code: of equals the first") {
  Matrix<float> codebook(200, 2);
  codebook.setConstant(3);
  for (const Index code : {5, 6, 70, 199}) {
    codebook.row(code).setZero();
  }
  CHECK(nearest_codes(codebook, Matrix<float>(20, 2)) == std::vector<Index>(20, 5));
}

TEST_CASE("nearest code: a row with a NaN has none, its neighbours have theirs") {
  const Matrix<double> codebook = random_matrix<double>(9, 3, 1);
  Matrix<double> x = codebook;
  x(4, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK(nearest_codes(codebook, x) == std::vector<Index>{0, 1, 2, 3, -1, 5, 6, 7, 8});
}

TEST_CASE("nearest code: the number of threads changes nothing") {
  const Matrix<float> codebook = random_matrix<float>(100, 8, 1);
  const Matrix<float> x = random_matrix<float>(5000, 8, 2);
  const auto run = [&](int threads) {
    const ThreadScope scope(threads);
    return nearest_codes(codebook, x);
  };
  const std::vector<Index> expected = run(1);
  CHECK(run(2) == expected);
  CHECK(run(3) == expected);
}
