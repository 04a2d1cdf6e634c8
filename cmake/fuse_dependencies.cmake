# SPDX-License-Identifier: Apache-2.0
# What fuse::fuse needs: Boost.Hana's headers, and OpenMP where there is one. Read by the build tree and by the
# installed package alike, so that a consumer's compiler decides about OpenMP and not the one that installed the
# headers.

# fuse_link_dependencies(<target> [BUILD_INTERFACE] [OPENMP <bool>])
# BUILD_INTERFACE keeps the dependencies out of what install(EXPORT) writes.
macro(fuse_link_dependencies target)
  cmake_parse_arguments(fuse_link "BUILD_INTERFACE" "OPENMP" "" ${ARGN})
  set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)  # else add_subdirectory(fuse) would keep them to itself
  find_package(Boost 1.74 QUIET)
  if(NOT Boost_FOUND)
    message(FATAL_ERROR "fuse: expected Boost 1.74 or newer for Boost.Hana's headers, found none; install "
                        "libboost-dev, or set Boost_DIR")
  endif()
  set(fuse_link_libraries Boost::headers)
  if(fuse_link_OPENMP)
    find_package(OpenMP QUIET COMPONENTS CXX)
    if(OpenMP_CXX_FOUND)
      list(APPEND fuse_link_libraries OpenMP::OpenMP_CXX)
      # FindOpenMP knows C, C++ and Fortran; nvcc hands the flag to its host compiler.
      set(fuse_link_openmp_flag "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=${OpenMP_CXX_FLAGS}>")
    endif()
  endif()
  if(fuse_link_BUILD_INTERFACE)
    list(TRANSFORM fuse_link_libraries REPLACE "(.+)" "$<BUILD_INTERFACE:\\1>")
    if(fuse_link_openmp_flag)
      set(fuse_link_openmp_flag "$<BUILD_INTERFACE:${fuse_link_openmp_flag}>")
    endif()
  endif()
  target_link_libraries(${target} INTERFACE ${fuse_link_libraries})
  if(fuse_link_openmp_flag)
    target_compile_options(${target} INTERFACE "${fuse_link_openmp_flag}")
  endif()
endmacro()
