// SPDX-License-Identifier: MIT
#include "vaekit/model/summary.hpp"

#include <doctest/doctest.h>

#include "model/example_models.hpp"
#include "support/throws_with.hpp"
#include "vaekit/optim/adam.hpp"
#include "vaekit/optim/sgd.hpp"

using namespace vaekit;
using example::Design;

namespace {

Design small_design() {
  return {.encoder = {DenseConfig{.units = 4, .activation = Activation::gelu}, LayerNormConfig{},
                      DropoutConfig{}},
          .decoder = {DenseConfig{.units = 3, .bias = false}, ActivationConfig<Activation::tanh>{}},
          .likelihood = GaussianConfig{.variance = VarianceSource::learned}};
}

/// Bytes that making `object()` leaves allocated.
template <class Make>
double bytes_of(Make&& make) {
  const std::ptrdiff_t before = detail::allocated_bytes();
  const auto object = make();
  return static_cast<double>(detail::allocated_bytes() - before);
}

}  // namespace

TEST_CASE("summary: a row for each part, with its kind, output, parameters and multiply-adds") {
  const auto model = example::make_any<float>(small_design());
  const ModelSummary s = summary(model, 8, 3);
  std::string text;
  for (const SummaryRow& row : s.rows) {
    text += concat(row.name, ' ', row.kind, ' ', to_string(row.output), ' ', row.parameters, ' ',
                   row.multiply_adds, '\n');
  }
  // The decoder runs once for each of the three samples.
  CHECK(text ==
        "encoder.0 dense 4 24 20\n"
        "encoder.1 layer_norm 4 8 8\n"
        "encoder.2 dropout 4 0 0\n"
        "posterior_head dense 4 20 16\n"
        "latent gaussian 2 0 0\n"
        "decoder.0 dense 3 6 18\n"
        "decoder.1 tanh 3 0 0\n"
        "likelihood_head dense 5 20 45\n"
        "likelihood gaussian 5 1 0\n");
  CHECK(s.parameters == 79);
  CHECK(s.parameters == parameter_count(model));
  CHECK(s.multiply_adds == 107);
}

TEST_CASE("summary: the likelihood's output is without the condition") {
  Design design = small_design();
  design.condition = 3;
  const ModelSummary s = summary(example::make_any<float>(design), 8);
  CHECK(s.rows.back().name == "likelihood");
  CHECK(to_string(s.rows.back().output) == "5");
}

TEST_CASE("summary: 784-400-20 has the published size, composed either way") {
  const auto typed = example::make_static<float>(784, 400, 20);
  const auto any =
      example::make_any<float>({.encoder = {DenseConfig{.units = 400, .activation = Activation::relu}},
                                .decoder = {DenseConfig{.units = 400, .activation = Activation::relu}},
                                .features = 784,
                                .dim = 20});
  const ModelSummary s = summary(typed, 128);
  CHECK(s.parameters == 652'824);
  CHECK(s.multiply_adds == 784 * 400 + 400 * 40 + 20 * 400 + 400 * 784);
  CHECK(to_string(summary(any, 128)) == to_string(s));
}

TEST_CASE_TEMPLATE("summary: memory is what the objects of training really take", T, float, double) {
  const auto model = example::make_any<T>(small_design());
  for (const Index batch : {1, 2, 7, 128}) {
    for (const Index samples : {1, 3}) {
      const ModelSummary s = summary(model, batch, samples);
      CHECK(s.batch == batch);
      CHECK(s.weight_bytes == static_cast<double>(sizeof(T)) * 79);
      CHECK(s.workspace_bytes == bytes_of([&] { return model.make_workspace(batch, samples); }));
      CHECK(s.training_bytes == s.weight_bytes + s.gradient_bytes + s.optimizer_bytes + s.workspace_bytes);
    }
  }
  // A likelihood's own tensor exists whether it is a parameter or not, so objects are compared without one.
  Design plain = small_design();
  plain.likelihood = BernoulliConfig{};
  const auto simple = example::make_any<T>(plain);
  CHECK(summary(simple, 8).gradient_bytes == bytes_of([&] { return zeros_like(simple); }));
  const auto optimizer_bytes = [&](Index moments) { return summary(simple, 8, 1, moments).optimizer_bytes; };
  CHECK(optimizer_bytes(Adam::moments) == bytes_of([&] { return Adam().make_state(simple); }));
  CHECK(optimizer_bytes(Sgd::moments) == bytes_of([&] { return Sgd().make_state(simple); }));
}

TEST_CASE("summary: the memory of a batch that would not fit is told without allocating it") {
  const auto model = example::make_static<float>(784, 400, 20);
  const ModelSummary s = summary(model, 1'000'000'000);
  CHECK(s.workspace_bytes > 1e12);
}

TEST_CASE("summary: as a table") {
  CHECK(to_string(summary(example::make_static<float>(784, 400, 20), 128)) ==
        "layer             type            output    parameters   multiply-adds\n"
        "encoder.0         dense              400       314,000         313,600\n"
        "posterior_head    dense               40        16,040          16,000\n"
        "latent            gaussian            20             0               0\n"
        "decoder.0         dense              400         8,400           8,000\n"
        "likelihood_head   dense              784       314,384         313,600\n"
        "likelihood        bernoulli          784             0               0\n"
        "total                                          652,824         651,200\n"
        "training at batch 128: weights 2.6 MB, gradient 2.6 MB, optimizer 5.2 MB, workspace 1.8 MB, "
        "together 12.2 MB "
        "besides the data\n");
}

TEST_CASE("summary: an empty batch is refused") {
  const auto model = example::make_any<float>({});
  check_throws_with<ConfigError>("summary: batch is 0, must be >= 1", [&] { (void)summary(model, 0); });
  check_throws_with<ConfigError>("summary: samples is -1, must be >= 1",
                                 [&] { (void)summary(model, 8, -1); });
}
