// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "vaekit/core/random.hpp"
#include "vaekit/distributions/distribution.hpp"
#include "vaekit/distributions/library_size.hpp"
#include "vaekit/evaluate/finding.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

/// First and second differences of log p(x|θ) along random signs, x ~ p(x|θ), in many draws.
template <class LikelihoodType>
class LikelihoodDifferences {
 public:
  using T = typename LikelihoodType::Scalar;

  LikelihoodDifferences(const LikelihoodType& likelihood, MatrixIn<T> params, std::uint64_t seed)
      : likelihood_(likelihood),
        params_(params),
        stream_(RandomStream(seed, Purpose::likelihood)),
        direction_(params.rows(), params.cols()),
        moved_(params.rows(), params.cols()),
        x_(params.rows(), likelihood.feature_count()),
        at_(static_cast<std::size_t>(params.rows())),
        above_(at_),
        below_(at_) {}

  struct Sums {
    double squares = 0;     ///< Σ (½ (log p₊ − log p₋))²
    double fourths = 0;     ///< Σ of the squares of these, for their standard error
    double curvatures = 0;  ///< −Σ (log p₊ + log p₋ − 2 log p)
    double rounding = 0;    ///< what of it may be rounding
    Index count = 0;
  };
  void add(double step, std::uint64_t draw, Sums& sums) {
    draw_direction(draw);
    likelihood_.sample(params_, stream_.child(2 * draw), x_);
    likelihood_.log_prob(params_, x_, at_);
    moved_ = params_ + static_cast<T>(step) * direction_;
    likelihood_.log_prob(moved_, x_, above_);
    moved_ = params_ - static_cast<T>(step) * direction_;
    likelihood_.log_prob(moved_, x_, below_);
    for (std::size_t i = 0; i < at_.size(); ++i) {
      const auto middle = static_cast<double>(at_[i]);
      const double up = static_cast<double>(above_[i]) - middle;
      const double down = static_cast<double>(below_[i]) - middle;
      if (std::isfinite(up) && std::isfinite(down)) {
        const double square = 0.25 * (up - down) * (up - down);
        sums.squares += square;
        sums.fourths += square * square;
        sums.curvatures -= up + down;
        sums.rounding += 8 * static_cast<double>(std::numeric_limits<T>::epsilon()) * std::abs(middle);
        ++sums.count;
      }
    }
  }

 private:
  void draw_direction(std::uint64_t draw) {
    const RandomStream stream = stream_.child(2 * draw + 1);
    for (Index i = 0; i < direction_.size(); ++i) {
      const auto element = static_cast<std::uint64_t>(i);
      const std::uint32_t word = stream.words(element / 4)[element % 4];
      direction_.data()[i] = (word & 1U) != 0 ? T{1} : T{-1};
    }
  }

  const LikelihoodType& likelihood_;
  Matrix<T> params_;
  RandomStream stream_;
  Matrix<T> direction_;
  Matrix<T> moved_;
  Matrix<T> x_;
  std::vector<T> at_, above_, below_;
};

}  // namespace detail

/// The factor c by which `log_prob` is a multiple of a log-density, from the information identity: for x
/// drawn from p(x|θ), score s and Hessian H of log p along any direction,
///
///   E[s²] = −E[H],   so that c log p has   c = E[(c s)²] / −E[c H].
///
/// Differences of log p stand for both, so densities with kinks (Laplace) are no exception. Directions are
/// random signs, of a length that changes log p by about ¼ nat. None when log p does not depend on `params`,
/// or less than rounding shows, or when E[s²] is not known to a tenth.
///
/// Shapes   params [n × head_size]
/// Accuracy about 3 % for n = 64
/// Threads  the result does not depend on their number
/// Source   Lehmann & Casella: Theory of Point Estimation (1998), section 2.5
template <class LikelihoodType>
[[nodiscard]] std::optional<double> log_density_factor(const LikelihoodType& likelihood,
                                                       MatrixIn<typename LikelihoodType::Scalar> params,
                                                       std::uint64_t seed) {
  const auto draws = std::max<std::uint64_t>(32, 2048 / static_cast<std::uint64_t>(params.rows()));
  constexpr double probe = 1e-2;
  detail::LikelihoodDifferences<LikelihoodType> differences(likelihood, params, seed);
  typename decltype(differences)::Sums sums;
  differences.add(probe, draws, sums);
  if (sums.count == 0 || !(sums.squares > 0)) {
    return std::nullopt;
  }
  const double change = std::sqrt(sums.squares / static_cast<double>(sums.count));
  const double step = std::clamp(0.25 * probe / change, 1e-7, 1.0);
  sums = {};
  for (std::uint64_t draw = 0; draw < draws; ++draw) {
    differences.add(step, draw, sums);
  }
  // Few draws with nearly all of the sum, as of values that are almost certain: the mean is not known.
  const bool unsure = std::sqrt(sums.fourths) > 0.1 * sums.squares;
  if (sums.count == 0 || std::abs(sums.curvatures) <= sums.rounding || unsure) {
    return std::nullopt;
  }
  return sums.squares / sums.curvatures;
}

/// "likelihood": log p(x|z) must be a log-density, a factor outside [0.7, 1.4] is a fault (1/D: averaged over
/// D features). At the outputs of the model's head for the inputs x.
///
/// Arguments  x [n × features + condition]
/// Threads    the result does not depend on their number
template <class Model>
[[nodiscard]] std::vector<Finding> check_likelihood(const Model& model, MatrixIn<typename Model::Scalar> x,
                                                    std::uint64_t seed) {
  constexpr std::string_view check = "likelihood";
  if (!is_density_of_draws(model.likelihood)) {
    return {Finding::skipped(check, "log p(x|z) is given the total of x (library_size)")};
  }
  typename Model::Workspace w = model.make_inference_workspace(x.rows());
  model.draw_evaluation_noise(seed, 0, x.rows(), w);
  model.terms(x, w);
  const std::optional<double> factor = log_density_factor(model.likelihood, w.params.topRows(x.rows()), seed);
  if (!factor) {
    return {Finding::skipped(check, "log p(x|z) does not change enough with the decoder's outputs")};
  }
  const std::string figure = concat("log p(x|z) is ", rounded(*factor), " times a log-density");
  if (*factor > 0.7 && *factor < 1.4) {
    return {Finding::ok(check, figure)};
  }
  const double averaged = *factor * static_cast<double>(model.features());
  return {Finding::fault(check, figure,
                         averaged > 0.7 && averaged < 1.4
                             ? concat("it is a mean over the ", model.features(),
                                      " features: sum it, or the KL term weighs that much more")
                             : std::string("log_prob must be the logarithm of the density that sample draws "
                                           "from, summed over the features"))};
}

}  // namespace vaekit::inline VAEKIT_ABI
