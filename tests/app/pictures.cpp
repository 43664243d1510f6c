// SPDX-License-Identifier: MIT
#include "vaekit/app/pictures.hpp"

#include <doctest/doctest.h>

#include "support/same_bits.hpp"
#include "train/example_training.hpp"
#include "vaekit/kernels/random.hpp"

using namespace vaekit;
using example::data;

namespace {

const PictureFormat image_format{{Shape{3, 4, 1}}};

}  // namespace

TEST_CASE("pictures: a grid about as wide as high") {
  CHECK(square_columns(1) == 1);
  CHECK(square_columns(4) == 2);
  CHECK(square_columns(5) == 3);
  CHECK(square_columns(64) == 8);
}

TEST_CASE("pictures: many latents are decoded as each one alone") {
  const example::Model model = example::make_model();
  Matrix<float> z(300, 2);
  fill_normal(z.span(), RandomStream(1, Purpose::prior));
  const Matrix<float> all = decode_all(model, z);
  CHECK(all.rows() == 300);
  for (const Index row : {0, 255, 256, 299}) {
    const Matrix<float> alone = decode_all(model, Matrix<float>(z.row(row)));
    CHECK((alone.row(0) - all.row(row)).cwiseAbs().maxCoeff() < 1e-6F);
  }
  CHECK(decode_all(model, Matrix<float>(0, 2)).rows() == 0);
}

TEST_CASE("pictures: samples are the decoder at z of the seed times the temperature") {
  const example::Model model = example::make_model();
  Matrix<float> z(7, 2);
  fill_normal(z.span(), RandomStream(4, Purpose::prior));
  z *= 0.5F;
  CHECK(same_bits(sample_all(model, 4, 7, 0.5), decode_all(model, z)));
  CHECK(sample_picture(model, image_format, 4, data().part(0, 22), 7, 0.5) ==
        sample_grid(image_format, decode_all(model, z), 3));
}

TEST_CASE("pictures: inputs stand above their reconstructions, eight to a line") {
  const example::Model model = example::make_model();
  const DataView view = data().part(0, 22);
  Matrix<float> x(10, example::features);
  DataView ten = view;
  ten.rows = ten.rows.first(10);
  for_each_batch<float>(ten, x, [](Index, MatrixIn<float>) {});
  const Matrix<float> y = reconstruct_all(model, ten);
  Matrix<float> tiles(32, example::features);
  for (Index i = 0; i < 10; ++i) {
    const Index above = i < 8 ? i : 8 + i;
    tiles.row(above) = x.row(i);
    tiles.row(above + 8) = y.row(i);
  }
  CHECK(reconstruction_picture(model, image_format, ten) == sample_grid(image_format, tiles, 8));
}
