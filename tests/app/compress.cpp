// SPDX-License-Identifier: MIT
#include "vaekit/app/compress.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <sstream>

#include "app/example_run.hpp"
#include "support/throws_with.hpp"

using namespace vaekit;

namespace {

[[nodiscard]] ExperimentConfig coding_config(const LikelihoodConfig& likelihood) {
  ExperimentConfig config = example::small_config();
  config.model.likelihood = likelihood;
  config.data.binarize =
      std::holds_alternative<BernoulliConfig>(likelihood) ? Binarize::threshold : Binarize::none;
  return config;
}

struct Coding : example::ExampleRun {
  std::filesystem::path in = folder / "x.npy";
  std::filesystem::path packed = folder / "x.vae";
  std::filesystem::path out = folder / "y.npy";
  std::ostringstream said;

  explicit Coding(const std::string& name, const LikelihoodConfig& likelihood = BernoulliConfig{})
      : ExampleRun(name, coding_config(likelihood)) {}

  /// `count` samples of 64 values, values 0 ... levels − 1.
  void write_levels(std::uint32_t levels, const std::vector<Index>& sizes) const {
    Index size = 1;
    for (const Index length : sizes) {
      size *= length;
    }
    std::vector<std::uint8_t> values;
    for (Index i = 0; i < size; ++i) {
      values.push_back(static_cast<std::uint8_t>(i * i % 251 % levels));
    }
    write_file_atomically(in, npy_bytes<std::uint8_t>(values, sizes));
  }

  void compress(std::optional<std::filesystem::path> file) {
    CHECK(run_compress({.run = run.root, .in = std::move(file), .out = packed, .threads = 1}, said) ==
          ExitCode::done);
  }

  void decompress() {
    CHECK(run_decompress({.run = run.root, .in = packed, .out = out, .threads = 1}, said) == ExitCode::done);
  }

  /// The message of the refusal, for those with checksums of what came out.
  [[nodiscard]] std::string refusal() {
    try {
      run_decompress({.run = run.root, .in = packed, .out = out, .threads = 1}, said);
    } catch (const DataError& error) {
      return error.what();
    }
    return "";
  }

  void check_refused(const std::string& message) {
    check_throws_with<DataError>(
        message, [&] { run_decompress({.run = run.root, .in = packed, .out = out, .threads = 1}, said); });
    CHECK_FALSE(std::filesystem::exists(out));
  }

  /// Changes what the compressed file says and makes its checksum right again.
  template <class Change>
  void rewrite(Change&& change) const {
    CompressedFile file = parse_compressed(read_file(packed), "x.vae");
    change(file);
    write_file_atomically(packed, compressed_bytes(file));
  }
};

}  // namespace

TEST_CASE("compress: files come back as they were, in the shape they had") {
  Coding binary("compress-binary");
  for (const std::vector<Index>& sizes :
       std::vector<std::vector<Index>>{{1, 64}, {30, 8, 8}, {30, 8, 8, 1}}) {
    binary.write_levels(2, sizes);
    binary.compress(binary.in);
    binary.decompress();
    CHECK(read_file(binary.out) == read_file(binary.in));
  }
  Coding grey("compress-grey", DiscretizedLogisticConfig{.spread = ParameterSource::predicted});
  grey.write_levels(256, {30, 8, 8});
  grey.compress(grey.in);
  grey.decompress();
  CHECK(read_file(grey.out) == read_file(grey.in));
}

TEST_CASE("compress: an IDX file becomes an array of its shape") {
  Coding c("compress-idx");
  const Bytes idx{0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 8};
  Bytes file = idx;
  file.resize(idx.size() + 64, 1);
  write_file_atomically(c.in, file);
  c.compress(c.in);
  c.decompress();
  CHECK(read_file(c.out) == npy_bytes<std::uint8_t>(Bytes(64, 1), {1, 8, 8}));
}

TEST_CASE("compress: by default the test split as the model sees it") {
  Coding binary("compress-split");
  binary.compress({});
  binary.decompress();
  const Run run = load_run(binary.run.root);
  const LoadedData data = load_split(run, DataSplit::test);
  Matrix<float> x(12, 64);
  for_each_batch<float>(data.view(), x, [](Index, MatrixIn<float>) {});
  const Dataset back = example::read_array(binary.out);
  CHECK(back.shape() == Shape{8, 8, 1});
  const auto& values = std::get<std::vector<std::uint8_t>>(back.values());
  CHECK(std::equal(values.begin(), values.end(), x.span().begin(), x.span().end()));
}

TEST_CASE("compress: the report has the file's rate beside the ELBO") {
  Coding c("compress-report");
  c.write_levels(2, {300, 64});
  run_compress({.run = c.run.root, .in = c.in, .out = c.packed, .threads = 1, .json = true}, c.said);
  const Json json = parse_json(c.said.str(), "out");
  const auto bytes = std::filesystem::file_size(c.packed);
  CHECK(json["samples"] == 300);
  CHECK(json["dimensions"] == 64);
  CHECK(json["levels"] == 2);
  CHECK(json["bytes"] == bytes);
  CHECK(json["bits_per_dimension"] == 8.0 * static_cast<double>(bytes) / (300 * 64));
  const double elbo = json["elbo"];
  CHECK(json["elbo_bits_per_dimension"].get<double>() == doctest::Approx(-elbo / std::log(2.0) / 64));
  CHECK(json["initial_bits"] <= 64 + 32 * 3);
  // 116 bytes are header; the rest is the ELBO.
  const double message = 8.0 * static_cast<double>(bytes - 116) / (300 * 64);
  CHECK(message == doctest::Approx(json["elbo_bits_per_dimension"].get<double>()).epsilon(0.01));
  c.said.str("");
  c.compress(c.in);
  CHECK(c.said.str().starts_with("x.npy: 300 samples of 64 values with 2 levels\nfile            "));
  CHECK(c.said.str().find("\nnegative elbo   ") != std::string::npos);
}

TEST_CASE("compress: the report of an ELBO that is not finite compares nothing with it") {
  detail::CompressionReport report{
      .name = "x", .samples = 2, .dimensions = 4, .levels = 2, .bytes = 9, .clean_bits = 7, .seconds = 2};
  for (const double elbo : {-HUGE_VAL, std::nan("")}) {
    report.elbo = elbo;
    std::ostringstream out;
    detail::print(report, out);
    CHECK(out.str() ==
          "x: 2 samples of 4 values with 2 levels\nfile            9 bytes\nbits a value    9.00000\n"
          "negative elbo   not finite: nothing to compare the file with\n"
          "overhead        unknown, with 7 bits to begin with\nsamples/s       1\n");
    const Json json = parse_json(dump(detail::to_json(report)), "out");
    CHECK(json["elbo"].is_null());
    CHECK(json["elbo_bits_per_dimension"].is_null());
    CHECK(json["overhead"].is_null());
    CHECK(json["bits_per_dimension"] == 9);
  }
}

TEST_CASE("compress: inputs that are no levels of the model are refused") {
  Coding c("compress-inputs");
  const auto refused = [&](const std::string& message) {
    check_throws_with<DataError>(message, [&] {
      run_compress({.run = c.run.root, .in = c.in, .out = c.packed, .threads = 1}, c.said);
    });
    CHECK_FALSE(std::filesystem::exists(c.packed));
  };
  c.write_levels(3, {2, 64});
  refused("x.npy: sample 0, feature 16 is 2, must be 0 or 1 to be compressed with a bernoulli likelihood");
  c.write_levels(2, {2, 63});
  refused("x.npy: samples have 63 features (63), must have 64 for this model (8x8x1)");
  example::write_inputs(c.in, 2);
  refused("x.npy: values are no bytes, must be to be compressed; save x.astype('uint8')");
}

TEST_CASE("compress: a test split between the levels, and parts without a code, are refused") {
  const auto refuse = [](const std::string& name, const ExperimentConfig& config) {
    const example::ExampleRun run(name, config);
    std::ostringstream said;
    run_compress({.run = run.run.root, .in = {}, .out = run.folder / "x.vae", .threads = 1}, said);
  };
  ExperimentConfig grey = example::small_config();
  grey.data.scale = {ScaleKind::range, 0.25, 1};
  CHECK_THROWS_WITH_AS(refuse("compress-grey-split", grey),
                       doctest::Contains("after scaling, must be 0 or 1 to be compressed with a bernoulli "
                                         "likelihood; hint: data/binarize"),
                       DataError);
  grey.model.likelihood = GaussianConfig{};
  check_throws_with<ConfigError>(
      "compress: likelihood is \"gaussian\", must be bernoulli or discretized_logistic: the others have no "
      "table of frequencies",
      [&] { refuse("compress-gaussian", grey); });
}

TEST_CASE("decompress: damaged files and foreign models are refused before anything is written") {
  Coding c("decompress-refuse");
  c.write_levels(2, {30, 8, 8});
  c.compress(c.in);
  const Bytes good = read_file(c.packed);
  Bytes cut(good.begin(), good.end() - 4);
  write_file_atomically(c.packed, cut);
  const std::size_t words = (good.size() - 116) / 4;
  c.check_refused(concat("x.vae: truncated: header promises ", words, " words of 4 bytes, found ",
                         4 * words - 4, " bytes"));
  write_file_atomically(c.packed, good);
  c.rewrite([](CompressedFile& file) { file.words[3] ^= 0x100; });
  CHECK(c.refusal().starts_with("x.vae: does not decode: checksum of the values is "));
  write_file_atomically(c.packed, good);
  c.rewrite([](CompressedFile& file) { file.words.resize(2); });
  CHECK(c.refusal().starts_with("x.vae: does not decode: checksum of the values is "));
  write_file_atomically(c.packed, good);
  c.rewrite([](CompressedFile& file) { file.sizes = {30, 63}; });
  c.check_refused("x.vae: array is (30, 63), must have 64 values in each of 1 to 4294967295 rows");
  write_file_atomically(c.packed, good);
  c.rewrite([](CompressedFile& file) { file.before = 0; });
  c.check_refused("x.vae: rows ahead of a group are 0 for each of its own, must be 1 to 4096");
  write_file_atomically(c.packed, good);
  c.rewrite([](CompressedFile& file) { file.levels = 256; });
  c.check_refused("x.vae: holds values of 256 levels, must be the 2 of this model");
  write_file_atomically(c.packed, good);
  c.rewrite([](CompressedFile& file) { file.build = "0.0.9 other"; });
  const std::string otherwise = concat(", which rounds differently from this program, vaekit ", version, ' ',
                                       instruction_set, "; decompress with the build that compressed");
  c.check_refused("x.vae: was compressed by vaekit 0.0.9 other" + otherwise);
  write_file_atomically(c.packed, good);
  c.rewrite([](CompressedFile& file) { file.arithmetic ^= 1; });
  c.check_refused(concat("x.vae: was compressed by vaekit ", version, ' ', instruction_set) + otherwise);
  write_file_atomically(c.packed, good);
  const std::uint32_t model = detail::parameter_checksum(example::initialized_model(c.config));
  c.config.seed = 2;
  const std::uint32_t other = detail::parameter_checksum(example::initialized_model(c.config));
  write_file_atomically(c.run.last(), example::untrained_checkpoint(c.config));
  c.check_refused(concat("x.vae: was compressed with another model: checksum of its parameters is ",
                         checksum_text(model), ", of this one ", checksum_text(other)));
  const auto refused = [](const std::filesystem::path& out, auto&& call) {
    check_throws_with<UsageError>("--out: is \"" + out.string() + "\", which is read, must be another file",
                                  call);
  };
  refused(c.packed, [&] { run_compress({.run = c.run.root, .in = c.packed, .out = c.packed}, c.said); });
  refused(c.run.last(),
          [&] { run_compress({.run = c.run.root, .in = c.packed, .out = c.run.last()}, c.said); });
  const std::filesystem::path npy = c.packed.parent_path() / "packed.npy";
  std::filesystem::copy_file(c.packed, npy);
  refused(npy, [&] { run_decompress({.run = c.run.root, .in = npy, .out = npy}, c.said); });
  CHECK(read_file(npy) == read_file(c.packed));
  check_throws_with<UsageError>("--out: is \"y.txt\", must end in .npy", [&] {
    run_decompress({.run = c.run.root, .in = c.packed, .out = "y.txt"}, c.said);
  });
}
