#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs the peers, builds the benchmarks, runs everything one process at a time and writes benchmarks/README.md.
#   --quick       short measurements, peers' whole epochs left out: to see that everything works
#   --only NAME   one topic (may be repeated): gemm elementwise adam training_step family epoch latency
#                 log_likelihood memory compile_time; README.md is made of these and of earlier results
#   VAEKIT_PEER_PYTHON=python   an interpreter that has torch, jax, onnxruntime, onnx, numpy and scipy; else they are
#                               installed into the build folder
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck source=cmake/install_dependencies.sh
source cmake/install_dependencies.sh

build=build/benchmarks
results=$build/results
all_topics=(gemm elementwise adam training_step family epoch latency log_likelihood memory compile_time)
topics=()
quick=
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=1 ;;
    --only) shift; topics+=("${1:?--only needs a topic}") ;;
    *) echo "usage: $0 [--quick] [--only NAME]..." >&2; exit 2 ;;
  esac
  shift
done
if [ ${#topics[@]} -eq 0 ]; then topics=("${all_topics[@]}"); fi
for topic in "${topics[@]}"; do
  case " ${all_topics[*]} " in
    *" $topic "*) ;;
    *) echo "$0: unknown topic \"$topic\"; known: ${all_topics[*]}" >&2; exit 2 ;;
  esac
done

if [ "$quick" ]; then
  seconds=0.3 repetitions=3 kernel_seconds=0.005 compile_repetitions=1
else
  seconds=3 repetitions=9 kernel_seconds=0.03 compile_repetitions=3
fi

install_peer_libraries() {
  local packages=(libopenblas-dev libdnnl-dev libsleef-dev python3-venv python3-dev)
  vaekit_find_missing "${packages[@]}"
  if [ ${#vaekit_missing[@]} -gt 0 ] && vaekit_can_install; then
    vaekit_apt_get update || true
    local package
    for package in "${vaekit_missing[@]}"; do vaekit_apt_get install -y "$package" || true; done
    vaekit_find_missing "${packages[@]}"
  fi
  if [ ${#vaekit_missing[@]} -gt 0 ]; then echo "going on without: ${vaekit_missing[*]}" >&2; fi
}

# Sets python to an interpreter with the frameworks, or to nothing.
find_peer_python() {
  python=${VAEKIT_PEER_PYTHON:-$PWD/$build/venv/bin/python}
  if [ -z "${VAEKIT_PEER_PYTHON:-}" ] && ! "$python" -c "import torch, jax, onnxruntime, onnx, scipy" 2>/dev/null; then
    { python3 -m venv "$build/venv" &&
      "$python" -m pip install -q \
        torch==2.13.0 jax onnxruntime onnx numpy scipy; } >&2 || true
  fi
  if ! "$python" -c "import torch, jax, onnxruntime, onnx, scipy"; then
    echo "going on without PyTorch, JAX, ONNX Runtime and SciPy" >&2
    python=
  fi
}

# A Google Benchmark program, its results in <name>_<part>.json.
kernel() {
  local name=$1 part=${2:-1}
  "$build/bin/benchmark_kernels_$name" --benchmark_repetitions=$repetitions --benchmark_min_time=$kernel_seconds \
    --benchmark_enable_random_interleaving=true --benchmark_display_aggregates_only=true \
    --benchmark_out="$results/${name}_$part.json" --benchmark_out_format=json >"$results/$name.log" 2>&1 ||
    { cat "$results/$name.log" >&2; return 1; }
}

# program TOPIC [ARGUMENT]...
program() { "$build/bin/benchmark_end_to_end_$1" "$seconds" "${@:2}" >>"$results/$1.jsonl"; }

# peer SCRIPT TOPIC THREADS [--compile]
peer() {
  if [ -z "$python" ]; then return; fi
  "$python" "benchmarks/peers/$1.py" "$2" --threads "$3" --seconds "$seconds" "${@:4}" >>"$results/$2.jsonl"
}

# Ours run before and after the peers, so that a machine that slows down does not favour either.
run_topic() {
  local threads
  case $1 in
    gemm | elementwise) kernel "$1" ;;
    adam)
      kernel adam 1
      for threads in 1 2; do peer pytorch adam $threads; done
      kernel adam 2
      ;;
    training_step | epoch)
      program "$1"
      if [ -z "$quick" ] || [ "$1" = training_step ]; then
        for threads in 1 2; do
          peer pytorch "$1" $threads
          peer pytorch "$1" $threads --compile
          peer jax_jit "$1" $threads
        done
        program "$1"
      fi
      ;;
    family)
      program family
      for threads in 1 2; do peer family family $threads; done
      if [ -z "$quick" ]; then program family; fi
      ;;
    latency)
      mkdir -p "$results/models"
      program latency "$results/models"
      for threads in 1 2; do
        peer pytorch latency $threads --models "$results/models"
        peer onnx_runtime latency $threads --models "$results/models"
      done
      program latency
      ;;
    log_likelihood)
      mkdir -p "$results/models"
      program log_likelihood "$results/models"
      for threads in 1 2; do
        peer pytorch log_likelihood $threads --models "$results/models"
        peer pytorch log_likelihood $threads --models "$results/models" --compile
      done
      program log_likelihood
      ;;
    memory)
      program memory
      if [ -z "$quick" ]; then
        peer pytorch memory 2
        peer pytorch memory 2 --compile
        peer jax_jit memory 2
      fi
      ;;
    compile_time)
      python3 benchmarks/compile_time.py "$build" --repetitions $compile_repetitions >>"$results/compile_time.jsonl"
      ;;
  esac
}

install_dependencies test
install_peer_libraries
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_EXPORT_COMPILE_COMMANDS=ON -DVAEKIT_NATIVE=ON \
  -DVAEKIT_BENCHMARKS=ON -DVAEKIT_TESTS=OFF -DVAEKIT_EXAMPLES=OFF
cmake --build "$build"
find_peer_python
mkdir -p "$results"

start=$SECONDS
for topic in "${topics[@]}"; do
  echo "== $topic" >&2
  rm -f "$results/$topic".jsonl "$results/$topic"_*.json
  begin=$SECONDS
  run_topic "$topic"
  echo "   $((SECONDS - begin)) s" >&2
done
echo "measured in $((SECONDS - start)) s" >&2
python3 benchmarks/report.py "$build"
