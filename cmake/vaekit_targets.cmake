# SPDX-License-Identifier: MIT
# The three targets a consumer links: vaekit::vaekit, vaekit::io, vaekit::native. None of them carries an instruction
# set, fast-math or warning flag, except vaekit::native, which is there for its -march.

add_library(vaekit_headers INTERFACE)
add_library(vaekit::vaekit ALIAS vaekit_headers)
set_target_properties(vaekit_headers PROPERTIES EXPORT_NAME vaekit)
target_compile_features(vaekit_headers INTERFACE cxx_std_20)
# In someone else's build our headers are system headers: their warning flags are not ours.
if(PROJECT_IS_TOP_LEVEL)
  set(system "")
else()
  set(system SYSTEM)
endif()
target_include_directories(vaekit_headers ${system} INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>)
vaekit_find_core(missing)
if(missing)
  message(FATAL_ERROR "vaekit: ${missing}")
endif()
vaekit_link_core(vaekit_headers)

vaekit_find_io(vaekit_io_missing)
if(NOT vaekit_io_missing)
  add_library(vaekit_io INTERFACE)
  add_library(vaekit::io ALIAS vaekit_io)
  set_target_properties(vaekit_io PROPERTIES EXPORT_NAME io)
  target_link_libraries(vaekit_io INTERFACE vaekit_headers)
  vaekit_link_io(vaekit_io)
endif()

add_library(vaekit_native INTERFACE)
add_library(vaekit::native ALIAS vaekit_native)
set_target_properties(vaekit_native PROPERTIES EXPORT_NAME native)
target_compile_options(vaekit_native INTERFACE $<$<CXX_COMPILER_ID:GNU,Clang,AppleClang>:-march=native>)
