// SPDX-License-Identifier: MIT
// Latency of encoding one image and of decoding one latent vector with 784-400-20: median and 99th percentile
// of single calls, by vaekit and by the same layers in plain Eigen. With random weights on a synthetic image,
// and trained, on test images of Fashion-MNIST in turn and their posterior means.
//   latency [SECONDS for each measurement [FOLDER where peers find the trained model]]
#include "support/record.hpp"
#include "support/trained.hpp"

namespace {

using namespace benchmarks;

constexpr int least_calls = 2000;
constexpr int warm_up_calls = 200;

/// Microseconds of single calls, of each row in turn.
template <class Call>
std::vector<double> time_calls(double seconds, Index rows, Call&& call) {
  std::vector<double> microseconds;
  const auto begin = Clock::now();
  for (int i = 0; i < warm_up_calls + least_calls || seconds_since(begin) < seconds; ++i) {
    const auto start = Clock::now();
    call(i % rows);
    const double elapsed = 1e6 * seconds_since(start);
    if (i >= warm_up_calls) {
      microseconds.push_back(elapsed);
    }
  }
  return microseconds;
}

/// What is encoded and what is decoded.
template <class T>
struct Inputs {
  Matrix<T> x;  // [rows × features]
  Matrix<T> z;  // [rows × latent]
};

Matrix<float> latent_vector() {
  Matrix<float> z(1, quickstart.latent);
  for (std::uint32_t i = 0; float& value : z.span()) {
    value = static_cast<float>(uniform(100, i++));
  }
  return z;
}

template <class Model>
Matrix<float> posterior_means(const Model& model, const Matrix<float>& x) {
  auto workspace = model.make_inference_workspace(x.rows());
  return Matrix<float>(model.encode(x, workspace).mu);
}

/// What the calls compute, as one number: sums of absolute values over all rows.
struct Checks {
  double encode = 0;
  double decode = 0;
};

template <class Model, class T>
Checks checks_of_vaekit(const Model& model, const Inputs<T>& inputs) {
  auto workspace = model.make_inference_workspace(1);
  Matrix<T> out(1, quickstart.features());
  Checks checks;
  for (Index i = 0; i < inputs.x.rows(); ++i) {
    const DiagonalGaussian<T> q = model.encode(inputs.x.middleRows(i, 1), workspace);
    checks.encode += static_cast<double>(q.mu.cwiseAbs().sum() + q.logvar.cwiseAbs().sum());
    model.decode(inputs.z.middleRows(i, 1), workspace, out);
    checks.decode += static_cast<double>(out.sum());
  }
  return checks;
}

/// The model's layers as one writes them with Eigen, on its parameters.
class EigenModel {
 public:
  using Vector = Eigen::VectorXf;

  template <class Model>
  explicit EigenModel(const Model& model) {
    std::vector<EigenMatrix<float>*> weights{&hidden_, &posterior_, &decoder_, &likelihood_};
    std::vector<Vector*> biases{&hidden_bias_, &posterior_bias_, &decoder_bias_, &likelihood_bias_};
    std::size_t layer = 0;
    for (const auto& parameter : parameters(model)) {
      const Eigen::Map<const EigenMatrix<float>> values(parameter.values.data(), parameter.rows,
                                                        parameter.cols);
      if (parameter.is_vector) {
        *biases[layer++] = values.row(0).transpose();
      } else {
        *weights[layer] = values;
      }
    }
  }

  void encode(const Vector& x) {
    hidden_values_.noalias() = hidden_ * x;
    hidden_values_ = (hidden_values_ + hidden_bias_).cwiseMax(0.0F);
    encoded.noalias() = posterior_ * hidden_values_;
    encoded += posterior_bias_;
  }

  void decode(const Vector& z) {
    hidden_values_.noalias() = decoder_ * z;
    hidden_values_ = (hidden_values_ + decoder_bias_).cwiseMax(0.0F);
    decoded.noalias() = likelihood_ * hidden_values_;
    decoded = (decoded + likelihood_bias_).array().logistic();
  }

  Vector encoded;
  Vector decoded;

 private:
  EigenMatrix<float> hidden_, posterior_, decoder_, likelihood_;
  Vector hidden_bias_, posterior_bias_, decoder_bias_, likelihood_bias_;
  Vector hidden_values_;
};

/// Prints the measurements of one kind of model.
class Latency {
 public:
  Latency(std::string kind, double seconds) : kind_(std::move(kind)), seconds_(seconds) {}

  template <class Model>
  void measure(const Model& model, const Inputs<float>& inputs) const {
    auto in_double = make_vae<double>(quickstart);
    copy_parameters(model, in_double);
    const Checks reference =
        checks_of_vaekit(in_double, Inputs<double>{Matrix<double>(inputs.x.template cast<double>()),
                                                   Matrix<double>(inputs.z.template cast<double>())});
    const Checks checks = checks_of_vaekit(model, inputs);
    require_close("encoder", checks.encode, reference.encode);
    require_close("decoder", checks.decode, reference.decode);
    measure_vaekit(model, inputs, checks, 1);
    measure_eigen(model, inputs, reference);
    measure_vaekit(model, inputs, checks, 2);
  }

 private:
  template <class Call>
  void report(const char* name, const char* peer, int threads, double check, Index rows, Call&& call) const {
    std::vector<double> samples = time_calls(seconds_, rows, call);
    const double p99 = quantile(samples, 0.99);
    print({.topic = "latency",
           .name = concat(name, ", ", kind_),
           .peer = peer,
           .threads = threads,
           .unit = "us",
           .samples = std::move(samples),
           .check = check,
           .p99 = p99});
  }

  template <class Model>
  void measure_vaekit(const Model& model, const Inputs<float>& inputs, const Checks& checks,
                      int threads) const {
    const ThreadScope scope(threads);
    auto workspace = model.make_inference_workspace(1);
    Matrix<float> out(1, quickstart.features());
    const Index rows = inputs.x.rows();
    report("encode", "vaekit", threads, checks.encode, rows,
           [&](Index i) { (void)model.encode(inputs.x.middleRows(i, 1), workspace); });
    report("decode", "vaekit", threads, checks.decode, rows,
           [&](Index i) { model.decode(inputs.z.middleRows(i, 1), workspace, out); });
  }

  template <class Model>
  void measure_eigen(const Model& model, const Inputs<float>& inputs, const Checks& expected) const {
    const ThreadScope scope(1);
    EigenModel eigen(model);
    std::vector<Eigen::VectorXf> x;
    std::vector<Eigen::VectorXf> z;
    Checks checks;
    const Index rows = inputs.x.rows();
    for (Index i = 0; i < rows; ++i) {
      eigen.encode(x.emplace_back(inputs.x.row(i).transpose()));
      eigen.decode(z.emplace_back(inputs.z.row(i).transpose()));
      checks.encode += static_cast<double>(eigen.encoded.cwiseAbs().sum());
      checks.decode += static_cast<double>(eigen.decoded.sum());
    }
    require_close("Eigen's encoder", checks.encode, expected.encode);
    require_close("Eigen's decoder", checks.decode, expected.decode);
    report("encode", "Eigen", 1, checks.encode, rows,
           [&](Index i) { eigen.encode(x[static_cast<std::size_t>(i)]); });
    report("decode", "Eigen", 1, checks.decode, rows,
           [&](Index i) { eigen.decode(z[static_cast<std::size_t>(i)]); });
  }

  std::string kind_;
  double seconds_;
};

void measure_trained(double seconds, const std::optional<std::filesystem::path>& folder) {
  const std::optional<Dataset> train = load_fashion_mnist("train");
  const std::optional<Dataset> test = load_fashion_mnist("t10k");
  if (!train || !test) {
    return;
  }
  const auto model = make_trained_vae(quickstart, *train);
  Matrix<float> images = scaled(*test);
  if (folder) {
    write_trained(*folder / concat(quickstart.name, ".safetensors"), model, images);
  }
  Matrix<float> means = posterior_means(model, images);
  Latency("trained", seconds).measure(model, {std::move(images), std::move(means)});
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(argc, argv, [&](double seconds) {
    Latency("random weights", seconds)
        .measure(make_vae<float>(quickstart), {make_images<float>(quickstart, 1), latent_vector()});
    measure_trained(seconds, argc > 2 ? std::optional<std::filesystem::path>(argv[2]) : std::nullopt);
  });
}
