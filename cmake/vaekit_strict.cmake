# SPDX-License-Identifier: MIT
# What our own programs, tests and benchmarks are built with; never exported.
add_library(vaekit_strict INTERFACE)
target_link_libraries(vaekit_strict INTERFACE vaekit::io)
target_compile_options(vaekit_strict INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
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
