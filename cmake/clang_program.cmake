# SPDX-License-Identifier: Apache-2.0
# Programs that clang++ must compile whatever compiles the rest: it has libFuzzer, and a ThreadSanitizer that knows
# fibers.
find_program(FUSE_CLANGXX NAMES clang++-14 clang++ DOC "clang++ 14, for the fuzz targets and the fiber tests")
mark_as_advanced(FUSE_CLANGXX)

# fuse_add_clang_program(<program> SOURCES <file>... SANITIZE <sanitizers> [OPTIONS <option>...])
# Adds a target of that name, part of ALL. The program is written to ${CMAKE_CURRENT_BINARY_DIR}/<program>.
function(fuse_add_clang_program program)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "SANITIZE" "SOURCES;OPTIONS")
  set(directory "${CMAKE_CURRENT_BINARY_DIR}/clang/${program}")
  file(MAKE_DIRECTORY "${directory}")
  set(objects "")
  foreach(source IN LISTS arg_SOURCES)
    cmake_path(ABSOLUTE_PATH source NORMALIZE)
    cmake_path(GET source STEM name)
    set(object "${directory}/${name}.o")
    add_custom_command(
      OUTPUT "${object}"
      COMMAND
        ${CMAKE_CXX_COMPILER_LAUNCHER} "${FUSE_CLANGXX}" -std=c++20 -O1 -g -fno-omit-frame-pointer -Wall -Wextra -Werror
        -fsanitize=${arg_SANITIZE} ${arg_OPTIONS} -I "${PROJECT_SOURCE_DIR}/include" -I "${PROJECT_SOURCE_DIR}/examples"
        -MD -MF "${object}.d" -c "${source}" -o "${object}"
      DEPENDS "${source}"
      DEPFILE "${object}.d"
      COMMENT "clang++ -fsanitize=${arg_SANITIZE} ${name}.cpp"
      VERBATIM)
    list(APPEND objects "${object}")
  endforeach()
  set(file "${CMAKE_CURRENT_BINARY_DIR}/${program}")
  add_custom_command(
    OUTPUT "${file}"
    COMMAND "${FUSE_CLANGXX}" -fsanitize=${arg_SANITIZE} ${objects} -o "${file}"
    DEPENDS ${objects}
    COMMENT "Linking ${program}"
    VERBATIM)
  add_custom_target(${program}_target ALL DEPENDS "${file}")
endfunction()
