#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Trains a VAE on Fashion-MNIST and looks at it: installs what is missing, builds, trains, evaluates, draws.
# Asks nothing and can be run again at any time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck source=cmake/install_dependencies.sh
source cmake/install_dependencies.sh
install_dependencies build

config=configs/quickstart.json
if ! vaekit_has dataset-fashion-mnist; then
  config=configs/quickstart_synthetic.json
  echo "Fashion-MNIST (Debian package dataset-fashion-mnist) is not there: training on the built-in synthetic images" >&2
fi

# A first build leaves the tests and what they need aside; one that has them keeps them.
first_build=()
if [ ! -e build/release/CMakeCache.txt ]; then first_build=(-DVAEKIT_TESTS=OFF); fi
cmake --preset release "${first_build[@]}" >&2
cmake --build --preset release --parallel "$(nproc 2>/dev/null || echo 2)" --target vaekit >&2

vaekit=build/release/bin/vaekit
run=runs/quickstart
"$vaekit" train "$config" --out "$run" --overwrite
"$vaekit" evaluate "$run"
"$vaekit" sample "$run" --out "$run/samples.png" --count 64
"$vaekit" reconstruct "$run" --out "$run/reconstructions.png" --count 16

echo
echo "samples from the prior          $PWD/$run/samples.png"
echo "inputs beside reconstructions   $PWD/$run/reconstructions.png"
echo "report with training curves     $PWD/$run/report.html"
