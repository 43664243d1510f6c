// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <cstddef>

/// Counts calls of `operator new`, aligned and array forms included, on all threads while it lives. Eigen's
/// own allocations, which go to malloc, abort the test instead: an assertion `is_malloc_allowed()`.
///
///   AllocationCount guard;
///   step();
///   const std::size_t allocations = guard.count();  // before CHECK, which may allocate itself
///   CHECK(allocations == 0);
///
/// The thread sanitizer brings operators of its own: there `counts` is false and `count()` is 0.
class AllocationCount {
 public:
  AllocationCount() : start_(total()) { Eigen::internal::set_is_malloc_allowed(false); }
  ~AllocationCount() { Eigen::internal::set_is_malloc_allowed(true); }
  AllocationCount(const AllocationCount&) = delete;
  AllocationCount& operator=(const AllocationCount&) = delete;

  static const bool counts;

  [[nodiscard]] std::size_t count() const { return total() - start_; }

 private:
  static std::size_t total();  // in alloc_guard.cpp, beside the replaced operators

  std::size_t start_;
};
