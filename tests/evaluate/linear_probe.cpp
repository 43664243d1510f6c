// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/linear_probe.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "support/golden.hpp"
#include "support/same_bits.hpp"
#include "support/throws_with.hpp"
#include "vaekit/core/parallel.hpp"

using vaekit::LinearProbe;
using vaekit::Matrix;

namespace {

struct ProbeData {
  Golden golden{"metrics"};
  Matrix<double> codes = golden.matrix<double>("codes");
  std::vector<std::int32_t> labels;

  ProbeData() {
    const Matrix<double> factors = golden.matrix<double>("factors");
    for (vaekit::Index i = 0; i < 500; ++i) {
      labels.push_back(static_cast<std::int32_t>(factors(i, 0)));
    }
  }
};

}  // namespace

TEST_CASE("linear probe: loss and classes of the golden problem") {
  const ProbeData data;
  const std::span<const std::int32_t> labels(data.labels);
  const LinearProbe probe(data.codes.topRows(400), labels.first(400), 3);
  const std::vector<double> expected = vaekit::tensor_values<double>(data.golden.tensor("probe_loss"));
  CHECK(probe.loss() == doctest::Approx(expected[0]).epsilon(1e-5));
  const std::vector<std::int32_t> classes = probe.predict(data.codes.bottomRows(100));
  data.golden.check<double>("probe_classes", std::vector<double>(classes.begin(), classes.end()));
  CHECK(probe.accuracy(data.codes.bottomRows(100), labels.last(100)) > 0.98);
}

TEST_CASE("linear probe: the same on three threads") {
  const ProbeData data;
  const vaekit::ThreadScope scope(1);
  const LinearProbe one(data.codes, data.labels, 3);
  const vaekit::ThreadScope more(3);
  const LinearProbe three(data.codes, data.labels, 3);
  CHECK(one.loss() == three.loss());
}

TEST_CASE("linear probe: of noise it tells no more than the most frequent class") {
  Matrix<double> x(300, 3);
  std::vector<std::int32_t> labels;
  for (vaekit::Index i = 0; i < 300; ++i) {
    const auto t = static_cast<double>(i);
    x.row(i) << std::sin(1.1 * t), std::sin(2.3 * t + 1), 7;
    labels.push_back(i % 3 == 0 ? 1 : 0);
  }
  CHECK(LinearProbe(x, labels, 2).accuracy(x, labels) == doctest::Approx(2.0 / 3).epsilon(0.02));
}

TEST_CASE("linear probe: labels and features that do not fit are refused") {
  check_throws_with<vaekit::ShapeError>("linear probe: has 1 labels, must have 2 (rows), at least 1", [] {
    LinearProbe(Matrix<double>(2, 1), std::vector<std::int32_t>{0}, 2);
  });
  check_throws_with<vaekit::DataError>("linear probe: label is 2, must be in 0 .. 1", [] {
    LinearProbe(Matrix<double>(1, 1), std::vector<std::int32_t>{2}, 2);
  });
  check_throws_with<vaekit::DataError>("linear probe: label is -3, must be in 0 .. -3", [] {
    LinearProbe(Matrix<double>(1, 1), std::vector<std::int32_t>{-3}, -2);
  });
  const LinearProbe probe(Matrix<double>(2, 3), std::vector<std::int32_t>{0, 1}, 2);
  check_throws_with<vaekit::ShapeError>("linear probe: x has 1 columns, must have 3 (features)",
                                        [&] { static_cast<void>(probe.predict(Matrix<double>(1, 1))); });
}

TEST_CASE("linear probe: features that are not finite are refused") {
  Matrix<double> x(2, 1);
  x(1, 0) = std::numeric_limits<double>::infinity();
  check_throws_with<vaekit::NumericError>("linear probe: has a feature that is not finite, all must be", [&] {
    LinearProbe(x, std::vector<std::int32_t>{0, 1}, 2);
  });
}
