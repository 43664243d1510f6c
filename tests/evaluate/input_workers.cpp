// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/input_workers.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <string>

#include "evaluate/linear_gaussian.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

TEST_CASE("input workers: every input once, in order, whatever threads and groups") {
  const example::Samples samples = example::normal_samples(23, 1);
  for (const int threads : {1, 2, 3}) {
    const ThreadScope scope(threads);
    for (const Index group : {1, 2, 5, 40}) {
      CAPTURE(group);
      std::atomic<int> made = 0;
      std::vector<double> seen;
      for_each_input<double, double>(
          samples.view(), 1, group,
          [&] {
            ++made;
            return 0;
          },
          [&](int& calls, Index first, MatrixIn<double> x, std::span<double> out) {
            ++calls;
            CHECK(x.rows() <= group);
            for (Index row = 0; row < x.rows(); ++row) {
              out[static_cast<std::size_t>(row)] = static_cast<double>(first + row) + x(row, 0);
            }
          },
          [&](Index input, double result) {
            CHECK(input == std::ssize(seen));
            seen.push_back(result);
          });
      REQUIRE(seen.size() == 23);
      for (std::size_t i = 0; i < seen.size(); ++i) {
        CHECK(seen[i] == static_cast<double>(i) + std::get<std::vector<double>>(samples.dataset.values())[i]);
      }
      CHECK(made == (23 / group + 1 < threads ? 1 : threads));
    }
  }
}

TEST_CASE("input workers: an error of the work reaches the caller") {
  const example::Samples samples = example::normal_samples(8, 1);
  const ThreadScope scope(2);
  check_throws_with<DataError>("input 5", [&] {
    for_each_input<double, double>(
        samples.view(), 1, 1, [] { return 0; },
        [](int&, Index first, MatrixIn<double>, std::span<double>) {
          if (first == 5) {
            throw DataError("input 5");
          }
        },
        [](Index, double) {});
  });
}
