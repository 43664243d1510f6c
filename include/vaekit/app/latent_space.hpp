// SPDX-License-Identifier: MIT
//
// Pictures of the latent space: each a grid of decoded means.
#pragma once

#include <algorithm>
#include <cmath>
#include <iostream>

#include "vaekit/app/encode.hpp"
#include "vaekit/distributions/standard_normal.hpp"

namespace vaekit::inline VAEKIT_ABI {

struct LatentPictureOptions {
  std::filesystem::path run;
  std::filesystem::path out;
  Index rows = 0;   ///< 0: what suits the picture
  Index steps = 0;  ///< 0: what suits the picture
  double range = 3;
  bool spherical = false;      ///< interpolate along an arc
  std::string condition = {};  ///< of a conditional model, where the picture shows no inputs
  int threads = 0;
};

/// Latents without noise of the first `count` samples, and their conditions. [count × latent columns]
template <class Model>
[[nodiscard]] Matrix<typename Model::Scalar> encode_first(const Model& model, DataView view, Index count) {
  using T = typename Model::Scalar;
  count = std::min(count, view.size());
  view.rows = view.rows.first(static_cast<std::size_t>(count));
  typename Model::Workspace w = model.make_inference_workspace(count);
  Matrix<T> x(count, model.input_columns());
  for_each_batch<T>(view, x, [](Index, MatrixIn<T>) {});
  Matrix<T> z(count, model.latent_columns());
  z.leftCols(model.latent_dim()) = model.encode_point(x, w);
  z.rightCols(model.condition) = x.rightCols(model.condition);
  return z;
}

namespace detail {

/// Runs `make(model, view, config)` → (latents [n × dim], columns of the grid) and writes the decoded
/// picture.
template <class Make>
ExitCode write_latent_picture(const LatentPictureOptions& options, std::ostream& out, Make&& make) {
  const ThreadScope threads(options.threads);
  const Run run = load_run(options.run);
  require_png(options.out, run.input.shape);
  const LoadedData data = load_shown(run);
  with_model(run, [&](const auto& model) {
    const auto [z, columns] = make(model, data.view(), run.config);
    write_samples(options.out, decode_all(model, z), run.input.shape, columns);
  });
  out << options.out.string() << std::endl;
  return ExitCode::done;
}

/// (1 − t) a + t b for rows `first` and `first + 1` of `ends`.
template <class T>
[[nodiscard]] RowVector<T> linear_mix(const Matrix<T>& ends, Index first, T t) {
  return (1 - t) * ends.row(first) + t * ends.row(first + 1);
}

/// (sin((1 − t) θ) a + sin(t θ) b) / sin θ, with the angle θ between a and b, for the first `dim` columns;
/// linear for the others, and where a and b lie on one line through 0.
///
/// Source  Shoemake 1985 (doi:10.1145/325165.325242); White 2016 (arXiv:1609.04468)
template <class T>
[[nodiscard]] RowVector<T> spherical_mix(const Matrix<T>& ends, Index first, T t, Index dim) {
  RowVector<T> mixed = linear_mix<T>(ends, first, t);
  const Eigen::RowVectorXd a = ends.row(first).leftCols(dim).template cast<double>();
  const Eigen::RowVectorXd b = ends.row(first + 1).leftCols(dim).template cast<double>();
  const double angle = std::acos(std::clamp(a.dot(b) / (a.norm() * b.norm()), -1.0, 1.0));
  const double sine = std::sin(angle);
  if (sine > 1e-6) {
    const double share = static_cast<double>(t);
    mixed.leftCols(dim) =
        (std::sin((1 - share) * angle) / sine * a + std::sin(share * angle) / sine * b).template cast<T>();
  }
  return mixed;
}

}  // namespace detail

/// `vaekit interpolate`: each row goes from the posterior mean of one input to another's, in a straight line
/// or, `spherical`, on an arc.
///
/// Throws Error
inline ExitCode run_interpolate(const LatentPictureOptions& options, std::ostream& out) {
  return detail::write_latent_picture(
      options, out, [&]<class Model>(const Model& model, const DataView& view, const ExperimentConfig&) {
        using T = typename Model::Scalar;
        const Index steps = options.steps > 0 ? options.steps : 10;
        const Index wanted = options.rows > 0 ? options.rows : 8;
        const Matrix<T> ends = encode_first(model, view, 2 * wanted);
        const Index rows = ends.rows() / 2;
        if (rows == 0) {
          throw DataError(
              concat(view.dataset->name(), ": has 1 sample, must have at least 2 to interpolate"));
        }
        Matrix<T> z(rows * steps, model.latent_columns());
        for (Index row = 0; row < rows; ++row) {
          for (Index s = 0; s < steps; ++s) {
            const T share = steps > 1 ? static_cast<T>(s) / static_cast<T>(steps - 1) : T{0};
            z.row(row * steps + s) = options.spherical
                                         ? detail::spherical_mix<T>(ends, 2 * row, share, model.latent_dim())
                                         : detail::linear_mix<T>(ends, 2 * row, share);
          }
        }
        return std::pair(std::move(z), steps);
      });
}

/// `vaekit traverse`: each row starts at the posterior mean of the first input and moves one latent dimension
/// through [−range, range]; the dimensions of largest KL come first.
///
/// Throws Error
inline ExitCode run_traverse(const LatentPictureOptions& options, std::ostream& out) {
  return detail::write_latent_picture(
      options, out, [&]<class Model>(const Model& model, const DataView& view, const ExperimentConfig&) {
        using T = typename Model::Scalar;
        const Index steps = options.steps > 0 ? options.steps : 11;
        const Index rows = std::min(options.rows > 0 ? options.rows : 10, model.latent_dim());
        const LatentStatistics statistics = latent_statistics(model, view);
        const std::vector<double>& size = statistics.kl.empty() ? statistics.mean_variance : statistics.kl;
        std::vector<Index> order(size.size());
        std::iota(order.begin(), order.end(), Index{0});
        std::ranges::stable_sort(order, std::greater{},
                                 [&](Index d) { return size[static_cast<std::size_t>(d)]; });
        const Matrix<T> start = encode_first(model, view, 1);
        Matrix<T> z(rows * steps, model.latent_columns());
        for (Index row = 0; row < rows; ++row) {
          for (Index s = 0; s < steps; ++s) {
            const double share = steps > 1 ? static_cast<double>(s) / static_cast<double>(steps - 1) : 0.5;
            z.row(row * steps + s) = start.row(0);
            z(row * steps + s, order[static_cast<std::size_t>(row)]) =
                static_cast<T>((2 * share - 1) * options.range);
          }
        }
        return std::pair(std::move(z), steps);
      });
}

/// `vaekit manifold`: a two-dimensional latent space, the unit square through the inverse normal distribution
/// function.
///
/// Throws  Error; UsageError when the model has another number of latent dimensions
/// Source  Kingma & Welling 2014, figure 4
inline ExitCode run_manifold(const LatentPictureOptions& options, std::ostream& out) {
  return detail::write_latent_picture(
      options, out, [&]<class Model>(const Model& model, const DataView&, const ExperimentConfig& config) {
        using T = typename Model::Scalar;
        if (model.latent_dim() != 2) {
          throw UsageError(
              concat("manifold: the model has ", model.latent_dim(), " latent dimensions, must have 2"));
        }
        const Index steps = options.steps > 0 ? options.steps : 20;
        const auto quantile = [&](Index i) {
          return static_cast<T>(
              inverse_normal_cdf((static_cast<double>(i) + 0.5) / static_cast<double>(steps)));
        };
        const std::string condition =
            options.condition.empty() && model.condition > 0 ? "0" : options.condition;
        Matrix<T> z =
            conditioned_latents(model, condition_rows(config, condition, steps * steps), steps * steps);
        for (Index row = 0; row < steps; ++row) {
          for (Index column = 0; column < steps; ++column) {
            z(row * steps + column, 0) = quantile(column);
            z(row * steps + column, 1) = quantile(steps - 1 - row);
          }
        }
        return std::pair(std::move(z), steps);
      });
}

}  // namespace vaekit::inline VAEKIT_ABI
