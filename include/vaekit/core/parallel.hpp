// SPDX-License-Identifier: MIT
//
// The only place that talks to OpenMP. Work is split over outputs, never over a sum, so that no result
// depends on the number of threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>
#include <vector>

#if defined(_OPENMP)
#include <omp.h>
#endif

#include "vaekit/core/matrix.hpp"

namespace vaekit::inline VAEKIT_ABI {

/// True when this translation unit was compiled with OpenMP.
#if defined(_OPENMP)
inline constexpr bool has_openmp = true;
#else
inline constexpr bool has_openmp = false;
#endif

/// Threads that a parallel loop started by the calling thread may use; 1 inside a parallel loop.
[[nodiscard]] inline int thread_count() {
#if defined(_OPENMP)
  return omp_in_parallel() != 0 ? 1 : omp_get_max_threads();
#else
  return 1;
#endif
}

/// Sets the number of threads for parallel loops started by the *calling* thread while the object lives
/// (0 keeps the current number). There is no process-wide setting.
class ThreadScope {
 public:
  explicit ThreadScope([[maybe_unused]] int threads) {
#if defined(_OPENMP)
    previous_ = omp_get_max_threads();
    if (threads > 0) {
      omp_set_num_threads(threads);
    }
#endif
  }
  ~ThreadScope() {
#if defined(_OPENMP)
    omp_set_num_threads(previous_);
#endif
  }
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  [[maybe_unused]] int previous_ = 1;
};

/// Runs `body(thread, threads)` once on each of up to `threads` threads; `body` must not throw.
template <class Body>
void parallel_region(int threads, Body&& body) {
#if defined(_OPENMP)
  if (threads > 1 && omp_in_parallel() == 0) {
#pragma omp parallel num_threads(threads)
    body(omp_get_thread_num(), omp_get_num_threads());
    return;
  }
#else
  (void)threads;
#endif
  body(0, 1);
}

/// Waits for all threads of the enclosing `parallel_region`.
inline void parallel_barrier([[maybe_unused]] int threads) {
#if defined(_OPENMP)
  if (threads > 1) {
#pragma omp barrier
  }
#endif
}

/// A half-open range of indices.
struct Chunk {
  Index first = 0;
  Index last = 0;
};

/// Part `part` of `[0, count)` cut into `parts` nearly equal pieces, with cuts at multiples of `multiple`.
[[nodiscard]] constexpr Chunk chunk(Index count, Index part, Index parts, Index multiple = 1) {
  const Index blocks = (count + multiple - 1) / multiple;
  return {std::min(count, blocks * part / parts * multiple),
          std::min(count, blocks * (part + 1) / parts * multiple)};
}

/// Calls `body(first, last)` over disjoint pieces that cover `[0, count)`.
///
/// A piece has at least `grain` indices (the size gate: less work than two grains stays on this thread) and
/// starts at a multiple of `multiple`, so vector lanes do not move with the thread count. Exceptions of the
/// body are rethrown on the calling thread. Nested calls run serially.
template <class Body>
void parallel_for(Index count, Index grain, Body&& body, Index multiple = 1) {
  const Index pieces = std::clamp<Index>(count / std::max<Index>(grain, 1), 1, thread_count());
  if (pieces == 1) {
    if (count > 0) {
      body(Index{0}, count);
    }
    return;
  }
  std::exception_ptr error;
  parallel_region(static_cast<int>(pieces), [&](int thread, int threads) {
    const Chunk part = chunk(count, thread, threads, multiple);
    try {
      if (part.first < part.last) {
        body(part.first, part.last);
      }
    } catch (...) {
#if defined(_OPENMP)
#pragma omp critical(vaekit_parallel_error)
#endif
      error = std::current_exception();
    }
  });
  if (error) {
    std::rethrow_exception(error);
  }
}

/// Elements that one partial sum covers in `parallel_sum`.
inline constexpr Index sum_block = 8192;

/// Σ term(first, last) over blocks of fixed length, in double and in index order: the same bits for any
/// thread count. `partials` is caller-owned scratch and grows to `count / sum_block + 1` on first use.
template <class Term>
[[nodiscard]] double parallel_sum(Index count, std::vector<double>& partials, Term&& term) {
  const Index blocks = (count + sum_block - 1) / sum_block;
  partials.resize(static_cast<std::size_t>(blocks));
  parallel_for(blocks, 4, [&](Index first, Index last) {
    for (Index b = first; b < last; ++b) {
      partials[static_cast<std::size_t>(b)] = term(b * sum_block, std::min(count, (b + 1) * sum_block));
    }
  });
  double sum = 0;
  for (const double partial : partials) {
    sum += partial;
  }
  return sum;
}

}  // namespace vaekit::inline VAEKIT_ABI
