# SPDX-License-Identifier: Apache-2.0
# libFuzzer targets: tests/fuzz/NAME_fuzz.cpp, with NAME.dict beside it where there is one.
if(NOT FUSE_CLANGXX OR NOT TARGET llama_example)
  message(STATUS "fuse: fuzz targets left out, they need clang++ 14 and the Llama example")
  return()
endif()

set(fuse_fuzz_directory "${CMAKE_CURRENT_BINARY_DIR}/fuzz")
add_executable(make_corpus fuzz/make_corpus.cpp)
target_link_libraries(make_corpus PRIVATE fuse_development)
# From an empty directory every time: libFuzzer adds what it finds.
add_test(NAME fuzz/corpus COMMAND sh -c "rm -rf \"$1\" && \"$0\" \"$1\"" $<TARGET_FILE:make_corpus>
                                  "${fuse_fuzz_directory}/corpus")
set_tests_properties(fuzz/corpus PROPERTIES FIXTURES_SETUP fuse_fuzz_corpus)

add_custom_target(fuzz DEPENDS make_corpus)
file(GLOB fuse_fuzz_sources CONFIGURE_DEPENDS fuzz/*_fuzz.cpp)
foreach(source IN LISTS fuse_fuzz_sources)
  cmake_path(GET source STEM program)
  string(REGEX REPLACE "_fuzz$" "" name "${program}")
  fuse_add_clang_program(${program} SOURCES "${source}" SANITIZE fuzzer,address,undefined
                         OPTIONS -fno-sanitize-recover=all)
  add_dependencies(fuzz ${program}_target)
  set(dictionary "")
  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/fuzz/${name}.dict")
    set(dictionary "-dict=${CMAKE_CURRENT_SOURCE_DIR}/fuzz/${name}.dict")
  endif()
  add_test(NAME "fuzz/${name}"
           COMMAND "${CMAKE_CURRENT_BINARY_DIR}/${program}" -runs=${FUSE_FUZZ_RUNS} -seed=1 ${dictionary}
                   "-artifact_prefix=${fuse_fuzz_directory}/${name}-" "${fuse_fuzz_directory}/corpus/${name}")
  set_tests_properties("fuzz/${name}" PROPERTIES FIXTURES_REQUIRED fuse_fuzz_corpus TIMEOUT 900)
endforeach()
