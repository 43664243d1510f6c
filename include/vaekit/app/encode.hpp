// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <iostream>
#include <optional>
#include <span>
#include <vector>

#include "vaekit/app/evaluate.hpp"
#include "vaekit/app/output.hpp"
#include "vaekit/app/pictures.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// The samples of an array file for a trained model, with what `--condition` says of them.
///
/// Throws IoError, DataError, UsageError when a conditional model is told nothing
[[nodiscard]] inline LoadedData load_input(const Run& run, const std::filesystem::path& file,
                                           const std::string& condition = {}) {
  LoadedData data(parse_npy(read_file(file), file.filename().string()), run.input, run.config.seed);
  if (condition.empty() && run.config.data.condition) {
    throw UsageError("--condition: missing, the model is conditional");
  }
  if (auto rows = condition_rows(run.config, condition, data.dataset.size())) {
    data.condition = Condition::rows(data.dataset, std::move(rows));
  }
  return data;
}

/// What `vaekit encode` is told on its command line.
struct EncodeOptions {
  std::filesystem::path run;
  std::filesystem::path in;
  std::filesystem::path out;
  std::string condition = {};  ///< of a conditional model: see `condition_rows`
  bool logvar = false;
  int threads = 0;
};

/// `vaekit encode`: posterior means (or modes, where z has no mean) [n × dim]; with `logvar` means and
/// log-variances side by side [n × 2 dim].
///
/// Throws UsageError, ConfigError, DataError, NumericError, IoError
inline ExitCode run_encode(const EncodeOptions& options, std::ostream& out) {
  const ThreadScope threads(options.threads);
  require_npy(options.out);
  check_output(options.out, {options.run, options.in, options.condition});
  const Run run = load_run(options.run);
  const LoadedData data = load_input(run, options.in, options.condition);
  with_model(run, [&]<class Model>(const Model& model) {
    using T = typename Model::Scalar;
    check_support(data.view(), model.likelihood, likelihood_name(run.config.model));
    const Index batch = std::min<Index>(500, data.view().size());
    const Index dim = model.latent_dim();
    typename Model::Workspace w = model.make_inference_workspace(batch);
    Matrix<T> buffer(batch, model.input_columns());
    Matrix<T> latents(data.view().size(), options.logvar ? 2 * dim : dim);
    for_each_batch<T>(data.view(), buffer, [&](Index first, MatrixIn<T> x) {
      const DiagonalGaussian<T> q = model.encode(x, w);
      if (options.logvar) {
        if (q.logvar.cols() != dim) {
          throw UsageError(concat("--logvar: a ", part_name(model.latent),
                                  " posterior has no log-variances, must be left out"));
        }
        latents.block(first, dim, x.rows(), dim) = q.logvar;
      }
      latents.block(first, 0, x.rows(), dim) = model.encode_point(x, w);
    });
    check_results<T>(options.out, latents.span(), latents.cols());
    write_file_atomically(options.out, npy_bytes<T>(latents, Shape::flat(latents.cols())));
  });
  out << options.out.string() << std::endl;
  return ExitCode::done;
}

/// What `vaekit reconstruct` is told on its command line.
struct ReconstructOptions {
  std::filesystem::path run;
  std::filesystem::path out;
  std::optional<std::filesystem::path> in;  ///< default: the test split, else the training split
  std::string condition = {};               ///< of `in`, for a conditional model
  std::optional<Index> count;               ///< default: 32 in a picture, all in an array
  int threads = 0;
};

/// The samples a picture shows where the user names none.
[[nodiscard]] inline LoadedData load_shown(const Run& run) {
  return load_split(run, run.config.data.test ? DataSplit::test : DataSplit::train);
}

/// `vaekit reconstruct`: inputs above their reconstructions as a picture, or the reconstructions as an array.
/// Of a picture's samples that the user does not name it shows `random_rows`, else the first ones.
///
/// Throws UsageError, ConfigError, DataError, NumericError, IoError
inline ExitCode run_reconstruct(const ReconstructOptions& options, std::ostream& out) {
  const ThreadScope threads(options.threads);
  check_output(options.out, {options.run, options.in.value_or(""), options.condition});
  const Run run = load_run(options.run);
  const bool picture = output_format(options.out, run.input.shape) == OutputFormat::png;
  const LoadedData data = options.in ? load_input(run, *options.in, options.condition) : load_shown(run);
  DataView view = data.view();
  const Index count = std::min(options.count.value_or(picture ? 32 : view.size()), view.size());
  const std::vector<std::uint32_t> shown = random_rows(view, count);
  view.rows = picture && !options.in ? std::span(shown) : view.rows.first(static_cast<std::size_t>(count));
  if (picture) {
    check_picture_size(reconstruction_tiles(count), run.input.shape, reconstruction_columns(count),
                       "lower --count, or end --out in .npy");
  }
  with_model(run, [&]<class Model>(const Model& model) {
    using T = typename Model::Scalar;
    check_support(view, model.likelihood, likelihood_name(run.config.model));
    if (picture) {
      write_png(options.out, reconstruction_picture(model, run.picture_format(), view));
      return;
    }
    const Matrix<T> reconstructions = reconstruct_all(model, view);
    check_results<T>(options.out, reconstructions.span(), reconstructions.cols());
    write_file_atomically(options.out, npy_bytes<T>(reconstructions, run.input.shape));
  });
  out << options.out.string() << std::endl;
  return ExitCode::done;
}

/// −ELBO of each sample of `view`, from one z ~ q(z|x); higher is stranger.
///
/// Throws DataError when a value is outside the likelihood's support, NumericError when a score is not finite
template <class Model>
[[nodiscard]] std::vector<double> negative_elbos(const Model& model, const Run& run, const DataView& view) {
  using T = typename Model::Scalar;
  check_support(view, model.likelihood, likelihood_name(run.config.model));
  std::vector<double> scores;
  evaluate_elbo(model, view, run.config.seed, 500, 1, [&](Index, const Terms<T>& terms) {
    for (Index row = 0; row < terms.kl.rows(); ++row) {
      scores.push_back(static_cast<double>(terms.kl.row(row).sum() - terms.log_likelihood.row(row).mean()));
    }
  });
  check_finite("score", scores, view);
  return scores;
}

/// −log p(x) of each sample of `view` from `samples` samples; `visit(input)` after each.
///
/// Throws DataError when a value is outside the likelihood's support, ConfigError for a posterior without a
/// density, NumericError when a score is not finite
template <class Model, class Visit>
[[nodiscard]] std::vector<double> negative_log_likelihoods(const Model& model, const Run& run,
                                                           const DataView& view, Index samples,
                                                           Visit&& visit) {
  check_support(view, model.likelihood, likelihood_name(run.config.model));
  std::vector<double> scores;
  evaluate_log_likelihood(model, view, samples, run.config.seed, [&](Index input, double value) {
    scores.push_back(-value);
    visit(input);
  });
  check_finite("score", scores, view);
  return scores;
}

/// What `vaekit score` is told on its command line.
struct ScoreOptions {
  std::filesystem::path run;
  std::filesystem::path in;
  std::filesystem::path out;
  std::string condition = {};  ///< of a conditional model: see `condition_rows`
  Index importance_samples = 0;
  int threads = 0;
};

/// `vaekit score`: −ELBO of each sample, or −log p(x) from `importance_samples` samples; higher is stranger.
/// [n]. The file's name goes to `out`, progress to `err`.
///
/// Throws UsageError, ConfigError, DataError, NumericError, IoError
inline ExitCode run_score(const ScoreOptions& options, std::ostream& out, std::ostream& err) {
  const ThreadScope threads(options.threads);
  require_npy(options.out);
  check_output(options.out, {options.run, options.in, options.condition});
  const Run run = load_run(options.run);
  const LoadedData data = load_input(run, options.in, options.condition);
  std::vector<double> scores;
  with_model(run, [&]<class Model>(const Model& model) {
    if (options.importance_samples > 0) {
      PercentProgress progress(err, stderr_is_terminal(), "importance sampling", data.view().size());
      scores = negative_log_likelihoods(model, run, data.view(), options.importance_samples,
                                        [&](Index input) { progress.update(input + 1); });
      return;
    }
    scores = negative_elbos(model, run, data.view());
  });
  write_file_atomically(options.out, npy_bytes<double>(scores, {static_cast<Index>(scores.size())}));
  out << options.out.string() << std::endl;
  return ExitCode::done;
}

}  // namespace vaekit::inline VAEKIT_ABI
