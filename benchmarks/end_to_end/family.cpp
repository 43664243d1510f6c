// SPDX-License-Identifier: MIT
// A training step of each named member of the family, at the sizes of its paper: the calls that `Trainer`
// makes for a batch, with the models of benchmarks/family.json, which peers/family.py reads as well. Run it
// from the folder above.   family [SECONDS for each measurement] [part of a NAME to measure ...]
#include "support/record.hpp"
#include "support/workload.hpp"
#include "vaekit/config/build.hpp"
#include "vaekit/config/read_json.hpp"
#include "vaekit/io/file.hpp"

namespace {

using namespace benchmarks;

constexpr const char* list_file = "benchmarks/family.json";
constexpr Index batch_count = 4;   // different batches, in turn
constexpr Index check_draws = 64;  // of noise, over which the results that peers must share are averaged
constexpr std::uint32_t critic_list = 1000;  // of random numbers, for the first tensor of a discriminator
constexpr double sample_seconds = 0.02;      // steps that make one sample take at least as long

/// A member of the family.
struct Case {
  std::string name;
  Index batch = 100;
  Index features = 784;      // of stripes in [0, 1]
  Index levels = 0;          // or of so many whole numbers from 0
  Index classes = 0;         // of labels that the model is told
  Index labelled_every = 1;  // every so-manieth sample has its label
  ModelConfig model;
  ObjectiveConfig objective;

  static constexpr auto fields() {
    return std::tuple{field("name", &Case::name, "of the case"),
                      field("batch", &Case::batch, "samples of a step", at_least(1)),
                      field("features", &Case::features, "numbers of a sample", at_least(1)),
                      field("levels", &Case::levels, "0, or values are whole numbers below", non_negative),
                      field("classes", &Case::classes, "of the labels, 0 for none", non_negative),
                      field("labelled_every", &Case::labelled_every, "which samples have one", at_least(1)),
                      field("model", &Case::model, "as in an experiment"),
                      field("objective", &Case::objective, "as in an experiment")};
  }
};

struct Family {
  std::vector<Case> cases;
  static constexpr auto fields() { return std::tuple{field("cases", &Family::cases, "the members")}; }
};

/// Samples and, behind them, one-hot labels.
[[nodiscard]] Matrix<float> make_samples(const Case& c, Index count) {
  Matrix<float> x(count, c.features + c.classes);
  x.setZero();
  if (c.levels == 0) {
    constexpr Index side = quickstart.side;
    x.leftCols(c.features) = make_images<float>({"", side, 0, 0}, count).leftCols(c.features);
  }
  for (Index row = 0; row < count; ++row) {
    for (Index j = 0; c.levels > 0 && j < c.features; ++j) {
      const std::uint32_t random = scramble(static_cast<std::uint32_t>(row * c.features + j)) >> 24U;
      x(row, j) = static_cast<float>(255 / (random + 8) % static_cast<std::uint32_t>(c.levels));
    }
    if (c.classes > 0 && row % c.labelled_every == 0) {
      x(row, c.features + row % c.classes) = 1;
    }
  }
  return x;
}

/// A model on its way through training.
class Training {
 public:
  explicit Training(const Case& c)
      : batch_(c.batch),
        objective_(c.objective),
        model_(make_model(c)),
        workspace_(model_.make_workspace(c.batch, objective_.samples())),
        gradient_(zeros_like(model_)),
        moments_(adam_.make_state(model_)),
        critic_(objective_.make_critic<float>(model_.latent_dim(), 1)),
        samples_(make_samples(c, batch_count * c.batch)) {
    workspace_.terms.critic = &critic_;
    fill_critic();
  }

  [[nodiscard]] Index parameters() const {
    Index count = parameter_count(model_);
    for (const Dense<float>& layer : critic_.layers) {
      count += layer.weight.size() + layer.bias.size();
    }
    return count;
  }

  /// Mean over draws of noise of the first batch's loss, and of what it adds to −log p(x|z).
  [[nodiscard]] std::pair<double, double> check() {
    double loss = 0;
    double penalty = 0;
    for (std::uint64_t draw = 0; draw < check_draws; ++draw) {
      const ObjectiveValue value = find_gradient(0, draw);
      loss += value.loss / check_draws;
      penalty += (value.loss + value.reconstruction) / check_draws;
    }
    return {loss, penalty};
  }

  void step() {
    const auto first = static_cast<Index>(steps_ % batch_count) * batch_;
    const ObjectiveValue value = find_gradient(first, steps_);
    if (!std::isfinite(value.loss)) {
      throw NumericError("family: the loss is not finite");
    }
    adam_.step(1e-3, gradient_, 1, model_, moments_);
    model_.update(1, steps_, workspace_);
    objective_.train_critic(workspace_.terms, 1, steps_, workspace_.dterms);
    ++steps_;
  }

 private:
  using Model = ConfiguredVae<float>;

  [[nodiscard]] static Model make_model(const Case& c) {
    Model model = build_model<float>(c.model, Shape::flat(c.features), c.classes);
    model.initialize(1);  // buffers, which are no parameters
    fill_parameters(model);
    return model;
  }

  void fill_critic() {
    std::uint32_t list = critic_list;
    for (Dense<float>& layer : critic_.layers) {
      const double bound = 1 / std::sqrt(static_cast<double>(layer.weight.cols()));
      for (const std::span<float> values : {layer.weight.span(), layer.bias.span()}) {
        for (std::uint32_t i = 0; float& value : values) {
          value = static_cast<float>(bound * uniform(list, i++));
        }
        ++list;
      }
    }
  }

  ObjectiveValue find_gradient(Index first, std::uint64_t noise) {
    model_.draw_noise(1, noise, batch_, workspace_);
    return model_.gradient(samples_.middleRows(first, batch_), objective_, 0, workspace_, gradient_);
  }

  Index batch_;
  AnyObjective objective_;
  Adam adam_;
  Model model_;
  Model::Workspace workspace_;
  Model gradient_;
  Adam::State<Model> moments_;
  Critic<float> critic_;
  Matrix<float> samples_;
  std::uint64_t steps_ = 0;
};

void measure(const Case& c, int threads, double seconds) {
  const ThreadScope scope(threads);
  Training training(c);
  const auto [loss, penalty] = training.check();
  for (int i = 0; i < 3; ++i) {
    training.step();
  }
  const auto first = Clock::now();
  training.step();
  const int steps = std::max(1, static_cast<int>(std::ceil(sample_seconds / seconds_since(first))));
  std::vector<double> milliseconds;
  const auto begin = Clock::now();
  while (milliseconds.size() < 5 || seconds_since(begin) < seconds) {
    const auto start = Clock::now();
    for (int i = 0; i < steps; ++i) {
      training.step();
    }
    milliseconds.push_back(1e3 * seconds_since(start) / steps);
  }
  print({.topic = "family",
         .name = c.name,
         .threads = threads,
         .unit = "ms",
         .samples = milliseconds,
         .check = loss,
         .penalty = penalty,
         .parameters = static_cast<double>(training.parameters())});
}

[[nodiscard]] bool is_wanted(const std::string& name, const std::vector<std::string>& parts) {
  return parts.empty() || std::ranges::any_of(parts, [&](const std::string& part) {
           return name.find(part) != std::string::npos;
         });
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> parts(argv + std::min(argc, 2), argv + argc);
  return run_program(argc, argv, [&](double seconds) {
    const auto family = read_json<Family>(parse_json(read_text_file(list_file), list_file), list_file);
    for (const Case& c : family.cases) {
      for (const int threads : {1, 2}) {
        if (is_wanted(c.name, parts)) {
          measure(c, threads, seconds);
        }
      }
    }
  });
}
