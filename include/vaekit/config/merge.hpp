// SPDX-License-Identifier: MIT
//
// What happens to a configuration before it is read: files extend files, and the command line overrides both.
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "vaekit/config/codec.hpp"
#include "vaekit/config/json_path.hpp"
#include "vaekit/core/error.hpp"
#include "vaekit/core/fields.hpp"
#include "vaekit/io/json.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// Lays `overlay` over `base`: objects merge key by key, everything else (also null) replaces.
///
/// An object whose tag (see `tag_keys`) names another alternative replaces too: the base's keys would be
/// unknown to it. An object without a tag adjusts the base's alternative.
[[nodiscard]] inline Json merge_json(Json base, const Json& overlay) {
  const auto names_another = [&](std::string_view tag) {
    const auto ours = overlay.find(tag);
    const auto theirs = base.find(tag);
    return ours != overlay.end() && theirs != base.end() && ours->is_string() && *ours != *theirs;
  };
  if (!base.is_object() || !overlay.is_object() || std::ranges::any_of(tag_keys, names_another)) {
    return overlay;
  }
  for (auto entry = overlay.begin(); entry != overlay.end(); ++entry) {
    Json& target = base[entry.key()];
    target = merge_json(std::move(target), *entry);
  }
  return base;
}

namespace detail {

/// Collects the strings of `json` that the tables of X flag as file names. The JSON has not been checked:
/// what does not fit X is passed over. An object without its tag is taken for every alternative.
template <class X>
void collect_paths(Json& json, std::set<Json*>& found);

inline void collect_strings(Json& json, std::set<Json*>& found) {
  if (json.is_array()) {
    std::ranges::for_each(json, [&](Json& element) { collect_strings(element, found); });
  } else if (json.is_string()) {
    found.insert(&json);
  }
}

template <HasFields C>
void collect_field_paths(Json& object, std::set<Json*>& found) {
  for_each_field<C>([&](const auto& row) {
    const auto entry = object.find(row.name);
    if (entry == object.end()) {
      return;
    }
    if (row.is_path) {
      collect_strings(*entry, found);
    } else {
      collect_paths<typename std::remove_cvref_t<decltype(row)>::member_type>(*entry, found);
    }
  });
}

template <class X>
void collect_paths(Json& json, std::set<Json*>& found) {
  if constexpr (is_optional<X>) {
    collect_paths<typename X::value_type>(json, found);
  } else if constexpr (is_vector<X> || is_array<X>) {
    if (json.is_array()) {
      std::ranges::for_each(json,
                            [&](Json& element) { collect_paths<typename X::value_type>(element, found); });
    }
  } else if constexpr (TaggedVariant<X>) {
    if (json.is_object()) {
      const auto tag = json.find(variant_tag<X>());
      for_each_alternative<X>([&]<class A>(std::type_identity<A>) {
        if (tag == json.end() || *tag == A::kind) {
          collect_field_paths<A>(json, found);
        }
      });
    }
  } else if constexpr (HasFields<X> && !HasJsonCodec<X>) {
    if (json.is_object()) {
      collect_field_paths<X>(json, found);
    }
  }
}

[[nodiscard]] inline std::string rebase(const std::string& name, const std::filesystem::path& folder) {
  return name.empty() ? name : (folder / name).lexically_normal().string();
}

using Files = std::vector<std::string>;

/// Throws ConfigError `a.json: extends itself: a.json -> b.json -> a.json`.
inline void check_chain(const Files& chain, const std::string& next) {
  constexpr std::size_t limit = 16;  // a circle through symbolic links never repeats a name
  const bool circle = std::ranges::find(chain, next) != chain.end();
  if (!circle && chain.size() < limit) {
    return;
  }
  std::string text =
      concat(chain.back(), circle ? ": extends itself: " : ": extends a chain of too many files: ");
  for (const std::string& file : chain) {
    text += file + " -> ";
  }
  throw ConfigError(text + next + (circle ? "" : concat(", must be at most ", limit)));
}

/// The last file of `chain`, an object. Throws as `load` does, and names the file that extends it.
inline Json load_link(const Files& chain, const std::function<Json(const std::string&)>& load) try {
  Json json = load(chain.back());
  if (!json.is_object()) {
    refuse(json, JsonPath(chain.back()), "must be an object");
  }
  return json;
} catch (const Error& error) {
  if (chain.size() == 1) {
    throw;
  }
  throw Error(concat(error.what(), "; extended by ", chain[chain.size() - 2]), error.exit_code());
}

inline Json load_chain(Files chain, const std::function<Json(const std::string&)>& load,
                       const std::function<void(Json&, const std::filesystem::path&)>& rebase_paths) {
  const std::string file = chain.back();
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  Json json = load_link(chain, load);
  rebase_paths(json, folder);
  json.erase("$schema");
  const auto extends = json.find("extends");
  if (extends == json.end()) {
    return json;
  }
  if (!extends->is_string() || extends->get_ref<const std::string&>().empty()) {
    refuse(*extends, JsonPath(file) / "extends", "must be a file name");
  }
  const std::string parent = rebase(extends->get<std::string>(), folder);
  json.erase("extends");
  check_chain(chain, parent);
  chain.push_back(parent);
  return merge_json(load_chain(std::move(chain), load, rebase_paths), json);
}

}  // namespace detail

/// Makes the relative file names in `json` (the `path_field`s of C, wherever they are) relative to what
/// `folder` is relative to: `folder / name`, normalised. Empty and absolute names stay. `json` may be partial
/// or wrong; what does not fit C is left alone.
template <HasFields C>
void rebase_paths(Json& json, const std::filesystem::path& folder) {
  std::set<Json*> found;
  detail::collect_paths<C>(json, found);
  for (Json* name : found) {
    *name = detail::rebase(name->get<std::string>(), folder);
  }
}

/// Loads a configuration file and, as long as a top-level key "extends" names another file, lays it over
/// that.
///
/// `load(name)` parses one file. A name in "extends", and every `path_field`, is relative to the folder of
/// the file that states it; the result has them relative to what `file` is relative to (absolute if it is
/// absolute). The keys "extends" and "$schema" speak about the file and are removed.
/// Throws ConfigError for a circle, for more than 16 files, and for a file that is not an object.
template <HasFields C>
[[nodiscard]] Json load_extended(const std::string& file,
                                 const std::function<Json(const std::string&)>& load) {
  return detail::load_chain({std::filesystem::path(file).lexically_normal().string()}, load, rebase_paths<C>);
}

}  // namespace vaekit::inline VAEKIT_ABI
