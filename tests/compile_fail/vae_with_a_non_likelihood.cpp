// expect: (constraints not satisfied|constraint failure).*(Vae|Likelihood)
// SPDX-License-Identifier: MIT
#include "vaekit/model/vae.hpp"
#include "vaekit/nn/sequential.hpp"

using Net = vaekit::Sequential<vaekit::Dense<float>>;

struct NotALikelihood {
  using Scalar = float;
};

int main() { const vaekit::Vae<Net, vaekit::GaussianLatent<float>, Net, NotALikelihood> model; }
