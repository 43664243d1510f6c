// SPDX-License-Identifier: MIT
#include "vaekit/data/csv.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "support/throws_with.hpp"

using vaekit::CsvConfig;
using vaekit::CsvHeader;
using vaekit::Dataset;
using Doubles = std::vector<double>;
using Names = std::vector<std::string>;

namespace {

Dataset parse(const std::string& text, const CsvConfig& config = {}) {
  return vaekit::parse_csv(vaekit::bytes_of(text), "people.csv", config);
}

Doubles values(const Dataset& data) { return std::get<Doubles>(data.values()); }

template <class E = vaekit::DataError>
void check_refused(const std::string& text, const std::string& message, const CsvConfig& config = {}) {
  check_throws_with<E>(message, [&] { static_cast<void>(parse(text, config)); });
}

CsvConfig label(const std::string& column) {
  CsvConfig config;
  config.label_column = column;
  return config;
}

CsvConfig ignoring(const Names& columns) {
  CsvConfig config;
  config.ignore_columns = columns;
  return config;
}

CsvConfig with_header(CsvHeader header) {
  CsvConfig config;
  config.header = header;
  return config;
}

}  // namespace

TEST_CASE("csv: lines are samples, columns are features") {
  const Dataset data = parse("1,2.5\n-3e2, +4 \n");
  CHECK(data.size() == 2);
  CHECK(data.shape() == vaekit::Shape::flat(2));
  CHECK(values(data) == Doubles{1, 2.5, -300, 4});
  CHECK(data.column_names().empty());
  CHECK(data.labels().empty());
}

TEST_CASE("csv: a first line without any number is the header") {
  const Dataset data = parse("age, size \n1,2\n");
  CHECK(data.column_names() == Names{"age", "size"});
  CHECK(values(data) == Doubles{1, 2});
  // A first sample with a text column must not vanish as a header.
  check_refused("M,0.5\nF,0.7\n", "people.csv:1: column 1 is \"M\", must be a number");
  CHECK(values(parse("M,0.5\nF,0.7\n", ignoring({"1"}))) == Doubles{0.5, 0.7});
  CHECK(parse("id,2019\n1,2\n", with_header(CsvHeader::present)).column_names() == Names{"id", "2019"});
  check_refused("a,b\n1,2\n", "people.csv:1: column 1 is \"a\", must be a number",
                with_header(CsvHeader::absent));
}

TEST_CASE(
    "csv: CRLF, a byte-order mark, quotes, a missing last line break and trailing empty lines are "
    "understood") {
  CHECK(values(parse("\xEF\xBB\xBF"
                     "1,2\r\n3,4")) == Doubles{1, 2, 3, 4});
  CHECK(values(parse("1,2\n3,4\n\r\n\n")) == Doubles{1, 2, 3, 4});
  const Dataset data = parse("\"a \"\"b\"\", c\",\"two\nlines\"\n\"1\",2\n");
  CHECK(data.column_names() == Names{"a \"b\", c", "two\nlines"});
  CHECK(values(data) == Doubles{1, 2});
}

TEST_CASE("csv: columns are labels or left out, by name or number") {
  const std::string text = "id,age,kind,size\nx,1,7,2\ny,3,-8,4\n";
  CsvConfig config = label("kind");
  config.ignore_columns = {"id"};
  const Dataset data = parse(text, config);
  CHECK(values(data) == Doubles{1, 2, 3, 4});
  CHECK(data.labels() == std::vector<std::int32_t>{7, -8});
  CHECK(data.column_names() == Names{"age", "size"});
  config.label_column = "3";
  config.ignore_columns = {"1", "4"};
  CHECK(values(parse(text, config)) == Doubles{1, 3});
}

TEST_CASE("csv: the delimiter is any one character") {
  CsvConfig config;
  config.delimiter = "\t";
  CHECK(values(parse("1\t2\n3\t4\n", config)) == Doubles{1, 2, 3, 4});
  for (const std::string delimiter : {"", "||", "\"", "\n"}) {
    config.delimiter = delimiter;
    check_refused<vaekit::ConfigError>("1,2\n",
                                       "people.csv: delimiter is " + vaekit::quoted_text(delimiter) +
                                           ", must be one character other than a quote or a line break",
                                       config);
  }
}

TEST_CASE("csv: fields that are no finite number are refused by line and column") {
  check_refused("id,x,age\n1,2,3\n1,2,abc\n", "people.csv:3: column 3 (age) is \"abc\", must be a number");
  check_refused("1,2\n3,\n", "people.csv:2: column 2 is empty, must be a number");
  check_refused("1,2\n3,4 5\n", "people.csv:2: column 2 is \"4 5\", must be a number");
  check_refused("1,2\n3,+-4\n", "people.csv:2: column 2 is \"+-4\", must be a number");
  check_refused("1,2\n3,1e999\n", "people.csv:2: column 2 is \"1e999\", must be a number");
  check_refused("1,2\n3,nan\n", "people.csv:2: column 2 is \"nan\", must be finite");
  check_refused("1,2\n3,-inf\n", "people.csv:2: column 2 is \"-inf\", must be finite");
  check_refused("\"a\nb\",c\n1,2\n3,x\n", "people.csv:4: column 2 (c) is \"x\", must be a number");
}

TEST_CASE("csv: labels must be integers") {
  for (const std::string text : {"1.5", "x", "3000000000", "nan"}) {
    check_refused("1," + text + "\n",
                  "people.csv:1: column 2 is \"" + text + "\", must be an integer of 32 bits (label)",
                  label("2"));
  }
}

TEST_CASE("csv: ragged rows, empty lines and broken quotes are refused by line") {
  check_refused("1,2,3\n4,5\n", "people.csv:2: has 2 fields, must have 3 as the first line");
  check_refused("1,2\n3,4,5\n", "people.csv:2: has 3 fields, must have 2 as the first line");
  check_refused("1,2\n\n\n3,4\n", "people.csv:2: line is empty, must have fields");
  check_refused("1,2\n\"3,4\n", "people.csv:2: column 1 opens a quote, must close it");
  check_refused("1,2\n\"3\"4,5\n", "people.csv:2: column 1 goes on after its closing quote, must end there");
}

TEST_CASE("csv: no samples and no features are refused") {
  for (const std::string text : {"", "\n\n", "a,b\n", "\xEF\xBB\xBF"}) {
    check_refused(text, "people.csv: data set is empty, needs at least one sample");
  }
  check_refused<vaekit::ConfigError>(
      "1,2\n", "people.csv: no column is left for the data, must be at least one", ignoring({"1", "2"}));
}

TEST_CASE("csv: columns that do not exist are refused") {
  const std::string by_name =
      "people.csv: label_column is \"agee\", must be a column's name or a number from 1 to 2";
  check_refused<vaekit::ConfigError>("age,b\n1,2\n", by_name, label("agee"));
  check_refused<vaekit::ConfigError>(
      "1,2\n", "people.csv: label_column is \"3\", must be a number from 1 to 2", label("3"));
  check_refused<vaekit::ConfigError>(
      "1,2\n", "people.csv: ignore_columns is \"0\", must be a number from 1 to 2", ignoring({"0"}));
  check_refused<vaekit::ConfigError>(
      "a,a\n1,2\n", "people.csv: label_column is \"a\", names more than one column", label("a"));
}
