// SPDX-License-Identifier: MIT
// An objective of one's own, outside the library: trained through the headers, and by its name in a JSON
// configuration beside the built-in ones.   custom_objective [EPOCHS]
#include <algorithm>
#include <iostream>
#include <numeric>
#include <string_view>
#include <tuple>
#include <vector>

#include "vaekit/app/option_text.hpp"
#include "vaekit/config/json.hpp"
#include "vaekit/vaekit.hpp"

using namespace vaekit;

struct WorstCaseConfig {
  static constexpr std::string_view kind = "worst_case";
  double share = 0.25;

  static constexpr auto fields() {
    return std::tuple{field("share", &WorstCaseConfig::share, "part of a batch that counts", zero_to_one)};
  }
};

/// The conditional value at risk of the negative ELBO: the mean over the worst `share` of each batch, so that
/// rare inputs are not left behind.
///
/// Source  Rockafellar & Uryasev 2000
struct WorstCase {
  using Config = WorstCaseConfig;
  Config config;

  WorstCase() = default;
  explicit WorstCase(const Config& c) : config(checked("worst_case", c)) {}

  [[nodiscard]] Index samples() const { return 1; }

  template <class T>
  ObjectiveValue evaluate(const Terms<T>& terms, double /*time*/, Terms<T>& gradients) const {
    ObjectiveValue value = elbo_value(terms);
    const Index batch = terms.kl.rows();
    const auto elbo = [&](Index row) { return terms.log_likelihood(row, 0) - terms.kl.row(row).sum(); };
    std::vector<Index> order(static_cast<std::size_t>(batch));
    std::iota(order.begin(), order.end(), Index{0});
    std::ranges::stable_sort(order, {}, elbo);
    const Index count = std::max<Index>(1, static_cast<Index>(config.share * static_cast<double>(batch)));
    value.loss = 0;
    for (const Index row : std::span(order).first(static_cast<std::size_t>(count))) {
      value.loss -= static_cast<double>(elbo(row)) / static_cast<double>(count);
      gradients.log_likelihood(row, 0) = static_cast<T>(-1 / static_cast<double>(count));
      gradients.kl.row(row).setConstant(static_cast<T>(1 / static_cast<double>(count)));
    }
    return value;
  }
};

/// What a configuration can name: the built-in objectives and ours.
using Objectives = decltype(std::tuple_cat(BuiltinObjectives(), std::tuple<WorstCase>()));
using MyObjective = AnyObjectiveOf<Objectives>;

/// ELBO of the worst tenth of the training set after training for so many epochs.
double worst_elbo(const MyObjective& objective, const DataView& view, Index epochs) {
  const DenseConfig hidden{.units = 64, .activation = Activation::relu};
  Vae model(Sequential(Dense<>(hidden, view.dataset->shape())), GaussianLatent<>({.dim = 4}),
            Sequential(Dense<>(hidden, Shape::flat(4))), Bernoulli<>({}, view.dataset->features()));
  model.initialize(/*seed=*/1);
  const TrainingConfig config{.epochs = epochs, .batch_size = 64};
  TrainingState state(model, Adam(), config);
  Trainer<decltype(model), Adam, MyObjective>(config, Adam(), objective, {.train = view}, /*seed=*/1)
      .train(state);
  std::vector<double> elbos;
  evaluate_elbo(state.model, view, /*seed=*/1, 500, 1, [&](Index, const Terms<float>& terms) {
    for (Index row = 0; row < terms.kl.rows(); ++row) {
      elbos.push_back(static_cast<double>(terms.log_likelihood(row, 0) - terms.kl.row(row).sum()));
    }
  });
  std::ranges::sort(elbos);
  const auto tenth = static_cast<std::ptrdiff_t>(elbos.size() / 10);
  return std::accumulate(elbos.begin(), elbos.begin() + tenth, 0.0) / static_cast<double>(tenth);
}

int main(int argc, char** argv) try {
  const Dataset images = make_synthetic({.size = 12});
  const std::vector<std::uint32_t> rows = all_rows(images.size());
  const Transform scaling = Transform::fit({}, images, rows);
  const DataView view{&images, &scaling, rows};
  const Index epochs = argc > 1 ? parse_whole_number<int>("custom_objective: EPOCHS", argv[1]) : 10;
  for (const char* text : {R"({"type": "elbo"})", R"({"type": "worst_case", "share": 0.25})"}) {
    const MyObjective objective(read_json<MyObjective::Config>(parse_json(text, "objective"), "objective"));
    std::cout << text << ": elbo of the worst tenth " << worst_elbo(objective, view, epochs) << std::endl;
  }
} catch (const vaekit::Error& error) {
  std::cerr << error.what() << std::endl;
  return static_cast<int>(error.exit_code());
}
