// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <bit>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vaekit/core/error.hpp"
#include "vaekit/core/matrix.hpp"
#include "vaekit/data/bytes.hpp"
#include "vaekit/io/checksum.hpp"
#include "vaekit/io/file.hpp"
#include "vaekit/io/json.hpp"

namespace vaekit::inline VAEKIT_ABI {

enum class Dtype { f32, f64 };

[[nodiscard]] constexpr std::size_t size_of(Dtype dtype) { return dtype == Dtype::f32 ? 4 : 8; }
[[nodiscard]] constexpr std::string_view to_string(Dtype dtype) {
  return dtype == Dtype::f32 ? "F32" : "F64";
}

/// A tensor in a file: row-major, little-endian.
struct Tensor {
  std::string name;
  Dtype dtype = Dtype::f32;
  std::vector<Index> shape = {};
  Bytes bytes = {};

  friend bool operator==(const Tensor&, const Tensor&) = default;
};

/// Copies `values` into a tensor; their number must be the product of `shape`.
template <class T>
[[nodiscard]] Tensor make_tensor(std::string name, std::vector<Index> shape, std::span<const T> values) {
  static_assert(std::same_as<T, float> || std::same_as<T, double>);
  Tensor tensor{std::move(name), std::same_as<T, float> ? Dtype::f32 : Dtype::f64, std::move(shape),
                Bytes(values.size_bytes())};
  for (std::size_t i = 0; i < values.size(); ++i) {
    store(values[i], tensor.bytes.data() + i * sizeof(T), std::endian::little);
  }
  return tensor;
}

/// The values of a tensor, converted to T where it is stored in another precision.
template <class T>
[[nodiscard]] std::vector<T> tensor_values(const Tensor& tensor) {
  return tensor.dtype == Dtype::f32 ? load_all<T, float>(tensor.bytes, std::endian::little)
                                    : load_all<T, double>(tensor.bytes, std::endian::little);
}

/// Tensors and texts of a safetensors file.
struct Safetensors {
  std::vector<Tensor> tensors = {};
  std::map<std::string, std::string> metadata = {};

  friend bool operator==(const Safetensors&, const Safetensors&) = default;
};

namespace detail {

/// Our files begin `{"__metadata__":{"crc32":"01234567"`: the checksum is at a fixed place, and covers the
/// whole header, with zeros for its own digits, and the data.
inline constexpr std::string_view checksum_prefix = "{\"__metadata__\":{\"crc32\":\"";
inline constexpr std::string_view checksum_blank = "00000000";

[[nodiscard]] inline std::string checksum(std::string header, ByteView data) {
  header.replace(checksum_prefix.size(), checksum_blank.size(), checksum_blank);
  return checksum_text(Checksum().add(bytes_of(header)).add(data).value());
}

/// What the header says of a tensor.
struct TensorEntry {
  std::string name;
  std::string dtype;
  std::vector<std::uint64_t> sizes;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// Bytes of a value, 0 for a type that is not read.
[[nodiscard]] inline std::uint64_t stored_bytes(std::string_view dtype) {
  if (dtype == "F16" || dtype == "BF16") {
    return 2;
  }
  return dtype == "F32" ? 4 : dtype == "F64" ? 8 : 0;
}

[[nodiscard]] inline bool all_unsigned(const Json& json) {
  return json.is_array() &&
         std::ranges::all_of(json, [](const Json& item) { return item.is_number_unsigned(); });
}

/// Throws DataError unless the entry is well-formed and its sizes are those of its bytes.
[[nodiscard]] inline TensorEntry parse_entry(const std::string& name, const Json& json,
                                             std::string_view file) {
  const std::string where = concat(file, ": tensor ", quoted_text(name));
  if (!json.is_object() || json.size() != 3 || !json.contains("dtype") || !json["dtype"].is_string() ||
      !json.contains("shape") || !all_unsigned(json["shape"]) || !json.contains("data_offsets") ||
      !all_unsigned(json["data_offsets"]) || json["data_offsets"].size() != 2) {
    throw DataError(where + " is malformed, must have dtype, shape and two data_offsets");
  }
  TensorEntry entry{name, json["dtype"], json["shape"], json["data_offsets"][0], json["data_offsets"][1]};
  if (stored_bytes(entry.dtype) == 0) {
    throw DataError(
        concat(where, ": dtype is ", quoted_text(entry.dtype), ", must be F32, F64, F16 or BF16"));
  }
  constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<Index>::max());
  std::vector<std::uint64_t> factors = entry.sizes;
  factors.push_back(stored_bytes(entry.dtype));
  const std::uint64_t promised = saturating_product(factors);
  if (std::ranges::max(factors) > largest || entry.begin > entry.end || promised != entry.end - entry.begin) {
    throw DataError(concat(where, ": data_offsets are [", entry.begin, ", ", entry.end, "], must be ",
                           promised, " bytes apart (shape times dtype)"));
  }
  return entry;
}

[[nodiscard]] inline std::map<std::string, std::string> parse_metadata(const Json& json,
                                                                       std::string_view file) {
  std::map<std::string, std::string> metadata;
  const bool valid =
      json.is_object() && std::ranges::all_of(json, [](const Json& value) { return value.is_string(); });
  if (!valid) {
    throw DataError(concat(file, ": __metadata__ is malformed, must map strings to strings"));
  }
  for (const auto& [key, value] : json.items()) {
    metadata[key] = value;
  }
  return metadata;
}

/// Throws DataError unless the tensors fill the data without overlap or gap.
inline void check_layout(std::vector<TensorEntry> entries, std::string_view file) {
  std::ranges::sort(entries, {}, [](const TensorEntry& entry) { return std::pair(entry.begin, entry.end); });
  std::uint64_t end = 0;
  for (const TensorEntry& entry : entries) {
    if (entry.begin != end) {
      throw DataError(concat(file, ": tensor ", quoted_text(entry.name), " begins at byte ", entry.begin,
                             " of the data, must begin at ", end));
    }
    end = entry.end;
  }
}

inline void check_checksum(std::string_view header, ByteView data, std::string_view file) {
  if (!header.starts_with(checksum_prefix) ||
      header.size() < checksum_prefix.size() + checksum_blank.size()) {
    return;  // written by another program
  }
  const std::string_view stated = header.substr(checksum_prefix.size(), checksum_blank.size());
  const std::string found = checksum(std::string(header), data);
  if (found != stated) {
    const std::string literal = quoted_text(stated);
    throw DataError(concat(file, ": checkpoint is corrupted: checksum of the data is ", found,
                           ", header says ", literal.substr(1, literal.size() - 2)));
  }
}

[[nodiscard]] inline Tensor read_tensor(const TensorEntry& entry, ByteView data) {
  const ByteView bytes = data.subspan(entry.begin, entry.end - entry.begin);
  const std::vector<Index> shape(entry.sizes.begin(), entry.sizes.end());
  if (entry.dtype == "F16") {
    return make_tensor<float>(entry.name, shape, load_all<float, Eigen::half>(bytes, std::endian::little));
  }
  if (entry.dtype == "BF16") {
    return make_tensor<float>(entry.name, shape,
                              load_all<float, Eigen::bfloat16>(bytes, std::endian::little));
  }
  return {entry.name, entry.dtype == "F32" ? Dtype::f32 : Dtype::f64, shape,
          Bytes(bytes.begin(), bytes.end())};
}

/// The header's text; throws DataError when the file has none.
[[nodiscard]] inline std::string_view safetensors_header(ByteView file, std::string_view name) {
  if (file.size() < 9 || file[8] != '{') {
    throw DataError(concat(name, ": is not a safetensors file, must begin with 8 bytes of length and \"{\""));
  }
  const auto length = load<std::uint64_t>(file.data(), std::endian::little);
  if (length > file.size() - 8) {
    throw DataError(concat(name, ": truncated: header has ", length, " bytes, found ", file.size() - 8));
  }
  return text_of(file.subspan(8, length));
}

}  // namespace detail

/// A safetensors file: 8 bytes of header length, the header in JSON, the data of the tensors in their order.
///
/// Equal contents make equal bytes. The header is padded so that the data begin at a multiple of 8. The
/// metadata get an entry "crc32", a checksum of header and data, which `parse_safetensors` checks and
/// removes.
/// Throws ShapeError when a tensor's bytes are not those of its shape, or a name is used twice.
/// Source https://github.com/huggingface/safetensors
[[nodiscard]] inline Bytes safetensors_bytes(const Safetensors& content) {
  Json header = Json::object();
  header["__metadata__"]["crc32"] = detail::checksum_blank;
  for (const auto& [key, value] : content.metadata) {
    if (key != "crc32") {
      header["__metadata__"][key] = value;
    }
  }
  Bytes data;
  for (const Tensor& tensor : content.tensors) {
    std::vector<std::uint64_t> factors(tensor.shape.begin(), tensor.shape.end());
    factors.push_back(size_of(tensor.dtype));
    if (saturating_product(factors) != tensor.bytes.size() || header.contains(tensor.name)) {
      throw ShapeError(concat("safetensors_bytes: tensor ", quoted_text(tensor.name), " has ",
                              tensor.bytes.size(), " bytes, must have ", saturating_product(factors),
                              " and a name of its own"));
    }
    const std::size_t begin = data.size();
    data.insert(data.end(), tensor.bytes.begin(), tensor.bytes.end());
    header[tensor.name] = {
        {"dtype", to_string(tensor.dtype)}, {"shape", tensor.shape}, {"data_offsets", {begin, data.size()}}};
  }
  std::string text = dump(header, -1);
  text.append((8 - text.size() % 8) % 8, ' ');
  text.replace(detail::checksum_prefix.size(), detail::checksum_blank.size(), detail::checksum(text, data));
  Bytes bytes(8 + text.size());
  store(std::uint64_t{text.size()}, bytes.data(), std::endian::little);
  std::ranges::copy(bytes_of(text), bytes.begin() + 8);
  bytes.insert(bytes.end(), data.begin(), data.end());
  return bytes;
}

/// The content of a safetensors file that is in memory, of ours or of another program's.
///
/// F16 and BF16 become F32. Tensors come in the order of the header.
/// Throws DataError "<name>: ..." for anything malformed: no size, offset or text of the file is trusted.
[[nodiscard]] inline Safetensors parse_safetensors(ByteView file, const std::string& name) {
  const std::string_view header = detail::safetensors_header(file, name);
  const ByteView data = file.subspan(8 + header.size());
  Safetensors content;
  std::vector<detail::TensorEntry> entries;
  std::uint64_t promised = 0;
  const Json json = parse_json<DataError>(header, name + " (header)");
  for (const auto& [key, value] : json.items()) {
    if (key == "__metadata__") {
      content.metadata = detail::parse_metadata(value, name);
    } else {
      entries.push_back(detail::parse_entry(key, value, name));
      promised = std::max(promised, entries.back().end);
    }
  }
  if (promised != data.size()) {
    throw DataError(concat(name, data.size() < promised ? ": truncated" : ": too long", ": header promises ",
                           promised, " bytes of data, found ", data.size()));
  }
  detail::check_checksum(header, data, name);
  detail::check_layout(entries, name);
  content.metadata.erase("crc32");
  std::ranges::transform(entries, std::back_inserter(content.tensors),
                         [&](const detail::TensorEntry& entry) { return detail::read_tensor(entry, data); });
  return content;
}

/// The texts of a safetensors file, of which only the header is read: no checksum is looked at.
///
/// Throws IoError when the file cannot be read, DataError "<path>: ..." for a malformed header
[[nodiscard]] inline std::map<std::string, std::string> read_safetensors_metadata(
    const std::filesystem::path& path) {
  const std::string name = path.string();
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  std::ifstream in(path, std::ios::binary);
  if (error || !in) {
    throw IoError(concat(name, ": cannot open: ", error ? error.message() : std::strerror(errno)));
  }
  Bytes bytes(static_cast<std::size_t>(std::min<std::uintmax_t>(size, 9)));
  const auto read = [&](std::size_t begin) {
    in.read(reinterpret_cast<char*>(bytes.data() + begin),
            static_cast<std::streamsize>(bytes.size() - begin));
  };
  read(0);
  if (bytes.size() == 9) {
    const auto length = load<std::uint64_t>(bytes.data(), std::endian::little);
    bytes.resize(static_cast<std::size_t>(8 + std::clamp<std::uintmax_t>(length, 1, size - 8)));
    read(9);
  }
  const Json json = parse_json<DataError>(detail::safetensors_header(bytes, name), name + " (header)");
  const auto entry = json.find("__metadata__");
  std::map<std::string, std::string> metadata;
  if (entry != json.end()) {
    metadata = detail::parse_metadata(*entry, name);
    metadata.erase("crc32");
  }
  return metadata;
}

/// Throws IoError as `write_file_atomically` does, ShapeError as `safetensors_bytes` does.
inline void write_safetensors(const std::filesystem::path& path, const Safetensors& content) {
  write_file_atomically(path, safetensors_bytes(content));
}

/// Throws IoError when the file cannot be opened, DataError as `parse_safetensors` does.
[[nodiscard]] inline Safetensors read_safetensors(const std::filesystem::path& path) {
  return parse_safetensors(read_raw_file(path), path.filename().string());
}

}  // namespace vaekit::inline VAEKIT_ABI
