// SPDX-License-Identifier: MIT
// Precompiled for every test. That headers include what they need is tested without it
// (headers.sh; those from data/ on with VAEKIT_SLOW_TESTS).
#pragma once

#include <doctest/doctest.h>

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <random>
#include <span>
#include <sstream>
#include <string>
#include <tuple>
#include <variant>
#include <vector>
#include <xsimd/xsimd.hpp>
