// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <string>
#include <string_view>
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

/// The file by which a folder is known to hold a study of many runs.
inline constexpr std::string_view study_file = "study.json";

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

  /// True when a study of many runs has written here.
  [[nodiscard]] bool holds_study() const { return std::filesystem::exists(root / study_file); }

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
    for_each_own_file([](const std::filesystem::path& file, bool finished) {
      if (!finished) {
        remove_path(file);
      }
    });
  }

  /// Removes what an earlier run left, and nothing else: a user's files may lie beside it.
  ///
  /// Throws IoError
  void clear() const {
    for_each_own_file([](const std::filesystem::path& file, bool) { remove_path(file); });
  }

  /// Whether a run may keep its state, or what it found, in this file.
  [[nodiscard]] bool owns(const std::filesystem::path& file) const {
    bool own = false;
    for_each_own_file([&](const std::filesystem::path& candidate, bool) {
      std::error_code missing;
      own = own || std::filesystem::equivalent(candidate, file, missing);
    });
    return own;
  }

 private:
  /// Calls `visit(file, finished)` for each file here that has a name which a run gives, or gives until the
  /// file is whole.
  template <class Visit>
  void for_each_own_file(Visit&& visit) const {
    for (const std::filesystem::path& folder : {root, checkpoints(), images()}) {
      std::error_code error;
      for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        const std::filesystem::path& file = entry.path();
        const bool finished = file.extension() != ".tmp";
        // <name>.<process>-<number>.tmp
        const std::string name = (finished ? file.filename() : file.stem().stem()).string();
        if (is_own_name(folder, name)) {
          visit(file, finished);
        }
      }
    }
  }

  [[nodiscard]] bool is_own_name(const std::filesystem::path& folder, std::string_view name) const {
    if (folder == root) {
      return name == "config.json" || name == "metrics.jsonl" || name == "report.html";
    }
    if (folder == checkpoints()) {
      return name == "last.safetensors" || name == "best.safetensors" ||
             is_numbered(name, "epoch-", ".safetensors");
    }
    return name == "curves.png" || is_numbered(name, "samples-", ".png") ||
           is_numbered(name, "reconstructions-", ".png");
  }

  [[nodiscard]] static bool is_numbered(std::string_view name, std::string_view before,
                                        std::string_view after) {
    if (!name.starts_with(before) || !name.ends_with(after) || name.size() <= before.size() + after.size()) {
      return false;
    }
    const std::string_view digits = name.substr(before.size(), name.size() - before.size() - after.size());
    return std::ranges::all_of(digits,
                               [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
  }

  [[nodiscard]] static std::string padded(std::uint64_t epoch) {
    std::string digits = std::to_string(epoch);
    return digits.size() < 4 ? std::string(4 - digits.size(), '0') + digits : digits;
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
