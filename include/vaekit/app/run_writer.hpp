// SPDX-License-Identifier: MIT
#pragma once

#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "vaekit/app/pictures.hpp"
#include "vaekit/app/run_folder.hpp"
#include "vaekit/train/checkpoint.hpp"
#include "vaekit/train/metrics.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Writes the run folder while training goes on: metrics, checkpoints and pictures after each epoch, a
/// checkpoint when training is interrupted. A callback of `Trainer`.
///
/// Throws IoError when the folder cannot be written; the files of earlier epochs stay.
class RunWriter {
 public:
  RunWriter(RunFolder folder, TrainingConfig config, PictureFormat format, RunIdentity identity,
            DataView pictured, std::uint64_t seed)
      : folder_(std::move(folder)),
        config_(config),
        format_(std::move(format)),
        identity_(std::move(identity)),
        pictured_(pictured),
        seed_(seed) {}

  /// Keeps the rows of epochs that the checkpoint knows, and goes on counting time from there.
  void resume(std::uint64_t epochs) {
    if (!std::filesystem::exists(folder_.metrics())) {
      return;
    }
    std::string kept;
    for (const MetricsRow& row : read_metrics(folder_)) {
      if (row.epoch <= epochs) {
        kept += to_json_line(row);
        earlier_seconds_ = row.seconds;
      }
    }
    write_file_atomically(folder_.metrics(), kept);
  }

  template <class State, class EpochReport>
  Control epoch(const State& state, const EpochReport& report) {
    append_metrics(metrics_rows(state, report, earlier_seconds_));
    const std::uint64_t epoch = state.progress.epoch;
    const Bytes bytes = checkpoint_bytes(state, format_.input, identity_);
    if (due(epoch, config_.checkpoint_every)) {
      write_file_atomically(folder_.checkpoint(epoch), bytes);
    }
    if (report.improved) {
      write_file_atomically(folder_.best(), bytes);
    }
    write_file_atomically(folder_.last(), bytes);
    if (format_.shape().is_picture() && due(epoch, config_.images_every)) {
      write_pictures(state.evaluated(), epoch);
    }
    return Control::go_on;
  }

  /// Leaves a checkpoint where no epoch did: of an interrupt, and of training for no epochs.
  template <class State>
  void end(const State& state, TrainingEnd result) {
    const std::uint64_t epoch = state.progress.epoch;
    if (result == TrainingEnd::interrupted || !std::filesystem::exists(folder_.last())) {
      write_file_atomically(folder_.last(), checkpoint_bytes(state, format_.input, identity_));
    } else if (result == TrainingEnd::stopped_early) {
      // The last epoch is known only now.
      if (config_.checkpoint_every > 0 && !due(epoch, config_.checkpoint_every)) {
        write_file_atomically(folder_.checkpoint(epoch), checkpoint_bytes(state, format_.input, identity_));
      }
      if (format_.shape().is_picture() && config_.images_every > 0 && !due(epoch, config_.images_every)) {
        write_pictures(state.evaluated(), epoch);
      }
    }
  }

  [[nodiscard]] static std::vector<MetricsRow> read_metrics(const RunFolder& folder) {
    return parse_metrics(read_text_file(folder.metrics()), folder.metrics().string());
  }

 private:
  [[nodiscard]] bool due(std::uint64_t epoch, Index every) const {
    return every > 0 && (epoch % static_cast<std::uint64_t>(every) == 0 ||
                         epoch == static_cast<std::uint64_t>(config_.epochs));
  }

  void append_metrics(const std::vector<MetricsRow>& rows) const {
    std::ofstream out(folder_.metrics(), std::ios::app | std::ios::binary);
    for (const MetricsRow& row : rows) {
      out << to_json_line(row);
    }
    out.flush();
    if (!out) {
      throw IoError(concat(folder_.metrics().string(), ": cannot write: ", std::strerror(errno)));
    }
  }

  template <class Model>
  void write_pictures(const Model& model, std::uint64_t epoch) const {
    constexpr Index sampled = 64;
    constexpr Index reconstructed = 16;
    write_png(folder_.image("samples", epoch),
              sample_picture(model, format_, seed_, pictured_, sampled, 1.0));
    DataView shown = pictured_;
    const std::vector<std::uint32_t> rows = random_rows(pictured_, reconstructed);
    shown.rows = rows;
    write_png(folder_.image("reconstructions", epoch), reconstruction_picture(model, format_, shown));
  }

  RunFolder folder_;
  TrainingConfig config_;
  PictureFormat format_;
  RunIdentity identity_;
  DataView pictured_;
  std::uint64_t seed_;
  double earlier_seconds_ = 0;
};

}  // namespace vaekit::inline VAEKIT_ABI
