// SPDX-License-Identifier: MIT
#include "vaekit/app/evaluate.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <sstream>

#include "app/example_run.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

std::string evaluated(const EvaluateOptions& options) {
  std::ostringstream out;
  std::ostringstream err;
  CHECK(run_evaluate(options, out, err) == ExitCode::done);
  CHECK(err.str().empty());
  return out.str();
}

}  // namespace

TEST_CASE("evaluate: JSON holds what the library computes") {
  const example::ExampleRun example("evaluate");
  const Json json = parse_json(
      evaluated(
          {.run = example.run.root, .overrides = {}, .importance_samples = 20, .threads = 1, .json = true}),
      "out");
  const Run run = load_run(example.run.root);
  const LoadedData data = load_split(run, DataSplit::test);
  const ConfiguredVae<float> model = example::initialized_model(example.config);
  const ElboEvaluation elbo = evaluate_elbo(model, data.view(), example.config.seed);
  CHECK(json["split"] == "test");
  CHECK(json["samples"] == 12);
  CHECK(json["elbo"] == elbo.elbo.mean());
  CHECK(json["elbo_standard_error"] == elbo.elbo.standard_error());
  CHECK(json["reconstruction"] == elbo.reconstruction.mean());
  CHECK(json["kl"] == elbo.kl.mean());
  CHECK(json["kl_per_dimension"].size() == 2);
  CHECK(json["importance_samples"] == 20);
  CHECK(json["log_likelihood"].get<double>() > json["elbo"].get<double>());
}

TEST_CASE("evaluate: the text names split, samples and active units") {
  const example::ExampleRun example("evaluate-text");
  const std::string text =
      evaluated({.run = example.run.root, .overrides = {}, .split = DataSplit::train, .threads = 1});
  CHECK(text.starts_with("train split, 40 samples, nats a sample +- standard error\nelbo            -"));
  CHECK(text.find("\nactive units    ") != std::string::npos);
  CHECK(text.find(" of 2\nmutual info     ") != std::string::npos);
  CHECK(text.ends_with(" squared, to the prior, of 40 samples\n"));
  CHECK(text.find("importance") == std::string::npos);
}

TEST_CASE("evaluate: bits a dimension of data that are zeros and ones without binarisation") {
  const auto report_of = [](const ExperimentConfig& config) {
    const example::ExampleRun example("evaluate-bits", config);
    return parse_json(evaluated({.run = example.run.root, .overrides = {}, .threads = 1, .json = true}),
                      "out");
  };
  const Json bars = report_of(example::small_config());
  CHECK(bars["bits_per_dimension"].get<double>() ==
        doctest::Approx(-bars["elbo"].get<double>() / (64 * std::log(2.0))));
  ExperimentConfig grey = example::small_config();
  grey.data.train = SyntheticConfig{.source = SyntheticSource::shapes, .count = 40, .size = 8};
  grey.data.test = grey.data.train;
  CHECK_FALSE(report_of(grey).contains("bits_per_dimension"));
}

TEST_CASE("evaluate: annealing and statistics of q(z) are what the library computes") {
  ExperimentConfig config = example::small_config();
  config.data.binarize = Binarize::threshold;
  const example::ExampleRun example("evaluate-annealed", config);
  EvaluateOptions options{.run = example.run.root, .overrides = {}, .threads = 1, .json = true};
  options.annealing = {.chains = 3, .steps = 5, .leapfrog_steps = 2};
  options.annealed_inputs = 4;
  options.simulated_inputs = 2;
  const Json json = parse_json(evaluated(options), "out");
  const LoadedData data = load_split(load_run(example.run.root), DataSplit::test);
  const ConfiguredVae<float> model = example::initialized_model(config);
  DataView some = data.view();
  const std::vector<std::uint32_t> rows = random_rows(some, 4);
  some.rows = rows;
  const RunningMoments annealed =
      evaluate_annealed(model, some, options.annealing, config.seed, [](Index, const auto&) {});
  CHECK(json["ais_log_likelihood"] == annealed.mean());
  CHECK(json["ais_inputs"] == 4);
  CHECK(json["ais_simulated_inputs"] == 2);
  CHECK(json["mutual_information"] ==
        aggregate_statistics(model, data.view(), config.seed)->mutual_information.mean());
  CHECK(json["bits_per_dimension"].get<double>() ==
        doctest::Approx(-json["elbo"].get<double>() / (64 * std::log(2.0))));
}

TEST_CASE("evaluate: a log-likelihood that cannot be estimated is refused with the reason") {
  ExperimentConfig config = example::small_config();
  config.model.latent = VectorQuantizedConfig{.positions = 3, .width = 2, .codes = 7};
  config.model.prior = CodePriorConfig{};
  const example::ExampleRun example("evaluate-refused", config);
  EvaluateOptions options{.run = example.run.root, .overrides = {}, .importance_samples = 5, .threads = 1};
  std::ostringstream out;
  const auto refused = [&] { run_evaluate(options, out, out); };
  check_throws_with<ConfigError>(
      "importance sampling: weighs samples by the density of the posterior, vector_quantized has none",
      refused);
  options.importance_samples = 0;
  options.annealing.chains = 2;
  check_throws_with<ConfigError>(
      "annealed importance sampling: moves z through all of space, the vector_quantized posterior lives on "
      "codes of a vector quantizer",
      refused);
}

TEST_CASE("evaluate: categorical variables have a log-likelihood and a discrepancy from the prior") {
  const auto check = [](const LatentConfig& latent, const PriorConfig& prior) {
    ExperimentConfig config = example::small_config();
    config.model.latent = latent;
    config.model.prior = prior;
    const example::ExampleRun example("evaluate-categorical", config);
    EvaluateOptions options{.run = example.run.root, .overrides = {}, .importance_samples = 50, .threads = 1};
    const std::string text = evaluated(options);
    CHECK(text.ends_with(" squared, to the prior, of 12 samples\n"));
    CHECK(text.find("mutual info") == std::string::npos);
    options.json = true;
    const Json json = parse_json(evaluated(options), "out");
    const LoadedData data = load_split(load_run(example.run.root), DataSplit::test);
    const ConfiguredVae<float> model = example::initialized_model(config);
    CHECK(json["log_likelihood"] ==
          evaluate_log_likelihood(model, data.view(), 50, config.seed, [](Index, double) {}).mean());
    CHECK(json["log_likelihood"].get<double>() > json["elbo"].get<double>());
    CHECK(json["mmd_samples"] == 12);
    CHECK(json["mmd"] == aggregate_discrepancy(model, data.view(), false, config.seed)->mmd);
    CHECK_FALSE(json.contains("mutual_information"));
  };
  check(ConcreteConfig{.variables = 2, .classes = 3}, CategoricalPriorConfig{.classes = 3});
  check(JointConfig{.gaussian = {.dim = 1}, .concrete = {.variables = 2, .classes = 3}},
        JointPriorConfig{.dim = 1, .classes = 3});
}

TEST_CASE(
    "evaluate: of an autoencoder with deterministic training, what needs a trained q(z|x) is left out") {
  ExperimentConfig config = example::small_config();
  config.objective = RaeConfig{};
  const example::ExampleRun example("evaluate-rae", config);
  EvaluateOptions options{.run = example.run.root, .overrides = {}, .threads = 1};
  CHECK(evaluated(options).ends_with("are those of untrained ones\n"));
  options.json = true;
  const Json json = parse_json(evaluated(options), "out");
  CHECK(json["posterior_trained"] == false);
  CHECK_FALSE(json.contains("mutual_information"));
  const LoadedData data = load_split(load_run(example.run.root), DataSplit::test);
  CHECK(json["mmd"] ==
        aggregate_discrepancy(example::initialized_model(config), data.view(), true, config.seed)->mmd);
}

TEST_CASE("evaluate: simulated samples of a conditional model take the conditions of the data in turn") {
  ExperimentConfig config = example::small_config();
  config.data.condition = LabelConditionConfig{.classes = 17};
  const example::ExampleRun example("evaluate-simulated", config);
  EvaluateOptions options{.run = example.run.root, .overrides = {}, .threads = 1, .json = true};
  options.annealing = {.chains = 2, .steps = 2, .leapfrog_steps = 1};
  options.annealed_inputs = 3;
  options.simulated_inputs = 20;  // more than the 12 samples of the split
  const Json json = parse_json(evaluated(options), "out");
  CHECK(json["ais_inputs"] == 3);
  CHECK(json["ais_simulated_inputs"] == 20);
}

TEST_CASE("evaluate: a figure of a sample that is not finite is refused by sample") {
  const Dataset data("x.npy", Shape::flat(1), std::vector<float>{1, 2, 3});
  const Transform as_is({0}, {1}, 0, Binarize::none);
  const std::vector<std::uint32_t> rows = {2, 0};
  const DataView view{&data, &as_is, rows, 1};
  check_finite("log-likelihood", {1, 2}, view);
  check_throws_with<NumericError>(
      "x.npy: log-likelihood of sample 2 is nan, must be finite; its values may be out of range", [&] {
        check_finite("log-likelihood", {-std::nan(""), 1}, view);
      });
  check_throws_with<NumericError>(
      "x.npy: log-likelihood of sample 0 is -inf, must be finite; its values may be out of range", [&] {
        check_finite("log-likelihood", {1, -HUGE_VAL}, view);
      });
}

TEST_CASE("evaluate: says how a posterior with codes uses them") {
  ExperimentConfig config = example::small_config();
  config.model.latent = VectorQuantizedConfig{.positions = 3, .width = 2, .codes = 7};
  config.model.prior = CodePriorConfig{};
  const example::ExampleRun example("evaluate-codes", config);
  EvaluateOptions options{.run = example.run.root, .overrides = {}, .threads = 1};
  const std::string text = evaluated(options);
  options.json = true;
  const Json json = parse_json(evaluated(options), "out");
  const LoadedData data = load_split(load_run(example.run.root), DataSplit::test);
  const CodeUsage usage = code_usage(example::initialized_model(config), data.view());
  CHECK(usage.used() > 1);
  CHECK(json["codes"] == 7);
  CHECK_FALSE(json.contains("mmd"));
  CHECK(json["codes_used"] == usage.used());
  CHECK(json["code_perplexity"] == usage.perplexity());
  CHECK(text.ends_with(
      concat("\ncodes used      ", usage.used(), " of 7, perplexity ", fixed(usage.perplexity(), 1), "\n")));
  const example::ExampleRun other("evaluate-no-codes");
  CHECK_FALSE(
      parse_json(evaluated({.run = other.run.root, .overrides = {}, .threads = 1, .json = true}), "out")
          .contains("codes"));
}

TEST_CASE("evaluate: splits are those of training, and missing ones are refused") {
  ExperimentConfig config = example::small_config();
  config.data.validation_fraction = 0.25;
  config.data.test = std::nullopt;
  const example::ExampleRun example("evaluate-splits", config);
  const Run run = load_run(example.run.root);
  const Split parts = split(40, 0.25, config.seed);
  CHECK(load_split(run, DataSplit::train).rows == parts.train);
  CHECK(load_split(run, DataSplit::validation).rows == parts.validation);
  CHECK(parts.validation.size() == 10);
  check_throws_with<ConfigError>("config /data/test: missing key, required to evaluate the test split",
                                 [&] { static_cast<void>(load_split(run, DataSplit::test)); });
  const example::ExampleRun whole("evaluate-whole");
  check_throws_with<ConfigError>(
      "config /data/validation_fraction: is 0, must be > 0 to evaluate the validation split",
      [&] { static_cast<void>(load_split(load_run(whole.run.root), DataSplit::validation)); });
}
