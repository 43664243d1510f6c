// SPDX-License-Identifier: MIT
#pragma once

#include <iostream>
#include <optional>

#include "vaekit/app/fitted_sampler.hpp"
#include "vaekit/app/output.hpp"
#include "vaekit/app/pictures.hpp"
#include "vaekit/app/use_model.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// What `vaekit sample` is told on its command line.
struct SampleOptions {
  std::filesystem::path run;
  std::filesystem::path out;
  Index count = 64;
  double temperature = 1;
  std::uint64_t seed = 1;
  std::string condition = {};  ///< of a conditional model: see `condition_rows`
  Sampler sampler = Sampler::prior;
  Index components = 10;  ///< of the fitted mixture
  int threads = 0;
};

/// `vaekit sample`: means of p(x|z) for z from the prior, or from a sampler that is fitted to the training
/// set's latents, as a picture or an array.
///
/// Throws UsageError, ConfigError, DataError, NumericError, IoError
inline ExitCode run_sample(const SampleOptions& options, std::ostream& out) {
  const ThreadScope threads(options.threads);
  check_output(options.out, {options.run, options.condition});
  const Run run = load_run(options.run);
  const bool picture = output_format(options.out, run.input.shape) == OutputFormat::png;
  const auto conditions = condition_rows(run.config, options.condition, options.count);
  with_model(run, [&](const auto& model) {
    const bool by_class = options.condition.empty() && model.condition > 0;
    const Index columns = sample_columns(model, by_class, options.count);
    if (picture) {
      check_picture_size(options.count, run.input.shape, columns, "lower --count, or end --out in .npy");
    }
    write_samples(options.out,
                  sample_means(model, run, options.sampler, options.components, options.temperature,
                               options.seed, conditioned_latents(model, conditions, options.count)),
                  run.picture_format(), columns);
  });
  out << options.out.string() << std::endl;
  return ExitCode::done;
}

/// What `vaekit decode` is told on its command line.
struct DecodeOptions {
  std::filesystem::path run;
  std::filesystem::path in;
  std::filesystem::path out;
  std::string condition = {};  ///< of a conditional model: see `condition_rows`
  int threads = 0;
};

/// `vaekit decode`: means of p(x|z) for the rows of an array of latents, which must lie where those of the
/// posterior do (`first_outside`).
///
/// Throws UsageError, ConfigError, DataError, NumericError, IoError
inline ExitCode run_decode(const DecodeOptions& options, std::ostream& out) {
  const ThreadScope threads(options.threads);
  check_output(options.out, {options.run, options.in, options.condition});
  const Run run = load_run(options.run);
  const bool picture = output_format(options.out, run.input.shape) == OutputFormat::png;
  const Dataset latents = parse_npy(read_file(options.in), options.in.filename().string());
  if (picture) {
    check_picture_size(latents.size(), run.input.shape, square_columns(latents.size()), "end --out in .npy");
  }
  with_model(run, [&]<class Model>(const Model& model) {
    using T = typename Model::Scalar;
    if (latents.features() != model.latent_dim()) {
      throw DataError(concat(latents.name(), ": rows have ", latents.features(), " values, must have ",
                             model.latent_dim(), " (latent dimensions)"));
    }
    const std::vector<double> ones(static_cast<std::size_t>(latents.features()), 1);
    const std::vector<double> zeros(static_cast<std::size_t>(latents.features()), 0);
    const std::vector<std::uint32_t> rows = all_rows(latents.size());
    Matrix<T> z = conditioned_latents(model, condition_rows(run.config, options.condition, latents.size()),
                                      latents.size());
    read_rows<T>(latents, rows, Transform(zeros, ones, 0, Binarize::none), 0, 0,
                 z.leftCols(latents.features()));
    if (const auto row = first_outside(model.latent, z.leftCols(latents.features()))) {
      throw DataError(concat(latents.name(), ": sample ", *row, " is not on ", space_of(model.latent),
                             ", where the ", part_name(model.latent), " posterior lives"));
    }
    write_samples(options.out, decode_all(model, z), run.picture_format(), square_columns(z.rows()));
  });
  out << options.out.string() << std::endl;
  return ExitCode::done;
}

}  // namespace vaekit::inline VAEKIT_ABI
