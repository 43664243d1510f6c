// SPDX-License-Identifier: MIT
//
// What every objective must do: gradients of all its terms, PyTorch's values, NaN, a batch that shrinks.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/distribution_suite.hpp"
#include "support/golden.hpp"
#include "vaekit/objectives/objective.hpp"

namespace objective_suite {

using namespace vaekit;
using likelihood_suite::random_matrix;

template <class T>
struct NamedTerm {
  const char* name;
  Matrix<T>* value;
};

/// The terms that have gradients.
template <class T>
std::vector<NamedTerm<T>> list(Terms<T>& t) {
  return {{"log_likelihood", &t.log_likelihood},
          {"kl", &t.kl},
          {"log_q", &t.log_q},
          {"log_p", &t.log_p},
          {"z", &t.z},
          {"mu", &t.mu},
          {"logvar", &t.logvar}};
}

/// Empty terms of the sizes that the objective asks for.
template <class T, class O>
Terms<T> terms_for(const O& objective, Index batch, Index dim) {
  Terms<T> terms(batch, objective.samples(), dim);
  terms.provide(needs_of(objective), dim);
  return terms;
}

template <class T, class O>
Terms<T> random_terms(const O& objective, Index batch, Index dim) {
  Terms<T> terms = terms_for<T>(objective, batch, dim);
  std::uint64_t seed = 1;
  for (const auto& term : list(terms)) {
    *term.value = random_matrix<T>(term.value->rows(), term.value->cols(), seed++);
  }
  terms.prior_z = random_matrix<T>(terms.prior_z.rows(), terms.prior_z.cols(), seed);
  return terms;
}

template <class O>
void check_gradients(const O& objective) {
  for (const Index batch : {1, 3, 8}) {
    Terms<double> terms = random_terms<double>(objective, batch, 4);
    Terms<double> gradients = terms_for<double>(objective, batch, 4);
    Terms<double> unused = terms_for<double>(objective, batch, 4);
    objective.evaluate(terms, 0.0, gradients);
    const auto loss = [&] {
      unused.set_zero();
      return objective.evaluate(terms, 0.0, unused).loss;
    };
    const auto values = list(terms);
    const auto slopes = list(gradients);
    for (std::size_t i = 0; i < values.size(); ++i) {
      INFO(values[i].name);
      check_finite_differences(values[i].value->span(), slopes[i].value->span(), loss);
    }
  }
}

/// Against tests/golden/objectives.safetensors; `source` names the stored terms.
template <class T, class O>
void check_golden(const std::string& name, const std::string& source, const O& objective) {
  const Golden golden("objectives");
  Terms<T> terms = terms_for<T>(objective, 6, 3);
  Terms<T> gradients = terms_for<T>(objective, 6, 3);
  for (const auto& term : list(terms)) {
    if (term.value->size() > 0) {
      *term.value = golden.matrix<T>(source + '.' + term.name);
    }
  }
  if (terms.prior_z.size() > 0) {
    terms.prior_z = golden.matrix<T>(source + ".prior_z");
  }
  const T loss = static_cast<T>(objective.evaluate(terms, 0.0, gradients).loss);
  golden.check<T>(name + ".loss", std::span(&loss, 1));
  for (const auto& term : list(gradients)) {
    if (golden.has(name + '.' + term.name)) {
      golden.check<T>(name + '.' + term.name, term.value->span());
    } else {
      CHECK(term.value->isZero(0));
    }
  }
}

template <class O>
void check_nan(const O& objective) {
  Terms<float> terms = random_terms<float>(objective, 3, 4);
  Terms<float> gradients = terms_for<float>(objective, 3, 4);
  terms.log_likelihood(1, 0) = std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(objective.evaluate(terms, 0.0, gradients).loss));
}

/// Everything above.
template <class O>
void check_objective(const std::string& name, const std::string& source, const O& objective) {
  static_assert(Objective<O, float> && Objective<O, double>);
  check_gradients(objective);
  check_golden<float>(name, source, objective);
  check_golden<double>(name, source, objective);
  check_nan(objective);
}

}  // namespace objective_suite
