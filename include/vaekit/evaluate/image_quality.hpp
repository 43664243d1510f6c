// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <vector>

#include "vaekit/core/check.hpp"
#include "vaekit/core/error.hpp"
#include "vaekit/core/shape.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Mean squared error of each row. x, y [n × features]
///
/// Throws  ShapeError
[[nodiscard]] inline std::vector<double> mean_squared_errors(MatrixIn<double> x, MatrixIn<double> y) {
  check_rows("mean_squared_errors", "y", y, x.rows(), "rows of x");
  check_columns("mean_squared_errors", "y", y, x.cols(), "columns of x");
  std::vector<double> errors;
  for (Index i = 0; i < x.rows(); ++i) {
    errors.push_back((x.row(i) - y.row(i)).squaredNorm() / static_cast<double>(x.cols()));
  }
  return errors;
}

/// Peak signal-to-noise ratio of values in [0, peak], in decibels: 10 log₁₀(peak² / error); infinite without
/// error.
[[nodiscard]] inline double peak_signal_to_noise(double mean_squared_error, double peak = 1) {
  return 10 * std::log10(peak * peak / mean_squared_error);
}

/// Mean over images of their peak signal-to-noise ratios, each at most `most` decibels: one image without
/// error would make the mean infinite.
///
/// errors [n]: mean squared errors of the images, n ≥ 1
[[nodiscard]] inline double mean_peak_signal_to_noise(std::span<const double> errors, double peak = 1,
                                                      double most = 100) {
  double sum = 0;
  for (const double error : errors) {
    sum += std::min(peak_signal_to_noise(error, peak), most);
  }
  return sum / static_cast<double>(errors.size());
}

namespace detail {

inline constexpr Index ssim_window = 11;

/// A Gaussian of deviation 1.5 at −5 .. 5, of sum 1.
[[nodiscard]] inline std::array<double, ssim_window> ssim_weights() {
  std::array<double, ssim_window> weights{};
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double place = static_cast<double>(i) - 5;
    weights[i] = std::exp(-place * place / (2 * 1.5 * 1.5));
    sum += weights[i];
  }
  for (double& weight : weights) {
    weight /= sum;
  }
  return weights;
}

/// Weighted means over all windows that lie within the image. [height × width] to [height − 10 × width − 10]
[[nodiscard]] inline Matrix<double> ssim_means(const Matrix<double>& image) {
  const std::array<double, ssim_window> weights = ssim_weights();
  const Index rows = image.rows() - ssim_window + 1;
  const Index columns = image.cols() - ssim_window + 1;
  Matrix<double> across(image.rows(), columns);
  Matrix<double> means(rows, columns);
  for (Index i = 0; i < ssim_window; ++i) {
    across += weights[static_cast<std::size_t>(i)] * image.middleCols(i, columns);
  }
  for (Index i = 0; i < ssim_window; ++i) {
    means += weights[static_cast<std::size_t>(i)] * across.middleRows(i, rows);
  }
  return means;
}

/// Of two images of one channel.
[[nodiscard]] inline double ssim_of_channel(const Matrix<double>& x, const Matrix<double>& y, double peak) {
  const double c1 = 0.01 * peak * 0.01 * peak;
  const double c2 = 0.03 * peak * 0.03 * peak;
  const Matrix<double> mx = ssim_means(x);
  const Matrix<double> my = ssim_means(y);
  const Matrix<double> xx = ssim_means(x.cwiseProduct(x));
  const Matrix<double> yy = ssim_means(y.cwiseProduct(y));
  const Matrix<double> xy = ssim_means(x.cwiseProduct(y));
  double sum = 0;
  for (Index i = 0; i < mx.size(); ++i) {
    const double a = mx.data()[i];
    const double b = my.data()[i];
    const double covariance = xy.data()[i] - a * b;
    const double variances = xx.data()[i] - a * a + yy.data()[i] - b * b;
    sum += (2 * a * b + c1) * (2 * covariance + c2) / ((a * a + b * b + c1) * (variances + c2));
  }
  return sum / static_cast<double>(mx.size());
}

}  // namespace detail

/// Structural similarity of each pair of images, averaged over windows and channels; 1 for equal images.
///
///   SSIM = (2 μ_x μ_y + c₁)(2 σ_xy + c₂) / ((μ_x² + μ_y² + c₁)(σ_x² + σ_y² + c₂))
///
/// in windows of 11 × 11 pixels with Gaussian weights of deviation 1.5, wholly within the image; c₁ = (0.01
/// peak)², c₂ = (0.03 peak)².
/// Shapes  x, y [n × shape.size()], values in [0, peak]
/// Throws  ShapeError when sizes differ or images are smaller than a window
/// Source  Wang, Bovik, Sheikh, Simoncelli 2004 (IEEE Transactions on Image Processing 13), section III.B
[[nodiscard]] inline std::vector<double> structural_similarities(MatrixIn<double> x, MatrixIn<double> y,
                                                                 const Shape& shape, double peak = 1) {
  constexpr std::string_view where = "structural_similarities";
  check_rows(where, "y", y, x.rows(), "rows of x");
  check_columns(where, "x", x, shape.size(), "features of an image");
  check_columns(where, "y", y, shape.size(), "features of an image");
  if (std::min(shape.height, shape.width) < detail::ssim_window) {
    throw ShapeError(concat(where, ": images are ", to_string(shape), ", must be at least 11x11"));
  }
  const auto channel = [&](MatrixIn<double> images, Index row, Index c) {
    Matrix<double> out(shape.height, shape.width);
    for (Index p = 0; p < out.size(); ++p) {
      out.data()[p] = images(row, p * shape.channels + c);
    }
    return out;
  };
  std::vector<double> similarities;
  for (Index i = 0; i < x.rows(); ++i) {
    double sum = 0;
    for (Index c = 0; c < shape.channels; ++c) {
      sum += detail::ssim_of_channel(channel(x, i, c), channel(y, i, c), peak);
    }
    similarities.push_back(sum / static_cast<double>(shape.channels));
  }
  return similarities;
}

}  // namespace vaekit::inline VAEKIT_ABI
