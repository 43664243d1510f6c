// SPDX-License-Identifier: MIT
// The three products of a dense layer, in float and row-major as a layer has them, by vaekit, Eigen, OpenBLAS
// and oneDNN. Names are gemm/<batch> <out> <in> <product>/<library>/<threads>. With
// --benchmark_enable_random_interleaving the repetitions of all of them mix, so that no library has the
// machine at a better time than another.
#include <benchmark/benchmark.h>

#include <cmath>
#include <functional>
#include <map>
#include <tuple>

#if defined(BENCHMARKS_OPENBLAS)
#include <cblas.h>
#endif
#if defined(BENCHMARKS_ONEDNN)
#include <dnnl.h>
#endif

#include "support/peak.hpp"
#include "support/settle.hpp"
#include "support/workload.hpp"
#include "vaekit/kernels/gemm.hpp"

namespace {

using namespace benchmarks;

enum class Product { forward, dx, dw };
constexpr const char* product_names[] = {"forward", "dX", "dW"};

/// y = x Wᵀ (forward), dX = dY W, dW = dYᵀ x.
struct Case {
  Index batch;
  Index out;
  Index in;
  Product product;

  [[nodiscard]] bool transposes_a() const { return product == Product::dw; }
  [[nodiscard]] bool transposes_b() const { return product == Product::forward; }
  [[nodiscard]] Index m() const { return product == Product::dw ? out : batch; }
  [[nodiscard]] Index n() const { return product == Product::forward ? out : in; }
  [[nodiscard]] Index k() const {
    return product == Product::forward ? in : product == Product::dx ? out : batch;
  }
  [[nodiscard]] double flop() const { return 2.0 * static_cast<double>(m() * n() * k()); }
  auto operator<=>(const Case&) const = default;
};

/// The shapes of dense layers in common VAEs, a narrow one, and two squares.
constexpr Index shapes[][3] = {{128, 500, 784}, {128, 784, 500}, {128, 400, 500},
                               {128, 500, 20},  {512, 512, 512}, {1024, 1024, 1024}};

Matrix<float> random_matrix(Index row_count, Index col_count, std::uint32_t list) {
  Matrix<float> matrix(row_count, col_count);
  for (std::uint32_t i = 0; float& value : matrix.span()) {
    value = static_cast<float>(uniform(list, i++));
  }
  return matrix;
}

/// Operands as stored, and the product in double.
struct Operands {
  Matrix<float> a;
  Matrix<float> b;
  Matrix<double> reference;

  explicit Operands(const Case& c)
      : a(c.transposes_a() ? random_matrix(c.k(), c.m(), 1) : random_matrix(c.m(), c.k(), 1)),
        b(c.transposes_b() ? random_matrix(c.n(), c.k(), 2) : random_matrix(c.k(), c.n(), 2)),
        reference(c.m(), c.n()) {
    const EigenMatrix<double> left = c.transposes_a() ? EigenMatrix<double>(a.transpose().cast<double>())
                                                      : EigenMatrix<double>(a.cast<double>());
    const EigenMatrix<double> right = c.transposes_b() ? EigenMatrix<double>(b.transpose().cast<double>())
                                                       : EigenMatrix<double>(b.cast<double>());
    reference.noalias() = left * right;
  }

  /// Operands live as long as the program: every library multiplies the same memory.
  static const Operands& of(const Case& c) {
    static std::map<Case, Operands> all;
    return all.try_emplace(c, c).first->second;
  }
};

using Multiply = std::function<void(const Case&, const Operands&, Matrix<float>&)>;

void multiply_vaekit(const Case& c, const Operands& o, Matrix<float>& result) {
  gemm<float>(c.transposes_a() ? transposed<float>(o.a) : as_is<float>(o.a),
              c.transposes_b() ? transposed<float>(o.b) : as_is<float>(o.b), c.k(), result, Store::overwrite);
}

void multiply_eigen(const Case& c, const Operands& o, Matrix<float>& result) {
  switch (c.product) {
    case Product::forward:
      result.noalias() = o.a * o.b.transpose();
      break;
    case Product::dx:
      result.noalias() = o.a * o.b;
      break;
    case Product::dw:
      result.noalias() = o.a.transpose() * o.b;
      break;
  }
}

#if defined(BENCHMARKS_OPENBLAS)
void multiply_openblas(const Case& c, const Operands& o, Matrix<float>& result) {
  const auto size = [](Index value) { return static_cast<blasint>(value); };
  cblas_sgemm(CblasRowMajor, c.transposes_a() ? CblasTrans : CblasNoTrans,
              c.transposes_b() ? CblasTrans : CblasNoTrans, size(c.m()), size(c.n()), size(c.k()), 1,
              o.a.data(), size(o.a.cols()), o.b.data(), size(o.b.cols()), 0, result.data(), size(c.n()));
}
#endif

#if defined(BENCHMARKS_ONEDNN)
void multiply_onednn(const Case& c, const Operands& o, Matrix<float>& result) {
  const dnnl_status_t status =
      dnnl_sgemm(c.transposes_a() ? 'T' : 'N', c.transposes_b() ? 'T' : 'N', c.m(), c.n(), c.k(), 1,
                 o.a.data(), o.a.cols(), o.b.data(), o.b.cols(), 0, result.data(), c.n());
  if (status != dnnl_success) {
    throw Error("oneDNN: dnnl_sgemm failed", ExitCode::numeric);
  }
}
#endif

/// Sums of k products of numbers below 1: rounding errors grow with the root of k.
bool agrees(const Matrix<float>& result, const Operands& operands, const Case& c) {
  const double error = (result.cast<double>() - operands.reference).cwiseAbs().maxCoeff();
  return error <= 1e-5 * std::sqrt(static_cast<double>(c.k()));
}

void run(benchmark::State& state, const Case& c, int threads, const Multiply& multiply) {
  const ThreadScope scope(threads);
#if defined(BENCHMARKS_OPENBLAS)
  openblas_set_num_threads(threads);
#endif
  const Operands& operands = Operands::of(c);
  Matrix<float> result(c.m(), c.n());
  result.setConstant(1);
  // Only parallel work leaves threads behind that spin.
  static int previous_threads = 1;
  if (previous_threads > 1) {
    settle();
  }
  previous_threads = threads;
  const double peak = fma_peak(threads);
  multiply(c, operands, result);  // wakes the library's threads, and allocates its buffers
  if (!agrees(result, operands, c)) {
    state.SkipWithError("differs from the product in double");
    return;
  }
  for (auto _ : state) {
    multiply(c, operands, result);
    benchmark::ClobberMemory();
  }
  const double gflop = static_cast<double>(state.iterations()) * c.flop() * 1e-9;
  state.counters["GFLOP"] = benchmark::Counter(gflop, benchmark::Counter::kIsRate);
  state.counters["share"] = benchmark::Counter(gflop / peak, benchmark::Counter::kIsRate);
  state.counters["peak"] = peak;
}

void register_all() {
  const std::pair<const char*, Multiply> libraries[] = {
    {"vaekit", multiply_vaekit},
    {"Eigen", multiply_eigen},
#if defined(BENCHMARKS_OPENBLAS)
    {"OpenBLAS", multiply_openblas},
#endif
#if defined(BENCHMARKS_ONEDNN)
    {"oneDNN", multiply_onednn},
#endif
  };
  for (const auto& [batch, out, in] : shapes) {
    for (const Product product : {Product::forward, Product::dx, Product::dw}) {
      for (const int threads : {1, 2}) {
        for (const auto& [library, multiply] : libraries) {
          const Case c{batch, out, in, product};
          const std::string name =
              concat("gemm/", batch, ' ', out, ' ', in, ' ', product_names[static_cast<int>(product)], '/',
                     library, '/', threads);
          benchmark::RegisterBenchmark(name.c_str(), run, c, threads, multiply)
              ->Unit(benchmark::kMicrosecond)
              ->UseRealTime();
        }
      }
    }
  }
}

void add_versions() {
  benchmark::AddCustomContext(
      "version Eigen", concat(EIGEN_WORLD_VERSION, '.', EIGEN_MAJOR_VERSION, '.', EIGEN_MINOR_VERSION));
#if defined(BENCHMARKS_OPENBLAS)
  benchmark::AddCustomContext("version OpenBLAS", openblas_get_config());
#endif
#if defined(BENCHMARKS_ONEDNN)
  const dnnl_version_t& version = *dnnl_version();
  benchmark::AddCustomContext("version oneDNN",
                              concat(version.major, '.', version.minor, '.', version.patch));
#endif
}

}  // namespace

int main(int argc, char** argv) {
  register_all();
  add_versions();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 1;
  }
  benchmark::RunSpecifiedBenchmarks();
}
