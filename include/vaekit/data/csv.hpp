// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "vaekit/core/error.hpp"
#include "vaekit/core/fields.hpp"
#include "vaekit/core/shape.hpp"
#include "vaekit/data/bytes.hpp"
#include "vaekit/data/dataset.hpp"

namespace vaekit::inline VAEKIT_ABI {

enum class CsvHeader { automatic, present, absent };

[[nodiscard]] constexpr auto enum_names(CsvHeader) {
  return std::array<std::string_view, 3>{"auto", "present", "absent"};
}

/// A table of numbers in a text file. Columns are called by their name in the header, or by their number,
/// counted from 1.
struct CsvConfig {
  static constexpr std::string_view kind = "csv";
  static constexpr std::string_view tag = "format";
  std::string path = "";
  std::string delimiter = ",";
  CsvHeader header = CsvHeader::automatic;
  std::string label_column = "";
  std::vector<std::string> ignore_columns = {};

  static constexpr auto fields() {
    return std::tuple{
        required_path_field("path", &CsvConfig::path, "CSV file, may be gzipped"),
        field("delimiter", &CsvConfig::delimiter, "the one character between fields"),
        field("header", &CsvConfig::header,
              "whether the first line names the columns, which all data of a model must name alike; auto: it "
              "does when it holds no number"),
        field("label_column", &CsvConfig::label_column,
              "column of integer labels, by name or by number from 1; empty for none"),
        field("ignore_columns", &CsvConfig::ignore_columns, "columns to leave out, by name or number")};
  }
};

namespace detail {

/// `text` without the blanks around it.
[[nodiscard]] inline std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  text.remove_suffix(text.size() - (text.find_last_not_of(blanks) + 1));
  return text;
}

/// The number that `text` is, blanks around it allowed.
[[nodiscard]] inline std::optional<double> parse_number(std::string_view text) {
  text = trimmed(text);
  text.remove_prefix(text.size() > 1 && text[0] == '+' && text[1] != '-' ? 1 : 0);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool complete = error == std::errc() && end == text.data() + text.size();
  return complete ? std::optional(number) : std::nullopt;
}

/// Cuts a text into records of fields (RFC 4180: quoted fields may hold delimiters, line breaks and doubled
/// quotes; lines end with LF or CRLF). Empty lines are allowed at the end only.
class CsvRecords {
 public:
  CsvRecords(std::string_view text, char delimiter, std::string_view name)
      : text_(text), delimiter_(delimiter), name_(name) {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    place_ = text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0;
  }

  /// Reads the next record; false at the end of the text.
  bool next(std::vector<std::string>& fields) {
    std::size_t empty_line = 0;
    while (place_ < text_.size() && accept_line_break()) {
      empty_line = empty_line == 0 ? next_line_ : empty_line;
      ++next_line_;
    }
    if (place_ == text_.size()) {
      return false;
    }
    if (empty_line != 0) {
      throw DataError(concat(name_, ':', empty_line, ": line is empty, must have fields"));
    }
    line_ = next_line_;
    std::size_t count = 0;
    do {
      if (fields.size() == count) {
        fields.emplace_back();
      }
      read_field(fields[count], count + 1);
      ++count;
    } while (accept(delimiter_));
    fields.resize(count);
    if (place_ < text_.size() && !accept_line_break()) {
      throw DataError(concat(name_, ':', next_line_, ": column ", count,
                             " goes on after its closing quote, must end there"));
    }
    ++next_line_;
    return true;
  }

  [[nodiscard]] std::size_t line() const { return line_; }  ///< of the record read last, from 1

 private:
  [[nodiscard]] bool accept(char c) {
    const bool found = place_ < text_.size() && text_[place_] == c;
    place_ += found ? 1 : 0;
    return found;
  }

  [[nodiscard]] bool accept_line_break() {
    const std::size_t length = text_.substr(place_).starts_with("\r\n") ? 2 : text_[place_] == '\n' ? 1 : 0;
    place_ += length;
    return length > 0;
  }

  void read_field(std::string& field, std::size_t column) {
    field.clear();
    if (!accept('"')) {
      const std::array<char, 2> ends{delimiter_, '\n'};
      std::size_t end = std::min(text_.find_first_of(std::string_view(ends.data(), 2), place_), text_.size());
      const bool is_crlf = end > place_ && end < text_.size() && text_[end] == '\n' && text_[end - 1] == '\r';
      end -= is_crlf ? 1 : 0;
      field = text_.substr(place_, end - place_);
      place_ = end;
      return;
    }
    while (true) {
      const std::size_t end = text_.find('"', place_);
      if (end == std::string_view::npos) {
        throw DataError(concat(name_, ':', line_, ": column ", column, " opens a quote, must close it"));
      }
      field += text_.substr(place_, end - place_);
      place_ = end + 1;
      if (!accept('"')) {
        break;
      }
      field += '"';
    }
    next_line_ += static_cast<std::size_t>(std::ranges::count(field, '\n'));
  }

  std::string_view text_;
  char delimiter_;
  std::string_view name_;
  std::size_t place_ = 0;
  std::size_t line_ = 0;
  std::size_t next_line_ = 1;
};

enum class CsvRole { feature, label, ignored };

/// Turns records into samples; knows the columns and how messages call them.
class CsvTable {
 public:
  CsvTable(const CsvConfig& config, std::string name) : name_(std::move(name)), config_(config) {}

  /// The first record decides columns and header; true when it is the header.
  bool start(const std::vector<std::string>& record) {
    const bool header =
        config_.header == CsvHeader::present ||
        (config_.header == CsvHeader::automatic && std::ranges::none_of(record, [](const std::string& text) {
           return parse_number(text).has_value();
         }));
    if (header) {
      std::ranges::transform(record, std::back_inserter(names_),
                             [](const std::string& name) { return std::string(trimmed(name)); });
    }
    roles_.assign(record.size(), CsvRole::feature);
    for (const std::string& column : config_.ignore_columns) {
      roles_[find_column("ignore_columns", column)] = CsvRole::ignored;
    }
    if (!config_.label_column.empty()) {
      roles_[find_column("label_column", config_.label_column)] = CsvRole::label;
    }
    if (std::ranges::count(roles_, CsvRole::feature) == 0) {
      throw ConfigError(concat(name_, ": no column is left for the data, must be at least one"));
    }
    return header;
  }

  void add(const std::vector<std::string>& record, std::size_t line) {
    if (record.size() != roles_.size()) {
      throw DataError(concat(name_, ':', line, ": has ", record.size(), " fields, must have ", roles_.size(),
                             " as the first line"));
    }
    for (std::size_t i = 0; i < record.size(); ++i) {
      if (roles_[i] == CsvRole::feature) {
        values_.push_back(number(record[i], line, i));
      } else if (roles_[i] == CsvRole::label) {
        labels_.push_back(label(record[i], line, i));
      }
    }
  }

  [[nodiscard]] Dataset finish() && {
    std::vector<std::string> feature_names;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (roles_[i] == CsvRole::feature) {
        feature_names.push_back(names_[i]);
      }
    }
    const auto features = std::max<Index>(1, std::ranges::count(roles_, CsvRole::feature));
    return {name_, Shape::flat(features), std::move(values_), std::move(labels_), std::move(feature_names)};
  }

 private:
  [[nodiscard]] std::size_t find_column(std::string_view key, const std::string& column) const {
    const auto match = std::ranges::find(names_, column);
    if (match != names_.end()) {
      if (std::find(match + 1, names_.end(), column) != names_.end()) {
        throw ConfigError(
            concat(name_, ": ", key, " is ", quoted_text(column), ", names more than one column"));
      }
      return static_cast<std::size_t>(match - names_.begin());
    }
    std::size_t position = 0;
    const char* const end = column.data() + column.size();
    const auto [stop, error] = std::from_chars(column.data(), end, position);
    if (error != std::errc() || stop != end || position < 1 || position > roles_.size()) {
      throw ConfigError(concat(name_, ": ", key, " is ", quoted_text(column), ", must be ",
                               names_.empty() ? "" : "a column's name or ", "a number from 1 to ",
                               roles_.size()));
    }
    return position - 1;
  }

  [[noreturn]] void refuse(std::string_view text, std::size_t line, std::size_t column,
                           std::string_view expected) const {
    throw DataError(concat(name_, ':', line, ": column ", column + 1,
                           names_.empty() ? std::string() : concat(" (", printable(names_[column]), ')'),
                           " is ", text.empty() ? "empty" : quoted_text(text), ", must be ", expected));
  }

  [[nodiscard]] static std::string printable(std::string_view text) {
    const std::string literal = quoted_text(text);
    return literal.substr(1, literal.size() - 2);
  }

  [[nodiscard]] double number(std::string_view text, std::size_t line, std::size_t column) const {
    const std::optional<double> value = parse_number(text);
    if (!value) {
      refuse(text, line, column, "a number");
    }
    if (!std::isfinite(*value)) {
      refuse(text, line, column, "finite");
    }
    return *value;
  }

  [[nodiscard]] std::int32_t label(std::string_view text, std::size_t line, std::size_t column) const {
    using Limits = std::numeric_limits<std::int32_t>;
    const std::optional<double> value = parse_number(text);
    if (!value || !(*value >= Limits::min() && *value <= Limits::max()) || *value != std::floor(*value)) {
      refuse(text, line, column, "an integer of 32 bits (label)");
    }
    return static_cast<std::int32_t>(*value);
  }

  std::string name_;
  const CsvConfig& config_;
  std::vector<std::string> names_;  // from the header
  std::vector<CsvRole> roles_;
  std::vector<double> values_;
  std::vector<std::int32_t> labels_;
};

}  // namespace detail

/// Samples of a CSV file that is in memory, one a line, as doubles; `config.path` is not looked at.
///
/// Throws   ConfigError for a delimiter or column that cannot be; DataError "<name>:<line>: ..." for ragged
///          rows, fields that are no finite number, quotes that stay open, empty lines; DataError when there
///          are no samples
/// Source   RFC 4180
[[nodiscard]] inline Dataset parse_csv(ByteView file, const std::string& name, const CsvConfig& config = {}) {
  if (config.delimiter.size() != 1 ||
      std::string_view("\"\r\n").find(config.delimiter) != std::string::npos) {
    throw ConfigError(concat(name, ": delimiter is ", quoted_text(config.delimiter),
                             ", must be one character other than a quote or a line break"));
  }
  detail::CsvRecords records(text_of(file), config.delimiter[0], name);
  detail::CsvTable table(config, name);
  std::vector<std::string> record;
  if (!records.next(record)) {
    throw_empty(name);
  }
  if (!table.start(record)) {
    table.add(record, records.line());
  }
  while (records.next(record)) {
    table.add(record, records.line());
  }
  return std::move(table).finish();
}

}  // namespace vaekit::inline VAEKIT_ABI
