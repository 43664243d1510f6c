# SPDX-License-Identifier: MIT
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

# Headers do not depend on the architecture, so everything goes to include/ and share/.
set(package_dir "${CMAKE_INSTALL_DATADIR}/cmake/vaekit")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/vaekit" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.hpp")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/vaekit")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/share/features" DESTINATION "${CMAKE_INSTALL_DATADIR}/vaekit"
        FILES_MATCHING PATTERN "*.safetensors")

install(TARGETS vaekit_headers vaekit_native EXPORT vaekit_targets
        INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT vaekit_targets NAMESPACE vaekit:: DESTINATION "${package_dir}" FILE vaekitTargets.cmake)

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/vaekitConfig.cmake.in" vaekitConfig.cmake
                              INSTALL_DESTINATION "${package_dir}" NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor release may break its users.
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(compatibility SameMinorVersion)
else()
  set(compatibility SameMajorVersion)
endif()
write_basic_package_version_file(vaekitConfigVersion.cmake COMPATIBILITY ${compatibility} ARCH_INDEPENDENT)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/vaekitConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/vaekitConfigVersion.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/vaekit_dependencies.cmake" DESTINATION "${package_dir}")

set(pkgconfig_openmp "")
if(VAEKIT_OPENMP)
  set(pkgconfig_openmp " -fopenmp")
endif()
# Relative to the file itself, so that `cmake --install --prefix` and moved trees work.
file(RELATIVE_PATH pkgconfig_includedir "${CMAKE_INSTALL_FULL_DATADIR}/pkgconfig" "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
foreach(name vaekit vaekit-io)
  configure_file("${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in" ${name}.pc @ONLY)
  install(FILES "${CMAKE_CURRENT_BINARY_DIR}/${name}.pc" DESTINATION "${CMAKE_INSTALL_DATADIR}/pkgconfig")
endforeach()
