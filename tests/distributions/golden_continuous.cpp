// SPDX-License-Identifier: MIT
//
// Continuous and discretized likelihoods against tests/golden/continuous.safetensors, which PyTorch made.
#include <doctest/doctest.h>

#include "support/distribution_suite.hpp"
#include "support/golden.hpp"
#include "vaekit/distributions/continuous_bernoulli.hpp"
#include "vaekit/distributions/discretized_logistic_mixture.hpp"
#include "vaekit/distributions/laplace.hpp"
#include "vaekit/distributions/student_t.hpp"

using namespace vaekit;
using likelihood_suite::Pass;

namespace {

/// Some matrices side by side: the head of a likelihood with several predicted parameters.
template <class T>
Matrix<T> head_of(const Golden& golden, std::initializer_list<std::string> names) {
  std::vector<Matrix<T>> blocks;
  Index cols = 0;
  for (const std::string& name : names) {
    blocks.push_back(golden.matrix<T>(name));
    cols += blocks.back().cols();
  }
  Matrix<T> head(blocks.front().rows(), cols);
  Index column = 0;
  for (const Matrix<T>& block : blocks) {
    head.middleCols(column, block.cols()) = block;
    column += block.cols();
  }
  return head;
}

/// Values, mean and the gradients of `names`, one for each block of the head; returns those of the
/// likelihood's own parameters.
template <class L>
L check_values(const Golden& golden, const L& likelihood, const std::string& name,
               std::initializer_list<std::string> names, const std::string& data,
               std::initializer_list<std::string> gradients) {
  using T = typename L::Scalar;
  const Matrix<T> head = head_of<T>(golden, names);
  const Pass pass(likelihood, head, golden.matrix<T>(data), golden.matrix<T>("dout"));
  golden.check<T>(name, pass.out.span());
  Matrix<T> mean(head.rows(), likelihood.feature_count());
  likelihood.mean(head, mean);
  golden.check<T>(name + "_mean", mean.span());
  const Index width = head.cols() / static_cast<Index>(gradients.size());
  Index column = 0;
  for (const std::string& gradient : gradients) {
    golden.check<T>(concat(name, '_', gradient, "_gradient"),
                    Matrix<T>(pass.gradient.middleCols(column, width)));
    column += width;
  }
  return pass.own;
}

}  // namespace

TEST_CASE_TEMPLATE("laplace: values and gradients are PyTorch's", T, float, double) {
  const Golden golden("continuous");
  check_values(golden, Laplace<T>({.spread = ParameterSource::predicted}, 11), "laplace", {"mu", "log_scale"},
               "x", {"mu", "log_scale"});
}

TEST_CASE_TEMPLATE("student_t: values and gradients are PyTorch's", T, float, double) {
  const Golden golden("continuous");
  check_values(
      golden,
      StudentT<T>({.spread = ParameterSource::predicted, .freedom_source = ParameterSource::predicted}, 11),
      "student_t", {"mu", "log_scale", "log_freedom"}, "x", {"mu", "log_scale", "log_freedom"});
}

TEST_CASE_TEMPLATE("continuous_bernoulli: values and gradients are PyTorch's", T, float, double) {
  const Golden golden("continuous");
  check_values(golden, ContinuousBernoulli<T>({}, 11), "continuous_bernoulli", {"logits"}, "grey",
               {"logits"});
}

TEST_CASE_TEMPLATE("discretized_logistic: values and gradients are PyTorch's", T, float, double) {
  const Golden golden("continuous");
  DiscretizedLogistic<T> likelihood({.spread = ParameterSource::per_feature}, 11);
  golden.copy_to<T>("width", likelihood.log_scale().span());
  const auto own =
      check_values(golden, likelihood, "discretized_logistic", {"location"}, "grey", {"location"});
  golden.check<T>("discretized_logistic_width_gradient", own.log_scale().span());
}

TEST_CASE_TEMPLATE("discretized_logistic_mixture: values and gradients are PyTorch's", T, float, double) {
  const Golden golden("continuous");
  check_values(golden, DiscretizedLogisticMixture<T>({.components = 3}, 11), "mixture", {"mixture_head"},
               "grey", {"head"});
}
