// SPDX-License-Identifier: MIT
#include <cstdio>
#include <string_view>
#include <vector>

#include "vaekit/core/parallel.hpp"

int main(int argc, char** argv) {
  const bool racy = argc > 1 && std::string_view(argv[1]) == "racy";
  const vaekit::ThreadScope threads(2);
  std::vector<int> values(1000);
  long sum = 0;
  for (int repetition = 0; repetition < 50; ++repetition) {
    vaekit::parallel_for(1000, 1, [&](vaekit::Index first, vaekit::Index last) {
      for (vaekit::Index i = first; i < last; ++i) {
        values[static_cast<std::size_t>(i)] += 1;
        if (racy) {
          sum += 1;
        }
      }
    });
    // A correct read: the loop's end is a barrier.
    sum += values[999];
  }
  std::printf("%ld\n", sum);
}
