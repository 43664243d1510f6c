#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds tests for one instruction set, or without OpenMP, and runs them.
#   widths.sh sse2|avx2|avx512|neon|scalar|no_openmp [COMPILER]
# Covers kernels/, which is all that knows of widths; "scalar" also what calls xsimd elsewhere, and "no_openmp" only
# what works in parallel. Without AVX2 or AVX-512 in this machine it only compiles; NEON takes aarch64-linux-gnu-g++
# and qemu-aarch64. Exits with 77 where the compiler is missing, or what runs its programs.
set -euo pipefail

variant=$1
compiler=${2:-$VAEKIT_CXX}
tests=$VAEKIT_SOURCE/tests
flags=(-fopenmp)
sources=("$tests"/kernels/*.cpp)
run=()
needs=
case $variant in
  sse2)
    flags+=(-march=x86-64)
    ;;
  avx2)
    flags+=(-march=haswell)
    needs=avx2
    ;;
  avx512)
    # g++ 12 takes what its own intrinsics leave undefined for uninitialised: its bug 105593.
    flags+=(-march=skylake-avx512 -Wno-uninitialized)
    needs=avx512f
    ;;
  neon)
    compiler=${2:-aarch64-linux-gnu-g++}
    # Without notes about an old change of the calling convention.
    flags+=(-static -Wno-psabi)
    run=(qemu-aarch64)
    ;;
  scalar)
    flags+=(-DVAEKIT_SCALAR)
    sources+=("$tests"/{nn/layer_norm,distributions/{bernoulli,kl},latent/gaussian}.cpp)
    ;;
  no_openmp)
    flags=()
    sources=("$tests"/{core/parallel,kernels/{adam_update,gemm,gemm_task,random,reduce},nn/layer_norm}.cpp)
    ;;
  *)
    echo "unknown variant: $variant" >&2
    exit 2
    ;;
esac
case $variant:$(uname -m) in
  neon:* | scalar:* | no_openmp:* | *:x86_64) ;;
  *) exit 77 ;;
esac
for program in "$compiler" "${run[@]}"; do
  command -v "$program" >/dev/null || { echo "$program is not there"; exit 77; }
done

# One translation unit with each source in a namespace of its own: headers are read and templates compiled once.
work=$(mktemp -d "${TMPDIR:-/tmp}/vaekit_widths.XXXXXX")
trap 'rm -rf "$work"' EXIT
{
  echo '#include "main.cpp"'
  grep -h '^#include' "${sources[@]}" | sort -u
  for i in "${!sources[@]}"; do
    printf 'namespace test%d {\n#include "%s"\n}\n' "$i" "${sources[i]}"
  done
} >"$work/all.cpp"
# shellcheck disable=SC2086
"$compiler" -std=c++20 -O1 -pthread -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror "${flags[@]}" \
  -DEIGEN_RUNTIME_NO_MALLOC "-DVAEKIT_TEST_SOURCE_DIR=\"$tests\"" "-I$VAEKIT_SOURCE/include" "-I$tests" \
  $VAEKIT_INCLUDES "$work/all.cpp" "$tests/support/alloc_guard.cpp" -o "$work/tests"

if [ -n "$needs" ] && ! grep -qsw "$needs" /proc/cpuinfo; then
  echo "compiled; this machine has no $needs to run it"
  exit 0
fi
"${run[@]}" "$work/tests" --no-intro
