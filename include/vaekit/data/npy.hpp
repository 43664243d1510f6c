// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "vaekit/core/check.hpp"
#include "vaekit/core/error.hpp"
#include "vaekit/core/fields.hpp"
#include "vaekit/core/matrix.hpp"
#include "vaekit/core/shape.hpp"
#include "vaekit/data/bytes.hpp"
#include "vaekit/data/dataset.hpp"
#include "vaekit/data/extent.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Samples in an NPY file, the format of `numpy.save`.
struct NpyConfig {
  static constexpr std::string_view kind = "npy";
  static constexpr std::string_view tag = "format";
  std::string path = "";
  std::string labels = "";

  static constexpr auto fields() {
    return std::tuple{
        required_path_field("path", &NpyConfig::path, "NPY file of the samples, may be gzipped"),
        path_field("labels", &NpyConfig::labels, "NPY file of integer labels, may be gzipped")};
  }
};

namespace detail {

constexpr std::string_view npy_magic = "\x93NUMPY";

struct NpyArray {
  std::string dtype;
  std::vector<std::uint64_t> sizes;
  ByteView data;
};

/// Reads the header of an NPY file, a Python dictionary such as
/// `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
class NpyHeader {
 public:
  NpyHeader(std::string_view text, std::string_view name) : text_(text), name_(name) {}

  [[nodiscard]] NpyArray parse() {
    NpyArray array;
    bool fortran_order = false;
    expect("{");
    while (!accept("}")) {
      const std::string_view key = string();
      expect(":");
      if (key == "descr" && (keys_seen_ & 1U) == 0) {
        keys_seen_ |= 1U;
        array.dtype = dtype();
      } else if (key == "fortran_order" && (keys_seen_ & 2U) == 0) {
        keys_seen_ |= 2U;
        fortran_order = boolean();
      } else if (key == "shape" && (keys_seen_ & 4U) == 0) {
        keys_seen_ |= 4U;
        array.sizes = sizes();
      } else {
        malformed();
      }
      if (!accept(",")) {
        expect("}");
        break;
      }
    }
    skip_blanks();
    if (place_ != text_.size() || keys_seen_ != 7U) {
      malformed();
    }
    if (fortran_order) {
      throw DataError(
          concat(name_, ": fortran_order is True, must be False; save numpy.ascontiguousarray(x)"));
    }
    return array;
  }

 private:
  [[noreturn]] void malformed() const {
    throw DataError(concat(name_, ": NPY header is malformed at character ", place_,
                           ", must be {'descr': ..., 'fortran_order': ..., 'shape': ...}"));
  }

  void skip_blanks() { place_ = std::min(text_.find_first_not_of(" \n", place_), text_.size()); }

  [[nodiscard]] bool accept(std::string_view token) {
    skip_blanks();
    const bool found = text_.substr(place_).starts_with(token);
    place_ += found ? token.size() : 0;
    return found;
  }

  void expect(std::string_view token) {
    if (!accept(token)) {
      malformed();
    }
  }

  [[nodiscard]] std::string_view string() {
    const std::string_view quote = accept("'") ? "'" : "\"";
    if (quote == "\"") {
      expect(quote);
    }
    const std::size_t end = text_.find(quote, place_);
    if (end == std::string_view::npos) {
      malformed();
    }
    const std::string_view content = text_.substr(place_, end - place_);
    place_ = end + 1;
    return content;
  }

  [[nodiscard]] std::string dtype() {
    if (accept("[")) {
      throw DataError(concat(name_, ": dtype is a structure, must be a number"));
    }
    return std::string(string());
  }

  [[nodiscard]] bool boolean() {
    const bool value = accept("True");
    if (!value) {
      expect("False");
    }
    return value;
  }

  [[nodiscard]] std::vector<std::uint64_t> sizes() {
    std::vector<std::uint64_t> list;
    expect("(");
    while (!accept(")")) {
      skip_blanks();
      std::uint64_t size = 0;
      const char* const end = text_.data() + text_.size();
      const auto [stop, error] = std::from_chars(text_.data() + place_, end, size);
      if (error != std::errc()) {
        malformed();
      }
      place_ = static_cast<std::size_t>(stop - text_.data());
      list.push_back(size);
      if (!accept(",")) {
        expect(")");
        break;
      }
    }
    return list;
  }

  std::string_view text_;
  std::string_view name_;
  std::size_t place_ = 0;
  unsigned keys_seen_ = 0;
};

[[nodiscard]] inline NpyArray parse_npy_array(ByteView file, std::string_view name) {
  if (!text_of(file).starts_with(npy_magic)) {
    throw DataError(concat(name, ": starts with ", quoted_text(text_of(file).substr(0, npy_magic.size())),
                           ", must start with \"\\x93NUMPY\" (an NPY file)"));
  }
  const auto check_size = [&](std::size_t size) {
    if (file.size() < size) {
      throw DataError(concat(name, ": truncated: NPY header has ", size, " bytes, found ", file.size()));
    }
  };
  check_size(8);
  const int major = file[6];
  const int minor = file[7];
  if (major < 1 || major > 3 || minor != 0) {
    throw DataError(concat(name, ": NPY version is ", major, '.', minor, ", must be 1.0, 2.0 or 3.0"));
  }
  const std::size_t start = major == 1 ? 10 : 12;
  check_size(start);
  const std::size_t length = major == 1 ? load<std::uint16_t>(file.data() + 8, std::endian::little)
                                        : load<std::uint32_t>(file.data() + 8, std::endian::little);
  check_size(start + length);
  NpyArray array = NpyHeader(text_of(file.subspan(start, length)), name).parse();
  array.data = file.subspan(start + length);
  return array;
}

/// A shape as NumPy prints it: "()", "(3,)", "(3, 4)".
template <class Size>
[[nodiscard]] std::string npy_shape(const std::vector<Size>& sizes) {
  std::string text = "(";
  for (const Size size : sizes) {
    text += concat(text.size() == 1 ? "" : ", ", size);
  }
  return text + (sizes.size() == 1 ? ",)" : ")");
}

/// Bytes of a value, from a dtype such as "<f4".
[[nodiscard]] inline std::size_t npy_value_bytes(std::string_view dtype) {
  return static_cast<std::size_t>(dtype.back() - '0');
}

template <class From>
[[nodiscard]] std::vector<std::int32_t> npy_labels(const NpyArray& array, std::string_view name) {
  std::vector<std::int32_t> labels;
  for (const From label : load_all<From>(array.data, std::endian::little)) {
    if (!std::in_range<std::int32_t>(label)) {
      throw DataError(concat(name, ": label ", labels.size(), " is ", +label, ", must fit in 32 bits"));
    }
    labels.push_back(static_cast<std::int32_t>(label));
  }
  return labels;
}

}  // namespace detail

/// Samples of an NPY file that is in memory: vectors [N, F] or images [N, height, width(, channels)].
///
/// Format   NPY 1.0, 2.0 and 3.0, C order
/// Types    |u1, |b1 (as uint8 0 and 1), <u2 and <i2 (as float, exactly), <f4, <f8
/// Throws   DataError "<name>: ..." for any other dtype or order, a malformed header, no samples, too few or
///          too many bytes
/// Source   NumPy Enhancement Proposal 1
[[nodiscard]] inline Dataset parse_npy(ByteView file, const std::string& name) {
  const detail::NpyArray array = detail::parse_npy_array(file, name);
  constexpr std::array<std::string_view, 6> known{"|u1", "|b1", "<u2", "<i2", "<f4", "<f8"};
  if (std::ranges::find(known, array.dtype) == known.end()) {
    throw DataError(concat(name, ": dtype is ", quoted_text(array.dtype),
                           ", must be |u1, |b1, <u2, <i2, <f4 or <f8; save ", "x.astype('float32')"));
  }
  if (array.sizes.size() < 2 || array.sizes.size() > 4) {
    throw DataError(concat(name, ": shape is ", detail::npy_shape(array.sizes),
                           ", must have 2 dimensions (vectors), 3 or 4 (images, channels last)"));
  }
  const Extent extent{array.sizes, detail::npy_value_bytes(array.dtype)};
  extent.check(array.data, name);
  const auto make = [&](Dataset::Values values) { return Dataset(name, extent.shape(), std::move(values)); };
  if (array.dtype == "<f4") {
    return make(load_all<float>(array.data, std::endian::little));
  }
  if (array.dtype == "<f8") {
    return make(load_all<double>(array.data, std::endian::little));
  }
  const auto widened = [&]<class From>(From) {
    const std::vector<From> stored = load_all<From>(array.data, std::endian::little);
    return make(std::vector<float>(stored.begin(), stored.end()));
  };
  if (array.dtype == "<u2") {
    return widened(std::uint16_t{});
  }
  if (array.dtype == "<i2") {
    return widened(std::int16_t{});
  }
  std::vector<std::uint8_t> values(array.data.begin(), array.data.end());
  if (array.dtype == "|b1") {
    std::ranges::transform(values, values.begin(), [](std::uint8_t value) { return value != 0 ? 1 : 0; });
  }
  return make(std::move(values));
}

/// Labels of an NPY file that is in memory: [N] integers of any size, little-endian, that fit in 32 bits.
///
/// Throws DataError as `parse_npy` does.
[[nodiscard]] inline std::vector<std::int32_t> parse_npy_labels(ByteView file, const std::string& name) {
  const detail::NpyArray array = detail::parse_npy_array(file, name);
  using Reader = std::vector<std::int32_t> (*)(const detail::NpyArray&, std::string_view);
  constexpr std::array<std::pair<std::string_view, Reader>, 8> readers{
      {{"|u1", detail::npy_labels<std::uint8_t>},
       {"|i1", detail::npy_labels<std::int8_t>},
       {"<u2", detail::npy_labels<std::uint16_t>},
       {"<i2", detail::npy_labels<std::int16_t>},
       {"<u4", detail::npy_labels<std::uint32_t>},
       {"<i4", detail::npy_labels<std::int32_t>},
       {"<u8", detail::npy_labels<std::uint64_t>},
       {"<i8", detail::npy_labels<std::int64_t>}}};
  const auto reader = std::ranges::find(readers, array.dtype, &std::pair<std::string_view, Reader>::first);
  if (reader == readers.end()) {
    throw DataError(concat(name, ": dtype is ", quoted_text(array.dtype), ", must be an integer (labels)"));
  }
  if (array.sizes.size() != 1) {
    throw DataError(
        concat(name, ": shape is ", detail::npy_shape(array.sizes), ", must have 1 dimension (labels)"));
  }
  Extent{array.sizes, detail::npy_value_bytes(array.dtype)}.check(array.data, name);
  return reader->second(array, name);
}

/// An NPY 1.0 file of `values` in C order; their number must be the product of `sizes`.
///
/// T is float, double, std::uint8_t or std::int32_t. The same bytes as `numpy.save`.
/// Throws ShapeError.
template <class T>
[[nodiscard]] Bytes npy_bytes(std::span<const T> values, const std::vector<Index>& sizes) {
  static_assert(std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, std::uint8_t> ||
                std::same_as<T, std::int32_t>);
  constexpr std::string_view type = std::floating_point<T> ? "f" : std::signed_integral<T> ? "i" : "u";
  const std::string shape = detail::npy_shape(sizes);
  Index count = 1;
  for (const Index size : sizes) {
    count *= size;
  }
  if (count != std::ssize(values)) {
    throw ShapeError(concat("npy_bytes: has ", values.size(), " values, must have ", count, ' ', shape));
  }
  std::string header = concat("{'descr': '", sizeof(T) == 1 ? '|' : '<', type, sizeof(T),
                              "', 'fortran_order': False, 'shape': ", shape, ", }");
  constexpr std::size_t prefix = 10;
  header.append(63 - (prefix + header.size()) % 64, ' ');
  header += '\n';
  Bytes bytes(prefix + header.size() + values.size_bytes());
  std::ranges::copy(bytes_of(detail::npy_magic), bytes.begin());
  bytes[6] = 1;
  store(static_cast<std::uint16_t>(header.size()), bytes.data() + 8, std::endian::little);
  std::ranges::copy(bytes_of(header), bytes.begin() + prefix);
  for (std::size_t i = 0; i < values.size(); ++i) {
    store(values[i], bytes.data() + prefix + header.size() + i * sizeof(T), std::endian::little);
  }
  return bytes;
}

/// Sizes of an array of `count` samples: (n, features), (n, height, width) or, with several channels, (n,
/// height, width, channels).
[[nodiscard]] inline std::vector<Index> npy_sizes(Index count, const Shape& shape) {
  std::vector<Index> sizes{count};
  if (shape.is_image()) {
    sizes.insert(sizes.end(), {shape.height, shape.width});
  }
  if (!shape.is_image() || shape.channels > 1) {
    sizes.push_back(shape.is_image() ? shape.channels : shape.size());
  }
  return sizes;
}

/// An NPY file of samples `[n × shape.size()]`, of the sizes `npy_sizes`.
///
/// Throws ShapeError.
template <class T>
[[nodiscard]] Bytes npy_bytes(MatrixIn<T> samples, const Shape& shape) {
  check_columns("npy_bytes", "samples", samples, shape.size(), "features");
  const Matrix<T> values = samples;
  return npy_bytes<T>(values.span(), npy_sizes(samples.rows(), shape));
}

}  // namespace vaekit::inline VAEKIT_ABI
