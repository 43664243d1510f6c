// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <thread>

namespace benchmarks {

/// After parallel work the threads of OpenMP and OpenBLAS spin for up to 30 ms, waiting for more. Lets them
/// fall asleep, so that they take no core from the next library.
inline void settle() { std::this_thread::sleep_for(std::chrono::milliseconds(40)); }

}  // namespace benchmarks
