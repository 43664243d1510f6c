// SPDX-License-Identifier: MIT
// The one source of the version (CMake reads it here) and of the ABI tag.
#pragma once

#define VAEKIT_VERSION_MAJOR 0
#define VAEKIT_VERSION_MINOR 1
#define VAEKIT_VERSION_PATCH 0

// Two translation units built for different instruction sets, or with and without OpenMP, compile different
// bodies of the same inline functions. The tag makes them different symbols, so that the linker can never
// hand AVX2 code to a program's SSE2 half.
// VAEKIT_SCALAR, which a program may define everywhere or for some of its units, does without vectors.
#if defined(VAEKIT_SCALAR)
#define VAEKIT_ISA scalar
#elif defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__)
#define VAEKIT_ISA avx512
#elif defined(__AVX2__) && defined(__FMA__)
#define VAEKIT_ISA avx2_fma
#elif defined(__AVX2__)
#define VAEKIT_ISA avx2
#elif defined(__AVX__)
#define VAEKIT_ISA avx
#elif defined(__SSE4_2__)
#define VAEKIT_ISA sse4_2
#elif defined(__SSE2__) || defined(_M_X64)
#define VAEKIT_ISA sse2
#elif defined(__ARM_NEON)
#define VAEKIT_ISA neon
#else
#define VAEKIT_ISA generic
#endif

#if defined(_OPENMP)
#define VAEKIT_OPENMP openmp
#else
#define VAEKIT_OPENMP serial
#endif

#define VAEKIT_JOIN_TAG(major, minor, patch, isa, openmp) v##major##_##minor##_##patch##_##isa##_##openmp
#define VAEKIT_EXPAND_TAG(major, minor, patch, isa, openmp) VAEKIT_JOIN_TAG(major, minor, patch, isa, openmp)
#define VAEKIT_TEXT(x) #x
#define VAEKIT_EXPAND_TEXT(x) VAEKIT_TEXT(x)

/// Name of the inline namespace that holds the library: `vaekit::v0_1_0_avx2_fma_openmp`.
#define VAEKIT_ABI                                                                                \
  VAEKIT_EXPAND_TAG(VAEKIT_VERSION_MAJOR, VAEKIT_VERSION_MINOR, VAEKIT_VERSION_PATCH, VAEKIT_ISA, \
                    VAEKIT_OPENMP)

namespace vaekit::inline VAEKIT_ABI {

/// The version as "major.minor.patch".
inline constexpr const char* version = VAEKIT_EXPAND_TEXT(VAEKIT_VERSION_MAJOR) "." VAEKIT_EXPAND_TEXT(
    VAEKIT_VERSION_MINOR) "." VAEKIT_EXPAND_TEXT(VAEKIT_VERSION_PATCH);

/// The instruction set this translation unit was compiled for, e.g. "avx2_fma".
inline constexpr const char* instruction_set = VAEKIT_EXPAND_TEXT(VAEKIT_ISA);

}  // namespace vaekit::inline VAEKIT_ABI
