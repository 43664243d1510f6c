// SPDX-License-Identifier: MIT
#pragma once

#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>

#include "vaekit/core/error.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Makes a folder and those above it, unless it is there.
///
/// Throws IoError
inline void create_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    throw IoError(concat(folder.string(), ": cannot create folder: ", error.message()));
  }
}

/// Removes a file, or a folder with all it holds, if it is there.
///
/// Throws IoError
inline void remove_path(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) {
    throw IoError(concat(path.string(), ": cannot remove: ", error.message()));
  }
}

/// The files of one training run.
struct RunFolder {
  std::filesystem::path root;

  [[nodiscard]] std::filesystem::path config() const { return root / "config.json"; }
  [[nodiscard]] std::filesystem::path metrics() const { return root / "metrics.jsonl"; }
  [[nodiscard]] std::filesystem::path report() const { return root / "report.html"; }
  [[nodiscard]] std::filesystem::path checkpoints() const { return root / "checkpoints"; }
  [[nodiscard]] std::filesystem::path images() const { return root / "images"; }
  [[nodiscard]] std::filesystem::path last() const { return checkpoints() / "last.safetensors"; }
  [[nodiscard]] std::filesystem::path best() const { return checkpoints() / "best.safetensors"; }
  [[nodiscard]] std::filesystem::path checkpoint(std::uint64_t epoch) const {
    return checkpoints() / ("epoch-" + padded(epoch) + ".safetensors");
  }
  /// The learning curves, once training has ended.
  [[nodiscard]] std::filesystem::path curves() const { return images() / "curves.png"; }
  /// A picture of `kind` ("samples", "reconstructions") after `epoch` epochs.
  [[nodiscard]] std::filesystem::path image(const std::string& kind, std::uint64_t epoch) const {
    return images() / (kind + '-' + padded(epoch) + ".png");
  }

  /// True when some run has written here.
  [[nodiscard]] bool holds_run() const {
    return std::filesystem::exists(config()) || std::filesystem::exists(metrics()) ||
           std::filesystem::exists(last());
  }

  /// Makes the folders that are missing.
  ///
  /// Throws IoError
  void create() const {
    for (const std::filesystem::path& folder : {root, checkpoints(), images()}) {
      create_folder(folder);
    }
  }

  /// Removes the halves of files that a killed run was writing.
  ///
  /// Throws IoError
  void remove_unfinished() const {
    for (const std::filesystem::path& folder : {root, checkpoints(), images()}) {
      std::error_code error;
      for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        if (entry.path().extension() == ".tmp") {
          remove_path(entry.path());
        }
      }
    }
  }

  /// Removes what an earlier run left, and nothing else.
  ///
  /// Throws IoError
  void clear() const {
    for (const std::filesystem::path& path : {config(), metrics(), report(), checkpoints(), images()}) {
      remove_path(path);
    }
  }

 private:
  [[nodiscard]] static std::string padded(std::uint64_t epoch) {
    std::string digits = std::to_string(epoch);
    return digits.size() < 4 ? std::string(4 - digits.size(), '0') + digits : digits;
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
