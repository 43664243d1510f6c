#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Uses vaekit the way others do.   run.sh find_package|add_subdirectory|pkg_config|one_liner
# An installed tree is tried with each compiler there is, the rest with the one of this build.
set -euo pipefail

way=$1
here=$VAEKIT_SOURCE/tests/consumer
work=$(mktemp -d "${TMPDIR:-/tmp}/vaekit_consumer.XXXXXX")
trap 'rm -rf "$work"' EXIT

install_vaekit() {
  "$VAEKIT_CMAKE" --install "$VAEKIT_BUILD" --prefix "$work/prefix" >"$work/log"
  # A moved tree must work too.
  mv "$work/prefix" "$work/moved"
}

# build NAME TARGET CMAKE_ARGUMENTS...
build() {
  local build=$work/$1 target=$2
  shift 2
  "$VAEKIT_CMAKE" -S "$here" -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-Og "$@" >"$work/log" ||
    { cat "$work/log"; exit 1; }
  "$VAEKIT_CMAKE" --build "$build" --target "$target" >"$work/log" || { cat "$work/log"; exit 1; }
}

# build_and_run NAME CMAKE_ARGUMENTS...
build_and_run() {
  local name=$1
  shift
  build "$name" all "$@"
  "$work/$name/consumer"
  "$work/$name/consumer_io"
}

case $way in
  find_package)
    install_vaekit
    for name in fashion_mnist mnist; do
      cmp "$VAEKIT_SOURCE/share/features/$name.safetensors" "$work/moved/share/vaekit/features/$name.safetensors"
    done
    for compiler in g++ clang++; do
      if command -v "$compiler" >/dev/null; then
        build_and_run "$compiler" -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$work/moved"
      fi
    done
    # OpenMP is the consumer's choice, and another minor version must be refused.
    build serial consumer -DCMAKE_PREFIX_PATH="$work/moved" -DVAEKIT_OPENMP=OFF
    "$work/serial/consumer" | tee "$work/output"
    grep -q "OpenMP off" "$work/output"
    if "$VAEKIT_CMAKE" -S "$here" -B "$work/version" -DCMAKE_PREFIX_PATH="$work/moved" -DCONSUMER_VAEKIT_VERSION=0.99 \
      >"$work/log" 2>&1; then
      echo "a request for vaekit 0.99 was granted" >&2
      exit 1
    fi
    grep -q 'requested version "0.99"' "$work/log"
    ;;
  add_subdirectory)
    build_and_run subdirectory -DVAEKIT_SUBDIRECTORY="$VAEKIT_SOURCE"
    ;;
  pkg_config)
    command -v pkg-config >/dev/null || exit 77
    install_vaekit
    export PKG_CONFIG_PATH=$work/moved/share/pkgconfig
    # shellcheck disable=SC2046
    "$VAEKIT_CXX" -std=c++20 -O0 "$here/main.cpp" -o "$work/main" $(pkg-config --cflags --libs vaekit)
    "$work/main"
    # shellcheck disable=SC2046
    "$VAEKIT_CXX" -std=c++20 -O0 "$here/io.cpp" -o "$work/io" $(pkg-config --cflags --libs vaekit-io)
    "$work/io"
    ;;
  one_liner)
    # shellcheck disable=SC2086
    "$VAEKIT_CXX" -std=c++20 -O0 "-I$VAEKIT_SOURCE/include" $VAEKIT_INCLUDES "$here/main.cpp" -o "$work/main"
    "$work/main"
    ;;
  *)
    echo "unknown way: $way" >&2
    exit 2
    ;;
esac
