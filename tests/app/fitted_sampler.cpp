// SPDX-License-Identifier: MIT
#include "vaekit/app/fitted_sampler.hpp"

#include <doctest/doctest.h>

#include <sstream>

#include "app/example_run.hpp"
#include "support/throws_with.hpp"
#include "vaekit/app/latent_space.hpp"
#include "vaekit/app/sample.hpp"

using namespace vaekit;

namespace samplers {

std::vector<float> sampled(const example::ExampleRun& example, Sampler sampler, std::uint64_t seed) {
  std::ostringstream said;
  const std::filesystem::path out = example.folder / "s.npy";
  run_sample({.run = example.run.root,
              .out = out,
              .count = 5,
              .seed = seed,
              .condition = {},
              .sampler = sampler,
              .components = 2,
              .threads = 1},
             said);
  const Dataset array = example::read_array(out);
  CHECK(array.size() == 5);
  return std::get<std::vector<float>>(array.values());
}

}  // namespace samplers

TEST_CASE("fitted sampler: a mixture or a flow of the training set's latents, by seed") {
  const example::ExampleRun example("fitted_sampler");
  for (const Sampler sampler : {Sampler::mixture, Sampler::flow}) {
    const std::vector<float> first = samplers::sampled(example, sampler, 1);
    CHECK(first == samplers::sampled(example, sampler, 1));
    CHECK(first != samplers::sampled(example, sampler, 2));
    CHECK(first != samplers::sampled(example, Sampler::prior, 1));
  }
}

TEST_CASE("fitted sampler: latents of a deterministic model are the posterior's means") {
  const example::ExampleRun example("aggregate");
  const ConfiguredVae<float> model = example::initialized_model(example.config);
  const Run run = load_run(example.run.root);
  const LoadedData data = load_split(run, DataSplit::train);
  const Matrix<float> means = aggregate_latents(model, data.view(), true, 1);
  CHECK(means.rows() == 40);
  CHECK(means == Matrix<float>(encode_first(model, data.view(), 40)));
  const Matrix<float> samples = aggregate_latents(model, data.view(), false, 1);
  CHECK(samples != means);
  CHECK(samples == aggregate_latents(model, data.view(), false, 1));
  CHECK(aggregate_latents(model, data.view(), true, 1, 7).rows() == 7);
}

TEST_CASE("fitted sampler: a model without a prior needs one") {
  ExperimentConfig config = example::small_config();
  config.objective = RaeConfig{};
  const example::ExampleRun example("no_prior", config);
  check_throws_with<UsageError>(
      "--sampler: is prior, must be mixture or flow: rae_l2 trains no prior to sample from",
      [&] { samplers::sampled(example, Sampler::prior, 1); });
  CHECK(samplers::sampled(example, Sampler::mixture, 1).size() == 5 * 64);
}

TEST_CASE("fitted sampler: a flow needs two latent dimensions") {
  ExperimentConfig config = example::small_config(1);
  const example::ExampleRun one("one_dimension", config);
  check_throws_with<UsageError>(
      "--sampler: is flow, must be prior or mixture: the model has 1 latent dimension",
      [&] { samplers::sampled(one, Sampler::flow, 1); });
  CHECK(samplers::sampled(one, Sampler::mixture, 1).size() == 5 * 64);
  config.objective = RaeConfig{};
  const example::ExampleRun bare("one_dimension_no_prior", config);
  check_throws_with<UsageError>("--sampler: is flow, must be mixture: the model has 1 latent dimension",
                                [&] { samplers::sampled(bare, Sampler::flow, 1); });
}
