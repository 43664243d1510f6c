// SPDX-License-Identifier: MIT
// What the header of a binary file promises, held against the bytes that follow it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vaekit/core/error.hpp"
#include "vaekit/core/matrix.hpp"
#include "vaekit/core/shape.hpp"
#include "vaekit/data/bytes.hpp"
#include "vaekit/data/dataset.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Sizes of an array in a file: [N], [N, F], [N, height, width] or [N, height, width, channels].
struct Extent {
  std::vector<std::uint64_t> sizes;
  std::size_t value_bytes = 1;

  /// "60000 images of 28x28", "100 vectors of 5", "60000 labels".
  [[nodiscard]] std::string text() const {
    if (sizes.size() == 1) {
      return concat(sizes[0], " labels");
    }
    std::string out = concat(sizes[0], sizes.size() > 2 ? " images of " : " vectors of ", sizes[1]);
    for (std::size_t i = 2; i < sizes.size(); ++i) {
      out += concat('x', sizes[i]);
    }
    return out;
  }

  /// Shape of one sample; call it after `check`.
  [[nodiscard]] Shape shape() const {
    const auto size = [&](std::size_t i) { return i < sizes.size() ? static_cast<Index>(sizes[i]) : 1; };
    return sizes.size() == 2 ? Shape::flat(size(1)) : Shape{size(1), size(2), size(3)};
  }

  /// Throws DataError unless `data` holds exactly what the sizes promise, at least one sample of at least one
  /// value. Sizes are not trusted: their product may overflow.
  void check(ByteView data, std::string_view name) const {
    std::vector<std::uint64_t> sample(sizes.begin() + 1, sizes.end());
    sample.push_back(value_bytes);
    const std::uint64_t sample_bytes = saturating_product(sample);
    const std::uint64_t promised = saturating_product(std::vector{sizes[0], sample_bytes});
    if (sizes[0] == 0) {
      throw_empty(name);
    }
    if (sample_bytes == 0) {
      throw DataError(concat(name, ": header promises ", text(), ", must have at least one value a sample"));
    }
    if (data.size() < promised) {
      throw DataError(
          concat(name, ": truncated: header promises ", text(), ", found ", data.size() / sample_bytes));
    }
    if (data.size() > promised) {
      throw DataError(concat(name, ": too long: header promises ", text(), " (", promised, " bytes), found ",
                             data.size(), " bytes"));
    }
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
