// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/image_quality.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <span>
#include <vector>

#include "support/golden.hpp"
#include "support/throws_with.hpp"

using vaekit::Matrix;
using vaekit::Shape;

TEST_CASE("image quality: golden values") {
  const Golden golden("metrics");
  const Matrix<double> images = golden.matrix<double>("images");
  const Matrix<double> noisy = golden.matrix<double>("noisy");
  golden.check<double>("ssim", vaekit::structural_similarities(images, noisy, {14, 17, 1}));
  std::vector<double> ratios;
  for (const double error : vaekit::mean_squared_errors(images, noisy)) {
    ratios.push_back(vaekit::peak_signal_to_noise(error));
  }
  golden.check<double>("psnr", std::span<const double>(ratios));
}

TEST_CASE("image quality: equal images, and constants by hand") {
  Matrix<double> x(2, 121);
  x.row(0).setConstant(0.5);
  x.row(1).setLinSpaced(0, 1);
  for (const double similarity : vaekit::structural_similarities(x, x, {11, 11, 1})) {
    CHECK(similarity == doctest::Approx(1));
  }
  CHECK(std::isinf(vaekit::peak_signal_to_noise(0)));
  Matrix<double> y(2, 121);
  y.row(0).setConstant(0.25);
  const double expected = (2 * 0.5 * 0.25 + 1e-4) / (0.25 + 0.0625 + 1e-4);
  CHECK(vaekit::structural_similarities(x, y, {11, 11, 1})[0] == doctest::Approx(expected));
  CHECK(vaekit::mean_squared_errors(x, y)[0] == doctest::Approx(0.0625));
  CHECK(vaekit::peak_signal_to_noise(4, 20) == doctest::Approx(20));
}

TEST_CASE("image quality: the mean ratio is finite where an image has no error") {
  const std::vector<double> errors{0.01, 0.001, 0};
  CHECK(vaekit::mean_peak_signal_to_noise(errors) == doctest::Approx((20.0 + 30 + 100) / 3));
  CHECK(vaekit::mean_peak_signal_to_noise(std::span(errors).first(2)) == doctest::Approx(25));
  CHECK(vaekit::mean_peak_signal_to_noise(std::span(errors).first(2), 10) == doctest::Approx(45));
  CHECK(vaekit::mean_peak_signal_to_noise(errors, 1, 25) == doctest::Approx(70.0 / 3));
  CHECK(vaekit::mean_peak_signal_to_noise(std::vector<double>{1e-10, 1e-12}) == doctest::Approx(100));
  CHECK(std::isnan(vaekit::mean_peak_signal_to_noise(std::vector<double>{std::nan("")})));
}

TEST_CASE("image quality: channels are averaged") {
  const Golden golden("metrics");
  const Matrix<double> images = golden.matrix<double>("images");
  const Matrix<double> noisy = golden.matrix<double>("noisy");
  Matrix<double> x(1, 2 * images.cols());
  Matrix<double> y(1, 2 * images.cols());
  for (vaekit::Index p = 0; p < images.cols(); ++p) {
    x.row(0).segment(2 * p, 2) << images(0, p), images(1, p);
    y.row(0).segment(2 * p, 2) << noisy(0, p), noisy(1, p);
  }
  const std::vector<double> each = vaekit::structural_similarities(images, noisy, {14, 17, 1});
  CHECK(vaekit::structural_similarities(x, y, {14, 17, 2})[0] == doctest::Approx((each[0] + each[1]) / 2));
}

TEST_CASE("image quality: small images and other sizes are refused") {
  const Matrix<double> x(1, 110);
  check_throws_with<vaekit::ShapeError>(
      "structural_similarities: images are 10x11x1, must be at least 11x11", [&] {
        static_cast<void>(vaekit::structural_similarities(x, x, Shape{10, 11, 1}));
      });
  check_throws_with<vaekit::ShapeError>(
      "mean_squared_errors: y has 1 columns, must have 110 (columns of x)",
      [&] { static_cast<void>(vaekit::mean_squared_errors(x, Matrix<double>(1, 1))); });
}
