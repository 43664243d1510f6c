// SPDX-License-Identifier: MIT
#pragma once

#include <iostream>

#include "vaekit/app/encode.hpp"
#include "vaekit/app/scatter_picture.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// What `vaekit scatter` is told on its command line.
struct ScatterOptions {
  std::filesystem::path run;
  std::filesystem::path out;
  std::vector<std::string> overrides = {};
  Index count = 5000;  ///< samples at most
  Index size = 640;    ///< pixels of each side
  int threads = 0;
};

/// `vaekit scatter`: the posterior means of the test split (else the training split) as dots in the plane,
/// coloured by label where the data have labels.
///
/// Throws ConfigError, DataError, IoError
inline ExitCode run_scatter(const ScatterOptions& options, std::ostream& out) {
  const ThreadScope threads(options.threads);
  if (options.out.extension() != ".png") {
    throw UsageError(concat("--out: is \"", options.out.string(), "\", must end in .png"));
  }
  const Run run = load_run(options.run, options.overrides);
  const LoadedData data = load_shown(run);
  with_model(run, [&](const auto& model) {
    const LatentScatter scatter = latent_scatter(model, data.view(), options.count, options.size);
    write_png(options.out, scatter.picture);
    out << options.out.string() << ": " << scatter.axes << '\n';
    for (const auto& [label, colour] : scatter.labels) {
      out << "label " << label << ": " << colour_name(colour) << '\n';
    }
  });
  out << std::flush;
  return ExitCode::done;
}

}  // namespace vaekit::inline VAEKIT_ABI
