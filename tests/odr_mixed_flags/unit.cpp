// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "vaekit/core/matrix.hpp"
#include "vaekit/core/parallel.hpp"
#include "vaekit/kernels/gemm.hpp"
#include "vaekit/kernels/random.hpp"

Unit VAEKIT_TEST_UNIT;

UnitResult VAEKIT_TEST_UNIT(float* values, std::size_t count) {
  UnitResult result{};
  result.instruction_set = vaekit::instruction_set;
  result.has_openmp = vaekit::has_openmp;

  vaekit::parallel_for(static_cast<vaekit::Index>(count), 64, [&](vaekit::Index first, vaekit::Index last) {
    std::for_each(values + first, values + last, [](float& value) { value *= 2.0f; });
  });

  vaekit::Matrix<float> normals(1000, 100);
  const vaekit::RandomStream stream(7, vaekit::Purpose::evaluation);
  vaekit::fill_normal(normals.span(), stream);
  std::copy_n(normals.data(), 16, result.normals);

  std::vector<double> partials;
  result.sum = vaekit::parallel_sum(normals.size(), partials, [&](vaekit::Index first, vaekit::Index last) {
    double sum = 0;
    for (vaekit::Index i = first; i < last; ++i) {
      sum += static_cast<double>(normals.data()[i]);
    }
    return sum;
  });

  vaekit::Matrix<float> product(4, 4);
  vaekit::gemm<float>(vaekit::as_is<float>(normals.topRows(4)), vaekit::transposed<float>(normals.topRows(4)),
                      normals.cols(), product, vaekit::Store::overwrite);
  std::copy_n(product.data(), 16, result.product);

  vaekit::Matrix<float> copy = normals;
  vaekit::RowVector<float> row(5);
  copy.resize(3, 7);
  result.aligned = true;
  for (const float* p : {normals.data(), product.data(), copy.data(), row.data()}) {
    result.aligned = result.aligned && reinterpret_cast<std::uintptr_t>(p) % vaekit::alignment == 0;
  }
  return result;
}
