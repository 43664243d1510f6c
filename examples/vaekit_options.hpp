// SPDX-License-Identifier: MIT
//
// Options that several commands of vaekit share.
#pragma once

#include <CLI/CLI.hpp>
#include <array>
#include <filesystem>
#include <string>
#include <vaekit/app/fitted_sampler.hpp>
#include <vaekit/app/option_text.hpp>
#include <vector>

namespace options {

inline void add_run(CLI::App& sub, std::filesystem::path& run) {
  sub.add_option("RUN", run, "run folder or checkpoint file")->required();
}

inline CLI::Option* add_condition(CLI::App& sub, std::string& condition, const std::string& otherwise) {
  return sub.add_option("--condition", condition,
                        "of a conditional model: a class, numbers with commas, or .npy" + otherwise);
}

/// `threads` is a number or an optional one.
template <class Threads>
void add_threads(CLI::App& sub, Threads& threads) {
  sub.add_option("--threads", threads, "OpenMP threads, 0 = as OMP_NUM_THREADS says, else all cores")
      ->check(CLI::Range(0, 1024));
}

inline void add_overrides(CLI::App& sub, std::vector<std::string>& overrides, const std::string& help) {
  sub.add_option("--set", overrides, help)->type_name("KEY=JSON")->allow_extra_args(false);
}

/// `seed` is a number or an optional one.
template <class Seed>
CLI::Option* add_seed(CLI::App& sub, Seed& seed, const std::string& help) {
  return sub
      .add_option_function<std::string>(
          "--seed", [&seed](const std::string& text) { seed = vaekit::parse_seed("--seed", text); }, help)
      ->type_name("UINT");
}

/// Not by CLI11, whose ranges let NaN pass.
inline void add_real(CLI::App& sub, const std::string& name, double& value, const std::string& help,
                     const vaekit::Range& range) {
  sub.add_option_function<std::string>(
         name,
         [&value, name, range](const std::string& text) { value = vaekit::parse_real(name, text, range); },
         help)
      ->type_name("FLOAT")
      ->default_str(vaekit::concat(value));
}

/// Where no path means that nothing was asked for, an empty one must not.
inline CLI::Validator some_path() {
  return {[](const std::string& path) {
            return path.empty() ? std::string("is empty, must be a path") : std::string();
          },
          ""};
}

inline std::array<CLI::Option*, 2> add_sampler(CLI::App& sub, vaekit::Sampler& sampler,
                                               vaekit::Index& components) {
  CLI::Option* which = sub.add_option_function<std::string>(
      "--sampler",
      [&sampler](const std::string& name) {
        sampler = name == "mixture" ? vaekit::Sampler::mixture
                  : name == "flow"  ? vaekit::Sampler::flow
                                    : vaekit::Sampler::prior;
      },
      "where z comes from: prior (default), or a mixture or flow fitted to the training set's latents");
  which->check(CLI::IsMember({"prior", "mixture", "flow"}).description(""));
  CLI::Option* count = sub.add_option("--components", components, "Gaussians of the fitted mixture");
  count->capture_default_str()->check(CLI::Range(1, 100'000));
  sub.parse_complete_callback([&sampler, count] {
    if (count->count() > 0 && sampler != vaekit::Sampler::mixture) {
      throw vaekit::UsageError(vaekit::concat("--components: is ", count->as<std::string>(),
                                              ", must be left out without --sampler mixture"));
    }
  });
  return {which, count};
}

}  // namespace options
