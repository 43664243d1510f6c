// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "vaekit/data/csv.hpp"
#include "vaekit/data/dataset.hpp"
#include "vaekit/data/idx.hpp"
#include "vaekit/data/npy.hpp"
#include "vaekit/data/synthetic.hpp"
#include "vaekit/io/file.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Where a data set comes from.
using DataSource = std::variant<SyntheticConfig, IdxConfig, NpyConfig, CsvConfig>;

namespace detail {

/// Calls `parse(bytes, file name)` on a file.
template <class Parse>
[[nodiscard]] auto parse_file(const std::string& path, Parse&& parse) {
  return parse(read_file(path), std::filesystem::path(path).filename().string());
}

template <class Parse, class ParseLabels>
[[nodiscard]] Dataset load_pair(const std::string& path, const std::string& labels, Parse parse,
                                ParseLabels parse_labels) {
  Dataset data = parse_file(path, parse);
  if (!labels.empty()) {
    data.set_labels(parse_file(labels, parse_labels));
  }
  return data;
}

}  // namespace detail

/// Reads or makes the data set that a configuration asks for.
///
/// Throws IoError when a file cannot be read, DataError when it is malformed, ConfigError when the
/// configuration cannot be.
[[nodiscard]] inline Dataset load_dataset(const DataSource& source) {
  return std::visit(
      []<class C>(const C& config) -> Dataset {
        if constexpr (std::same_as<C, SyntheticConfig>) {
          return make_synthetic(config);
        } else if constexpr (std::same_as<C, IdxConfig>) {
          return detail::load_pair(config.path, config.labels, parse_idx, parse_idx_labels);
        } else if constexpr (std::same_as<C, NpyConfig>) {
          return detail::load_pair(config.path, config.labels, parse_npy, parse_npy_labels);
        } else {
          return detail::parse_file(config.path, [&](ByteView file, const std::string& name) {
            return parse_csv(file, name, config);
          });
        }
      },
      source);
}

}  // namespace vaekit::inline VAEKIT_ABI
