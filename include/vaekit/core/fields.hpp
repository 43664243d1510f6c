// SPDX-License-Identifier: MIT
//
// A Config struct lists its members once, in `fields()`. The JSON reader, the effective configuration, the
// schema, the documentation tables and the range checks are all generated from that one table.
#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "vaekit/core/error.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Permitted values of a numeric field.
struct Range {
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  bool exclusive_minimum = false;
  bool exclusive_maximum = false;

  [[nodiscard]] constexpr bool contains(double value) const {
    return (exclusive_minimum ? value > minimum : value >= minimum) &&
           (exclusive_maximum ? value < maximum : value <= maximum);
  }
};

inline constexpr Range any_number{};
inline constexpr Range positive{.minimum = 0, .exclusive_minimum = true};
inline constexpr Range non_negative{.minimum = 0};
inline constexpr Range zero_to_one{.minimum = 0, .maximum = 1};
inline constexpr Range below_one{.minimum = 0, .maximum = 1, .exclusive_maximum = true};
/// Of units, variables and columns: products of a few such sizes do not overflow.
inline constexpr Range size_range{.minimum = 1, .maximum = 1'000'000};
[[nodiscard]] constexpr Range at_least(double minimum) { return {.minimum = minimum}; }
[[nodiscard]] constexpr Range between(double minimum, double maximum) {
  return {.minimum = minimum, .maximum = maximum};
}

/// "must be > 0", "must be in [0, 1)".
[[nodiscard]] inline std::string to_string(const Range& range) {
  const bool bounded_below = std::isfinite(range.minimum);
  const bool bounded_above = std::isfinite(range.maximum);
  if (bounded_below && bounded_above) {
    return concat("must be in ", range.exclusive_minimum ? '(' : '[', range.minimum, ", ", range.maximum,
                  range.exclusive_maximum ? ')' : ']');
  }
  if (bounded_below) {
    return concat("must be ", range.exclusive_minimum ? "> " : ">= ", range.minimum);
  }
  return bounded_above ? concat("must be ", range.exclusive_maximum ? "< " : "<= ", range.maximum)
                       : std::string("must be finite");
}

/// One row of a `fields()` table.
template <class Object, class Member>
struct Field {
  using object_type = Object;
  using member_type = Member;
  std::string_view name;
  Member Object::*member;
  std::string_view help;
  Range range;
  bool required;
  bool is_path = false;  ///< strings that name files, relative to the file that states them
};

template <class Object, class Member>
[[nodiscard]] constexpr Field<Object, Member> field(std::string_view name, Member Object::*member,
                                                    std::string_view help, Range range = any_number) {
  return {name, member, help, range, false};
}

/// A field without a default: leaving it out is an error.
template <class Object, class Member>
[[nodiscard]] constexpr Field<Object, Member> required_field(std::string_view name, Member Object::*member,
                                                             std::string_view help,
                                                             Range range = any_number) {
  return {name, member, help, range, true};
}

/// A field of file names. Relative ones are relative to the configuration file that states them.
template <class Object, class Member>
[[nodiscard]] constexpr Field<Object, Member> path_field(std::string_view name, Member Object::*member,
                                                         std::string_view help) {
  return {name, member, help, any_number, false, true};
}

/// A `path_field` without a default.
template <class Object, class Member>
[[nodiscard]] constexpr Field<Object, Member> required_path_field(std::string_view name,
                                                                  Member Object::*member,
                                                                  std::string_view help) {
  return {name, member, help, any_number, true, true};
}

/// A struct with a `static constexpr auto fields()` table (a tuple of `Field`).
template <class C>
concept HasFields = requires {
  std::tuple_size<decltype(std::remove_cvref_t<C>::fields())>::value;
};

/// Calls `visit(field)` for each row of `C::fields()`.
template <HasFields C, class Visit>
constexpr void for_each_field(Visit&& visit) {
  std::apply([&](const auto&... field) { (visit(field), ...); }, C::fields());
}

/// An enumeration with names: `constexpr auto enum_names(E)` returns an array indexed by value.
template <class E>
concept NamedEnum = std::is_enum_v<E> && requires(E e) {
  { enum_names(e)[0] } -> std::convertible_to<std::string_view>;
};

template <NamedEnum E>
[[nodiscard]] constexpr std::string_view to_string(E value) {
  return enum_names(value)[static_cast<std::size_t>(value)];
}

/// Throws ConfigError "<where>: <name> is <value>, must be ..." for the first number outside its range.
/// For configurations filled in C++; the JSON reader applies the same ranges with the JSON path.
template <HasFields C>
void check_fields(std::string_view where, const C& config) {
  for_each_field<C>([&](const auto& field) {
    using Member = typename std::remove_cvref_t<decltype(field)>::member_type;
    if constexpr (std::is_arithmetic_v<Member> && !std::same_as<Member, bool>) {
      const Member value = config.*field.member;
      const bool finite = std::isfinite(static_cast<double>(value));
      if (!finite || !field.range.contains(static_cast<double>(value))) {
        throw ConfigError(concat(where, ": ", field.name, " is ", value, ", ",
                                 to_string(finite ? field.range : any_number)));
      }
    } else if constexpr (requires { (config.*field.member).check(where, field.name, field.range); }) {
      (config.*field.member).check(where, field.name, field.range);
    }
  });
}

/// `config` itself, for initialisers; throws as `check_fields`.
template <HasFields C>
[[nodiscard]] const C& checked(std::string_view where, const C& config) {
  check_fields(where, config);
  return config;
}

}  // namespace vaekit::inline VAEKIT_ABI
