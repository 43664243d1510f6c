// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <iomanip>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "vaekit/core/error.hpp"
#include "vaekit/core/fields.hpp"
#include "vaekit/data/bytes.hpp"
#include "vaekit/data/dataset.hpp"
#include "vaekit/data/extent.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Images or vectors in an IDX file, the format of MNIST.
struct IdxConfig {
  static constexpr std::string_view kind = "idx";
  static constexpr std::string_view tag = "format";
  std::string path = "";
  std::string labels = "";

  static constexpr auto fields() {
    return std::tuple{
        required_path_field("path", &IdxConfig::path, "IDX file of the samples, may be gzipped"),
        path_field("labels", &IdxConfig::labels, "IDX file of the labels, may be gzipped")};
  }
};

namespace detail {

struct IdxArray {
  unsigned type = 0;
  Extent extent;
  ByteView data;
};

/// Bytes of a value of the type, 0 for an unknown type.
[[nodiscard]] constexpr std::size_t idx_value_bytes(unsigned type) {
  switch (type) {
    case 0x08:  // uint8
    case 0x09:  // int8
      return 1;
    case 0x0B:  // int16
      return 2;
    case 0x0C:  // int32
    case 0x0D:  // float32
      return 4;
    case 0x0E:  // float64
      return 8;
    default:
      return 0;
  }
}

[[noreturn]] inline void throw_idx_magic(ByteView file, std::string_view name, std::string_view expected) {
  const auto magic = load<std::uint32_t>(file.data(), std::endian::big);
  throw DataError(concat(name, ": magic number is 0x", std::hex, std::setfill('0'), std::setw(8), magic,
                         ", must be ", expected));
}

/// Reads the header and holds it against the size of the file.
[[nodiscard]] inline IdxArray parse_idx_array(ByteView file, std::string_view name, bool labels) {
  const auto check_header = [&](std::size_t size) {
    if (file.size() < size) {
      throw DataError(concat(name, ": truncated: an IDX header has ", size, " bytes, found ", file.size()));
    }
  };
  check_header(4);
  IdxArray array{file[2], {}, {}};
  array.extent.value_bytes = idx_value_bytes(array.type);
  const std::size_t dimensions = file[3];
  const bool known = file[0] == 0 && file[1] == 0 && array.extent.value_bytes != 0;
  if (labels && !(known && dimensions == 1 && array.type <= 0x0C)) {
    throw_idx_magic(file, name, "0x00000801 (IDX labels)");
  }
  if (!labels && !(known && dimensions >= 2 && dimensions <= 4)) {
    throw_idx_magic(file, name, "0x00000803 (IDX images) or 0x00000802 (IDX vectors)");
  }
  const std::size_t header = 4 + 4 * dimensions;
  check_header(header);
  for (std::size_t i = 0; i < dimensions; ++i) {
    array.extent.sizes.push_back(load<std::uint32_t>(file.data() + 4 + 4 * i, std::endian::big));
  }
  array.data = file.subspan(header);
  array.extent.check(array.data, name);
  return array;
}

}  // namespace detail

/// Samples of an IDX file that is in memory: vectors [N, F] or images [N, height, width(, channels)].
///
/// Format   big-endian: two zero bytes, type, number of dimensions, each dimension as uint32, values
/// Types    uint8 and float64 stay; float32, int8 and int16 become float; int32 becomes double
/// Throws   DataError "<name>: ..." for a wrong magic number, no samples, too few or too many bytes
/// Source   LeCun, Cortes, Burges: the MNIST database
[[nodiscard]] inline Dataset parse_idx(ByteView file, const std::string& name) {
  const detail::IdxArray array = detail::parse_idx_array(file, name, false);
  const auto make = [&](Dataset::Values values) {
    return Dataset(name, array.extent.shape(), std::move(values));
  };
  switch (array.type) {
    case 0x08:
      return make(std::vector(array.data.begin(), array.data.end()));
    case 0x09:
      return make(load_all<float, std::int8_t>(array.data, std::endian::big));
    case 0x0B:
      return make(load_all<float, std::int16_t>(array.data, std::endian::big));
    case 0x0C:
      return make(load_all<double, std::int32_t>(array.data, std::endian::big));
    case 0x0D:
      return make(load_all<float>(array.data, std::endian::big));
    default:
      return make(load_all<double>(array.data, std::endian::big));
  }
}

/// Labels of an IDX file that is in memory: one dimension of uint8, int8, int16 or int32.
///
/// Throws DataError as `parse_idx` does.
[[nodiscard]] inline std::vector<std::int32_t> parse_idx_labels(ByteView file, const std::string& name) {
  const detail::IdxArray array = detail::parse_idx_array(file, name, true);
  switch (array.type) {
    case 0x08:
      return load_all<std::int32_t, std::uint8_t>(array.data, std::endian::big);
    case 0x09:
      return load_all<std::int32_t, std::int8_t>(array.data, std::endian::big);
    case 0x0B:
      return load_all<std::int32_t, std::int16_t>(array.data, std::endian::big);
    default:
      return load_all<std::int32_t>(array.data, std::endian::big);
  }
}

}  // namespace vaekit::inline VAEKIT_ABI
