# SPDX-License-Identifier: MIT
# To be sourced. Defines
#   install_dependencies build|test   installs what is missing for the programs, or for the tests too
# With apt-get and root (or sudo that asks nothing) it installs; elsewhere it lists what is missing and fails. Programs
# are left alone from whatever source they are; libraries where dpkg knows them or, without dpkg, their header is there.

vaekit_build_packages=(
  cmake ninja-build g++ libeigen3-dev libxsimd-dev nlohmann-json3-dev libcli11-dev zlib1g-dev libpng-dev
)
vaekit_test_packages=(clang libomp-dev doctest-dev libbenchmark-dev pkg-config python3)
# What is wanted but not needed. The quickstart and one test use Fashion-MNIST, and one test runs the kernels on an
# emulated ARM processor; they do without where it cannot be had.
vaekit_data_packages=(dataset-fashion-mnist)
vaekit_emulator_packages=(g++-aarch64-linux-gnu qemu-user)

# True when the package, or the same thing from another source, is there.
vaekit_has() {
  case $1 in
    cmake | g++ | python3 | pkg-config) command -v "$1" >/dev/null ;;
    clang) command -v clang++ >/dev/null ;;
    ninja-build) command -v ninja >/dev/null ;;
    libomp-dev) vaekit_has_package "libomp*-dev" || ! command -v dpkg-query >/dev/null ;;
    g++-aarch64-linux-gnu) command -v aarch64-linux-gnu-g++ >/dev/null ;;
    qemu-user) command -v qemu-aarch64 >/dev/null ;;
    dataset-fashion-mnist) [ -e /usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz ] ;;
    *) vaekit_has_package "$1" || { ! command -v dpkg-query >/dev/null && vaekit_has_header "$1"; } ;;
  esac
}

vaekit_has_package() {
  command -v dpkg-query >/dev/null && dpkg-query -W -f '${Status}\n' "$1" 2>/dev/null | grep -q '^install ok installed'
}

# For systems without dpkg.
vaekit_has_header() {
  local header
  case $1 in
    libeigen3-dev) header=eigen3/Eigen/Core ;;
    libxsimd-dev) header=xsimd/xsimd.hpp ;;
    nlohmann-json3-dev) header=nlohmann/json.hpp ;;
    libcli11-dev) header=CLI/CLI.hpp ;;
    zlib1g-dev) header=zlib.h ;;
    libpng-dev) header=png.h ;;
    doctest-dev) header=doctest/doctest.h ;;
    libbenchmark-dev) header=benchmark/benchmark.h ;;
    *) return 1 ;;
  esac
  local prefix
  for prefix in /usr/include /usr/local/include /opt/homebrew/include "${CONDA_PREFIX:-/usr}/include"; do
    if [ -e "$prefix/$header" ]; then return 0; fi
  done
  return 1
}

# Sets vaekit_missing to those of the given packages that are not there.
vaekit_find_missing() {
  vaekit_missing=()
  local package
  for package in "$@"; do
    if ! vaekit_has "$package"; then vaekit_missing+=("$package"); fi
  done
}

vaekit_apt_get() {
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then sudo=(sudo -n); fi
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" >&2
}

vaekit_can_install() {
  command -v apt-get >/dev/null && { [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; }
}

install_dependencies() {
  local packages=("${vaekit_build_packages[@]}") wanted=("${vaekit_data_packages[@]}")
  if [ "$1" = test ]; then
    packages+=("${vaekit_test_packages[@]}")
    wanted+=("${vaekit_emulator_packages[@]}")
  fi
  vaekit_find_missing "${packages[@]}" "${wanted[@]}"
  if [ ${#vaekit_missing[@]} -gt 0 ] && vaekit_can_install; then
    echo "installing: ${vaekit_missing[*]}" >&2
    vaekit_apt_get update || true
    # All at once where possible; one by one where one of them does not exist in this release.
    vaekit_apt_get install -y "${vaekit_missing[@]}" || {
      local package
      for package in "${vaekit_missing[@]}"; do vaekit_apt_get install -y "$package" || true; done
    }
  fi
  vaekit_find_missing "${packages[@]}"
  if [ ${#vaekit_missing[@]} -gt 0 ]; then
    echo "please install (names of Debian's packages): ${vaekit_missing[*]}" >&2
    return 1
  fi
}
