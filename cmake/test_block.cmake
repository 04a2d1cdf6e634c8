# SPDX-License-Identifier: Apache-2.0
# Kernel bodies in blocks of fibers under ThreadSanitizer: tests/block/*.cpp, one program, one ctest entry for each file
# with test cases. And captured calls from several threads, and the pool that shares their work.
if(NOT FUSE_CLANGXX)
  message(STATUS "fuse: tests/block left out, it needs clang++ 14")
  return()
endif()
file(GLOB fuse_block_sources CONFIGURE_DEPENDS block/*.cpp)
if(fuse_block_sources)
  fuse_add_clang_program(test_block SOURCES ${fuse_block_sources} doctest_main.cpp SANITIZE thread)
endif()
foreach(source IN LISTS fuse_block_sources)
  file(STRINGS "${source}" has_cases REGEX "TEST_CASE")
  if(has_cases)
    cmake_path(GET source STEM name)
    fuse_add_doctest("block/${name}" "${CMAKE_CURRENT_BINARY_DIR}/test_block" "--source-file=*/tests/block/${name}.cpp")
  endif()
endforeach()

fuse_add_clang_program(test_threads SOURCES runtime/threads_test.cpp exec/host_threads_test.cpp doctest_main.cpp
                       SANITIZE thread)
fuse_add_doctest("block/threads" "${CMAKE_CURRENT_BINARY_DIR}/test_threads")
