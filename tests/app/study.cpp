// SPDX-License-Identifier: MIT
#include "vaekit/app/study.hpp"

#include <doctest/doctest.h>

#include "support/throws_with.hpp"

using namespace vaekit;

TEST_CASE("study: every combination, the last axis faster, seeds fastest") {
  const std::vector<GridAxis> axes{parse_grid_axis("model.latent.dim=[2, 5]"),
                                   parse_grid_axis(R"(objective.beta=[1, {"schedule": "linear"}])")};
  const std::vector<StudyRun> runs = expand_grid(axes, 7, 2);
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
  const std::vector<StudyRun> runs = expand_grid({}, 1, 3);
  REQUIRE(runs.size() == 3);
  CHECK(runs[2].settings.empty());
  CHECK(StudyFolder{"s"}.run(runs[2]).root == "s/runs/all/seed-3");
}

TEST_CASE("study: folders can be read, and differ where values do") {
  const StudyFolder folder{"s"};
  CHECK(folder.run({"objective.beta=0.5", {}, {}, 2}).root == "s/runs/objective.beta=0.5/seed-2");
  const std::string a = folder.run({"name=a/b", {}, {}, 1}).root.string();
  const std::string b = folder.run({"name=a b", {}, {}, 1}).root.string();
  CHECK(a.starts_with("s/runs/name=a_b-"));
  CHECK(b.starts_with("s/runs/name=a_b-"));
  CHECK(a != b);
  const std::string long_name = folder.run({std::string(500, 'x'), {}, {}, 1}).root.string();
  CHECK(long_name.size() < 200);
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
    static_cast<void>(expand_grid({parse_grid_axis("a=[1]"), parse_grid_axis("a=[2]")}, 1, 1));
  });
}
