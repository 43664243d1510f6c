// SPDX-License-Identifier: MIT
#include "vaekit/nn/builtin.hpp"

#include <doctest/doctest.h>

#include "support/layer_suite.hpp"

using namespace vaekit;

namespace {

/// Layer `I` of the list with its default configuration, for `features` inputs; where it decides its own
/// width it has as many units.
template <std::size_t I>
auto make_builtin(Index features) {
  return [features]<class T>(T) {
    using L = std::tuple_element_t<I, BuiltinLayers<T>>;
    typename L::Config config;
    if constexpr (requires { config.units; }) {
      config.units = features;
    }
    return L(config, Shape::flat(features));
  };
}

template <class Visit>
void for_each_builtin(Visit&& visit) {
  [&]<std::size_t... I>(std::index_sequence<I...>) { (visit.template operator()<I>(), ...); }
  (std::make_index_sequence<std::tuple_size_v<BuiltinLayers<float>>>{});
}

}  // namespace

// New layers join here; their own files test what only they do.
TEST_CASE("builtin layers: each keeps the contract of a layer") {
  for_each_builtin([]<std::size_t I>() {
    using L = std::tuple_element_t<I, BuiltinLayers<float>>;
    CAPTURE(L::Config::kind);
    check_layer(make_builtin<I>(6));
  });
}

TEST_CASE("builtin layers: wide layers give the same bits on any number of threads") {
  for_each_builtin([]<std::size_t I>() {
    using L = std::tuple_element_t<I, BuiltinLayers<float>>;
    CAPTURE(L::Config::kind);
    layer_suite::check_any_thread_count(make_builtin<I>(150)(float{}));
  });
}

TEST_CASE("builtin layers: every one has a name of its own and satisfies the concepts") {
  std::vector<std::string_view> kinds;
  for_each_builtin([&]<std::size_t I>() {
    using L = std::tuple_element_t<I, BuiltinLayers<double>>;
    static_assert(Layer<L> && ConfigurableLayer<L>);
    kinds.push_back(L::Config::kind);
  });
  std::ranges::sort(kinds);
  CHECK(std::ranges::adjacent_find(kinds) == kinds.end());
  CHECK(kinds.front() == "dense");
  CHECK(kinds.back() == "tanh");
}
