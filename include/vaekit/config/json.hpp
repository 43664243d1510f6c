// SPDX-License-Identifier: MIT
//
// Configurations from and to JSON, driven by their `fields()` tables. A config struct says everything once:
// the strict reader, the canonical writer, the schema (schema.hpp) and the reference (markdown.hpp) follow
// from it.
#pragma once

#include "vaekit/config/codec.hpp"       // IWYU pragma: export
#include "vaekit/config/json_path.hpp"   // IWYU pragma: export
#include "vaekit/config/read_json.hpp"   // IWYU pragma: export
#include "vaekit/config/write_json.hpp"  // IWYU pragma: export
#include "vaekit/io/json.hpp"            // IWYU pragma: export
