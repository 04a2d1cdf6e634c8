# SPDX-License-Identifier: Apache-2.0
# What fuse::fuse needs: Boost.Hana's headers, and threads. Read by the build tree and by the installed package alike.

# fuse_link_dependencies(<target> [BUILD_INTERFACE])
# BUILD_INTERFACE keeps the dependencies out of what install(EXPORT) writes.
macro(fuse_link_dependencies target)
  cmake_parse_arguments(fuse_link "BUILD_INTERFACE" "" "" ${ARGN})
  set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)  # else add_subdirectory(fuse) would keep them to itself
  find_package(Boost 1.74 QUIET)
  if(NOT Boost_FOUND)
    message(FATAL_ERROR "fuse: expected Boost 1.74 or newer for Boost.Hana's headers, found none; install "
                        "libboost-dev, or set Boost_DIR")
  endif()
  find_package(Threads REQUIRED)
  set(fuse_link_libraries Boost::headers Threads::Threads)
  if(fuse_link_BUILD_INTERFACE)
    list(TRANSFORM fuse_link_libraries REPLACE "(.+)" "$<BUILD_INTERFACE:\\1>")
  endif()
  target_link_libraries(${target} INTERFACE ${fuse_link_libraries})
endmacro()
