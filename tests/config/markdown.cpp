// SPDX-License-Identifier: MIT
#include "vaekit/config/markdown.hpp"

#include <doctest/doctest.h>

#include <string>

#include "example_config.hpp"

using namespace vaekit;

TEST_CASE("markdown: the reference of a configuration, outer sections first") {
  const std::string expected =
      R"(# The experiment

| key | type | default | range | meaning |
|---|---|---|---|---|
| `name` | string | `"first"` |  | name of the run |
| `seed` | integer | `1` |  | seed of all random numbers |
| `data` | [data](#data) | required |  | what is learned |
| `encoder` | list of [layer](#layer) | `[]` |  | layers from x to features |
| `beta` | number or [schedule](#schedule) | `1.0` | >= 0 | weight of the KL term |
| `optimizer` | [optimizer](#optimizer) | `"adam"` |  | update rule |
| `training` | [training](#training) |  |  | length and speed |

# data

| key | type | default | range | meaning |
|---|---|---|---|---|
| `train` | [data format](#data-format) | required |  | training samples |
| `test` | [data format](#data-format) or null | `null` |  | test samples |
| `validation_fraction` | number | `0.0` | in [0, 1) | share of train held out |
| `scale` | `"auto"` or [low, high] | `"auto"` |  | interval mapped to [0, 1] |

# data format

An object whose key `"format"` is one of:

## data format `idx`

| key | type | default | range | meaning |
|---|---|---|---|---|
| `path` | string | required |  | images |
| `labels` | string | `""` |  | labels, none when empty |

## data format `csv`

| key | type | default | range | meaning |
|---|---|---|---|---|
| `path` | list of string | required |  | files, one after the other |
| `columns` | list of integer | `[]` | >= 0 | columns to use, all when empty |

## data format `moons`

| key | type | default | range | meaning |
|---|---|---|---|---|
| `count` | integer | `1000` | >= 1 | number of samples |

# layer

An object whose key `"type"` is one of:

## layer `dense`

y = act(x Wᵀ + b)

| key | type | default | range | meaning |
|---|---|---|---|---|
| `units` | integer | required | >= 1 | output features |
| `activation` | `"identity"`, `"relu"`, `"tanh"` | `"identity"` |  | function of the output |
| `bias` | boolean | `true` |  | add a bias |

## layer `dropout`

| key | type | default | range | meaning |
|---|---|---|---|---|
| `rate` | number | `0.1` | in [0, 1) | probability of a zero |

## layer `flatten`

No keys.

## layer `residual`

| key | type | default | range | meaning |
|---|---|---|---|---|
| `layers` | list of [layer](#layer) | required |  | y = x + layers(x) |

# schedule

)";
  const std::string text = markdown_table<example::Experiment>("The experiment", 1);
  CHECK(text.substr(0, expected.size()) == expected);
}

TEST_CASE("markdown: a shared schedule has one section, a bar in a cell is escaped") {
  const std::string text = markdown_table<example::Experiment>("The experiment");
  CHECK(text.find("## schedule\n") == text.rfind("## schedule\n"));
  CHECK(text.find("| decay of the velocity \\| null: none |") != std::string::npos);
  CHECK(text.find("| `momentum` | number or null | `null` | in [0, 1) |") != std::string::npos);
}
