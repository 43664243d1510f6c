// SPDX-License-Identifier: MIT
#include "vaekit/io/load.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "io/make_gzip.hpp"
#include "io/temporary_folder.hpp"
#include "support/throws_with.hpp"

using vaekit::Bytes;
using vaekit::Dataset;
using vaekit::load_dataset;

TEST_CASE("load: IDX images with labels, gzipped or not") {
  const TemporaryFolder folder("idx");
  vaekit::write_file_atomically(folder / "x.gz",
                                make_gzip(Bytes{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 9, 8, 7, 6}));
  vaekit::write_file_atomically(folder / "y", Bytes{0, 0, 8, 1, 0, 0, 0, 2, 3, 4});
  const Dataset data = load_dataset(vaekit::IdxConfig{(folder / "x.gz").string(), (folder / "y").string()});
  CHECK(data.name() == "x.gz");
  CHECK(data.size() == 2);
  CHECK(data.labels() == std::vector<std::int32_t>{3, 4});
  CHECK(load_dataset(vaekit::IdxConfig{(folder / "x.gz").string(), ""}).labels().empty());
  vaekit::write_file_atomically(folder / "y", Bytes{0, 0, 8, 1, 0, 0, 0, 1, 3});
  check_throws_with<vaekit::DataError>("x.gz: has 1 labels, must have 2 (one for each sample)", [&] {
    static_cast<void>(load_dataset(vaekit::IdxConfig{(folder / "x.gz").string(), (folder / "y").string()}));
  });
}

TEST_CASE("load: NPY with labels, CSV, synthetic") {
  const TemporaryFolder folder("load");
  vaekit::write_file_atomically(folder / "x.npy",
                                vaekit::npy_bytes<float>(std::vector<float>{1, 2, 3, 4}, {2, 2}));
  vaekit::write_file_atomically(folder / "y.npy",
                                vaekit::npy_bytes<std::int32_t>(std::vector<std::int32_t>{5, 6}, {2}));
  CHECK(load_dataset(vaekit::NpyConfig{(folder / "x.npy").string(), (folder / "y.npy").string()}).labels() ==
        std::vector<std::int32_t>{5, 6});
  vaekit::write_file_atomically(folder / "t.csv", "a;b\n1;2\n");
  vaekit::CsvConfig csv;
  csv.path = (folder / "t.csv").string();
  csv.delimiter = ";";
  CHECK(load_dataset(csv).column_names() == std::vector<std::string>{"a", "b"});
  vaekit::SyntheticConfig synthetic;
  synthetic.count = 3;
  CHECK(load_dataset(synthetic).size() == 3);
}

TEST_CASE(
    "load: a missing file is an input error with its whole path, a broken one a data error with its name") {
  const TemporaryFolder folder("missing");
  const std::string path = (folder / "x.npy").string();
  const auto load = [&] { static_cast<void>(load_dataset(vaekit::NpyConfig{path, ""})); };
  check_throws_with<vaekit::IoError>(path + ": cannot open: No such file or directory", load);
  vaekit::write_file_atomically(path, "");
  check_throws_with<vaekit::DataError>(
      "x.npy: starts with \"\", must start with \"\\x93NUMPY\" (an NPY file)", load);
}
