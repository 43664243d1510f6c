// SPDX-License-Identifier: MIT
#pragma once

#include "vaekit/config/json.hpp"
#include "vaekit/data/transform.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// "auto", "none", "standardize" or [low, high].
template <>
struct JsonCodec<Scale> {
  static constexpr std::string_view type_name = "`\"auto\"`, `\"none\"`, `\"standardize\"` or `[low, high]`";

  static void read(const Json& json, const JsonPath& path, Scale& scale) {
    constexpr std::string_view expected = "must be \"auto\", \"none\", \"standardize\" or [low, high]";
    for (const ScaleKind kind : {ScaleKind::automatic, ScaleKind::none, ScaleKind::standardize}) {
      if (json == Json(std::string(to_string(kind)))) {
        scale = {.kind = kind};
        return;
      }
    }
    if (!json.is_array() || json.size() != 2 || !json[0].is_number() || !json[1].is_number()) {
      refuse(json, path, expected);
    }
    scale = {ScaleKind::range, json[0].get<double>(), json[1].get<double>()};
    if (!(scale.low < scale.high)) {
      refuse(json, path, "must be [low, high] with low < high");
    }
  }

  static Json write(const Scale& scale) {
    return scale.kind == ScaleKind::range ? Json::array({scale.low, scale.high})
                                          : Json(std::string(to_string(scale.kind)));
  }

  static Json schema() {
    return {{"oneOf",
             {{{"enum", {"auto", "none", "standardize"}}},
              {{"type", "array"}, {"items", {{"type", "number"}}}, {"minItems", 2}, {"maxItems", 2}}}}};
  }
};

}  // namespace vaekit::inline VAEKIT_ABI
