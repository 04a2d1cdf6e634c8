# SPDX-License-Identifier: Apache-2.0
# Every C++ block in the README and in docs/ is a program: compiled with our own flags and run, on the simulated device
# where it uses CUDA.
file(GLOB fuse_documents CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/README.md" "${PROJECT_SOURCE_DIR}/docs/*.md")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${fuse_documents})
execute_process(
  COMMAND "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/tools/extract_snippets.py" "${CMAKE_CURRENT_BINARY_DIR}/docs"
          ${fuse_documents}
  OUTPUT_VARIABLE fuse_snippets
  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE "\n" ";" fuse_snippets "${fuse_snippets}")

add_custom_target(docs)
foreach(source IN LISTS fuse_snippets)
  cmake_path(GET source STEM name)
  if(source MATCHES "\\.cu$")
    if(NOT FUSE_HAS_CUDA OR NOT FUSE_SIMULATED_DEVICE)
      continue()
    endif()
    fuse_add_cuda_program(docs_${name} RUNTIME simulated OBJECTS "${source}")
  else()
    add_executable(docs_${name} "${source}")
    target_link_libraries(docs_${name} PRIVATE fuse_test)
  endif()
  add_dependencies(docs docs_${name})
  add_test(NAME "docs/${name}" COMMAND docs_${name})
endforeach()
add_test(NAME docs/op_table COMMAND "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/tools/make_op_table.py" --check)
# Without git, as in an archive of the sources, nothing says which files are ours.
find_package(Git QUIET)
if(Git_FOUND AND EXISTS "${PROJECT_SOURCE_DIR}/.git")
  add_test(NAME docs/text COMMAND "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/tools/check_text.py")
endif()
