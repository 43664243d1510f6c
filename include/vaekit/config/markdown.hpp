// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "vaekit/config/codec.hpp"
#include "vaekit/config/definition_names.hpp"
#include "vaekit/config/json_path.hpp"
#include "vaekit/config/suggest.hpp"
#include "vaekit/config/write_json.hpp"
#include "vaekit/core/error.hpp"
#include "vaekit/core/fields.hpp"
#include "vaekit/core/schedule.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

/// Text inside a table cell.
[[nodiscard]] inline std::string cell(std::string text) {
  for (std::size_t bar = text.find('|'); bar != std::string::npos; bar = text.find('|', bar + 2)) {
    text.insert(bar, 1, '\\');
  }
  return text;
}

[[nodiscard]] inline std::string code(std::string_view text) { return concat('`', text, '`'); }

/// "> 0", "in [0, 1)", or nothing for any number.
[[nodiscard]] inline std::string short_range(const Range& range) {
  const std::string text = to_string(range);
  return text == to_string(any_number) ? "" : text.substr(std::string_view("must be ").size());
}

[[nodiscard]] inline std::string table_row(std::string_view key, const std::string& type,
                                           const std::string& fallback, const Range& range,
                                           std::string_view help) {
  return concat("| ", code(key), " | ", cell(type), " | ", cell(fallback), " | ", short_range(range), " | ",
                cell(std::string(help)), " |\n");
}

/// A link to the section of that name, as GitHub makes anchors of headings.
[[nodiscard]] inline std::string link(const std::string& name) {
  std::string anchor = name;
  std::ranges::transform(name, anchor.begin(), [](char c) { return c == ' ' ? '-' : lower_case(c); });
  return concat('[', name, "](#", anchor, ')');
}

/// Walks the tables; every struct, variant and schedule becomes a section, linked from where it is used.
class MarkdownWriter {
 public:
  explicit MarkdownWriter(int level) : heading_(static_cast<std::size_t>(level), '#') {}

  /// Writes the section of X unless it is there; returns a link to it.
  template <class X>
  std::string section(std::string_view title) {
    const auto [name, is_new] = names_.entry<X>(title);
    if (is_new) {
      const std::size_t place = sections_.size();
      sections_.emplace_back();  // outer sections come before inner ones
      std::string text = concat(heading_, ' ', name, "\n\n");
      if constexpr (TaggedVariant<X>) {
        text += alternatives<X>(name);
      } else {
        text += table<X>();
      }
      sections_[place] = std::move(text);
    }
    return link(name);
  }

  [[nodiscard]] std::string text() const {
    std::string text;
    for (const std::string& section : sections_) {
      text += (text.empty() ? "" : "\n") + section;
    }
    return text;
  }

 private:
  template <class X>
  [[nodiscard]] std::string type(std::string_view key) {
    if constexpr (HasJsonCodec<X>) {
      return std::string(JsonCodec<X>::type_name);
    } else if constexpr (std::same_as<X, bool>) {
      return "boolean";
    } else if constexpr (std::integral<X>) {
      return "integer";
    } else if constexpr (std::floating_point<X>) {
      return "number";
    } else if constexpr (std::same_as<X, std::string>) {
      return "string";
    } else if constexpr (NamedEnum<X>) {
      std::string names;
      for (const std::string_view name : enum_names(X{})) {
        names += (names.empty() ? "" : ", ") + code(quote(name));
      }
      return names;
    } else if constexpr (is_optional<X>) {
      return type<typename X::value_type>(key) + " or null";
    } else if constexpr (is_vector<X>) {
      return "list of " + type<typename X::value_type>(key);
    } else if constexpr (is_array<X>) {
      return concat("list of ", std::tuple_size_v<X>, ' ', type<typename X::value_type>(key));
    } else if constexpr (std::same_as<X, Schedule>) {
      return "number or " + section<X>(key);
    } else {
      return section<X>(key);
    }
  }

  /// A struct's defaults are those of its own table; of a variant only the alternative's name is shown.
  template <class X>
  [[nodiscard]] static std::string default_text(const X& value) {
    if constexpr (is_plain_struct<X>) {
      return "";
    } else if constexpr (TaggedVariant<X> && !HasJsonCodec<X>) {
      return code(quote(variant_kinds<X>[value.index()]));
    } else {
      return code(preview(write_json(value)));
    }
  }

  template <HasFields C>
  [[nodiscard]] std::string table() {
    std::string text;
    if constexpr (requires { C::help; }) {
      text = concat(C::help, "\n\n");
    }
    if constexpr (field_names<C>.empty()) {
      return text + "No keys.\n";
    }
    text += "| key | type | default | range | meaning |\n|---|---|---|---|---|\n";
    const C defaults{};
    for_each_field<C>([&](const auto& row) {
      using Member = typename std::remove_cvref_t<decltype(row)>::member_type;
      text +=
          table_row(row.name, type<Member>(row.name),
                    is_required(row) ? "required" : default_text(defaults.*row.member), row.range, row.help);
    });
    return text;
  }

  template <TaggedVariant V>
  [[nodiscard]] std::string alternatives(const std::string& name) {
    std::string text = concat("An object whose key ", code(quote(variant_tag<V>())), " is one of:\n");
    for_each_alternative<V>([&]<class A>(std::type_identity<A>) {
      text += concat("\n#", heading_, ' ', name, ' ', code(A::kind), "\n\n", table<A>());
    });
    return text;
  }

  std::string heading_;
  DefinitionNames names_;
  std::vector<std::string> sections_;
};

}  // namespace detail

/// The reference of a configuration that is read as C, in Markdown: a section with a table for every struct,
/// a subsection for every alternative of a variant, linked with each other. `level` is the headings' level.
template <HasFields C>
[[nodiscard]] std::string markdown_table(std::string_view title, int level = 2) {
  detail::MarkdownWriter writer(level);
  writer.section<C>(title);
  return writer.text();
}

}  // namespace vaekit::inline VAEKIT_ABI
