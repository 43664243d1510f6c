#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The generated files are those of this build: docs/configuration.md, configs/config.schema.json, and the tables of keys
# in the pages of docs/, see docs/pages.py. With --write it makes them anew:
#   VAEKIT_BIN=build/release/bin VAEKIT_SOURCE=. bash tests/integration/docs_in_step.sh --write
set -euo pipefail

vaekit=$VAEKIT_BIN/vaekit
if [ ! -x "$vaekit" ]; then
  echo "the program vaekit is not built"
  exit 77
fi
status=0

# in_step FILE COMMAND...: FILE is what the command prints
in_step() {
  local file=$VAEKIT_SOURCE/$1
  shift
  if [ "$write" = yes ]; then
    "$@" >"$file"
  elif ! "$@" | diff -u "$file" -; then
    echo "${file#"$VAEKIT_SOURCE/"} is out of step; run docs_in_step.sh --write" >&2
    status=1
  fi
}

write=no
if [ "${1:-}" = --write ]; then write=yes; fi
in_step docs/configuration.md "$vaekit" schema --markdown
in_step configs/config.schema.json "$vaekit" schema
if ! command -v python3 >/dev/null; then
  echo "no python3: the pages of docs/ are not looked at" >&2
elif [ "$write" = yes ]; then
  python3 "$VAEKIT_SOURCE/docs/pages.py" --write || status=1
else
  python3 "$VAEKIT_SOURCE/docs/pages.py" || status=1
fi
exit $status
