#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Compiles every header of a folder (or one header) alone and included twice.   headers.sh include/vaekit/core
set -euo pipefail

failed=0
while IFS= read -r header; do
  name=${header#"$VAEKIT_SOURCE/include/"}
  # shellcheck disable=SC2086
  if ! printf '#include "%s"\n#include "%s"\n' "$name" "$name" |
    "$VAEKIT_CXX" -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror \
      "-I$VAEKIT_SOURCE/include" $VAEKIT_INCLUDES -x c++ -; then
    echo "$name does not compile alone" >&2
    failed=1
  fi
done < <(find "$1" -name '*.hpp' | sort)
exit $failed
