# SPDX-License-Identifier: Apache-2.0
# `cmake --install` lays down the headers and the package that find_package(fuse) reads. Headers have no architecture.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(fuse_package_directory "${CMAKE_INSTALL_DATADIR}/cmake/fuse")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/fuse" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(TARGETS fuse EXPORT fuse INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(
  EXPORT fuse
  NAMESPACE fuse::
  FILE fuseTargets.cmake
  DESTINATION "${fuse_package_directory}")
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/fuseConfig.cmake.in" "${PROJECT_BINARY_DIR}/fuseConfig.cmake"
                              INSTALL_DESTINATION "${fuse_package_directory}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/fuseConfigVersion.cmake" COMPATIBILITY SameMinorVersion
                                                                                 ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/fuseConfig.cmake" "${PROJECT_BINARY_DIR}/fuseConfigVersion.cmake"
              "${CMAKE_CURRENT_LIST_DIR}/fuse_dependencies.cmake" DESTINATION "${fuse_package_directory}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
