// SPDX-License-Identifier: MIT
// Bytes of a file, and numbers in them.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vaekit/core/error.hpp"

namespace vaekit::inline VAEKIT_ABI {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

/// The bytes of a text, not copied.
[[nodiscard]] inline ByteView bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Bytes as text, not copied.
[[nodiscard]] inline std::string_view text_of(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The number stored at `source`, which need not be aligned.
template <class T>
[[nodiscard]] T load(const std::uint8_t* source, std::endian order) {
  std::array<std::uint8_t, sizeof(T)> bytes{};
  std::memcpy(bytes.data(), source, sizeof(T));
  if (order != std::endian::native) {
    std::ranges::reverse(bytes);
  }
  return std::bit_cast<T>(bytes);
}

/// Stores `value` at `target`, which need not be aligned.
template <class T>
void store(T value, std::uint8_t* target, std::endian order) {
  auto bytes = std::bit_cast<std::array<std::uint8_t, sizeof(T)>>(value);
  if (order != std::endian::native) {
    std::ranges::reverse(bytes);
  }
  std::memcpy(target, bytes.data(), sizeof(T));
}

/// `bytes` as numbers of type From, converted to To; a remainder shorter than a number is ignored.
template <class To, class From = To>
[[nodiscard]] std::vector<To> load_all(ByteView bytes, std::endian order) {
  std::vector<To> values(bytes.size() / sizeof(From));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const From value = load<From>(bytes.data() + i * sizeof(From), order);
    values[i] = static_cast<To>(value);  // NOLINT(bugprone-signed-char-misuse): int8 data have a sign
  }
  return values;
}

/// The product of sizes a file states, or the largest number when it does not fit.
[[nodiscard]] inline std::uint64_t saturating_product(std::span<const std::uint64_t> sizes) {
  constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t product = 1;
  bool saturated = false;
  for (const std::uint64_t size : sizes) {
    if (size == 0) {
      return 0;
    }
    saturated = saturated || product > largest / size;
    product = saturated ? largest : product * size;
  }
  return product;
}

/// `text` between double quotes, on one line: bytes that do not print as \xNN, at most 40 bytes of it.
[[nodiscard]] inline std::string quoted_text(std::string_view text) {
  constexpr std::size_t limit = 40;
  std::string out = "\"";
  for (const char c : text.substr(0, limit)) {
    const auto byte = static_cast<unsigned char>(c);
    constexpr std::string_view digits = "0123456789abcdef";
    out += byte >= 0x20 && byte < 0x7F ? std::string(1, c)
                                       : std::string("\\x") + digits[byte >> 4] + digits[byte & 15];
  }
  return out + (text.size() > limit ? "...\"" : "\"");
}

/// The memory of numbers, as this machine keeps them.
template <class T>
[[nodiscard]] ByteView memory_of(std::span<const T> values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()};
}

}  // namespace vaekit::inline VAEKIT_ABI
