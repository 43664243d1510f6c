// SPDX-License-Identifier: MIT
//
// What `vaekit evaluate` prints, as text and as JSON; docs/evaluation.md says what each figure means.
#pragma once

#include <cmath>
#include <numbers>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "vaekit/app/console.hpp"
#include "vaekit/config/json.hpp"
#include "vaekit/evaluate/aggregate_posterior.hpp"
#include "vaekit/evaluate/annealed_importance_sampling.hpp"
#include "vaekit/evaluate/code_usage.hpp"
#include "vaekit/evaluate/data_view.hpp"
#include "vaekit/evaluate/latent_statistics.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Figures of one split, nats a sample.
struct EvaluationReport {
  struct Annealed {
    AnnealingOptions options;
    Index inputs = 0;
    RunningMoments log_likelihood = {};
    RunningMoments acceptance = {};
    Index simulated_inputs = 0;
    AnnealedBounds simulated = {};  ///< of that many
  };

  std::string split;
  Index samples = 0;
  ElboEvaluation elbo = {};
  LatentStatistics latent = {};
  Index importance_samples = 0;
  std::optional<RunningMoments> log_likelihood = {};
  std::optional<Annealed> annealed = {};
  std::optional<AggregateStatistics> aggregate = {};
  std::optional<AggregateDiscrepancy> discrepancy = {};
  std::optional<double> accuracy = {};  ///< of the classifier, where the model has one
  CodeUsage codes = {};                 ///< of a posterior that has codes
  Index levels_of = 0;                  ///< dimensions of data with levels, see `level_dimensions`
  bool posterior_trained = true;        ///< false where the objective trains the means of q(z|x) alone
};

/// Dimensions by which log p(x) is divided for bits a dimension: the features where p(x) is the probability
/// of levels (the 256 of a discretized likelihood, or zeros and ones under a Bernoulli), so that bits are
/// those of a code. 0 where p(x) is a density, whose bits would change with the scale of the data, or where
/// values lie between the levels.
///
/// Throws DataError as `read_rows`
[[nodiscard]] inline Index level_dimensions(std::string_view likelihood, const DataView& view) {
  const bool discretized =
      likelihood == "discretized_logistic" || likelihood == "discretized_logistic_mixture";
  const bool levels =
      (discretized && has_levels(view, 256)) || (likelihood == "bernoulli" && is_binary(view));
  return levels ? view.dataset->features() : 0;
}

/// −log p(x) / (D log 2)
[[nodiscard]] inline double bits_per_dimension(double log_likelihood, Index dimensions) {
  return -log_likelihood / (static_cast<double>(dimensions) * std::numbers::ln2);
}

namespace detail {

inline void add_moments(Json& json, const std::string& name, const RunningMoments& moments) {
  json[name] = moments.mean();
  json[name + "_standard_error"] = moments.count() < 2 ? Json() : Json(moments.standard_error());
}

inline void add_annealed(Json& json, const EvaluationReport::Annealed& annealed) {
  json["ais_chains"] = annealed.options.chains;
  json["ais_steps"] = annealed.options.steps;
  json["ais_leapfrog_steps"] = annealed.options.leapfrog_steps;
  json["ais_start"] = std::string(to_string(annealed.options.start));
  json["ais_inputs"] = annealed.inputs;
  add_moments(json, "ais_log_likelihood", annealed.log_likelihood);
  json["ais_acceptance"] = annealed.options.steps > 1 ? Json(annealed.acceptance.mean()) : Json();
  if (annealed.simulated_inputs > 0) {
    json["ais_simulated_inputs"] = annealed.simulated_inputs;
    add_moments(json, "ais_simulated_lower", annealed.simulated.lower);
    add_moments(json, "ais_simulated_upper", annealed.simulated.upper);
    add_moments(json, "ais_simulated_gap", annealed.simulated.gap);
  }
}

inline void add_aggregate(Json& json, const AggregateStatistics& aggregate) {
  json["aggregate_inputs"] = aggregate.inputs;
  add_moments(json, "mutual_information", aggregate.mutual_information);
  add_moments(json, "marginal_kl", aggregate.marginal_kl);
  add_moments(json, "total_correlation", aggregate.total_correlation);
  add_moments(json, "dimension_kl", aggregate.dimension_kl);
}

}  // namespace detail

[[nodiscard]] inline Json to_json(const EvaluationReport& report) {
  Json json = {{"split", report.split}, {"samples", report.samples}};
  detail::add_moments(json, "elbo", report.elbo.elbo);
  detail::add_moments(json, "reconstruction", report.elbo.reconstruction);
  detail::add_moments(json, "kl", report.elbo.kl);
  json["posterior_trained"] = report.posterior_trained;
  const bool has_variance = !report.latent.mean_variance.empty();
  json["active_units"] = has_variance ? Json(report.latent.active_units) : Json();
  json["mean_variance_per_dimension"] = has_variance ? Json(report.latent.mean_variance) : Json();
  json["kl_per_dimension"] = report.latent.kl;
  if (report.aggregate) {
    detail::add_aggregate(json, *report.aggregate);
  }
  if (report.discrepancy) {
    json["mmd_samples"] = report.discrepancy->samples;
    json["mmd"] = report.discrepancy->mmd;
    json["mmd_standard_error"] = report.discrepancy->standard_error;
  }
  if (report.accuracy) {
    json["accuracy"] = *report.accuracy;
  }
  if (const std::vector<double>& counts = report.codes.counts; !counts.empty()) {
    json["codes"] = counts.size();
    json["codes_used"] = report.codes.used();
    json["code_perplexity"] = report.codes.perplexity();
  }
  if (report.levels_of > 0) {
    json["bits_per_dimension"] = bits_per_dimension(report.elbo.elbo.mean(), report.levels_of);
  }
  if (report.log_likelihood) {
    json["importance_samples"] = report.importance_samples;
    detail::add_moments(json, "log_likelihood", *report.log_likelihood);
    if (report.levels_of > 0) {
      json["log_likelihood_bits_per_dimension"] =
          bits_per_dimension(report.log_likelihood->mean(), report.levels_of);
    }
  }
  if (report.annealed) {
    detail::add_annealed(json, *report.annealed);
  }
  return json;
}

namespace detail {

/// "12.345 +- 0.678"; without the error where one sample does not tell it
[[nodiscard]] inline std::string with_error(const RunningMoments& moments) {
  if (moments.count() < 2) {
    return fixed(moments.mean(), 3);
  }
  return concat(fixed(moments.mean(), 3), " +- ", fixed(moments.standard_error(), 3));
}

inline void print_annealed(const EvaluationReport::Annealed& annealed, std::ostream& out) {
  const AnnealingOptions& options = annealed.options;
  out << "annealed        " << with_error(annealed.log_likelihood) << ", of " << annealed.inputs
      << " samples\n                " << options.chains << " chains of " << options.steps << " x "
      << options.leapfrog_steps << " steps from the " << to_string(options.start)
      << (options.steps > 1 ? ", acceptance " + fixed(annealed.acceptance.mean(), 3) : ", without a move")
      << '\n';
  if (annealed.simulated_inputs > 0) {
    const AnnealedBounds& bounds = annealed.simulated;
    out << "simulated       " << fixed(bounds.lower.mean(), 3) << " to " << fixed(bounds.upper.mean(), 3)
        << ", gap " << with_error(bounds.gap) << ", " << annealed.simulated_inputs
        << " samples of the model\n";
  }
}

inline void print_aggregate(const AggregateStatistics& aggregate, std::ostream& out) {
  out << "mutual info     " << with_error(aggregate.mutual_information) << ", of q(z) over "
      << aggregate.inputs << " samples\nmarginal kl     " << with_error(aggregate.marginal_kl)
      << "\ntotal corr      " << with_error(aggregate.total_correlation) << "\ndimension kl    "
      << with_error(aggregate.dimension_kl) << '\n';
}

}  // namespace detail

inline void print(const EvaluationReport& report, std::ostream& out) {
  out << report.split << " split, " << report.samples << " samples, nats a sample +- standard error\n"
      << "elbo            " << detail::with_error(report.elbo.elbo) << "\nreconstruction  "
      << detail::with_error(report.elbo.reconstruction) << "\nkl              "
      << detail::with_error(report.elbo.kl) << '\n';
  if (report.log_likelihood) {
    out << "log likelihood  " << detail::with_error(*report.log_likelihood) << "\n                from "
        << report.importance_samples << " importance samples each\n";
  }
  if (report.annealed) {
    detail::print_annealed(*report.annealed, out);
  }
  if (report.levels_of > 0) {
    const RunningMoments& bound = report.log_likelihood ? *report.log_likelihood : report.elbo.elbo;
    out << "bits/dimension  " << fixed(bits_per_dimension(bound.mean(), report.levels_of), 4) << ", by the "
        << (report.log_likelihood ? "log likelihood" : "elbo") << '\n';
  }
  if (report.accuracy) {
    out << "accuracy        " << fixed(*report.accuracy, 4) << " of labels from q(y|x)\n";
  }
  if (!report.latent.mean_variance.empty()) {
    out << "active units    " << report.latent.active_units << " of " << report.latent.mean_variance.size()
        << '\n';
  }
  if (report.aggregate) {
    detail::print_aggregate(*report.aggregate, out);
  }
  if (report.discrepancy) {
    out << "mmd             " << fixed(report.discrepancy->mmd, 6) << " +- "
        << fixed(report.discrepancy->standard_error, 6) << " squared, to the prior, of "
        << report.discrepancy->samples << " samples\n";
  }
  if (const std::vector<double>& counts = report.codes.counts; !counts.empty()) {
    out << "codes used      " << report.codes.used() << " of " << counts.size() << ", perplexity "
        << fixed(report.codes.perplexity(), 1) << '\n';
  }
  if (!report.posterior_trained) {
    out << "note            the objective trains no variances of q(z|x): elbo, kl and log likelihood are "
           "those of "
           "untrained ones\n";
  }
}

}  // namespace vaekit::inline VAEKIT_ABI
