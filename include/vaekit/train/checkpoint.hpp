// SPDX-License-Identifier: MIT
//
// A checkpoint is one safetensors file. Tensors: the model under its plain parameter names (a PyTorch
// state_dict loads both ways), the optimizer's moments under "optimizer.", averaged weights under "average.",
// the data format under "input.". Metadata: the effective configuration and the counters of Progress.
// Nothing in it depends on time or threads: runs of one configuration on the same data files, whose absolute
// paths it names, write equal bytes.
#pragma once

#include <charconv>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "vaekit/data/transform.hpp"
#include "vaekit/io/file.hpp"
#include "vaekit/io/safetensors.hpp"
#include "vaekit/train/trainer.hpp"

namespace vaekit::inline VAEKIT_ABI {

using Metadata = std::map<std::string, std::string>;

namespace detail {

/// Between the names of columns in a checkpoint: ASCII's unit separator.
inline constexpr char name_separator = '\x1f';

[[nodiscard]] inline std::string joined_names(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (&name == names.data() ? "" : std::string(1, name_separator)) + name;
  }
  return text;
}

[[nodiscard]] inline std::vector<std::string> separated_names(const std::string& text) {
  std::vector<std::string> names(1);
  for (const char c : text) {
    if (c == name_separator) {
      names.emplace_back();
    } else {
      names.back() += c;
    }
  }
  return names;
}

/// Shortest text that reads back as the same bits.
[[nodiscard]] inline std::string exact_text(double value) {
  char buffer[64];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  return {buffer, end};
}

/// Calls `visit(key, number)` for each number of a Progress.
template <class P, class Visit>
void for_each_counter(P& progress, Visit&& visit) {
  visit("epoch", progress.epoch);
  visit("batch", progress.batch);
  visit("step", progress.step);
  visit("sum_loss", progress.sums.loss);
  visit("sum_elbo", progress.sums.elbo);
  visit("sum_reconstruction", progress.sums.reconstruction);
  visit("sum_kl", progress.sums.kl);
  visit("sum_samples", progress.sums.samples);
  visit("first_loss", progress.first_loss);
  visit("best_elbo", progress.best_elbo);
  visit("best_epoch", progress.best_epoch);
}

[[nodiscard]] inline const std::string& metadata_value(const Metadata& metadata, const std::string& name,
                                                       const std::string& key) {
  const auto entry = metadata.find(key);
  if (entry == metadata.end()) {
    throw DataError(
        concat(name, ": has no \"", key, "\" in its metadata, must be a checkpoint of vaekit train"));
  }
  return entry->second;
}

template <class N>
void read_number(const Metadata& metadata, const std::string& name, const std::string& key, N& out) {
  const std::string& text = metadata_value(metadata, name, key);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw DataError(concat(name, ": metadata \"", key, "\" is \"", text, "\", must be a number"));
  }
}

template <Reflectable O>
void add_tensors(const std::string& prefix, const O& object, std::vector<Tensor>& tensors) {
  for (const auto& parameter : state_tensors(object)) {
    std::vector<Index> shape;
    if (!parameter.is_vector) {
      shape.push_back(parameter.rows);
    }
    shape.push_back(parameter.cols);
    tensors.push_back(
        make_tensor<typename O::Scalar>(prefix + parameter.name, std::move(shape), parameter.values));
  }
}

}  // namespace detail

/// What a model takes: the shape of a sample, how stored values become model inputs, and the names of
/// columns.
struct InputFormat {
  Shape shape;
  bool bytes = false;  ///< the training data were 8-bit values
  Transform transform = {};
  bool binary = false;                    ///< bytes that are nothing but 0 and 1
  std::vector<std::string> columns = {};  ///< of a table, one for each feature; empty: not known
};

/// What the tensor "input.bytes" of a checkpoint says of bytes that are nothing but 0 and 1; 1 of others.
inline constexpr double binary_bytes = 2;

/// A checkpoint file in memory.
struct Checkpoint {
  std::string name;  ///< how messages call it: the path it was read from
  Safetensors file;

  /// The effective configuration, as JSON text.
  [[nodiscard]] const std::string& config() const {
    return detail::metadata_value(file.metadata, name, "config");
  }

  /// What tells its training data from others; empty where it is not known.
  [[nodiscard]] std::string data() const {
    const auto entry = file.metadata.find("data");
    return entry == file.metadata.end() ? std::string() : entry->second;
  }

  [[nodiscard]] Progress progress() const {
    Progress progress;
    detail::for_each_counter(progress, [&](const char* key, auto& number) {
      detail::read_number(file.metadata, name, key, number);
    });
    return progress;
  }

  [[nodiscard]] const Tensor* find(const std::string& tensor) const {
    const auto place =
        std::ranges::find_if(file.tensors, [&](const Tensor& candidate) { return candidate.name == tensor; });
    return place == file.tensors.end() ? nullptr : &*place;
  }

  [[nodiscard]] bool has_average() const {
    return std::ranges::any_of(file.tensors, [](const Tensor& t) { return t.name.starts_with("average."); });
  }

  /// Fills the parameters and buffers of `object` from the tensors called `prefix` + their name.
  ///
  /// Throws DataError when one is missing or has another shape
  template <Reflectable O>
  void load(const std::string& prefix, O& object) const {
    for (const auto& parameter : state_tensors(object)) {
      copy_tensor(require(prefix + parameter.name), parameter);
    }
  }

  /// What the model was trained on.
  [[nodiscard]] InputFormat input() const {
    const auto values = [&](const char* tensor, std::size_t count) {
      std::vector<double> read = tensor_values<double>(require(tensor));
      if (count > 0 && read.size() != count) {
        throw DataError(
            concat(name, ": tensor \"", tensor, "\" has ", read.size(), " values, must have ", count));
      }
      return read;
    };
    const std::vector<double> shape = values("input.shape", 3);
    const double kind = std::clamp(values("input.binarize", 1)[0], 0.0, 2.0);
    const double bytes = values("input.bytes", 1)[0];
    const Shape sample{static_cast<Index>(shape[0]), static_cast<Index>(shape[1]),
                       static_cast<Index>(shape[2])};
    return {sample, bytes != 0,
            Transform(values("input.center", 0), values("input.scale", 0), values("input.base", 1)[0],
                      static_cast<Binarize>(static_cast<int>(kind))),
            bytes == binary_bytes, column_names(sample.size())};
  }

 private:
  /// Of the training data, one for each of `features`; none where they are not known.
  [[nodiscard]] std::vector<std::string> column_names(Index features) const {
    const auto entry = file.metadata.find("columns");
    if (entry == file.metadata.end()) {
      return {};
    }
    std::vector<std::string> names = detail::separated_names(entry->second);
    // A name may hold the separator itself.
    return std::ssize(names) == features ? std::move(names) : std::vector<std::string>();
  }

  [[nodiscard]] const Tensor& require(const std::string& tensor) const {
    const Tensor* found = find(tensor);
    if (found == nullptr) {
      throw DataError(concat(name, ": has no tensor \"", tensor, "\", must be a checkpoint of this model"));
    }
    return *found;
  }

  template <class T>
  void copy_tensor(const Tensor& tensor, const Parameter<T>& parameter) const {
    const bool fits =
        tensor.shape == (parameter.is_vector ? std::vector<Index>{parameter.cols}
                                             : std::vector<Index>{parameter.rows, parameter.cols});
    if (!fits) {
      throw DataError(concat(name, ": tensor \"", tensor.name, "\" is ", shape_text(tensor.shape),
                             ", must be ", parameter.is_vector ? "" : concat(parameter.rows, 'x'),
                             parameter.cols, " for this model"));
    }
    const std::vector<T> values = tensor_values<T>(tensor);
    std::ranges::copy(values, parameter.values.begin());
  }

  [[nodiscard]] static std::string shape_text(const std::vector<Index>& shape) {
    std::string text;
    for (const Index size : shape) {
      text += (text.empty() ? "" : "x") + std::to_string(size);
    }
    return text.empty() ? "a number" : text;
  }
};

/// Reads a checkpoint.
///
/// Throws IoError, or DataError when the file is truncated or corrupted
[[nodiscard]] inline Checkpoint read_checkpoint(const std::filesystem::path& path) {
  // Built before the aggregate: g++ 12 destroys members twice when an initializer of an aggregate throws.
  Safetensors file = parse_safetensors(read_file(path), path.string());
  return {path.string(), std::move(file)};
}

/// What was trained, and on what.
struct RunIdentity {
  std::string config;     ///< the effective configuration, as JSON text
  std::string data = {};  ///< tells other training data from these; empty: not known
};

/// The bytes of a checkpoint of `state`.
template <class State>
[[nodiscard]] Bytes checkpoint_bytes(const State& state, const InputFormat& input,
                                     const RunIdentity& identity) {
  std::vector<Tensor> tensors;
  detail::add_tensors("", state.model, tensors);
  detail::add_tensors("optimizer.", state.optimizer, tensors);
  detail::add_tensors("critic.", state.critic, tensors);
  if (state.average) {
    detail::add_tensors("average.", state.average->average, tensors);
  }
  const auto add = [&](const char* name, const std::vector<double>& values) {
    tensors.push_back(make_tensor<double>(name, {std::ssize(values)}, values));
  };
  add("input.shape", {static_cast<double>(input.shape.height), static_cast<double>(input.shape.width),
                      static_cast<double>(input.shape.channels)});
  add("input.bytes", {input.binary ? binary_bytes : input.bytes ? 1.0 : 0.0});
  add("input.center", input.transform.center());
  add("input.scale", input.transform.scale());
  add("input.base", {input.transform.base()});
  add("input.binarize", {static_cast<double>(input.transform.binarize())});
  Metadata metadata{{"format", "pt"},
                    {"vaekit", version},
                    {"config", identity.config},
                    {"optimizer_steps", std::to_string(state.optimizer.steps())}};
  if (!identity.data.empty()) {
    metadata["data"] = identity.data;
  }
  if (!input.columns.empty()) {
    metadata["columns"] = detail::joined_names(input.columns);
  }
  detail::for_each_counter(state.progress, [&]<class N>(const char* key, const N& number) {
    if constexpr (std::is_integral_v<N>) {
      metadata[key] = std::to_string(number);
    } else {
      metadata[key] = detail::exact_text(number);
    }
  });
  return safetensors_bytes({std::move(tensors), std::move(metadata)});
}

/// Puts `state` where the checkpoint was taken; the rest of the run gives the bits it would have given.
///
/// Throws DataError when the checkpoint is of another model
template <class State>
void restore(const Checkpoint& checkpoint, State& state) {
  checkpoint.load("", state.model);
  checkpoint.load("optimizer.", state.optimizer);
  checkpoint.load("critic.", state.critic);
  if (state.average) {
    checkpoint.load("average.", state.average->average);
  }
  detail::read_number(checkpoint.file.metadata, checkpoint.name, "optimizer_steps", state.optimizer.steps());
  state.progress = checkpoint.progress();
}

}  // namespace vaekit::inline VAEKIT_ABI
