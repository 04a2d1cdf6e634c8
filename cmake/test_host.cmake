# SPDX-License-Identifier: Apache-2.0
# Tests that need no CUDA: every tests/DIRECTORY/*_test.cpp.
file(
  GLOB_RECURSE fuse_host_tests
  CONFIGURE_DEPENDS
  RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}"
  "*_test.cpp")
set(fuse_host_directories "")
foreach(source IN LISTS fuse_host_tests)
  cmake_path(GET source PARENT_PATH directory)
  list(APPEND fuse_host_directories "${directory}")
endforeach()
list(REMOVE_DUPLICATES fuse_host_directories)
add_custom_target(host_tests)

foreach(directory IN LISTS fuse_host_directories)
  if(directory MATCHES "^llama(/|$)" AND NOT TARGET llama_example)
    message(STATUS "fuse: tests/${directory} left out, the Llama example is not built")
    continue()
  endif()
  set(sources ${fuse_host_tests})
  list(FILTER sources INCLUDE REGEX "^${directory}/[^/]+$")
  string(REPLACE "/" "_" program "test_${directory}")
  add_executable(${program} ${sources})
  add_dependencies(host_tests ${program})
  fuse_define_paths(${sources})
  target_link_libraries(${program} PRIVATE fuse_test fuse_test_main)
  if(directory MATCHES "^llama(/|$)")
    target_link_libraries(${program} PRIVATE llama_example "${SENTENCEPIECE_TRAIN_LIBRARY}")
  endif()
  foreach(source IN LISTS sources)
    string(REGEX REPLACE "_test\\.cpp$" "" name "${source}")
    fuse_add_doctest("host/${name}" ${program} "--source-file=*/tests/${source}")
  endforeach()
endforeach()

# Must-not-compile tests: each case compiles to its one message, and its valid twin compiles.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT FUSE_SANITIZE)
  file(GLOB fuse_fail_cases CONFIGURE_DEPENDS fail/*.cpp)
  foreach(source IN LISTS fuse_fail_cases)
    cmake_path(GET source STEM name)
    add_test(NAME "fail/${name}" COMMAND "${Python3_EXECUTABLE}" "${CMAKE_CURRENT_SOURCE_DIR}/fail/run.py" --case
                                         "${name}" --compiler "${CMAKE_CXX_COMPILER}")
  endforeach()
endif()
