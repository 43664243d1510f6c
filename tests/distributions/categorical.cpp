// SPDX-License-Identifier: MIT
#include "vaekit/distributions/categorical.hpp"

#include <doctest/doctest.h>

#include "support/distribution_suite.hpp"
#include "support/golden.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;
using namespace likelihood_suite;

namespace {

constexpr Index class_count = 4;

template <class T>
Categorical<T> make_index(Index features) {
  return Categorical<T>({.classes = class_count}, features);
}
template <class T>
Categorical<T> make_one_hot(Index positions) {
  return Categorical<T>({.classes = class_count, .encoding = CategoricalEncoding::one_hot},
                        positions * class_count);
}

/// What numbers of classes can join of the suite: they have no mean and no variance, and the logits of a
/// feature lie side by side.
struct IndexCase {
  template <class T>
  static Categorical<T> make(Index features) {
    return make_index<T>(features);
  }
  static std::vector<Node> nodes(const Numbers&) { return {{0, 1}, {1, 1}, {2, 1}, {3, 1}}; }
  static double datum(double normal) { return std::clamp(std::floor(2 + normal), 0.0, 3.0); }
  static std::vector<Numbers> extremes() {
    return {{-1e30, 0, 0, 1e30}, {1e30, 1e30, 1e30, 1e30}, {-1e4, -1e4, -1e4, -1e4}, {1e4, 0, -1e4, 5}};
  }
};

/// Numbers of classes, and the same as columns of 0 and 1.
template <class T>
std::pair<Matrix<T>, Matrix<T>> random_labels(Index rows, Index positions, std::uint64_t seed) {
  std::pair<Matrix<T>, Matrix<T>> result{likelihood_suite::random_data<IndexCase, T>(rows, positions, seed),
                                         Matrix<T>(rows, positions * class_count)};
  for (Index row = 0; row < rows; ++row) {
    for (Index position = 0; position < positions; ++position) {
      result.second(row, position * class_count + static_cast<Index>(result.first(row, position))) = 1;
    }
  }
  return result;
}

template <class T>
T log_prob_of(const std::vector<T>& logits, T x) {
  const auto count = static_cast<Index>(logits.size());
  Matrix<T> params(1, count);
  std::ranges::copy(logits, params.data());
  Matrix<T> data(1, 1);
  data(0, 0) = x;
  T out = 0;
  Categorical<T>({.classes = count}, 1).log_prob(params, data, std::span(&out, 1));
  return out;
}

}  // namespace

TEST_CASE("categorical: keeps the contract of a likelihood") {
  check_total_probability<IndexCase>();
  check_gradients<IndexCase>();
  check_shared_inputs<IndexCase>();
}

TEST_CASE_TEMPLATE("categorical: keeps the contract of a likelihood in both precisions", T, float, double) {
  static_assert(Likelihood<Categorical<T>>);
  check_forward_is_log_prob<IndexCase, T>();
  check_strided_arguments<IndexCase, T>();
  check_extremes<IndexCase, T>();
  check_threads<IndexCase, T>();
}

TEST_CASE_TEMPLATE("categorical: one_hot data say what numbers of classes say", T, float, double) {
  for (const Index positions : {1, 3, 16}) {
    const Matrix<T> params = random_params(make_index<T>(positions), 8, 1, 2);
    const auto [labels, one_hot] = random_labels<T>(4, positions, 2);
    const Matrix<T> dout = random_matrix<T>(1, 8, 3);
    const Pass expected(make_index<T>(positions), params, labels, dout);
    const Pass got(make_one_hot<T>(positions), params, one_hot, dout);
    Matrix<T> log_prob(1, 8);
    make_one_hot<T>(positions).log_prob(params, one_hot, log_prob.span());
    for (Index row = 0; row < 8; ++row) {
      CHECK(
          near(static_cast<double>(got.out(0, row)), static_cast<double>(expected.out(0, row)), rounding<T>));
      CHECK(got.out(0, row) == log_prob(0, row));
    }
    CHECK(got.gradient == expected.gradient);
  }
}

TEST_CASE("categorical: gradients of shares are those of finite differences") {
  const Categorical<double> likelihood = make_one_hot<double>(3);
  Matrix<double> params = random_params(likelihood, 6, 4);
  Matrix<double> x = random_matrix<double>(3, 12, 5);
  x = x.cwiseAbs();
  const Matrix<double> dout = random_matrix<double>(1, 6, 6);
  const Pass pass(likelihood, params, x, dout);
  check_finite_differences(params.span(), pass.gradient.span(),
                           [&] { return weighted_log_prob(likelihood, params, x, dout); });
}

TEST_CASE_TEMPLATE("categorical: log-probabilities of known logits", T, float, double) {
  const T l1 = static_cast<T>(std::log(1.0));
  const T l2 = static_cast<T>(std::log(2.0));
  const T l5 = static_cast<T>(std::log(5.0));
  CHECK(static_cast<double>(log_prob_of<T>({l1, l2, l5}, 2)) == doctest::Approx(std::log(5.0 / 8)));
  CHECK(static_cast<double>(log_prob_of<T>({l1 - 90, l2 - 90, l5 - 90}, 0)) ==
        doctest::Approx(std::log(1.0 / 8)));
}

TEST_CASE_TEMPLATE("categorical: extreme logits give the right values, not only finite ones", T, float,
                   double) {
  const T huge = static_cast<T>(1e30);
  CHECK(log_prob_of<T>({huge, 0, -huge}, 0) == 0);
  CHECK(log_prob_of<T>({huge, 0, -huge}, 1) == -huge);
  CHECK(static_cast<double>(log_prob_of<T>({huge, huge}, 1)) == doctest::Approx(-std::log(2.0)));
  CHECK(log_prob_of<T>({0, T{1e4}}, 0) == T{-1e4});
  Matrix<T> params(1, 3);
  Matrix<T> x(1, 1);
  Matrix<T> dout(1, 1);
  params << huge, 0, -huge;
  x(0, 0) = 1;
  dout(0, 0) = 1;
  Matrix<T> expected(1, 3);
  expected << -1, 1, 0;
  CHECK(Pass(Categorical<T>({.classes = 3}, 1), params, x, dout).gradient == expected);
}

TEST_CASE_TEMPLATE("categorical: NaN, and what is no class, give NaN for that row", T, float, double) {
  const T nan = std::numeric_limits<T>::quiet_NaN();
  const Index positions = 5;
  Matrix<T> dout(1, 3);
  dout.setOnes();
  const auto [labels, one_hot] = random_labels<T>(3, positions, 7);
  const Matrix<T> clean = random_params(make_index<T>(positions), 3, 8);
  for (const bool is_one_hot : {false, true}) {
    const Categorical<T> likelihood = is_one_hot ? make_one_hot<T>(positions) : make_index<T>(positions);
    const auto check = [&](const Matrix<T>& params, const Matrix<T>& x, Index j) {
      const Pass pass(likelihood, params, x, dout);
      Matrix<T> log_prob(1, 3);
      likelihood.log_prob(params, x, log_prob.span());
      CHECK(std::isnan(pass.out(0, 1)));
      CHECK(std::isnan(log_prob(0, 1)));
      CHECK(std::isnan(pass.gradient(1, j)));
      CHECK(std::isfinite(pass.out(0, 0)));
      CHECK(std::isfinite(pass.out(0, 2)));
    };
    const Matrix<T>& data = is_one_hot ? one_hot : labels;
    for (Index j = 0; j < clean.cols(); ++j) {
      Matrix<T> params = clean;
      params(1, j) = nan;
      check(params, data, j);
      Matrix<T> mean(3, data.cols());
      Matrix<T> sample(3, data.cols());
      likelihood.mean(params, mean);
      likelihood.sample(params, RandomStream(1, Purpose::likelihood), sample);
      const Index column = is_one_hot ? j : j / class_count;
      CHECK(std::isnan(mean(1, column)));
      CHECK(std::isnan(sample(1, column)));
      CHECK(mean.row(0).allFinite());
    }
    for (Index j = 0; j < data.cols(); ++j) {
      for (const T wrong : {nan, T{-1}, static_cast<T>(class_count), T{0.5}, static_cast<T>(1e30)}) {
        if (!is_one_hot || std::isnan(wrong)) {
          Matrix<T> x = data;
          x(1, j) = wrong;
          check(clean, x, is_one_hot ? j : j * class_count);
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("categorical: frequencies of samples are the probabilities", T, float, double) {
  constexpr Index count = 20'000;
  const Categorical<T> one_hot = make_one_hot<T>(2);
  const Categorical<T> index = make_index<T>(2);
  Matrix<T> params(count, 8);
  params.rowwise() = random_matrix<T>(1, 8, 9).row(0);
  Matrix<T> mean(count, 8);
  Matrix<T> labels(count, 2);
  Matrix<T> columns(count, 8);
  one_hot.mean(params, mean);
  one_hot.sample(params, RandomStream(7, Purpose::likelihood), columns);
  index.sample(params, RandomStream(7, Purpose::likelihood), labels);
  for (Index j = 0; j < 8; ++j) {
    const double p = static_cast<double>(mean(0, j));
    const double frequency = columns.col(j).template cast<double>().mean();
    CHECK(std::abs(frequency - p) < 5 * std::sqrt(p * (1 - p) / count));
    // Both encodings of one stream are the same classes.
    CHECK((labels.col(j / class_count).array() == static_cast<T>(j % class_count))
              .template cast<T>()
              .matrix() == columns.col(j));
  }
  Matrix<T> again(count, 2);
  index.sample(params, RandomStream(8, Purpose::likelihood), again);
  CHECK(again != labels);
}

TEST_CASE("categorical: the mean is the probabilities, or the most probable class") {
  Matrix<double> params(1, 8);
  params << 0, 3, 3, 1, std::log(1.0), std::log(2.0), std::log(3.0), std::log(4.0);
  Matrix<double> label(1, 2);
  make_index<double>(2).mean(params, label);
  CHECK(label(0, 0) == 1);
  CHECK(label(0, 1) == 3);
  Matrix<double> probability(1, 8);
  make_one_hot<double>(2).mean(params, probability);
  CHECK(probability(0, 4) == doctest::Approx(0.1).epsilon(1e-14));
  CHECK(probability(0, 7) == doctest::Approx(0.4).epsilon(1e-14));
}

TEST_CASE("categorical: samples of extreme logits are the certain class") {
  Matrix<float> params(100, 4);
  params.rowwise() = Eigen::RowVector4f(-1e30F, 1e4F, 0, -1e4F);
  Matrix<float> x(100, 1);
  make_index<float>(1).sample(params, RandomStream(1, Purpose::likelihood), x);
  CHECK((x.array() == 1).all());
}

TEST_CASE_TEMPLATE("categorical: values and gradients are PyTorch's", T, float, double) {
  const Golden golden("counts");
  const Matrix<T> params = golden.matrix<T>("categorical.params");
  const Matrix<T> x = golden.matrix<T>("categorical.x");
  const Matrix<T> one_hot = golden.matrix<T>("categorical.one_hot");
  const Pass index(Categorical<T>({.classes = 5}, x.cols()), params, x, golden.matrix<T>("dout"));
  golden.check<T>("categorical", index.out);
  golden.check<T>("categorical.params.gradient", index.gradient);
  const Categorical<T> columns({.classes = 5, .encoding = CategoricalEncoding::one_hot}, one_hot.cols());
  const Pass pass(columns, params, one_hot, golden.matrix<T>("dout"));
  golden.check<T>("categorical", pass.out);
  golden.check<T>("categorical.params.gradient", pass.gradient);
  Matrix<T> mean(params.rows(), params.cols());
  columns.mean(params, mean);
  golden.check_each<T>("categorical.probabilities", mean.span(), 1e-2);
}

TEST_CASE("categorical: nothing is allocated") {
  likelihood_suite::check_no_allocation(make_index<float>(9), random_labels<float>(3, 9, 4).first, 2);
}

TEST_CASE("categorical: sizes, support and what it refuses") {
  const Categorical<float> index({.classes = 27}, 10);
  CHECK(index.head_size() == 270);
  CHECK(index.support(3) == Support{.minimum = 0, .maximum = 26, .integer = true});
  CHECK(parameter_count(index) == 0);
  const Categorical<float> one_hot({.classes = 5, .encoding = CategoricalEncoding::one_hot}, 10);
  CHECK(one_hot.head_size() == 10);
  CHECK(one_hot.support(3) == Support{.minimum = 0, .maximum = 1, .integer = true});
  check_throws_with<ConfigError>("categorical: classes is 1, must be in [2, 1000000]",
                                 [] { Categorical<float>({.classes = 1}, 3); });
  check_throws_with<ConfigError>(
      "categorical: data have 7 features, must be a multiple of 3 (classes, one_hot)",
      [] { Categorical<float>({.classes = 3, .encoding = CategoricalEncoding::one_hot}, 7); });
}
