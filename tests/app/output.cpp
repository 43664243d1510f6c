// SPDX-License-Identifier: MIT
#include "vaekit/app/output.hpp"

#include <doctest/doctest.h>

#include "io/temporary_folder.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

TEST_CASE("output: the ending chooses the format") {
  const Shape image{8, 8, 1};
  CHECK(output_format("a/b.png", image) == OutputFormat::png);
  CHECK(output_format("b.npy", image) == OutputFormat::npy);
  CHECK(output_format("b.npy", Shape::flat(3)) == OutputFormat::npy);
  CHECK(UsageError("x").exit_code() == ExitCode::usage);
  check_throws_with<UsageError>("--out: is \"a.jpg\", must end in .png or .npy",
                                [&] { static_cast<void>(output_format("a.jpg", image)); });
  check_throws_with<UsageError>("--out: is \"png\", must end in .png or .npy",
                                [&] { static_cast<void>(output_format("png", image)); });
  check_throws_with<UsageError>("--out: is \"a.png\", must end in .npy: samples of 3 features are no images",
                                [] { static_cast<void>(output_format("a.png", Shape::flat(3))); });
  check_throws_with<UsageError>("--out: is \"a.png\", must end in .npy", [] { require_npy("a.png"); });
  check_throws_with<UsageError>("--out: is \"a.npy\", must end in .png",
                                [&] { require_png("a.npy", image); });
  require_png("a.png", image);
  require_npy("a.npy");
}

TEST_CASE("output: samples are written as an array or as a grid") {
  const TemporaryFolder folder("output");
  Matrix<float> samples(3, 16);
  samples.setConstant(0.5F);
  samples(2, 15) = 1;
  write_samples(folder / "s.npy", samples, {4, 4, 1}, 2);
  const Dataset read = parse_npy(read_file(folder / "s.npy"), "s.npy");
  CHECK(read.size() == 3);
  CHECK(read.shape() == Shape{4, 4, 1});
  CHECK(std::get<std::vector<float>>(read.values())[47] == 1);
  write_samples(folder / "s.png", samples, {4, 4, 1}, 2);
  CHECK(read_png(folder / "s.png") == image_grid<float>(samples, {4, 4, 1}, grid_options({4, 4, 1}, 2)));
}
