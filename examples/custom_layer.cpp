// SPDX-License-Identifier: MIT
// A layer of one's own, outside the library: in a Sequential, and by its name in a JSON configuration.
// Prints how far its gradients are from finite differences.   custom_layer
#include <algorithm>
#include <cmath>
#include <iostream>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "vaekit/config/json.hpp"
#include "vaekit/vaekit.hpp"

using namespace vaekit;

struct SnakeConfig {
  static constexpr std::string_view kind = "snake";
  double frequency = 1;

  static constexpr auto fields() {
    return std::tuple{field("frequency", &SnakeConfig::frequency, "first value of a", positive)};
  }
};

/// y = x + sin²(a x) / a with a learned frequency a for each feature.
///
/// Shapes    x, y [batch × n], a [n]
/// Gradient  dx = dy (1 + sin(2 a x)),  da += Σ_batch dy (x sin(2 a x) − sin²(a x) / a) / a
/// Threads   const calls are safe
/// Source    Ziyin, Hartwig, Ueda 2020 (arXiv:2006.08195)
template <class T = float>
struct Snake {
  using Scalar = T;
  using Config = SnakeConfig;
  struct Cache {};  // backward needs x alone

  RowVector<T> frequency;  // [n]
  double first_frequency = 1;

  Snake() = default;
  Snake(const SnakeConfig& config, const Shape& input)
      : frequency(input.size()), first_frequency(config.frequency) {
    check_fields("snake", config);
  }

  [[nodiscard]] Shape input_shape() const { return Shape::flat(frequency.cols()); }
  [[nodiscard]] Shape output_shape() const { return input_shape(); }
  [[nodiscard]] double multiply_adds() const { return static_cast<double>(frequency.size()); }
  void initialize(const RandomStream&) { frequency.setConstant(static_cast<T>(first_frequency)); }
  [[nodiscard]] Cache make_cache(Index) const { return {}; }

  void forward(MatrixIn<T> x, MatrixOut<T> y, Cache&) const {
    for (Index row = 0; row < x.rows(); ++row) {
      y.row(row) =
          x.row(row).array() + (frequency.array() * x.row(row).array()).sin().square() / frequency.array();
    }
  }

  void backward(MatrixIn<T> x, MatrixIn<T>, MatrixIn<T> dy, MatrixOut<T> dx, Cache&, Snake& grad) const {
    for (Index row = 0; row < x.rows(); ++row) {
      for (Index j = 0; j < x.cols(); ++j) {
        const T a = frequency(j);
        const T sine = std::sin(a * x(row, j));
        const T sine_of_double = std::sin(2 * a * x(row, j));
        grad.frequency(j) += dy(row, j) * (x(row, j) * sine_of_double - sine * sine / a) / a;
        if (dx.size() > 0) {
          dx(row, j) = dy(row, j) * (1 + sine_of_double);
        }
      }
    }
  }

  static void reflect(auto& self, auto&& visit) { visit("frequency", self.frequency); }
};

/// What a configuration can name: the built-in layers and ours.
template <class T>
using Layers = decltype(std::tuple_cat(BuiltinLayers<T>(), std::tuple<Snake<T>>()));

/// Largest |backward − central difference| over the parameters and inputs of `net`, for the loss Σ w ∘ y with
/// random w.
template <Layer Net>
double gradient_error(Net net) {
  constexpr Index batch = 3;
  net.initialize(RandomStream(1, Purpose::initialize));
  Matrix<double> x(batch, net.input_shape().size());
  Matrix<double> y(batch, net.output_shape().size());
  Matrix<double> w(y.rows(), y.cols());
  Matrix<double> dx(x.rows(), x.cols());
  fill_normal(x.span(), RandomStream(2, Purpose::synthetic));
  fill_normal(w.span(), RandomStream(3, Purpose::synthetic));
  auto cache = net.make_cache(batch);
  const auto loss = [&] {
    net.forward(x, y, cache);
    return (w.array() * y.array()).sum();
  };
  loss();
  Net grad = zeros_like(net);
  net.backward(x, y, w, dx, cache, grad);

  double worst = 0;
  const auto compare = [&](std::span<double> values, std::span<const double> gradient) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double value = values[i];
      constexpr double h = 1e-5;
      values[i] = value + h;
      const double above = loss();
      values[i] = value - h;
      const double below = loss();
      values[i] = value;
      worst = std::max(worst, std::abs((above - below) / (2 * h) - gradient[i]));
    }
  };
  const auto gradients = parameters(std::as_const(grad));
  const auto values = parameters(net);
  for (std::size_t i = 0; i < values.size(); ++i) {
    compare(values[i].values, gradients[i].values);
  }
  compare(x.span(), dx.span());
  return worst;
}

int main() try {
  const Sequential composed(Dense<double>({.units = 8}, Shape::flat(5)), Snake<double>({}, Shape::flat(8)),
                            Dense<double>({.units = 4}, Shape::flat(8)));

  const Json json = parse_json(R"([{"type": "dense", "units": 8},
                                   {"type": "snake", "frequency": 2},
                                   {"type": "dense", "units": 4, "activation": "tanh"}])",
                               "layers");
  const auto configs = read_json<std::vector<LayerConfig<Layers<double>>>>(json, "layers");
  const Network<double, Layers<double>> configured(configs, Shape::flat(5));

  const double in_sequential = gradient_error(composed);
  const double in_network = gradient_error(configured);
  std::cout << "largest difference to finite differences: " << in_sequential << " in a Sequential, "
            << in_network << " in a Network from JSON" << std::endl;
  return in_sequential < 1e-7 && in_network < 1e-7 ? 0 : 1;
} catch (const vaekit::Error& error) {
  std::cerr << error.what() << std::endl;
  return static_cast<int>(error.exit_code());
}
