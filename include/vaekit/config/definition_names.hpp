// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <concepts>
#include <string>
#include <string_view>
#include <typeindex>
#include <utility>
#include <vector>

#include "vaekit/config/codec.hpp"
#include "vaekit/core/error.hpp"
#include "vaekit/core/schedule.hpp"

namespace vaekit::inline VAEKIT_ABI {

namespace detail {

/// The types of a configuration that get a section of their own, each under one unique name.
class DefinitionNames {
 public:
  struct Entry {
    std::string name;
    bool is_new;  ///< met for the first time
  };

  /// The entry of X, met under `key`. The first type that wants a name gets it: the noun of a variant, else
  /// the key; the next one gets `name_2`.
  template <class X>
  [[nodiscard]] Entry entry(std::string_view key) {
    const std::type_index type(typeid(X));
    const auto known = std::ranges::find(types_, type);
    if (known != types_.end()) {
      return {names_[static_cast<std::size_t>(known - types_.begin())], false};
    }
    const std::string_view wish = wanted_name<X>(key);
    std::string name(wish);
    for (int number = 2; std::ranges::find(names_, name) != names_.end(); ++number) {
      name = concat(wish, '_', number);
    }
    types_.push_back(type);
    names_.push_back(name);
    return {name, true};
  }

 private:
  template <class X>
  [[nodiscard]] static constexpr std::string_view wanted_name(std::string_view key) {
    if constexpr (std::same_as<X, Schedule>) {
      return "schedule";
    } else if constexpr (TaggedVariant<X>) {
      return variant_noun<X>() == variant_tag<X>() ? key : variant_noun<X>();
    } else {
      return key;
    }
  }

  std::vector<std::type_index> types_;
  std::vector<std::string> names_;
};

}  // namespace detail

}  // namespace vaekit::inline VAEKIT_ABI
