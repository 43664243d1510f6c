// SPDX-License-Identifier: MIT
#include "vaekit/io/safetensors.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "io/temporary_folder.hpp"
#include "support/throws_with.hpp"

using vaekit::Bytes;
using vaekit::Dtype;
using vaekit::make_tensor;
using vaekit::Safetensors;
using vaekit::tensor_values;
using namespace std::string_literals;
using Floats = std::vector<float>;
using Doubles = std::vector<double>;

namespace {

Safetensors example() {
  Safetensors content;
  content.tensors.push_back(make_tensor<float>("w", {2, 3}, Floats{0, 1, 2, 3, 4, 5}));
  content.tensors.push_back(make_tensor<float>("odd", {1}, Floats{-7}));
  content.tensors.push_back(make_tensor<double>("b", {2}, Doubles{0.5, -1.5}));
  content.tensors.push_back(make_tensor<double>("none", {0, 4}, Doubles{}));
  content.tensors.push_back(make_tensor<float>("scalar", {}, Floats{7}));
  content.metadata = {{"config", "{\"a\": \"\xC3\xA4\"}"}, {"step", "12"}};
  return content;
}

/// A file of another program: header length, header, data.
Bytes file(const std::string& header, const std::string& data = "") {
  Bytes bytes(8);
  vaekit::store(std::uint64_t{header.size()}, bytes.data(), std::endian::little);
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.insert(bytes.end(), data.begin(), data.end());
  return bytes;
}

void check_refused(const Bytes& bytes, const std::string& message) {
  check_throws_with<vaekit::DataError>(message,
                                       [&] { static_cast<void>(vaekit::parse_safetensors(bytes, "m")); });
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return "{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
}

}  // namespace

TEST_CASE("safetensors: what is written is read back, in order, to equal bytes") {
  const TemporaryFolder folder("safetensors");
  const Safetensors content = example();
  const Bytes bytes = vaekit::safetensors_bytes(content);
  const Safetensors again = vaekit::parse_safetensors(bytes, "m");
  CHECK(again == content);
  CHECK(vaekit::safetensors_bytes(again) == bytes);
  vaekit::write_safetensors(folder / "m.safetensors", content);
  CHECK(vaekit::read_safetensors(folder / "m.safetensors") == content);
  CHECK(vaekit::parse_safetensors(vaekit::safetensors_bytes({}), "m") == Safetensors{});
}

TEST_CASE("safetensors: the layout is the documented one, with data at a multiple of 8") {
  Safetensors content;
  content.tensors.push_back(make_tensor<float>("w", {1, 2}, Floats{1, -1}));
  content.metadata = {{"step", "3"}};
  const Bytes bytes = vaekit::safetensors_bytes(content);
  const std::string header =
      R"({"__metadata__":{"crc32":"943571f9","step":"3"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}})";
  const std::string padding((8 - header.size() % 8) % 8, ' ');
  CHECK(bytes == file(header + padding, "\0\0\x80\x3F\0\0\x80\xBF"s));
}

TEST_CASE("safetensors: a file of the safetensors package is read, half precision as float") {
  const Bytes bytes = file(
      R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F64","shape":[2],"data_offsets":[0,16]},)"
      R"("s":{"dtype":"F32","shape":[],"data_offsets":[16,20]},"w":{"dtype":"F32","shape":[2,3],"data_offsets":)"
      R"([20,44]},"h":{"dtype":"F16","shape":[3],"data_offsets":[44,50]}}    )",
      "\0\0\0\0\0\0\xE0?\0\0\0\0\0\0\xF8\xBF\0\0\xE0@\0\0\0\0\0\0\x80?\0\0\0@\0\0@@\0\0\x80@\0\0\xA0@\0>\0\xC0\xFF{"s);
  const Safetensors content = vaekit::parse_safetensors(bytes, "m");
  CHECK(content.metadata == std::map<std::string, std::string>{{"format", "pt"}});
  REQUIRE(content.tensors.size() == 4);
  CHECK(tensor_values<double>(content.tensors[0]) == Doubles{0.5, -1.5});
  CHECK(content.tensors[1].shape.empty());
  CHECK(tensor_values<float>(content.tensors[1]) == Floats{7});
  CHECK(content.tensors[2].shape == std::vector<vaekit::Index>{2, 3});
  CHECK(tensor_values<double>(content.tensors[2]) == Doubles{0, 1, 2, 3, 4, 5});
  CHECK(content.tensors[3].dtype == Dtype::f32);
  CHECK(tensor_values<float>(content.tensors[3]) == Floats{1.5, -2, 65504});
  const Bytes bf16 = file("{\"x\":" + entry("BF16", "[2]", "[0,4]") + "}", "\xC0\x3F\0\xC0"s);
  CHECK(tensor_values<float>(vaekit::parse_safetensors(bf16, "m").tensors[0]) == Floats{1.5, -2});
}

TEST_CASE("safetensors: tensors may be stored in another order than the header's") {
  const Bytes bytes =
      file("{\"b\":" + entry("F32", "[1]", "[4,8]") + ",\"a\":" + entry("F32", "[1]", "[0,4]") + "}",
           "\0\0\x80\x3F\0\0\x80\xBF"s);
  const Safetensors content = vaekit::parse_safetensors(bytes, "m");
  CHECK(content.tensors[0].name == "b");
  CHECK(tensor_values<float>(content.tensors[0]) == Floats{-1});
  CHECK(tensor_values<float>(content.tensors[1]) == Floats{1});
}

TEST_CASE("safetensors: a changed byte anywhere is noticed") {
  const Bytes bytes = vaekit::safetensors_bytes(example());
  Bytes data_changed = bytes;
  data_changed[bytes.size() - 1] ^= 1;
  check_refused(data_changed,
                "m: checkpoint is corrupted: checksum of the data is e3fefd62, header says 94f9cdf4");
  const std::size_t checked = 8 + vaekit::detail::checksum_prefix.size();
  for (std::size_t i = checked; i < bytes.size(); ++i) {
    Bytes changed = bytes;
    changed[i] ^= 1;
    CHECK_THROWS_AS(static_cast<void>(vaekit::parse_safetensors(changed, "m")), vaekit::DataError);
  }
}

TEST_CASE("safetensors: a file cut anywhere is refused") {
  const Bytes bytes = vaekit::safetensors_bytes(example());
  const auto cut = [&](std::size_t size) {
    return Bytes(bytes.begin(), bytes.begin() + static_cast<long>(size));
  };
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK_THROWS_AS(static_cast<void>(vaekit::parse_safetensors(cut(size), "m")), vaekit::DataError);
  }
  const std::string none = "m: is not a safetensors file, must begin with 8 bytes of length and \"{\"";
  check_refused(cut(0), none);
  check_refused(cut(8), none);
  check_refused(cut(100), "m: truncated: header has 368 bytes, found 92");
  check_refused(cut(bytes.size() - 1), "m: truncated: header promises 48 bytes of data, found 47");
}

TEST_CASE("safetensors: files of other kinds and broken headers are refused") {
  const std::string none = "m: is not a safetensors file, must begin with 8 bytes of length and \"{\"";
  check_refused(Bytes(100, 'x'), none);
  check_refused(file("[]"), none);
  check_refused(file("{\"a\":1"),
                "m (header):1:6: syntax error while parsing object - unexpected end of input; expected '}'");
  check_refused(file("{} x"),
                "m (header):1:4: syntax error while parsing value - invalid literal; expected end of input");
  Bytes absurd = file("{}");
  std::fill_n(absurd.begin(), 8, std::uint8_t{0xFF});
  check_refused(absurd, "m: truncated: header has 18446744073709551615 bytes, found 2");
  check_refused(file("{\"__metadata__\":{\"a\":1}}"),
                "m: __metadata__ is malformed, must map strings to strings");
  check_refused(file("{\"__metadata__\":[]}"), "m: __metadata__ is malformed, must map strings to strings");
}

TEST_CASE("safetensors: entries that are malformed or lie about their size are refused") {
  const auto refused = [](const std::string& json, const std::string& complaint,
                          const std::string& data = "aaaa") {
    check_refused(file("{\"w\":" + json + "}", data), "m: tensor \"w\"" + complaint);
  };
  const std::string malformed = " is malformed, must have dtype, shape and two data_offsets";
  for (const std::string& json :
       {"1"s, "{}"s, R"({"dtype":"F32","shape":[1]})"s, R"({"dtype":1,"shape":[1],"data_offsets":[0,4]})"s,
        entry("F32", "[1.0]", "[0,4]"), entry("F32", "[-1]", "[0,4]"), entry("F32", "[1]", "[0]"),
        entry("F32", "[1]", "[0,4,8]"), entry("F32", "1", "[0,4]"), entry("F32", "[1]", "[0,\"4\"]"),
        R"({"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1})"s}) {
    refused(json, malformed);
  }
  refused(entry("I64", "[1]", "[0,8]"), ": dtype is \"I64\", must be F32, F64, F16 or BF16");
  refused(entry("F32", "[2]", "[0,4]"),
          ": data_offsets are [0, 4], must be 8 bytes apart (shape times dtype)");
  refused(entry("F32", "[1]", "[8,4]"),
          ": data_offsets are [8, 4], must be 4 bytes apart (shape times dtype)");
  refused(entry("F32", "[4611686018427387905]", "[0,4]"),
          ": data_offsets are [0, 4], must be 18446744073709551615 bytes apart (shape times dtype)");
  refused(entry("F32", "[0,18446744073709551615]", "[0,0]"),
          ": data_offsets are [0, 0], must be 0 bytes apart (shape times dtype)");
}

TEST_CASE("safetensors: overlaps, gaps, missing and surplus data and duplicate names are refused") {
  const auto two = [](const std::string& first, const std::string& second, const std::string& name = "v") {
    return "{\"w\":" + entry("F32", "[1]", first) + ",\"" + name + "\":" + entry("F32", "[1]", second) + "}";
  };
  check_refused(file(two("[0,4]", "[0,4]"), "aaaa"),
                "m: tensor \"v\" begins at byte 0 of the data, must begin at 4");
  check_refused(file(two("[0,4]", "[2,6]"), "aaaaaa"),
                "m: tensor \"v\" begins at byte 2 of the data, must begin at 4");
  check_refused(file(two("[4,8]", "[12,16]"), std::string(16, 'a')),
                "m: tensor \"w\" begins at byte 4 of the data, must begin at 0");
  check_refused(file(two("[0,4]", "[4,8]"), "aaaa"),
                "m: truncated: header promises 8 bytes of data, found 4");
  check_refused(file(two("[0,4]", "[4,8]"), "aaaaaaaaa"),
                "m: too long: header promises 8 bytes of data, found 9");
  check_refused(file(two("[0,4]", "[4,8]", "w"), "aaaaaaaa"),
                "m (header):1:57: duplicate key \"w\", must be unique");
}

TEST_CASE("safetensors: tensors that cannot be written are refused") {
  const auto check_not_written = [](const Safetensors& content, const std::string& message) {
    check_throws_with<vaekit::ShapeError>(message,
                                          [&] { static_cast<void>(vaekit::safetensors_bytes(content)); });
  };
  check_not_written({{make_tensor<float>("w", {3}, Floats{1})}, {}},
                    "safetensors_bytes: tensor \"w\" has 4 bytes, must have 12 and a name of its own");
  const vaekit::Tensor twice = make_tensor<float>("w", {1}, Floats{1});
  check_not_written({{twice, twice}, {}},
                    "safetensors_bytes: tensor \"w\" has 4 bytes, must have 4 and a name of its own");
  check_not_written(
      {{make_tensor<float>("__metadata__", {1}, Floats{1})}, {}},
      "safetensors_bytes: tensor \"__metadata__\" has 4 bytes, must have 4 and a name of its own");
}

TEST_CASE("safetensors: NaN and infinity keep their bits") {
  Safetensors content;
  content.tensors.push_back(make_tensor<float>(
      "w", {2}, Floats{std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}));
  CHECK(vaekit::parse_safetensors(vaekit::safetensors_bytes(content), "m") == content);
}

TEST_CASE("safetensors: the metadata can be read without the tensors") {
  const TemporaryFolder folder("metadata");
  const std::filesystem::path file = folder / "a.safetensors";
  Safetensors content = example();
  content.metadata = {{"data", "40 samples"}, {"format", "pt"}};
  Bytes bytes = vaekit::safetensors_bytes(content);
  vaekit::write_file_atomically(file, bytes);
  CHECK(vaekit::read_safetensors_metadata(file) == content.metadata);
  // Neither the data nor their checksum are looked at.
  bytes.resize(bytes.size() - 4);
  vaekit::write_file_atomically(file, bytes);
  CHECK(vaekit::read_safetensors_metadata(file) == content.metadata);
  bytes.resize(20);
  vaekit::write_file_atomically(file, bytes);
  const std::uint64_t length = vaekit::load<std::uint64_t>(bytes.data(), std::endian::little);
  check_throws_with<vaekit::DataError>(
      file.string() + ": truncated: header has " + std::to_string(length) + " bytes, found 12",
      [&] { static_cast<void>(vaekit::read_safetensors_metadata(file)); });
  vaekit::write_file_atomically(file, std::string_view("tiny"));
  check_throws_with<vaekit::DataError>(
      file.string() + ": is not a safetensors file, must begin with 8 bytes of length and \"{\"",
      [&] { static_cast<void>(vaekit::read_safetensors_metadata(file)); });
  check_throws_with<vaekit::IoError>(
      (folder / "none").string() + ": cannot open: No such file or directory",
      [&] { static_cast<void>(vaekit::read_safetensors_metadata(folder / "none")); });
  vaekit::write_file_atomically(file, std::string_view("\x02\0\0\0\0\0\0\0{}", 10));
  CHECK(vaekit::read_safetensors_metadata(file).empty());
}
