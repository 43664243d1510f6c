// SPDX-License-Identifier: MIT
// Trains a small model through the installed headers; exits with 0 when it learned.
#include <cstdio>
#include <vaekit/vaekit.hpp>

int main() {
  constexpr vaekit::Index features = 16;
  constexpr vaekit::Index hidden = 32;
  constexpr vaekit::Index batch = 64;
  const vaekit::DenseConfig layer{.units = hidden, .activation = vaekit::Activation::relu};
  const vaekit::GaussianLatent<float> latent({.dim = 2});
  vaekit::Vae model(vaekit::Sequential(vaekit::Dense<float>(layer, vaekit::Shape::flat(features))), latent,
                    vaekit::Sequential(vaekit::Dense<float>(layer, vaekit::Shape::flat(latent.dim))),
                    vaekit::Bernoulli<float>({}, features));
  model.initialize(1);

  // Two patterns: even features on, or odd ones.
  vaekit::Matrix<float> x(batch, features);
  for (vaekit::Index row = 0; row < batch; ++row) {
    for (vaekit::Index col = 0; col < features; ++col) {
      x(row, col) = (row + col) % 2 == 0 ? 1.0f : 0.0f;
    }
  }

  const vaekit::Elbo objective;
  const vaekit::Adam optimizer(vaekit::AdamConfig{.learning_rate = 0.01});
  auto workspace = model.make_workspace(batch);
  auto gradient = vaekit::zeros_like(model);
  auto state = optimizer.make_state(model);
  double first = 0;
  double last = 0;
  for (std::uint64_t step = 0; step < 200; ++step) {
    model.draw_noise(1, step, batch, workspace);
    last = model.gradient(x, objective, 0.0, workspace, gradient).elbo;
    first = step == 0 ? last : first;
    optimizer.step(0.01, gradient, 1.0, model, state);
  }
  std::printf("vaekit %s, %s, OpenMP %s: ELBO %.2f -> %.2f\n", vaekit::version, vaekit::instruction_set,
              vaekit::has_openmp ? "on" : "off", first, last);
  return first < -8 && last > -4 ? 0 : 1;  // one bit of information costs 0.69 nats
}
