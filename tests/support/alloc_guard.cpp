// SPDX-License-Identifier: MIT
#include "support/alloc_guard.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_THREAD__)
#define VAEKIT_TEST_OWN_OPERATORS 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define VAEKIT_TEST_OWN_OPERATORS 0
#endif
#endif
#ifndef VAEKIT_TEST_OWN_OPERATORS
#define VAEKIT_TEST_OWN_OPERATORS 1
#endif

const bool AllocationCount::counts = VAEKIT_TEST_OWN_OPERATORS != 0;

#if VAEKIT_TEST_OWN_OPERATORS
namespace {

std::atomic<std::size_t> allocations{0};

void* allocate(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size == 0 ? 1 : size);
}

void* allocate(std::size_t size, std::align_val_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* p = nullptr;
  return posix_memalign(&p, static_cast<std::size_t>(alignment), size == 0 ? 1 : size) == 0 ? p : nullptr;
}

void* checked(void* p) {
  if (p == nullptr) {
    throw std::bad_alloc();
  }
  return p;
}

}  // namespace

std::size_t AllocationCount::total() { return allocations.load(std::memory_order_relaxed); }

// The array forms of the standard library call these; the address sanitizer's nothrow form does not.
void* operator new(std::size_t size) { return checked(allocate(size)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return checked(allocate(size, alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
#else
std::size_t AllocationCount::total() { return 0; }
#endif
