// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cmath>
#include <span>
#include <string_view>
#include <vector>

#include "vaekit/core/check.hpp"
#include "vaekit/distributions/library_size.hpp"
#include "vaekit/evaluate/annealed_target.hpp"
#include "vaekit/evaluate/elbo.hpp"
#include "vaekit/evaluate/hmc.hpp"
#include "vaekit/evaluate/input_workers.hpp"
#include "vaekit/kernels/random.hpp"
#include "vaekit/kernels/reduce.hpp"

namespace vaekit::inline VAEKIT_ABI {

enum class AnnealingSchedule { linear, sigmoid };

[[nodiscard]] constexpr auto enum_names(AnnealingSchedule) {
  return std::array<std::string_view, 2>{"linear", "sigmoid"};
}

struct AnnealingOptions {
  Index chains = 16;          ///< of each input
  Index steps = 1000;         ///< T, temperatures after the first
  Index leapfrog_steps = 10;  ///< of each transition
  Index pilot_chains = 4;     ///< besides, which choose the step sizes and are not counted
  double acceptance = 0.65;   ///< that they aim at
  AnnealingSchedule schedule = AnnealingSchedule::sigmoid;
  AnnealingStart start = AnnealingStart::prior;

  static constexpr auto fields() {
    return std::tuple{
        field("chains", &AnnealingOptions::chains, "independent chains of each input", at_least(1)),
        field("steps", &AnnealingOptions::steps, "temperatures after the first", at_least(1)),
        field("leapfrog_steps", &AnnealingOptions::leapfrog_steps, "of each transition", at_least(1)),
        field("pilot_chains", &AnnealingOptions::pilot_chains, "which choose the step sizes", at_least(1)),
        field("acceptance", &AnnealingOptions::acceptance, "that step sizes aim at", between(0.01, 0.99))};
  }
};

/// β_t of t = 0 ... T, from 0 to 1: t/T, or (s(t) − s(0)) / (s(T) − s(0)) with s(t) = sigmoid(4 (2t/T − 1)),
/// which takes smaller steps at both ends.
[[nodiscard]] inline std::vector<double> temperatures(AnnealingSchedule schedule, Index steps) {
  const auto s = [](double share) { return 1 / (1 + std::exp(-4 * (2 * share - 1))); };
  std::vector<double> result;
  for (Index t = 0; t <= steps; ++t) {
    const double share = static_cast<double>(t) / static_cast<double>(steps);
    result.push_back(schedule == AnnealingSchedule::linear ? share : (s(share) - s(0)) / (s(1) - s(0)));
  }
  return result;
}

/// What annealing says of one input.
struct AnnealedLogLikelihood {
  double lower = 0;       ///< log of the mean weight: a lower bound of log p(x) in expectation
  double upper = 0;       ///< from backward chains: an upper bound in expectation; of simulated inputs
  double acceptance = 0;  ///< mean over chains and moves; 0 for one step, which has none
};

/// Annealed importance sampling of log p(x) with Hamiltonian transitions:
///
///   f_t(z) = base(z)^{1 − β_t} (p(z) p(x|z))^{β_t},   base = p(z) or q(z|x)
///   z_0 ~ base,   z_t by a transition that leaves f_t invariant,   log w = Σ_t log f_t(z_{t−1}) − log
///   f_{t−1}(z_{t−1}) log p(x) ≈ log mean_chains w
///
/// The mean of w is p(x) exactly, so its logarithm is a lower bound in expectation. From z* ~ p(z|x), which
/// simulated inputs have, the same transitions backwards give the mean of 1/w' = 1/p(x), and −log mean 1/w'
/// is an upper bound: the truth lies between.
///
/// Weights are unbiased only if a chain's step sizes do not depend on the chain. So `pilot_chains` run beside
/// the others and adapt the step size of each temperature to their acceptance; the others and the backward
/// chains use what they found, times a random number from 0.8 to 1.2 each.
///
/// Units    nats
/// Threads  one sampler is used by one thread; no bit depends on the number of OpenMP threads nor on which
///          inputs are taken together
/// Source   Neal 2001 (arXiv:physics/9803008); Wu, Burda, Salakhutdinov, Grosse 2017 (arXiv:1611.04273),
///          sections 2.3 and 3; the sandwich: Grosse, Ancha, Roy 2016 (arXiv:1606.02275)
template <class Model>
class AnnealedImportanceSampler {
 public:
  using T = typename Model::Scalar;

  /// For up to `inputs` inputs at a time.
  ///
  /// Throws ConfigError when an option is out of range, or the model's posterior has no place to move in
  AnnealedImportanceSampler(const Model& model, const AnnealingOptions& options, Index inputs = 1)
      : options_(checked(name, options)),
        temperatures_(vaekit::temperatures(options.schedule, options.steps)),
        rows_(options.chains + options.pilot_chains),
        target_(model, options.start, inputs * rows_),
        sampler_(inputs * rows_, model.latent_dim()),
        step_sizes_(options.steps, inputs),
        z_(inputs * rows_, model.latent_dim()),
        gradient_(inputs * rows_, model.latent_dim()),
        momentum_(inputs * rows_, model.latent_dim()) {
    const auto all = static_cast<std::size_t>(inputs * rows_);
    for (std::vector<double>* values : {&density_, &weights_, &steps_of_rows_, &uniforms_, &acceptance_}) {
      values->resize(all);
    }
  }

  /// Lower bounds of inputs `first` ... of the endless sequence named by `seed`.
  ///
  /// Shapes  x [n × features + condition], out [n]
  /// Throws  ShapeError when x does not fit
  void log_likelihood(MatrixIn<T> x, std::uint64_t seed, std::uint64_t first,
                      std::span<AnnealedLogLikelihood> out) {
    check_size(x.rows(), std::ssize(out));
    const Pass pass{.backward = false, .rows = rows_, .seed = seed, .first = first};
    target_.set_inputs(x);
    target_.sample_base(stream(pass, 0, 0), first * static_cast<std::uint64_t>(rows_),
                        top(z_, x.rows() * rows_));
    anneal(pass, x.rows());
    for (Index input = 0; input < x.rows(); ++input) {
      out[static_cast<std::size_t>(input)] = {.lower = mean_weight(pass, input, 1),
                                              .acceptance = mean_acceptance(input)};
    }
  }

  /// Lower and upper bounds of simulated inputs, of which z ~ p(z|x) are known.
  ///
  /// Shapes  x [n × features + condition], z [n × dim], out [n]
  /// Throws  ShapeError when x or z does not fit
  void bounds(MatrixIn<T> x, MatrixIn<T> z, std::uint64_t seed, std::uint64_t first,
              std::span<AnnealedLogLikelihood> out) {
    check_rows(name, "z", z, x.rows(), "inputs");
    check_columns(name, "z", z, z_.cols(), "latent dimensions");
    log_likelihood(x, seed, first, out);
    const Pass pass{.backward = true, .rows = options_.chains, .seed = seed, .first = first};
    for (Index row = 0; row < x.rows() * pass.rows; ++row) {
      z_.row(row) = z.row(row / pass.rows);
    }
    anneal(pass, x.rows());
    for (Index input = 0; input < x.rows(); ++input) {
      out[static_cast<std::size_t>(input)].upper = -mean_weight(pass, input, -1);
    }
  }

 private:
  static constexpr std::string_view name = "annealed importance sampling";

  void check_size(Index inputs, Index results) const {
    const Index most = z_.rows() / rows_;
    if (inputs < 1 || inputs > most || results != inputs) {
      throw ShapeError(concat(name, ": has ", inputs, " inputs and ", results,
                              " results, must have one result for each of 1 to ", most, " inputs"));
    }
  }

  struct Pass {
    bool backward;
    Index rows;  ///< of each input; forward the first are pilots
    std::uint64_t seed;
    std::uint64_t first;
  };

  /// Step 0: where chains start. `which`: 0 normals, 1 uniforms.
  [[nodiscard]] static RandomStream stream(const Pass& pass, Index step, std::uint64_t which) {
    return RandomStream(pass.seed, Purpose::evaluation, static_cast<std::uint64_t>(step + 1))
        .child(2 * which + (pass.backward ? 1 : 0));
  }

  [[nodiscard]] Index pilots(const Pass& pass) const { return pass.backward ? 0 : options_.pilot_chains; }

  /// All chains of the inputs through all temperatures; leaves log w in `weights_`.
  void anneal(const Pass& pass, Index inputs) {
    const Index rows = inputs * pass.rows;
    const auto all = static_cast<std::size_t>(rows);
    const auto beta = [&](Index t) { return temperatures_[static_cast<std::size_t>(t)]; };
    std::fill_n(weights_.begin(), all, 0.0);
    total_acceptance_.assign(static_cast<std::size_t>(inputs), 0.0);
    adapted_.assign(static_cast<std::size_t>(inputs), StepSize(0.1, options_.acceptance));
    for (Index step = 1; step <= options_.steps; ++step) {
      // Backwards a transition comes before the ratio that forwards comes after it.
      const Index t = pass.backward ? options_.steps - step : step;
      target_.set_temperature(beta(t));
      target_.evaluate(top(z_, rows), std::span(density_).first(all), top(gradient_, rows));
      const double change = pass.backward ? beta(t + 1) - beta(t) : beta(t) - beta(t - 1);
      for (Index row = 0; row < rows; ++row) {
        weights_[static_cast<std::size_t>(row)] += change * target_.slope(row);
      }
      if (step < options_.steps) {
        move(pass, inputs, step, t);
      }
    }
  }

  /// A transition of every row at temperature t.
  void move(const Pass& pass, Index inputs, Index step, Index t) {
    const Index rows = inputs * pass.rows;
    const auto all = static_cast<std::size_t>(rows);
    const std::uint64_t first_row = pass.first * static_cast<std::uint64_t>(pass.rows);
    MatrixOut<T> momentum = top(momentum_, rows);
    fill_normal(std::span<T>(momentum.data(), static_cast<std::size_t>(momentum.size())),
                stream(pass, step, 0), first_row * static_cast<std::uint64_t>(momentum.cols()));
    const RandomStream uniforms = stream(pass, step, 1);
    for (Index row = 0; row < rows; ++row) {
      const auto r = static_cast<std::size_t>(row);
      const Index input = row / pass.rows;
      if (!pass.backward) {
        step_sizes_(t, input) = adapted_[static_cast<std::size_t>(input)].value();
      }
      const PhiloxCounter words = uniforms.words(first_row + r);
      // Paths of one length would take a Gaussian's half period, from z to −z, for a move.
      steps_of_rows_[r] = step_sizes_(t, input) * (0.8 + 0.4 * to_unit_interval(words[1]));
      uniforms_[r] = to_unit_interval(words[0]);
    }
    sampler_.transition(target_, top(z_, rows), std::span(density_).first(all), top(gradient_, rows),
                        momentum, std::span<const double>(steps_of_rows_).first(all), options_.leapfrog_steps,
                        std::span<const double>(uniforms_).first(all), std::span(acceptance_).first(all));
    for (Index input = 0; input < inputs; ++input) {
      adapted_[static_cast<std::size_t>(input)].adapt(mean_acceptance(input * pass.rows, pilots(pass)));
      total_acceptance_[static_cast<std::size_t>(input)] +=
          mean_acceptance(input * pass.rows + pilots(pass), options_.chains);
    }
  }

  [[nodiscard]] double mean_acceptance(Index first, Index count) const {
    double sum = 0;
    for (Index row = first; row < first + count; ++row) {
      sum += acceptance_[static_cast<std::size_t>(row)];
    }
    return sum / static_cast<double>(std::max<Index>(count, 1));
  }

  /// log of the mean of w^sign over the chains of an input.
  [[nodiscard]] double mean_weight(const Pass& pass, Index input, double sign) const {
    LogSumExp sum;
    for (Index row = input * pass.rows + pilots(pass); row < (input + 1) * pass.rows; ++row) {
      sum.add(sign * weights_[static_cast<std::size_t>(row)]);
    }
    return sum.value() - std::log(static_cast<double>(options_.chains));
  }

  /// Of the counted chains of an input.
  [[nodiscard]] double mean_acceptance(Index input) const {
    return total_acceptance_[static_cast<std::size_t>(input)] /
           static_cast<double>(std::max<Index>(options_.steps - 1, 1));
  }

  AnnealingOptions options_;
  std::vector<double> temperatures_;
  Index rows_;  ///< chains and pilots of an input
  AnnealedTarget<Model> target_;
  HamiltonianSampler<T> sampler_;
  Matrix<double> step_sizes_;  // [T × inputs] of each temperature's transition
  Matrix<T> z_, gradient_, momentum_;
  std::vector<double> density_, weights_, steps_of_rows_, uniforms_, acceptance_;
  std::vector<double> total_acceptance_;
  std::vector<StepSize> adapted_;
};

namespace detail {

/// Inputs whose chains one worker moves together: rows enough for its products.
[[nodiscard]] inline Index annealing_group(const AnnealingOptions& options) {
  constexpr Index rows = 80;
  return std::max<Index>(1, rows / std::max<Index>(options.chains + options.pilot_chains, 1));
}

}  // namespace detail

/// Annealed log p(x) of each input of `view`; `visit(i, AnnealedLogLikelihood)` is called in order.
///
/// Threads  a few inputs on each; no bit depends on their number
/// Throws   ConfigError as `AnnealedImportanceSampler`
template <class Model, class Visit>
RunningMoments evaluate_annealed(const Model& model, const DataView& view, const AnnealingOptions& options,
                                 std::uint64_t seed, Visit&& visit) {
  using T = typename Model::Scalar;
  using Sampler = AnnealedImportanceSampler<Model>;
  const Index group = detail::annealing_group(options);
  RunningMoments result;
  for_each_input<T, AnnealedLogLikelihood>(
      view, model.input_columns(), group, [&] { return Sampler(model, options, group); },
      [seed](Sampler& sampler, Index first, MatrixIn<T> x, std::span<AnnealedLogLikelihood> out) {
        sampler.log_likelihood(x, seed, static_cast<std::uint64_t>(first), out);
      },
      [&](Index input, const AnnealedLogLikelihood& value) {
        result.add(value.lower);
        visit(input, value);
      });
  return result;
}

/// Throws ConfigError for a model that cannot make inputs whose z ~ p(z|x)
template <class Model>
void check_simulation(const Model& model) {
  if (!is_density_of_draws(model.likelihood)) {
    throw ConfigError(
        "annealed importance sampling: log p(x|z) is given the total of x (library_size), which simulated "
        "inputs do not have; leave them out");
  }
}

/// Inputs that the model made up: z ~ p(z), or p(z|c), then x ~ p(x|z), beside their condition; the rows
/// `first` ... of the endless sequence named by `seed` that is made by as many rows in each call.
///
/// Shapes  c [n × condition], of no columns for a model without one; x [n × features + condition], z [n ×
/// dim]
template <class Model>
void simulate_inputs(const Model& model, MatrixIn<typename Model::Scalar> c, std::uint64_t seed,
                     std::uint64_t first, MatrixOut<typename Model::Scalar> x,
                     MatrixOut<typename Model::Scalar> z) {
  using T = typename Model::Scalar;
  const Index n = c.rows();
  typename Model::Workspace w = model.make_inference_workspace(n);
  Matrix<T> latents(n, model.latent_columns());
  Matrix<T> values(n, model.features());
  latents.rightCols(model.condition) = c;
  model.sample_latents(seed, first, 1, w, latents);
  model.decode(latents, w, values);
  model.likelihood.sample(w.params.topRows(n), RandomStream(seed, Purpose::likelihood, first), values);
  x.leftCols(model.features()) = values;
  x.rightCols(model.condition) = c;
  z = latents.leftCols(model.latent_dim());
}

/// Lower and upper bounds of log p(x) over simulated inputs.
struct AnnealedBounds {
  RunningMoments lower;
  RunningMoments upper;
  RunningMoments gap;  ///< upper − lower of an input
};

/// Sandwich of n simulated inputs; `visit(i, AnnealedLogLikelihood)` is called in order.
///
/// Shapes   c [n × condition], of no columns for a model without one
/// Memory   some hundred inputs, whatever n is
/// Threads  a few inputs on each; no bit depends on their number
/// Throws   ConfigError as `AnnealedImportanceSampler` and `check_simulation`
template <class Model, class Visit>
AnnealedBounds simulated_bounds(const Model& model, MatrixIn<typename Model::Scalar> c,
                                const AnnealingOptions& options, std::uint64_t seed, Visit&& visit) {
  using T = typename Model::Scalar;
  using Sampler = AnnealedImportanceSampler<Model>;
  check_annealing(model, options.start);
  check_simulation(model);
  constexpr Index most_at_once = 500;
  const Index n = c.rows();
  const Index width = model.input_columns();
  const Index group = detail::annealing_group(options);
  InputWorkers<Sampler> workers(n, group, [&] { return Sampler(model, options, group); });
  Matrix<T> pairs(std::min(n, most_at_once), width + model.latent_dim());
  std::vector<AnnealedLogLikelihood> results(static_cast<std::size_t>(pairs.rows()));
  AnnealedBounds bounds;
  for (Index first = 0; first < n; first += most_at_once) {
    const Index rows = std::min(most_at_once, n - first);
    MatrixOut<T> made = top(pairs, rows);
    simulate_inputs(model, c.middleRows(first, rows), seed, static_cast<std::uint64_t>(first),
                    made.leftCols(width), made.rightCols(model.latent_dim()));
    for (Index row = 0; row < rows; row += workers.batch()) {
      const Index count = std::min(workers.batch(), rows - row);
      workers.template run<T>(
          first + row, made.middleRows(row, count), std::span(results).first(static_cast<std::size_t>(count)),
          [&](Sampler& sampler, Index input, MatrixIn<T> pair, std::span<AnnealedLogLikelihood> out) {
            sampler.bounds(pair.leftCols(width), pair.rightCols(model.latent_dim()), seed,
                           static_cast<std::uint64_t>(input), out);
          });
      for (Index i = 0; i < count; ++i) {
        const AnnealedLogLikelihood& value = results[static_cast<std::size_t>(i)];
        bounds.lower.add(value.lower);
        bounds.upper.add(value.upper);
        bounds.gap.add(value.upper - value.lower);
        visit(first + row + i, value);
      }
    }
  }
  return bounds;
}

}  // namespace vaekit::inline VAEKIT_ABI
