// SPDX-License-Identifier: MIT
// What the end-to-end programs print: one JSON object a line, as peers/workloads.py does.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "vaekit/core/error.hpp"

namespace benchmarks {

using Clock = std::chrono::steady_clock;

[[nodiscard]] inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The value below which a share `p` of the samples lies.
[[nodiscard]] inline double quantile(std::vector<double> samples, double p) {
  std::ranges::sort(samples);
  const double position = p * static_cast<double>(samples.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, samples.size() - 1);
  return std::lerp(samples[below], samples[above], position - static_cast<double>(below));
}

[[nodiscard]] inline double median(const std::vector<double>& samples) { return quantile(samples, 0.5); }

/// One measurement.
struct Record {
  std::string topic;
  std::string name;  ///< which case of the topic
  std::string peer = "vaekit";
  int threads = 1;
  std::string unit;
  std::vector<double> samples = {};
  std::optional<double> check = {};  ///< a result that must agree between peers
  std::optional<double> p99 = {};
  std::optional<double> share = {};    ///< of the FMA peak
  std::optional<double> peak = {};     ///< GFLOP/s
  std::optional<double> penalty = {};  ///< the part of a loss beside the reconstruction, another such result
  std::optional<double> parameters = {};  ///< how many a model has, another
};

/// Prints the median and the interquartile range ("spread") of a record's samples.
inline void print(const Record& r) {
  std::cout.precision(9);
  std::cout << R"({"topic": ")" << r.topic << R"(", "name": ")" << r.name << R"(", "peer": ")" << r.peer
            << R"(", "threads": )" << r.threads << R"(, "unit": ")" << r.unit << R"(", "median": )"
            << median(r.samples) << R"(, "spread": )" << quantile(r.samples, 0.75) - quantile(r.samples, 0.25)
            << R"(, "samples": )" << r.samples.size();
  const auto add = [](const char* key, const std::optional<double>& value) {
    if (value) {
      std::cout << R"(, ")" << key << R"(": )" << *value;
    }
  };
  add("check", r.check);
  add("p99", r.p99);
  add("share", r.share);
  add("peak", r.peak);
  add("penalty", r.penalty);
  add("parameters", r.parameters);
  std::cout << '}' << std::endl;
}

/// Throws unless a result in float agrees with the same in double.
inline void require_close(const char* what, double value, double reference, double tolerance = 1e-4) {
  if (!(std::abs(value - reference) <= tolerance * std::abs(reference))) {
    throw vaekit::NumericError(vaekit::concat(what, ": is ", value, ", must be ", reference, " (in double)"));
  }
}

/// `main` of an end-to-end program: `run(seconds)`, where the only argument says how many seconds each
/// measurement may take.
template <class Run>
int run_program(int argc, char** argv, Run&& run) {
  try {
    run(argc > 1 ? std::atof(argv[1]) : 2.0);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 1;
  }
}

}  // namespace benchmarks
