// SPDX-License-Identifier: MIT
//
// The file of `vaekit compress`. All numbers are little-endian.
//
//   byte   0   8 bytes   "VAEKITBB"
//          8   uint32    format, 1
//         12   uint32    levels of a value: 2 or 256
//         16   uint32    dimensions of the array, 2 ... 4
//         20   4 uint64  its sizes, the number of rows first; unused ones are 0
//         52   uint32    checksum of the model's parameters
//         56   uint32    checksum of the arithmetic, see `BitsBack::probe`
//         60   uint32    checksum of the array's values
//         64   28 bytes  version and instruction set of the writer, text, then zeros
//         92   uint32    rows ahead of a group for each of its own, see `BitsBackGroups`
//         96   uint64    head of the message
//        104   uint64    words of the message
//        112   uint32 ... the words, first pushed first
//   last 4     uint32    checksum of all bytes before
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vaekit/compress/ans.hpp"
#include "vaekit/core/error.hpp"
#include "vaekit/io/checksum.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// What a compressed file holds.
struct CompressedFile {
  std::vector<std::uint64_t> sizes = {};  ///< of the array, [rows, ...]: 2 to 4
  std::uint32_t levels = 0;
  std::uint32_t model = 0;       ///< checksum of the parameters
  std::uint32_t arithmetic = 0;  ///< checksum of how the writer rounds
  std::uint32_t values = 0;      ///< checksum of the array's values
  std::string build = {};        ///< version and instruction set of the writer, at most 28 bytes
  std::uint32_t before = 8;      ///< of `BitsBackGroups`
  std::uint64_t head = 0;
  std::vector<AnsStack::Word> words = {};

  friend bool operator==(const CompressedFile&, const CompressedFile&) = default;
};

namespace detail {

inline constexpr std::string_view compressed_magic = "VAEKITBB";
inline constexpr std::size_t compressed_header = 112;
inline constexpr std::size_t compressed_build = 28;

/// Calls `visit(offset, number)` for each number of the header behind magic and format.
template <class File, class Visit>
void for_each_number(File& file, Visit&& visit) {
  visit(12, file.levels);
  for (std::size_t i = 0; i < file.sizes.size(); ++i) {
    visit(20 + 8 * i, file.sizes[i]);
  }
  visit(52, file.model);
  visit(56, file.arithmetic);
  visit(60, file.values);
  visit(92, file.before);
  visit(96, file.head);
}

/// Throws DataError unless the header is one of ours and the file as long as it says.
inline void check_compressed(ByteView file, std::string_view name) {
  if (!text_of(file).starts_with(compressed_magic)) {
    throw DataError(concat(name, ": starts with ", quoted_text(text_of(file).substr(0, 8)),
                           ", must start with \"VAEKITBB\" (a file of vaekit compress)"));
  }
  const std::size_t smallest = compressed_header + sizeof(std::uint32_t);
  if (file.size() < smallest) {
    throw DataError(concat(name, ": truncated: a compressed file has at least ", smallest, " bytes, found ",
                           file.size()));
  }
  if (const auto format = load<std::uint32_t>(file.data() + 8, std::endian::little); format != 1) {
    throw DataError(concat(name, ": format is ", format, ", must be 1"));
  }
  const auto words = load<std::uint64_t>(file.data() + 104, std::endian::little);
  const std::uint64_t found = file.size() - smallest;
  if (words > found / 4 || 4 * words < found) {
    throw DataError(concat(name, words > found / 4 ? ": truncated" : ": too long", ": header promises ",
                           words, " words of 4 bytes, found ", found, " bytes"));
  }
  const std::size_t end = file.size() - sizeof(std::uint32_t);
  const auto stated = load<std::uint32_t>(file.data() + end, std::endian::little);
  if (const std::uint32_t checksum = Checksum().add(file.first(end)).value(); checksum != stated) {
    throw DataError(concat(name, ": is damaged: checksum of the file is ", checksum_text(checksum),
                           ", its last bytes say ", checksum_text(stated)));
  }
}

}  // namespace detail

/// The bytes of a compressed file.
[[nodiscard]] inline Bytes compressed_bytes(const CompressedFile& file) {
  Bytes bytes(detail::compressed_header + 4 * file.words.size());
  std::ranges::copy(detail::compressed_magic, bytes.begin());
  const auto put = [&](std::size_t offset, auto number) {
    store(number, bytes.data() + offset, std::endian::little);
  };
  put(8, std::uint32_t{1});
  put(16, static_cast<std::uint32_t>(file.sizes.size()));
  detail::for_each_number(file, put);
  std::ranges::copy(file.build.substr(0, detail::compressed_build), bytes.begin() + 64);
  put(104, std::uint64_t{file.words.size()});
  for (std::size_t i = 0; i < file.words.size(); ++i) {
    put(detail::compressed_header + 4 * i, file.words[i]);
  }
  const std::uint32_t checksum = Checksum().add(bytes).value();
  bytes.resize(bytes.size() + sizeof checksum);
  put(bytes.size() - sizeof checksum, checksum);
  return bytes;
}

/// The content of a compressed file that is in memory.
///
/// Throws DataError "<name>: ..." for another file, a truncated one or a changed one
[[nodiscard]] inline CompressedFile parse_compressed(ByteView bytes, std::string_view name) {
  detail::check_compressed(bytes, name);
  CompressedFile file;
  const auto dimensions = load<std::uint32_t>(bytes.data() + 16, std::endian::little);
  if (dimensions < 2 || dimensions > 4) {
    throw DataError(concat(name, ": array has ", dimensions, " dimensions, must have 2, 3 or 4"));
  }
  file.sizes.resize(dimensions);
  detail::for_each_number(file, [&]<class N>(std::size_t offset, N& number) {
    number = load<N>(bytes.data() + offset, std::endian::little);
  });
  if (file.head < AnsStack::smallest_head || file.head > AnsStack::largest_head) {
    throw DataError(concat(name, ": head of the message is ", file.head, ", must be in [",
                           AnsStack::smallest_head, ", ", AnsStack::largest_head, ']'));
  }
  const std::string_view build = text_of(bytes.subspan(64, detail::compressed_build));
  file.build = build.substr(0, build.find('\0'));
  if (!std::ranges::all_of(file.build, [](char c) { return c >= ' ' && c <= '~'; })) {
    throw DataError(concat(name, ": build is ", quoted_text(file.build), ", must be printable text"));
  }
  file.words = load_all<AnsStack::Word>(
      bytes.subspan(detail::compressed_header, bytes.size() - detail::compressed_header - 4),
      std::endian::little);
  return file;
}

}  // namespace vaekit::inline VAEKIT_ABI
