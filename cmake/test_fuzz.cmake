# SPDX-License-Identifier: Apache-2.0
# libFuzzer targets: tests/fuzz/NAME_fuzz.cpp, with NAME.dict beside it where there is one. libFuzzer is clang's, so these
# are compiled by clang++ whatever compiles the rest.
find_program(FUSE_CLANGXX NAMES clang++-14 clang++ DOC "clang++ with libFuzzer, for the fuzz targets")
mark_as_advanced(FUSE_CLANGXX)
if(NOT FUSE_CLANGXX OR NOT TARGET llama_example)
  message(STATUS "fuse: fuzz targets left out, they need clang++ 14 and the Llama example")
  return()
endif()

set(fuse_fuzz_directory "${CMAKE_CURRENT_BINARY_DIR}/fuzz")
file(MAKE_DIRECTORY "${fuse_fuzz_directory}")
add_executable(make_corpus fuzz/make_corpus.cpp)
target_link_libraries(make_corpus PRIVATE fuse_development)
# From an empty directory every time: libFuzzer adds what it finds.
add_test(NAME fuzz/corpus COMMAND sh -c "rm -rf \"$1\" && \"$0\" \"$1\"" $<TARGET_FILE:make_corpus>
                                  "${fuse_fuzz_directory}/corpus")
set_tests_properties(fuzz/corpus PROPERTIES FIXTURES_SETUP fuse_fuzz_corpus)

file(GLOB fuse_fuzz_sources CONFIGURE_DEPENDS fuzz/*_fuzz.cpp)
set(fuse_fuzz_programs "")
foreach(source IN LISTS fuse_fuzz_sources)
  cmake_path(GET source STEM stem)
  string(REGEX REPLACE "_fuzz$" "" name "${stem}")
  set(program "${fuse_fuzz_directory}/${name}_fuzz")
  add_custom_command(
    OUTPUT "${program}"
    COMMAND
      ${CMAKE_CXX_COMPILER_LAUNCHER} "${FUSE_CLANGXX}" -std=c++20 -O1 -g -Wall -Wextra -Werror
      -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -I "${PROJECT_SOURCE_DIR}/examples" -I
      "${PROJECT_SOURCE_DIR}/include" -MD -MF "${program}.d" -MT "${program}" -c "${source}" -o "${program}.o"
    COMMAND "${FUSE_CLANGXX}" -fsanitize=fuzzer,address,undefined "${program}.o" -o "${program}"
    DEPENDS "${source}"
    DEPFILE "${program}.d"
    COMMENT "Fuzz target tests/fuzz/${name}_fuzz.cpp"
    VERBATIM)
  list(APPEND fuse_fuzz_programs "${program}")
  set(dictionary "")
  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/fuzz/${name}.dict")
    set(dictionary "-dict=${CMAKE_CURRENT_SOURCE_DIR}/fuzz/${name}.dict")
  endif()
  add_test(NAME "fuzz/${name}" COMMAND "${program}" -runs=${FUSE_FUZZ_RUNS} -seed=1 ${dictionary}
                                       -artifact_prefix=${fuse_fuzz_directory}/${name}- "${fuse_fuzz_directory}/corpus/${name}")
  set_tests_properties("fuzz/${name}" PROPERTIES FIXTURES_REQUIRED fuse_fuzz_corpus TIMEOUT 900)
endforeach()
add_custom_target(fuzz ALL DEPENDS ${fuse_fuzz_programs})
