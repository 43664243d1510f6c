// SPDX-License-Identifier: MIT
#include "vaekit/app/evaluation_report.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <span>
#include <sstream>
#include <string_view>
#include <vector>

using namespace vaekit;

namespace {

/// Mean `mean`, standard error 0.5.
RunningMoments around(double mean) {
  RunningMoments moments;
  moments.add(mean - 0.5);
  moments.add(mean + 0.5);
  return moments;
}

/// Everything that can be asked for.
EvaluationReport full_report() {
  EvaluationReport report{.split = "test", .samples = 2};
  report.elbo = {around(-100), around(-90), around(10)};
  report.latent = {{7, 3}, {1, 0}, 1};
  report.importance_samples = 50;
  report.log_likelihood = around(-98);
  report.annealed = EvaluationReport::Annealed{.options = {.chains = 8, .steps = 20, .leapfrog_steps = 3},
                                               .inputs = 2,
                                               .log_likelihood = around(-97),
                                               .acceptance = around(0.66),
                                               .simulated_inputs = 2,
                                               .simulated = {around(-81), around(-80), around(1)}};
  report.aggregate = AggregateStatistics{.inputs = 2,
                                         .mutual_information = around(6),
                                         .marginal_kl = around(4),
                                         .total_correlation = around(3),
                                         .dimension_kl = around(1)};
  report.discrepancy = AggregateDiscrepancy{.samples = 2, .mmd = 0.0125, .standard_error = 0.0005};
  report.accuracy = 0.75;
  report.codes.counts = {1, 1};
  report.levels_of = 64;
  return report;
}

std::string printed(const EvaluationReport& report) {
  std::ostringstream out;
  print(report, out);
  return out.str();
}

}  // namespace

TEST_CASE("evaluation report: the text of all figures") {
  CHECK(printed(full_report()) ==
        "test split, 2 samples, nats a sample +- standard error\n"
        "elbo            -100.000 +- 0.500\n"
        "reconstruction  -90.000 +- 0.500\n"
        "kl              10.000 +- 0.500\n"
        "log likelihood  -98.000 +- 0.500\n"
        "                from 50 importance samples each\n"
        "annealed        -97.000 +- 0.500, of 2 samples\n"
        "                8 chains of 20 x 3 steps from the prior, acceptance 0.660\n"
        "simulated       -81.000 to -80.000, gap 1.000 +- 0.500, 2 samples of the model\n"
        "bits/dimension  2.2091, by the log likelihood\n"
        "accuracy        0.7500 of labels from q(y|x)\n"
        "active units    1 of 2\n"
        "mutual info     6.000 +- 0.500, of q(z) over 2 samples\n"
        "marginal kl     4.000 +- 0.500\n"
        "total corr      3.000 +- 0.500\n"
        "dimension kl    1.000 +- 0.500\n"
        "mmd             0.012500 +- 0.000500 squared, to the prior, of 2 samples\n"
        "codes used      2 of 2, perplexity 2.0\n");
}

TEST_CASE("evaluation report: what was not asked for or has no meaning is not there") {
  EvaluationReport report{.split = "train", .samples = 2};
  report.elbo = {around(-100), around(-90), around(10)};
  report.latent = {{7, 3}, {1, 0}, 1};
  CHECK(printed(report) ==
        "train split, 2 samples, nats a sample +- standard error\n"
        "elbo            -100.000 +- 0.500\n"
        "reconstruction  -90.000 +- 0.500\n"
        "kl              10.000 +- 0.500\n"
        "active units    1 of 2\n");
  CHECK(to_json(report).size() == 12);
  report.levels_of = 50;
  CHECK(printed(report).find("\nbits/dimension  2.8854, by the elbo\n") != std::string::npos);
  report.discrepancy = full_report().discrepancy;
  CHECK(printed(report).ends_with(
      " of 2\nmmd             0.012500 +- 0.000500 squared, to the prior, of 2 samples\n"));
  CHECK_FALSE(to_json(report).contains("aggregate_inputs"));
  report.annealed = full_report().annealed;
  report.annealed->simulated_inputs = 0;
  CHECK(to_json(report)["ais_acceptance"] == 0.66);
  CHECK(printed(report).find("simulated") == std::string::npos);
  CHECK_FALSE(to_json(report).contains("ais_simulated_gap"));
  report.annealed->options.steps = 1;
  CHECK(printed(report).find("8 chains of 1 x 3 steps from the prior, without a move\n") !=
        std::string::npos);
  CHECK(to_json(report)["ais_acceptance"].is_null());
}

TEST_CASE("evaluation report: one sample has no variance, and variances that were not trained are named") {
  EvaluationReport report = full_report();
  report.samples = 1;
  report.latent.mean_variance.clear();
  CHECK(printed(report).find("active units") == std::string::npos);
  CHECK(to_json(report)["active_units"].is_null());
  CHECK(to_json(report)["mean_variance_per_dimension"].is_null());
  report.posterior_trained = false;
  CHECK(printed(report).ends_with(
      "\nnote            the objective trains no variances of q(z|x): elbo, kl and log "
      "likelihood are those of untrained ones\n"));
  CHECK(to_json(report)["posterior_trained"] == false);
}

TEST_CASE("evaluation report: JSON has the same figures in full") {
  const Json json = to_json(full_report());
  CHECK(json["elbo"] == -100);
  CHECK(json["elbo_standard_error"] == 0.5);
  CHECK(json["log_likelihood"] == -98);
  CHECK(json["importance_samples"] == 50);
  CHECK(json["bits_per_dimension"].get<double>() == doctest::Approx(100 / (64 * std::log(2.0))));
  CHECK(json["log_likelihood_bits_per_dimension"].get<double>() ==
        doctest::Approx(98 / (64 * std::log(2.0))));
  CHECK(json["ais_chains"] == 8);
  CHECK(json["ais_steps"] == 20);
  CHECK(json["ais_leapfrog_steps"] == 3);
  CHECK(json["ais_start"] == "prior");
  CHECK(json["ais_inputs"] == 2);
  CHECK(json["ais_log_likelihood"] == -97);
  CHECK(json["ais_log_likelihood_standard_error"] == 0.5);
  CHECK(json["ais_acceptance"] == 0.66);
  CHECK(json["ais_simulated_lower"] == -81);
  CHECK(json["ais_simulated_upper"] == -80);
  CHECK(json["ais_simulated_gap"] == 1);
  CHECK(json["mutual_information"] == 6);
  CHECK(json["marginal_kl"] == 4);
  CHECK(json["total_correlation"] == 3);
  CHECK(json["dimension_kl"] == 1);
  CHECK(json["aggregate_inputs"] == 2);
  CHECK(json["mmd"] == 0.0125);
  CHECK(json["mmd_samples"] == 2);
  CHECK(json["mmd_standard_error"] == 0.0005);
  CHECK(json["active_units"] == 1);
  CHECK(json["mean_variance_per_dimension"] == Json::array({1, 0}));
  CHECK(json["kl_per_dimension"] == Json::array({7, 3}));
  CHECK(json["posterior_trained"] == true);
  CHECK(json["codes_used"] == 2);
}

TEST_CASE("evaluation report: bits a dimension are of data with levels") {
  const Dataset data("grey", Shape::flat(3), std::vector<float>{0, 1, 0.25F, 1, 0, 1});
  const std::vector<std::uint32_t> rows = all_rows(2);
  const auto dimensions = [&](std::string_view likelihood, Binarize binarize, std::size_t first) {
    const Transform transform({0, 0, 0}, {1, 1, 1}, 0, binarize);
    return level_dimensions(likelihood, {&data, &transform, std::span(rows).subspan(first), 1});
  };
  CHECK(dimensions("discretized_logistic", Binarize::none, 0) == 0);  // 0.25 lies between two of 256 levels
  CHECK(dimensions("discretized_logistic", Binarize::none, 1) == 3);
  CHECK(dimensions("discretized_logistic_mixture", Binarize::none, 1) == 3);
  CHECK(dimensions("bernoulli", Binarize::stochastic, 0) == 3);
  CHECK(dimensions("bernoulli", Binarize::threshold, 0) == 3);
  CHECK(dimensions("bernoulli", Binarize::none, 0) == 0);
  CHECK(dimensions("bernoulli", Binarize::none, 1) == 3);  // zeros and ones alone
  CHECK(dimensions("continuous_bernoulli", Binarize::none, 1) == 0);
  CHECK(dimensions("gaussian", Binarize::none, 1) == 0);
  CHECK(bits_per_dimension(-8 * std::log(2.0), 4) == doctest::Approx(2));
}
