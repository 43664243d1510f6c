// SPDX-License-Identifier: MIT
#include "vaekit/evaluate/code_usage.hpp"

#include <doctest/doctest.h>

#include <numeric>

#include "model/example_models.hpp"

using namespace vaekit;

TEST_CASE("code usage: perplexity is the exponential of the entropy") {
  CHECK(std::abs(perplexity(std::vector<double>{3, 3, 3, 3}) - 4) < 1e-14);
  CHECK(std::abs(perplexity(std::vector<double>{0, 7, 0}) - 1) < 1e-14);
  CHECK(std::abs(perplexity(std::vector<double>{1, 3}) -
                 std::exp(-0.25 * std::log(0.25) - 0.75 * std::log(0.75))) < 1e-14);
  CHECK(perplexity(std::vector<double>(3)) == 0);
}

TEST_CASE("code usage: counts the codes of every sample of the view, at any batch and number of threads") {
  example::Design design;
  design.latent = VectorQuantizedConfig{.positions = 3, .width = 2, .codes = 8};
  design.prior = CodePriorConfig{};
  const auto model = example::make_any<float>(design);
  const Matrix<float> x = example::data<float>(33, design.features);
  const Dataset dataset("uniform", Shape::flat(design.features),
                        std::vector<float>(x.span().begin(), x.span().end()));
  const Transform transform(std::vector<double>(5, 0), std::vector<double>(5, 1), 0, Binarize::none);
  const std::vector<std::uint32_t> rows = all_rows(33);
  const DataView view{&dataset, &transform, std::span(rows).subspan(2, 30), 1};

  std::vector<double> expected(8);
  const auto& latent = std::get<VectorQuantizedLatent<float>>(model.latent.chosen);
  auto w = model.make_workspace(1);
  for (Index row = 2; row < 32; ++row) {
    const Matrix<float> z = model.encode(x.middleRows(row, 1), w).mu;
    for (Index p = 0; p < 3; ++p) {
      for (Index code = 0; code < 8; ++code) {
        expected[static_cast<std::size_t>(code)] +=
            z.middleCols(2 * p, 2) == latent.codebook.row(code) ? 1 : 0;
      }
    }
  }
  CHECK(std::accumulate(expected.begin(), expected.end(), 0.0) == 90);
  for (const int threads : {1, 2, 3}) {
    const ThreadScope scope(threads);
    for (const Index batch : {7, 500}) {
      const CodeUsage usage = code_usage(model, view, batch);
      CHECK(usage.counts == expected);
      CHECK(usage.used() == 8 - std::ranges::count(expected, 0.0));
      CHECK(usage.perplexity() == perplexity(expected));
    }
  }
  CHECK(code_usage(example::make_any<float>({}), view).counts.empty());
}
