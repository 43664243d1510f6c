// SPDX-License-Identifier: MIT
#pragma once

#include <zlib.h>

#include <cstdint>
#include <iomanip>
#include <string>

#include "vaekit/core/error.hpp"
#include "vaekit/data/bytes.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// CRC-32 (as of gzip and PNG) of bytes that come in pieces: equal for equal bytes, however they are cut.
class Checksum {
 public:
  Checksum& add(ByteView bytes) {
    if (!bytes.empty()) {  // a null pointer would reset it
      value_ = crc32_z(value_, bytes.data(), bytes.size());
    }
    return *this;
  }

  [[nodiscard]] std::uint32_t value() const { return static_cast<std::uint32_t>(value_); }

 private:
  uLong value_ = 0;
};

/// A checksum as messages show it: 8 hexadecimal digits.
[[nodiscard]] inline std::string checksum_text(std::uint32_t checksum) {
  return concat(std::hex, std::setfill('0'), std::setw(8), checksum);
}

}  // namespace vaekit::inline VAEKIT_ABI
