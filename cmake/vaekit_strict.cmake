# SPDX-License-Identifier: MIT
# What our own programs, tests and benchmarks are built with; never exported.
add_library(vaekit_strict INTERFACE)
target_link_libraries(vaekit_strict INTERFACE vaekit::io)
target_compile_options(vaekit_strict INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
if(VAEKIT_NATIVE)
  include(CheckCXXSourceCompiles)
  set(CMAKE_REQUIRED_FLAGS -march=native)
  check_cxx_source_compiles("#ifndef __AVX512F__\n#error\n#endif\nint main() {}" VAEKIT_NATIVE_AVX512)
  unset(CMAKE_REQUIRED_FLAGS)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Whole models take the compiler gigabytes: collecting garbage from 1 GB on, not from 128 MB, saves a tenth of the time.
  target_compile_options(vaekit_strict INTERFACE "SHELL:--param ggc-min-heapsize=1048576")
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False alarms of g++ 12 in optimised code: its bugs 105651 (std::string), 105329 and 105562 (vector loads).
  target_compile_options(vaekit_strict INTERFACE -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow)
  # Which reads it takes for uninitialised depends on the instruction set: it warns, and does not fail.
  target_compile_options(vaekit_strict INTERFACE -Wno-error=maybe-uninitialized)
  if(VAEKIT_NATIVE_AVX512)
    # And 105593: its AVX-512 intrinsics leave operands undefined.
    target_compile_options(vaekit_strict INTERFACE -Wno-uninitialized)
  endif()
endif()
if(VAEKIT_WARNINGS_AS_ERRORS)
  target_compile_options(vaekit_strict INTERFACE -Werror)
endif()
if(VAEKIT_NATIVE)
  target_link_libraries(vaekit_strict INTERFACE vaekit::native)
endif()
if(VAEKIT_SANITIZE)
  target_compile_options(vaekit_strict INTERFACE -fsanitize=${VAEKIT_SANITIZE} -fno-sanitize-recover=all
                                                 -fno-omit-frame-pointer)
  target_link_options(vaekit_strict INTERFACE -fsanitize=${VAEKIT_SANITIZE})
endif()
