// SPDX-License-Identifier: MIT
#include "vaekit/data/npy.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "support/throws_with.hpp"

using vaekit::Bytes;
using vaekit::Index;
using vaekit::Shape;
using namespace std::string_literals;

namespace {

Bytes bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

/// An NPY 1.0 file with any header.
Bytes npy(const std::string& header, const std::string& data) {
  const std::string length{static_cast<char>(header.size() % 256), static_cast<char>(header.size() / 256)};
  return bytes_of("\x93NUMPY\x01\0"s + length + header + data);
}

std::string header(const std::string& dtype, const std::string& shape, const std::string& order = "False") {
  return "{'descr': '" + dtype + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

void check_refused(const Bytes& file, const std::string& message) {
  check_throws_with<vaekit::DataError>(message, [&] { static_cast<void>(vaekit::parse_npy(file, "x.npy")); });
}

void check_labels_refused(const Bytes& file, const std::string& message) {
  check_throws_with<vaekit::DataError>(message,
                                       [&] { static_cast<void>(vaekit::parse_npy_labels(file, "y.npy")); });
}

// What numpy 2.4 writes for numpy.arange(6, dtype=numpy.float32).reshape(2, 3).
const std::string numpy_file =
    "\x93NUMPY\x01\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"s + std::string(58, ' ') +
    "\n\0\0\0\0\0\0\x80?\0\0\0@\0\0@@\0\0\x80@\0\0\xa0@"s;

}  // namespace

TEST_CASE("npy: a file that numpy wrote is read, and written to the same bytes") {
  const vaekit::Dataset data = vaekit::parse_npy(bytes_of(numpy_file), "x.npy");
  CHECK(data.shape() == Shape::flat(3));
  CHECK(std::get<std::vector<float>>(data.values()) == std::vector<float>{0, 1, 2, 3, 4, 5});
  vaekit::Matrix<float> x(2, 3);
  x << 0, 1, 2, 3, 4, 5;
  CHECK(vaekit::npy_bytes<float>(x, Shape::flat(3)) == bytes_of(numpy_file));
}

TEST_CASE("npy: bytes, booleans and doubles are read, images keep their shape") {
  const vaekit::Dataset images = vaekit::parse_npy(npy(header("|u1", "(1, 2, 2)"), "\x01\x02\x03\xFF"s), "x");
  CHECK(images.shape() == Shape{2, 2, 1});
  CHECK(std::get<Bytes>(images.values()) == Bytes{1, 2, 3, 255});
  CHECK(vaekit::parse_npy(npy(header("|u1", "(1, 2, 2, 3)"), std::string(12, 'a')), "x").shape() ==
        Shape{2, 2, 3});
  CHECK(std::get<Bytes>(vaekit::parse_npy(npy(header("|b1", "(1, 3)"), "\x01\0\x02"s), "x").values()) ==
        Bytes{1, 0, 1});
  CHECK(std::get<std::vector<double>>(
            vaekit::parse_npy(npy(header("<f8", "(1, 1)"), "\0\0\0\0\0\0\xF0\xBF"s), "x").values()) ==
        std::vector<double>{-1});
  check_refused(npy(header("<f4", "(1, 1)"), "\0\0\xC0\x7F"s),
                "x.npy: sample 0, feature 0 is nan, must be finite");
}

TEST_CASE("npy: versions 2.0 and 3.0 have a longer header length") {
  const std::string text = header("|u1", "(1, 1)");
  for (const char version : {'\x02', '\x03'}) {
    const std::string file =
        "\x93NUMPY"s + version + "\0"s + static_cast<char>(text.size()) + "\0\0\0"s + text + "a";
    CHECK(vaekit::parse_npy(bytes_of(file), "x").size() == 1);
  }
  check_refused(bytes_of("\x93NUMPY\x04\0\x76\0"s), "x.npy: NPY version is 4.0, must be 1.0, 2.0 or 3.0");
}

TEST_CASE("npy: the header may have its keys in any order, double quotes and spare blanks") {
  CHECK(vaekit::parse_npy(npy("{ \"shape\" :( 1,1 ) ,'fortran_order':False,'descr':'|u1'}   \n", "a"), "x")
            .size() == 1);
}

TEST_CASE("npy: malformed headers are refused at their first bad character") {
  const auto refused_at = [](const std::string& text, int character) {
    check_refused(npy(text, "a"), "x.npy: NPY header is malformed at character " + std::to_string(character) +
                                      ", must be {'descr': ..., 'fortran_order': ..., 'shape': ...}");
  };
  refused_at("", 0);
  refused_at("garbage", 0);
  refused_at("{}", 2);
  refused_at("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1)", 56);
  refused_at("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1", 55);
  refused_at("{'descr': '|u1', 'fortran_order': 0, 'shape': (1, 1)}", 34);
  refused_at("{'descr': '|u1', 'fortran_order': False, 'shape': (1, -1)}", 54);
  refused_at("{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999, 1)}", 51);
  refused_at("{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (1, 1)}", 25);
  refused_at("{'descr': '|u1', 'order': False}", 25);
  refused_at("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1)} x", 58);
  refused_at("{'descr: ", 2);
}

TEST_CASE("npy: other dtypes and orders are refused by name") {
  const std::string expected = ", must be |u1, |b1, <u2, <i2, <f4 or <f8; save x.astype('float32')";
  for (const std::string dtype : {"<i8", ">f4", "<f2", "|O", "<c8", "|S10", ""}) {
    check_refused(npy(header(dtype, "(1, 1)"), "aaaaaaaa"),
                  vaekit::concat("x.npy: dtype is \"", dtype, '"', expected));
  }
  check_refused(npy(header("<\nf4", "(1, 1)"), "aaaa"), "x.npy: dtype is \"<\\x0af4\"" + expected);
  check_refused(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", ""),
                "x.npy: dtype is a structure, must be a number");
  check_refused(npy(header("<f4", "(1, 1)", "True"), "aaaa"),
                "x.npy: fortran_order is True, must be False; save numpy.ascontiguousarray(x)");
}

TEST_CASE("npy: shapes that are no samples are refused") {
  const std::string expected = ", must have 2 dimensions (vectors), 3 or 4 (images, channels last)";
  check_refused(npy(header("|u1", "()"), "a"), "x.npy: shape is ()" + expected);
  check_refused(npy(header("|u1", "(1,)"), "a"), "x.npy: shape is (1,)" + expected);
  check_refused(npy(header("|u1", "(1, 1, 1, 1, 1)"), "a"), "x.npy: shape is (1, 1, 1, 1, 1)" + expected);
  check_refused(npy(header("|u1", "(0, 3)"), ""), "x.npy: data set is empty, needs at least one sample");
  check_refused(npy(header("|u1", "(3, 0)"), ""),
                "x.npy: header promises 3 vectors of 0, must have at least one value a sample");
}

TEST_CASE("npy: truncated files and absurd sizes are refused with the promised and found counts") {
  const Bytes whole = bytes_of(numpy_file);
  const auto cut = [&](std::size_t size) {
    return Bytes(whole.begin(), whole.begin() + static_cast<long>(size));
  };
  check_refused(cut(0), "x.npy: starts with \"\", must start with \"\\x93NUMPY\" (an NPY file)");
  check_refused(bytes_of("PK\x03\x04 a zip"),
                "x.npy: starts with \"PK\\x03\\x04 a\", must start with "
                "\"\\x93NUMPY\" (an NPY file)");
  check_refused(cut(7), "x.npy: truncated: NPY header has 8 bytes, found 7");
  check_refused(cut(9), "x.npy: truncated: NPY header has 10 bytes, found 9");
  check_refused(cut(127), "x.npy: truncated: NPY header has 128 bytes, found 127");
  check_refused(cut(151), "x.npy: truncated: header promises 2 vectors of 3, found 1");
  CHECK(vaekit::parse_npy(cut(152), "x").size() == 2);
  check_refused(bytes_of(numpy_file + "more"),
                "x.npy: too long: header promises 2 vectors of 3 (24 bytes), found 28 bytes");
  check_refused(npy(header("<f8", "(4611686018427387904, 4)"), std::string(16, 'a')),
                "x.npy: truncated: header promises 4611686018427387904 vectors of 4, found 0");
  check_refused(npy(header("<f8", "(2, 18446744073709551615)"), std::string(16, 'a')),
                "x.npy: truncated: header promises 2 vectors of 18446744073709551615, found 0");
}

TEST_CASE("npy: labels are integers of any size that fit in 32 bits") {
  using Labels = std::vector<std::int32_t>;
  CHECK(vaekit::parse_npy_labels(npy(header("<i8", "(2,)"), "\x07\0\0\0\0\0\0\0"s + std::string(8, '\xFF')),
                                 "y") == Labels{7, -1});
  CHECK(vaekit::parse_npy_labels(npy(header("|u1", "(2,)"), "\x07\xFF"), "y") == Labels{7, 255});
  CHECK(vaekit::parse_npy_labels(npy(header("<i2", "(1,)"), "\0\x80"s), "y") == Labels{-32768});
  CHECK(vaekit::parse_npy_labels(npy(header("<u4", "(1,)"), "\0\0\0\x7F"s), "y") == Labels{0x7F000000});
  check_labels_refused(npy(header("<u4", "(2,)"), "\0\0\0\0\0\0\0\x80"s),
                       "y.npy: label 1 is 2147483648, must fit in 32 bits");
  check_labels_refused(npy(header("<f4", "(1,)"), "aaaa"),
                       "y.npy: dtype is \"<f4\", must be an integer (labels)");
  check_labels_refused(npy(header("|u1", "(1, 1)"), "a"),
                       "y.npy: shape is (1, 1), must have 1 dimension (labels)");
  check_labels_refused(npy(header("|u1", "(3,)"), "a"),
                       "y.npy: truncated: header promises 3 labels, found 1");
}

TEST_CASE("npy: sizes of samples leave out what is 1") {
  CHECK(npy_sizes(5, Shape::flat(7)) == std::vector<Index>{5, 7});
  CHECK(npy_sizes(5, Shape{3, 4, 1}) == std::vector<Index>{5, 3, 4});
  CHECK(npy_sizes(5, Shape{3, 4, 2}) == std::vector<Index>{5, 3, 4, 2});
}

TEST_CASE("npy: what is written is read back, and sizes are checked") {
  vaekit::Matrix<double> x(3, 4);
  x << 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0.1;
  const vaekit::Dataset grey = vaekit::parse_npy(vaekit::npy_bytes<double>(x, Shape{2, 2, 1}), "x");
  CHECK(grey.shape() == Shape{2, 2, 1});
  CHECK(std::get<std::vector<double>>(grey.values())[11] == 0.1);
  const vaekit::Dataset block =
      vaekit::parse_npy(vaekit::npy_bytes<double>(x.rightCols(2), Shape::flat(2)), "x");
  CHECK(std::get<std::vector<double>>(block.values()) == std::vector<double>{3, 4, 7, 8, 11, 0.1});
  vaekit::Matrix<float> colour(1, 12);
  CHECK(vaekit::parse_npy(vaekit::npy_bytes<float>(colour, Shape{2, 2, 3}), "x").shape() == Shape{2, 2, 3});
  const std::vector<std::int32_t> labels{3, -1};
  CHECK(vaekit::parse_npy_labels(vaekit::npy_bytes<std::int32_t>(labels, {2}), "y") == labels);
  check_throws_with<vaekit::ShapeError>("npy_bytes: samples has 4 columns, must have 3 (features)", [&] {
    static_cast<void>(vaekit::npy_bytes<double>(x, Shape::flat(3)));
  });
  check_throws_with<vaekit::ShapeError>("npy_bytes: has 2 values, must have 3 (3,)", [&] {
    static_cast<void>(vaekit::npy_bytes<std::int32_t>(labels, {3}));
  });
}

TEST_CASE("npy: 16-bit counts are read as float") {
  const auto floats_of = [](const Bytes& file) {
    return std::get<std::vector<float>>(vaekit::parse_npy(file, "x").values());
  };
  CHECK(floats_of(npy(header("<u2", "(1, 2)"), "\x01\x02\xFF\xFF"s)) == std::vector<float>{513, 65535});
  CHECK(floats_of(npy(header("<i2", "(1, 2)"), "\x01\x02\xFF\xFF"s)) == std::vector<float>{513, -1});
}
