#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what is missing, builds and runs the kernels' tests with clang++ (build/clang; its preset has the others
# too) and every test with g++ (build/release). Asks nothing and can be run again at any time.
#   VAEKIT_WARNINGS_AS_ERRORS=OFF   warnings do not fail the build (a compiler newer than these sources)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck source=cmake/install_dependencies.sh
source cmake/install_dependencies.sh
install_dependencies test

jobs=$(nproc 2>/dev/null || echo 2)
werror=${VAEKIT_WARNINGS_AS_ERRORS:-ON}

if command -v clang++ >/dev/null; then
  echo "== clang++: the kernels"
  cmake --preset clang -DVAEKIT_WARNINGS_AS_ERRORS="$werror" -DVAEKIT_EXAMPLES=OFF -DCMAKE_CXX_FLAGS_DEBUG=-O1
  cmake --build --preset clang --parallel "$jobs" --target test_kernels
  ctest --preset clang --parallel "$jobs" -R '^kernels/'
else
  echo "== clang++ is not there: the second compiler is skipped"
fi

echo "== g++: build and run everything"
cmake --preset release -DVAEKIT_WARNINGS_AS_ERRORS="$werror" -DVAEKIT_TESTS=ON
cmake --build --preset release --parallel "$jobs"
ctest --preset release --parallel "$jobs"
