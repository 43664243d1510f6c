// SPDX-License-Identifier: MIT
#include "vaekit/app/study.hpp"

#include <doctest/doctest.h>

#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

std::vector<StudyRun> expand(const std::vector<std::string>& axes, std::uint64_t first, Index seeds) {
  std::vector<GridAxis> parsed;
  for (const std::string& axis : axes) {
    parsed.push_back(parse_grid_axis(axis));
  }
  return with_seeds(grid_cells(parsed), first, seeds);
}

}  // namespace

TEST_CASE("study: every combination, the last axis faster, seeds fastest") {
  const std::vector<StudyRun> runs =
      expand({"model.latent.dim=[2, 5]", R"(objective.beta=[1, {"schedule": "linear"}])"}, 7, 2);
  REQUIRE(runs.size() == 8);
  CHECK(runs[0].cell == "model.latent.dim=2,objective.beta=1");
  CHECK(runs[0].seed == 7);
  CHECK(runs[1].cell == runs[0].cell);
  CHECK(runs[1].seed == 8);
  CHECK(runs[2].settings ==
        std::vector<std::string>{"model.latent.dim=2", R"(objective.beta={"schedule":"linear"})"});
  CHECK(runs[7].values == std::vector<std::string>{"5", R"({"schedule":"linear"})"});
}

TEST_CASE("study: without axes there is one cell") {
  const std::vector<StudyRun> runs = expand({}, 1, 3);
  REQUIRE(runs.size() == 3);
  CHECK(runs[2].cell.empty());
  CHECK(runs[2].settings.empty());
  CHECK(runs[2].seed == 3);
}

TEST_CASE("study: seeds end where there are no larger ones") {
  constexpr std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
  CHECK(expand({}, last - 1, 2).back().seed == last);
  check_throws_with<UsageError>(
      "--seeds: is 2 from seed 18446744073709551615 on, must end at 18446744073709551615 at the latest; "
      "lower "
      "the configuration's seed",
      [] { static_cast<void>(expand({}, last, 2)); });
}

TEST_CASE("study: grids that cannot be") {
  check_throws_with<UsageError>("--grid a.b: is no KEY=[...], must name a key and its values",
                                [] { static_cast<void>(parse_grid_axis("a.b")); });
  check_throws_with<UsageError>("--grid a: values are 4, must be a JSON array of one or more",
                                [] { static_cast<void>(parse_grid_axis("a=4")); });
  check_throws_with<UsageError>("--grid a: values are [], must be a JSON array of one or more",
                                [] { static_cast<void>(parse_grid_axis("a=[]")); });
  check_throws_with<UsageError>("--grid a: holds 2 twice, must hold each value once",
                                [] { static_cast<void>(parse_grid_axis("a=[2, 3, 2]")); });
  check_throws_with<UsageError>("--grid a: is given twice, must be given once", [] {
    static_cast<void>(expand({"a=[1]", "a=[2]"}, 1, 1));
  });
  for (const std::vector<std::string>& axes :
       {std::vector<std::string>{"a.b.c=[1]", "a=[{}]"}, {"a=[{}]", "a.bc=[1]", "a.b.c=[1]"}}) {
    const std::string inner = axes.size() == 2 ? "a.b.c" : "a.bc";
    check_throws_with<UsageError>(
        "--grid " + inner + ": is a part of --grid a, must not be; write its values into those of a",
        [&] { static_cast<void>(expand(axes, 1, 1)); });
  }
  CHECK(expand({"a.b=[1]", "a.bc=[1]", "ab=[1]"}, 1, 1).size() == 1);
}

TEST_CASE("study: what options decide is no axis, with any number of values") {
  for (const std::string values : {"[5]", "[1,2]"}) {
    check_throws_with<UsageError>("--grid seed: sets seed, must not; use --seeds", [&] {
      static_cast<void>(expand({"a=[1]", "seed=" + values}, 1, 1));
    });
    check_throws_with<UsageError>("--grid training.threads: sets training.threads, must not; use --threads",
                                  [&] { static_cast<void>(expand({"training.threads=" + values}, 1, 1)); });
  }
  check_throws_with<UsageError>("--grid training: sets training.threads, must not; use --threads", [] {
    static_cast<void>(expand({R"(training=[{"epochs": 2}, {"threads": 2}])"}, 1, 1));
  });
  CHECK(expand({R"(training=[{"epochs": 2}])", "data.train.seed=[1,2]"}, 1, 1).size() == 2);
}
