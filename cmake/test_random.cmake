# SPDX-License-Identifier: Apache-2.0
# Random programs of fixed seeds, written by tests/random/generate.py: on the host, and on the simulated device.
set(FUSE_RANDOM_PROGRAMS 200 CACHE STRING "Random programs that are compiled and run as a test on the host")
set(FUSE_RANDOM_CUDA_PROGRAMS 24 CACHE STRING "How many of them also on the simulated device: nvcc takes much longer")
set(fuse_random_files 10)

# fuse_add_random_programs(<program> <extension> <count>)
function(fuse_add_random_programs program extension count)
  set(directory "${CMAKE_CURRENT_BINARY_DIR}/${program}_sources")
  math(EXPR last "${fuse_random_files} - 1")
  set(sources "${directory}/main.${extension}")
  foreach(number RANGE ${last})
    list(APPEND sources "${directory}/programs_${number}.${extension}")
  endforeach()
  file(GLOB generator CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/random/*.py")
  set(language "")
  if(extension STREQUAL "cu")
    set(language --cuda)
  endif()
  # Sources that come out as they were keep their dates: the stamp says that they are up to date.
  add_custom_command(
    OUTPUT "${directory}/stamp"
    BYPRODUCTS ${sources}
    COMMAND "${Python3_EXECUTABLE}" "${CMAKE_CURRENT_SOURCE_DIR}/random/generate.py" --seed 1 --count
            ${count} --files ${fuse_random_files} --eager 8 --out "${directory}" ${language}
    COMMAND "${CMAKE_COMMAND}" -E touch "${directory}/stamp"
    DEPENDS ${generator}
    COMMENT "Writing ${count} random programs for ${program}"
    VERBATIM)
  add_custom_target(${program}_sources DEPENDS "${directory}/stamp")
  set_source_files_properties(${sources} PROPERTIES GENERATED TRUE)
  if(extension STREQUAL "cu")
    fuse_add_cuda_program(${program} RUNTIME simulated OBJECTS ${sources})
  else()
    add_executable(${program} ${sources})
    target_link_libraries(${program} PRIVATE fuse_test)
  endif()
  target_include_directories(${program} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/random")
  add_dependencies(${program} ${program}_sources)
  add_test(NAME "random/${extension}" COMMAND ${program} "${directory}/programs.numbers")
  set_tests_properties("random/${extension}" PROPERTIES TIMEOUT 900)
endfunction()

if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/random/generate.py")
  fuse_add_random_programs(random_host cpp ${FUSE_RANDOM_PROGRAMS})
  if(FUSE_HAS_CUDA AND FUSE_SIMULATED_DEVICE)
    fuse_add_random_programs(random_cuda cu ${FUSE_RANDOM_CUDA_PROGRAMS})
  endif()
endif()
