// SPDX-License-Identifier: MIT
#include "vaekit/app/output.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <limits>
#include <string>

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
  check_throws_with<UsageError>(
      "--out: is \"a.png\", must end in .npy: samples of 4x4x2 are neither grey nor RGB", [] {
        static_cast<void>(output_format("a.png", Shape{4, 4, 2}));
      });
  check_throws_with<UsageError>("--out: is \"a.png\", must end in .npy", [] { require_npy("a.png"); });
  check_throws_with<UsageError>("--out: is \"a.npy\", must end in .png",
                                [&] { require_png("a.npy", image); });
  for (const std::string out : {"a.png", "a.npy"}) {
    check_throws_with<UsageError>(
        "--out: samples of 3 features are no images, must be images for a picture of them",
        [&] { require_png(out, Shape::flat(3)); });
  }
  require_png("a.png", image);
  require_npy("a.npy");
}

TEST_CASE("output: a picture that would be too large is refused, with what helps") {
  const Shape image{28, 28, 1};
  check_picture_size(10'000, image, 100, "lower --count");
  check_throws_with<UsageError>(
      "--out: picture of 100000 samples has 18388x18330 pixels, must have at most 268435456; lower --count",
      [&] { check_picture_size(100'000, image, 317, "lower --count"); });
}

TEST_CASE("output: samples are written as an array or as a grid") {
  const TemporaryFolder folder("output");
  Matrix<float> samples(3, 16);
  samples.setConstant(0.5F);
  samples(2, 15) = 1;
  const PictureFormat format{{Shape{4, 4, 1}}};
  write_samples(folder / "s.npy", samples, format, 2);
  const Dataset read = parse_npy(read_file(folder / "s.npy"), "s.npy");
  CHECK(read.size() == 3);
  CHECK(read.shape() == Shape{4, 4, 1});
  CHECK(std::get<std::vector<float>>(read.values())[47] == 1);
  write_samples(folder / "s.png", samples, format, 2);
  CHECK(read_png(folder / "s.png") == image_grid<float>(samples, {4, 4, 1}, grid_options({4, 4, 1}, 2)));
}

TEST_CASE("output: results that are not finite are not written") {
  const TemporaryFolder folder("output-nan");
  Matrix<float> samples(3, 16);
  samples(1, 15) = std::numeric_limits<float>::infinity();
  for (const std::string name : {"s.npy", "s.png"}) {
    check_throws_with<NumericError>(
        (folder / name).string() +
            ": not written: the result of sample 1 is inf, must be finite; its input may be out of range",
        [&] {
          write_samples(folder / name, samples, {{Shape{4, 4, 1}}}, 2);
        });
    CHECK_FALSE(std::filesystem::exists(folder / name));
  }
}

TEST_CASE("output: neither a file that is read nor the state of a run is written over") {
  const TemporaryFolder folder("output-same");
  const RunFolder run{folder / "run"};
  run.create();
  write_file_atomically(run.last(), std::string_view("x"));
  write_file_atomically(folder / "x.npy", std::string_view("x"));
  const auto refused = [&](const std::filesystem::path& out) {
    check_throws_with<UsageError>("--out: is \"" + out.string() + "\", which is read, must be another file",
                                  [&] {
                                    check_output(out, {run.root, folder / "x.npy"});
                                  });
  };
  refused(folder / "x.npy");
  refused(folder / "run/../x.npy");
  refused(run.last());
  check_output(folder / "y.npy", {run.root, folder / "x.npy", ""});
  check_output(run.root / "samples.png", {run.root});
}
