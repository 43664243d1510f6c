#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Fails unless the source does not compile and the compiler says what its first line expects:
#   // expect: <extended regular expression>
set -euo pipefail

source=$1
first_line=$(head -n 1 "$source")
pattern=${first_line#// expect: }
if [ "$pattern" = "$first_line" ]; then
  echo "$source: the first line must be '// expect: <extended regular expression>'" >&2
  exit 1
fi
# shellcheck disable=SC2086
if messages=$("$VAEKIT_CXX" -std=c++20 -fsyntax-only "-I$VAEKIT_SOURCE/include" $VAEKIT_INCLUDES "$source" 2>&1); then
  echo "$source compiles, but must not" >&2
  exit 1
fi
if ! grep -Eq -e "$pattern" <<<"$messages"; then
  echo "$source fails to compile with another message than /$pattern/:" >&2
  echo "$messages" >&2
  exit 1
fi
