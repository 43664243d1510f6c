// SPDX-License-Identifier: MIT
#include "vaekit/train/pseudo_inputs.hpp"

#include <doctest/doctest.h>

#include <set>

#include "support/same_bits.hpp"
#include "support/throws_with.hpp"
#include "train/example_training.hpp"
#include "vaekit/distributions/gaussian.hpp"
#include "vaekit/latent/vamp_prior.hpp"
#include "vaekit/train/checkpoint.hpp"

using namespace vaekit;
using example::data;

namespace {

using VampModel = Vae<Sequential<Dense<float>>, GaussianLatent<float>, Sequential<Dense<float>>,
                      Gaussian<float>, VampPrior<float>>;
using VampTrainer = Trainer<VampModel, AnyOptimizer, Elbo>;

VampModel vamp_model(Index components, PseudoInputs pseudo_inputs = PseudoInputs::data) {
  const Dense<float> in({.units = 6, .activation = Activation::tanh}, Shape::flat(example::features));
  const Dense<float> out({.units = 6, .activation = Activation::tanh}, Shape::flat(2));
  VampModel model(
      Sequential<Dense<float>>(in), GaussianLatent<float>({.dim = 2}), Sequential<Dense<float>>(out),
      Gaussian<float>({}, example::features), Initializer::fan_in_uniform,
      VampPrior<float>({.components = components, .pseudo_inputs = pseudo_inputs}, 2, example::features));
  model.initialize(1);
  return model;
}

Matrix<float> chosen(Index components, std::uint64_t seed) {
  VampModel model = vamp_model(components);
  choose_pseudo_inputs(model, data().parts().train, seed);
  return model.prior.data_inputs;
}

/// A run of the model with its weight average.
struct VampTraining {
  VampTrainer trainer;
  VampTrainer::State state;

  VampTraining()
      : trainer(example::short_training(), example::adam(), Elbo(), data().parts(), 1),
        state(vamp_model(7), example::adam(), example::short_training()) {}
};

Bytes saved(const VampTraining& training) {
  return checkpoint_bytes(training.state, {Shape{3, 4, 1}, false, data().transform}, {"{}"});
}

}  // namespace

TEST_CASE("pseudo-inputs: are samples at different places of the training set, drawn by the seed") {
  const DataView train = data().parts().train;
  Matrix<float> all(22, example::features);
  read_view<float>(train, train.rows, 0, all);
  const Matrix<float> x = chosen(22, 5);
  std::set<Index> places;
  for (Index c = 0; c < 22; ++c) {
    for (Index row = 0; row < 22; ++row) {
      if (x.row(c) == all.row(row)) {
        places.insert(row);
      }
    }
  }
  CHECK(places.size() == 22);
  CHECK(x != all);
  CHECK(chosen(3, 5) == x.topRows(3));
  CHECK(chosen(3, 6) != chosen(3, 5));
  for (const int threads : {1, 2, 3}) {
    const ThreadScope scope(threads);
    CHECK(chosen(22, 5) == x);
  }
}

TEST_CASE("pseudo-inputs: those that are there stay, learned ones are left alone") {
  VampModel model = vamp_model(3);
  const Matrix<float> mine = Matrix<float>(3, example::features);
  model.prior.set_pseudo_inputs(mine);
  choose_pseudo_inputs(model, data().parts().train, 1);
  CHECK(model.prior.data_inputs == mine);
  VampModel learned = vamp_model(30, PseudoInputs::learned);
  choose_pseudo_inputs(learned, data().parts().train, 1);
  CHECK(same_parameters(learned, vamp_model(30, PseudoInputs::learned)));
  auto plain = example::make_model();
  choose_pseudo_inputs(plain, data().parts().train, 1);
  CHECK(same_parameters(plain, example::make_model()));
}

TEST_CASE("pseudo-inputs: more components than training samples are refused") {
  check_throws_with<ConfigError>("prior: vamp has 23 components, must have at most 22 (training samples)",
                                 [] { chosen(23, 1); });
}

TEST_CASE("pseudo-inputs: training draws them first and keeps them, a resumed run keeps its checkpoint's") {
  VampTraining straight;
  straight.trainer.train(straight.state);
  CHECK(straight.state.model.prior.data_inputs == chosen(7, 1));
  CHECK(straight.state.evaluated().prior.data_inputs == chosen(7, 1));

  VampTraining interrupted;
  struct Interrupt {
    void step(const VampTrainer::State& state, const ObjectiveValue&, Index) const {
      interrupt_requested = state.progress.step == 7 ? 1 : 0;
    }
  };
  interrupted.trainer.train(interrupted.state, Interrupt{});
  interrupt_requested = 0;
  const Checkpoint checkpoint{"last", parse_safetensors(saved(interrupted), "last")};
  VampTraining resumed;
  resumed.state.model.prior.set_pseudo_inputs(Matrix<float>(7, example::features));
  resumed.trainer.prepare(resumed.state);
  restore(checkpoint, resumed.state);
  resumed.trainer.train(resumed.state);
  CHECK(saved(resumed) == saved(straight));
}
