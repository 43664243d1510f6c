// SPDX-License-Identifier: MIT
// Latency of encoding one image and of decoding one latent vector with 784-400-20: median and 99th percentile
// of single calls, by vaekit and by the same layers in plain Eigen.   latency [SECONDS for each measurement]
#include "support/record.hpp"
#include "support/workload.hpp"

namespace {

using namespace benchmarks;

constexpr int least_calls = 2000;
constexpr int warm_up_calls = 200;

/// Microseconds of single calls.
template <class Call>
std::vector<double> time_calls(double seconds, Call&& call) {
  std::vector<double> microseconds;
  const auto begin = Clock::now();
  for (int i = 0; i < warm_up_calls + least_calls || seconds_since(begin) < seconds; ++i) {
    const auto start = Clock::now();
    call();
    const double elapsed = 1e6 * seconds_since(start);
    if (i >= warm_up_calls) {
      microseconds.push_back(elapsed);
    }
  }
  return microseconds;
}

template <class T>
Matrix<T> latent_vector() {
  Matrix<T> z(1, quickstart.latent);
  for (std::uint32_t i = 0; T & value : z.span()) {
    value = static_cast<T>(uniform(100, i++));
  }
  return z;
}

/// What a call computes, as one number: sums of absolute values.
struct Checks {
  double encode;
  double decode;
};

template <class T>
Checks checks_of_vaekit() {
  const auto model = make_vae<T>(quickstart);
  auto workspace = model.make_inference_workspace(1);
  Matrix<T> out(1, quickstart.features());
  const DiagonalGaussian<T> q = model.encode(make_images<T>(quickstart, 1), workspace);
  const double encoded = static_cast<double>(q.mu.cwiseAbs().sum() + q.logvar.cwiseAbs().sum());
  model.decode(latent_vector<T>(), workspace, out);
  return {encoded, static_cast<double>(out.sum())};
}

/// The model's layers as one writes them with Eigen, on its parameters.
class EigenModel {
 public:
  using Vector = Eigen::VectorXf;

  explicit EigenModel(const decltype(make_vae<float>(quickstart))& model) {
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

void report(const char* name, const char* peer, int threads, double check, std::vector<double> samples) {
  const double p99 = quantile(samples, 0.99);
  print({.topic = "latency",
         .name = name,
         .peer = peer,
         .threads = threads,
         .unit = "us",
         .samples = std::move(samples),
         .check = check,
         .p99 = p99});
}

void measure_vaekit(const Checks& checks, int threads, double seconds) {
  const ThreadScope scope(threads);
  const auto model = make_vae<float>(quickstart);
  auto workspace = model.make_inference_workspace(1);
  const Matrix<float> x = make_images<float>(quickstart, 1);
  const Matrix<float> z = latent_vector<float>();
  Matrix<float> out(1, quickstart.features());
  report("encode", "vaekit", threads, checks.encode,
         time_calls(seconds, [&] { (void)model.encode(x, workspace); }));
  report("decode", "vaekit", threads, checks.decode,
         time_calls(seconds, [&] { model.decode(z, workspace, out); }));
}

void measure_eigen(const Checks& expected, double seconds) {
  const ThreadScope scope(1);
  EigenModel model(make_vae<float>(quickstart));
  const Eigen::VectorXf x = make_images<float>(quickstart, 1).row(0).transpose();
  const Eigen::VectorXf z = latent_vector<float>().row(0).transpose();
  model.encode(x);
  model.decode(z);
  const Checks checks{static_cast<double>(model.encoded.cwiseAbs().sum()),
                      static_cast<double>(model.decoded.sum())};
  require_close("Eigen's encoder", checks.encode, expected.encode);
  require_close("Eigen's decoder", checks.decode, expected.decode);
  report("encode", "Eigen", 1, checks.encode, time_calls(seconds, [&] { model.encode(x); }));
  report("decode", "Eigen", 1, checks.decode, time_calls(seconds, [&] { model.decode(z); }));
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(argc, argv, [](double seconds) {
    const Checks reference = checks_of_vaekit<double>();
    const Checks checks = checks_of_vaekit<float>();
    require_close("encoder", checks.encode, reference.encode);
    require_close("decoder", checks.decode, reference.decode);
    measure_vaekit(checks, 1, seconds);
    measure_eigen(reference, seconds);
    measure_vaekit(checks, 2, seconds);
  });
}
