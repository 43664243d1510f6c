// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cmath>
#include <iostream>
#include <limits>
#include <numbers>
#include <optional>

#include "vaekit/app/evaluate.hpp"
#include "vaekit/app/output.hpp"
#include "vaekit/compress/bits_back.hpp"
#include "vaekit/compress/compressed_file.hpp"
#include "vaekit/data/idx.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// What `vaekit compress` is told on its command line.
struct CompressOptions {
  std::filesystem::path run;
  std::optional<std::filesystem::path> in;  ///< default: the test split
  std::filesystem::path out;
  int threads = 0;
  bool json = false;
};

/// What `vaekit decompress` is told on its command line.
struct DecompressOptions {
  std::filesystem::path run;
  std::filesystem::path in;
  std::filesystem::path out;
  int threads = 0;
};

namespace detail {

/// An array of levels 0 ... 255, as it is compressed.
struct LevelArray {
  std::string name;
  std::vector<std::uint64_t> sizes;
  std::vector<std::uint8_t> values;
};

/// The array of an NPY or IDX file.
///
/// Throws DataError unless it holds bytes, below `levels`, of as many features as the model takes
[[nodiscard]] inline LevelArray read_levels(const std::filesystem::path& file, std::uint32_t levels,
                                            const InputFormat& input) {
  const Bytes bytes = read_file(file);
  const std::string name = file.filename().string();
  const bool npy = text_of(bytes).starts_with(npy_magic);
  const Dataset data = npy ? parse_npy(bytes, name) : parse_idx(bytes, name);
  check_features(data, input);
  const auto* values = std::get_if<std::vector<std::uint8_t>>(&data.values());
  if (values == nullptr) {
    throw DataError(concat(name, ": values are no bytes, must be to be compressed; save x.astype('uint8')"));
  }
  const auto large = std::ranges::find_if(*values, [&](std::uint8_t value) { return value >= levels; });
  if (large != values->end()) {
    const Index place = large - values->begin();
    throw DataError(concat(name, ": sample ", place / data.features(), ", feature ", place % data.features(),
                           " is ", +*large, ", must be 0 or 1 to be compressed with a bernoulli likelihood"));
  }
  return {name, npy ? parse_npy_array(bytes, name).sizes : parse_idx_array(bytes, name, false).extent.sizes,
          *values};
}

/// The test split as the model sees it, binarised where the run does so.
///
/// Throws DataError when a model input is none of the levels
[[nodiscard]] inline LevelArray test_levels(const Run& run, std::uint32_t levels) {
  const LoadedData data = load_split(run, DataSplit::test);
  const std::string& name = data.dataset.name();
  if (levels > 2 && !data.dataset.is_bytes()) {
    throw DataError(concat(name, ": values are no bytes, must be to be compressed with 256 levels"));
  }
  const std::vector<Index> sizes = npy_sizes(data.view().size(), run.input.shape);
  LevelArray array{name, {sizes.begin(), sizes.end()}, {}};
  Matrix<double> buffer(std::min<Index>(500, data.view().size()), data.dataset.features());
  for_each_batch<double>(data.view(), buffer, [&](Index first, MatrixIn<double> x) {
    for (Index row = 0; row < x.rows(); ++row) {
      for (Index j = 0; j < x.cols(); ++j) {
        const double level = std::nearbyint(x(row, j) * (levels - 1));
        if (levels == 2 && !(x(row, j) == 0 || x(row, j) == 1)) {
          throw DataError(concat(name, ": sample ", first + row, ", feature ", j, " is ", x(row, j),
                                 " after scaling, must be 0 or 1 to be compressed with a bernoulli "
                                 "likelihood; hint: data/binarize"));
        }
        array.values.push_back(static_cast<std::uint8_t>(level));
      }
    }
  });
  return array;
}

/// What makes model inputs of levels.
[[nodiscard]] inline Transform level_transform(const InputFormat& input, std::uint32_t levels) {
  if (levels == 2) {
    const auto n = static_cast<std::size_t>(input.shape.size());
    return {std::vector<double>(n, 0), std::vector<double>(n, 1), 0, Binarize::none};
  }
  return input.transform.without_binarization();
}

template <class Model>
[[nodiscard]] std::uint32_t parameter_checksum(const Model& model) {
  Checksum checksum;
  for (const auto& parameter : state_tensors(model)) {
    checksum.add(bytes_of(parameter.name)).add(memory_of(parameter.values));
  }
  return checksum.value();
}

/// The bits that every file begins with.
[[nodiscard]] inline RandomStream clean_bits() { return {0, Purpose::compress}; }

[[nodiscard]] inline std::string build_text() { return concat(version, ' ', instruction_set); }

/// A file without its message: what says which model and which arithmetic it needs.
template <class Model>
[[nodiscard]] CompressedFile describe_codec(const Model& model, const BitsBack<Model>& codec) {
  return {.levels = codec.levels(),
          .model = parameter_checksum(model),
          .arithmetic = Checksum().add(memory_of<double>(codec.probe())).value(),
          .build = build_text()};
}

/// Throws DataError unless the file was made with this model, by a program that computes the same bits
inline void check_codec(const CompressedFile& file, const CompressedFile& expected, const InputFormat& input,
                        std::string_view name) {
  if (file.levels != expected.levels) {
    throw DataError(concat(name, ": holds values of ", file.levels, " levels, must be the ", expected.levels,
                           " of this model"));
  }
  if (file.model != expected.model) {
    throw DataError(concat(name, ": was compressed with another model: checksum of its parameters is ",
                           checksum_text(file.model), ", of this one ", checksum_text(expected.model)));
  }
  const std::string_view written_for = std::string_view(file.build).substr(file.build.find(' ') + 1);
  if (written_for != instruction_set || file.arithmetic != expected.arithmetic) {
    throw DataError(concat(name, ": was compressed by vaekit ", file.build,
                           ", which rounds differently from this program, vaekit ", expected.build,
                           "; decompress with the build that compressed"));
  }
  const std::uint64_t features = saturating_product(std::span(file.sizes).subspan(1));
  if (features != static_cast<std::uint64_t>(input.shape.size()) || file.sizes[0] < 1 ||
      file.sizes[0] > std::numeric_limits<std::uint32_t>::max()) {
    throw DataError(concat(name, ": array is ", npy_shape(file.sizes), ", must have ", input.shape.size(),
                           " values in each of 1 to 4294967295 rows"));
  }
  if (file.before < 1 || file.before > BitsBackGroups::most_before) {
    throw DataError(concat(name, ": rows ahead of a group are ", file.before,
                           " for each of its own, must be 1 to ", BitsBackGroups::most_before));
  }
}

struct CompressionReport {
  std::string name;  ///< of what was compressed
  Index samples = 0;
  Index dimensions = 0;
  std::uint32_t levels = 0;
  std::size_t bytes = 0;       ///< of the file
  std::size_t clean_bits = 0;  ///< that the message began with
  double elbo = 0;             ///< mean, in nats
  double seconds = 0;          ///< of coding

  [[nodiscard]] double bits_per_dimension() const {
    return 8 * static_cast<double>(bytes) / static_cast<double>(samples * dimensions);
  }
  [[nodiscard]] double elbo_bits_per_dimension() const {
    return -elbo / std::numbers::ln2 / static_cast<double>(dimensions);
  }
  /// Of the file over what the ELBO promises; NaN where the ELBO is not finite and promises nothing.
  [[nodiscard]] double overhead() const {
    return std::isfinite(elbo) ? bits_per_dimension() / elbo_bits_per_dimension() - 1
                               : std::numeric_limits<double>::quiet_NaN();
  }
  [[nodiscard]] double samples_per_second() const { return static_cast<double>(samples) / seconds; }
};

/// An ELBO that is not finite is null, and so is what follows from it.
[[nodiscard]] inline Json to_json(const CompressionReport& report) {
  return {{"samples", report.samples},
          {"dimensions", report.dimensions},
          {"levels", report.levels},
          {"bytes", report.bytes},
          {"bits_per_dimension", report.bits_per_dimension()},
          {"elbo", report.elbo},
          {"elbo_bits_per_dimension", report.elbo_bits_per_dimension()},
          {"overhead", report.overhead()},
          {"initial_bits", report.clean_bits},
          {"samples_per_second", report.samples_per_second()}};
}

inline void print(const CompressionReport& report, std::ostream& out) {
  out << report.name << ": " << report.samples << " samples of " << report.dimensions << " values with "
      << report.levels << " levels\n"
      << "file            " << report.bytes << " bytes\n"
      << "bits a value    " << fixed(report.bits_per_dimension(), 5) << '\n';
  if (std::isfinite(report.elbo)) {
    out << "negative elbo   " << fixed(report.elbo_bits_per_dimension(), 5) << " bits a value, "
        << fixed(-report.elbo, 3) << " nats a sample\n"
        << "overhead        " << fixed(100 * report.overhead(), 2) << " %, ";
  } else {
    out << "negative elbo   not finite: nothing to compare the file with\n"
        << "overhead        unknown, ";
  }
  out << "with " << report.clean_bits << " bits to begin with\n"
      << "samples/s       " << fixed(report.samples_per_second(), 0) << '\n';
}

/// A message of the data that begins with at most `most_bits` clean bits, where groups can be small enough
/// for that. `before` tells how they had to grow.
template <class Model>
[[nodiscard]] AnsStack encode_from_few_bits(const BitsBack<Model>& codec,
                                            std::span<const std::uint8_t> values, Index most_bits,
                                            std::uint32_t& before) {
  for (Index rows = BitsBackGroups::least_before;; rows = std::min(4 * rows, BitsBackGroups::most_before)) {
    AnsStack stack(clean_bits());
    codec.encode(values, stack, rows);
    if (static_cast<Index>(stack.clean_bits()) <= most_bits || rows == BitsBackGroups::most_before) {
      before = static_cast<std::uint32_t>(rows);
      return stack;
    }
  }
}

/// Compresses `array` and writes the file.
template <class Model>
[[nodiscard]] CompressionReport write_compressed(const std::filesystem::path& out, const Model& model,
                                                 const BitsBack<Model>& codec, LevelArray array) {
  CompressedFile file = describe_codec(model, codec);
  const auto start = std::chrono::steady_clock::now();
  AnsStack stack = encode_from_few_bits(codec, array.values, 20 * model.latent_dim() + 96, file.before);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  file.sizes = std::move(array.sizes);
  file.values = Checksum().add(array.values).value();
  file.head = stack.head();
  file.words = stack.words();
  const Bytes bytes = compressed_bytes(file);
  write_file_atomically(out, bytes);
  return {.name = std::move(array.name),
          .samples = static_cast<Index>(file.sizes[0]),
          .dimensions = model.features(),
          .levels = codec.levels(),
          .bytes = bytes.size(),
          .clean_bits = stack.clean_bits(),
          .seconds = seconds.count()};
}

}  // namespace detail

/// `vaekit compress`: an array of bytes, without loss, in the bits that the model's ELBO promises.
///
/// Throws Error; ConfigError names what cannot be coded
inline ExitCode run_compress(const CompressOptions& options, std::ostream& out) {
  const ThreadScope threads(options.threads);
  check_output(options.out, {options.run, options.in.value_or("")});
  const Run run = load_run(options.run);
  detail::CompressionReport report;
  with_model(run, [&]<class Model>(const Model& model) {
    const std::uint32_t levels = compressible_levels(model);
    const Transform to_input = detail::level_transform(run.input, levels);
    const BitsBack<Model> codec(model, to_input);
    detail::LevelArray array =
        options.in ? detail::read_levels(*options.in, levels, run.input) : detail::test_levels(run, levels);
    const Dataset data(array.name, run.input.shape, array.values);
    const std::vector<std::uint32_t> rows = all_rows(data.size());
    const double elbo = evaluate_elbo(model, DataView{&data, &to_input, rows}, run.config.seed).elbo.mean();
    report = detail::write_compressed(options.out, model, codec, std::move(array));
    report.elbo = elbo;
  });
  if (options.json) {
    out << dump(detail::to_json(report)) << std::endl;
  } else {
    detail::print(report, out);
  }
  return ExitCode::done;
}

/// `vaekit decompress`: the array that `vaekit compress` was given, as NPY file of bytes.
///
/// Throws Error; DataError when the file is damaged, or made with another model or by a program that rounds
/// differently
inline ExitCode run_decompress(const DecompressOptions& options, std::ostream& out) {
  const ThreadScope threads(options.threads);
  require_npy(options.out);
  check_output(options.out, {options.run, options.in});
  const Run run = load_run(options.run);
  const std::string name = options.in.filename().string();
  CompressedFile file = parse_compressed(read_raw_file(options.in), name);
  with_model(run, [&]<class Model>(const Model& model) {
    const Transform to_input = detail::level_transform(run.input, compressible_levels(model));
    const BitsBack<Model> codec(model, to_input);
    detail::check_codec(file, detail::describe_codec(model, codec), run.input, name);
    AnsStack stack(file.head, std::move(file.words));
    const Bytes values = codec.decode(static_cast<Index>(file.sizes[0]), stack, file.before);
    const std::uint32_t checksum = Checksum().add(values).value();
    if (!stack.holds_only(detail::clean_bits()) || checksum != file.values) {
      throw DataError(concat(name, ": does not decode: checksum of the values is ", checksum_text(checksum),
                             ", the file says ", checksum_text(file.values)));
    }
    const std::vector<Index> sizes(file.sizes.begin(), file.sizes.end());
    write_file_atomically(options.out, npy_bytes<std::uint8_t>(values, sizes));
  });
  out << options.out.string() << std::endl;
  return ExitCode::done;
}

}  // namespace vaekit::inline VAEKIT_ABI
