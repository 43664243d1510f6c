// SPDX-License-Identifier: MIT
// Compiles and links what vaekit::io brings: JSON, zlib and libpng.
#include <png.h>
#include <zlib.h>

#include <cstdio>
#include <vaekit/io/json.hpp>

int main() {
  const vaekit::Json json = vaekit::Json::parse(R"({"epochs": 3})");
  std::printf("epochs %d, zlib %s, libpng %u\n", json.at("epochs").get<int>(), zlibVersion(),
              static_cast<unsigned>(png_access_version_number()));
  return json.at("epochs") == 3 ? 0 : 1;
}
