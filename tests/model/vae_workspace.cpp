// SPDX-License-Identifier: MIT
#include "vaekit/model/vae_workspace.hpp"

#include <doctest/doctest.h>

#include "example_models.hpp"

using namespace vaekit;

TEST_CASE("workspace: has room for every sample of every input") {
  const auto model = example::make_static<float>(5, 4, 2);
  const auto w = make_vae_workspace(model, 3, 7);
  CHECK(w.samples == 7);
  CHECK(w.encoded.rows() == 3);
  CHECK(w.posterior.cols() == model.latent.head_size());
  CHECK(w.epsilon.rows() == 21);
  CHECK(w.z.rows() == 21);
  CHECK(w.z.cols() == 2);
  CHECK(w.params.rows() == 21);
  CHECK(w.terms.log_likelihood.rows() == 3);
  CHECK(w.terms.log_likelihood.cols() == 7);
  CHECK(w.terms.kl.cols() == 2);
  CHECK(w.terms.log_q.size() == 0);
  CHECK_FALSE(w.packed);
}
