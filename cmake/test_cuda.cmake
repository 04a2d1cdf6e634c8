# SPDX-License-Identifier: Apache-2.0
# Tests of CUDA code. Each source is compiled once and linked twice: with the simulated device in place of the CUDA
# runtime, and with the CUDA runtime. The simulated device needs PTX; tests of what ptxas says of a kernel need machine
# code for it too.
file(GLOB fuse_cuda_tests CONFIGURE_DEPENDS cuda/*.cu)

# The simulated device reads the PTX out of the program itself, so it must not be compressed.
add_library(fuse_cuda_test INTERFACE)
target_link_libraries(fuse_cuda_test INTERFACE fuse_test)
target_compile_options(fuse_cuda_test INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:--no-compress>)

# fuse_add_cuda_program(<program> RUNTIME <simulated|real> OBJECTS <objects>...)
function(fuse_add_cuda_program program)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "RUNTIME" "OBJECTS")
  add_executable(${program} ${arg_OBJECTS})
  set_target_properties(${program} PROPERTIES LINKER_LANGUAGE CXX)
  target_link_libraries(${program} PRIVATE fuse_cuda_test)
  if(arg_RUNTIME STREQUAL "simulated")
    set_target_properties(${program} PROPERTIES CUDA_RUNTIME_LIBRARY None)
    target_link_libraries(${program} PRIVATE fuse_sim)
  else()
    set_target_properties(${program} PROPERTIES CUDA_RUNTIME_LIBRARY Static)
    target_link_libraries(${program} PRIVATE CUDA::cudart_static)
  endif()
endfunction()

if(FUSE_SIMULATED_DEVICE)
  file(GLOB fuse_sim_sources CONFIGURE_DEPENDS sim/ptx/*.cpp sim/runtime/*.cpp)
  list(FILTER fuse_sim_sources EXCLUDE REGEX "/bench\\.cpp$")
  # It computes what a GPU computes: no contraction of a * b + c that the PTX does not ask for.
  add_library(fuse_sim STATIC ${fuse_sim_sources})
  target_link_libraries(fuse_sim PRIVATE fuse_development)
  target_include_directories(fuse_sim SYSTEM PUBLIC ${CUDAToolkit_INCLUDE_DIRS})
  target_compile_options(fuse_sim PRIVATE -O3 -ffp-contract=off)
  target_link_libraries(fuse_sim PUBLIC Threads::Threads)

  # Kernels that the tests of the PTX machine read as text.
  file(GLOB fuse_sim_kernels CONFIGURE_DEPENDS sim/tests/kernels/*.cu)
  file(MAKE_DIRECTORY "${SIM_KERNEL_DIRECTORY}")
  set(fuse_sim_ptx "")
  foreach(source IN LISTS fuse_sim_kernels)
    cmake_path(GET source STEM name)
    set(ptx "${SIM_KERNEL_DIRECTORY}/${name}.ptx")
    add_custom_command(
      OUTPUT "${ptx}"
      COMMAND "${CMAKE_CUDA_COMPILER}" --ptx -arch=sm_90 -O3 -std=c++20 --Werror=all-warnings -o "${ptx}" -MD -MF
              "${ptx}.d" "${source}"
      DEPENDS "${source}"
      DEPFILE "${ptx}.d"
      COMMENT "PTX of tests/sim/tests/kernels/${name}.cu"
      VERBATIM)
    list(APPEND fuse_sim_ptx "${ptx}")
  endforeach()
  add_custom_target(fuse_sim_ptx ALL DEPENDS ${fuse_sim_ptx})

  file(GLOB fuse_sim_tests CONFIGURE_DEPENDS sim/tests/*.cpp sim/tests/*.cu)
  list(FILTER fuse_sim_tests EXCLUDE REGEX "_main\\.cpp$")
  foreach(source IN LISTS fuse_sim_tests)
    cmake_path(GET source STEM name)
    # Tests of what happens at the end of a process have a main of their own.
    file(STRINGS "${source}" own_main REGEX "define DOCTEST_CONFIG_IMPLEMENT")
    set(objects "${source}")
    if(NOT own_main)
      list(APPEND objects $<TARGET_OBJECTS:fuse_test_main>)
    endif()
    fuse_add_cuda_program(sim_${name} RUNTIME simulated OBJECTS ${objects})
    set_target_properties(sim_${name} PROPERTIES CUDA_ARCHITECTURES 90)
    fuse_define_paths("${source}")
    target_compile_options(sim_${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-ffp-contract=off>)
    add_dependencies(sim_${name} fuse_sim_ptx)
    fuse_add_doctest("sim/${name}" sim_${name})
  endforeach()

  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/sim/ptx/bench.cpp")
    add_executable(sim_ptx_bench sim/ptx/bench.cpp)
    target_link_libraries(sim_ptx_bench PRIVATE fuse_development fuse_sim)
    target_compile_definitions(sim_ptx_bench PRIVATE SIM_KERNEL_DIRECTORY="${SIM_KERNEL_DIRECTORY}")
    add_dependencies(sim_ptx_bench fuse_sim_ptx)
  endif()
endif()

# Code-generation tests: what nvcc makes of a function, held by FileCheck.
find_program(FUSE_FILECHECK NAMES FileCheck-14 FileCheck HINTS /usr/lib/llvm-14/bin)
mark_as_advanced(FUSE_FILECHECK)
cmake_path(GET CMAKE_CUDA_COMPILER PARENT_PATH fuse_cuda_programs)
function(fuse_add_codegen_test name)
  add_test(NAME "codegen/${name}" COMMAND "${Python3_EXECUTABLE}" "${CMAKE_CURRENT_SOURCE_DIR}/codegen/run.py" ${ARGN})
  set_tests_properties("codegen/${name}" PROPERTIES TIMEOUT 900 ENVIRONMENT_MODIFICATION
                                                    "PATH=path_list_prepend:${fuse_cuda_programs}")
endfunction()
if(FUSE_FILECHECK)
  file(GLOB fuse_codegen_cases CONFIGURE_DEPENDS codegen/*.cu)
  foreach(source IN LISTS fuse_codegen_cases)
    cmake_path(GET source STEM name)
    fuse_add_codegen_test("${name}" --case "${name}")
  endforeach()
  if(fuse_codegen_cases)
    fuse_add_codegen_test(all_architectures --all-architectures)
    set_tests_properties(codegen/all_architectures PROPERTIES COST 1000)  # takes longest: begins first
  endif()
else()
  message(STATUS "fuse: code-generation tests left out, they need FileCheck of LLVM 14")
endif()

foreach(source IN LISTS fuse_cuda_tests)
  cmake_path(GET source STEM name)
  string(REGEX REPLACE "_test$" "" name "${name}")
  set(needs fuse_cuda_test)
  if(name MATCHES "^llama")
    if(NOT TARGET llama_example)
      continue()
    endif()
    list(APPEND needs llama_example_cuda)
  endif()
  add_library(cuda_objects_${name} OBJECT "${source}")
  file(STRINGS "${source}" asks_ptxas REGEX "registers > 0")
  if(asks_ptxas)
    set_target_properties(cuda_objects_${name} PROPERTIES CUDA_ARCHITECTURES 90)
  endif()
  fuse_define_paths("${source}")
  target_link_libraries(cuda_objects_${name} PRIVATE ${needs})
  set(objects $<TARGET_OBJECTS:cuda_objects_${name}> $<TARGET_OBJECTS:fuse_test_main>)
  if(FUSE_SIMULATED_DEVICE)
    fuse_add_cuda_program(cuda_${name} RUNTIME simulated OBJECTS ${objects})
    target_link_libraries(cuda_${name} PRIVATE ${needs})
    fuse_add_doctest("cuda/${name}" cuda_${name})
    set(counters "${CMAKE_CURRENT_SOURCE_DIR}/cuda/${name}.counters")  # what each of its launches counts
    if(EXISTS "${counters}")
      add_test(NAME "cuda/${name}_counters"
               COMMAND "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/tools/compare_counters.py" check "${counters}"
                       $<TARGET_FILE:cuda_${name}>)
    endif()
  endif()
  # What asks the simulated device for its counters has nobody to ask on a GPU.
  file(STRINGS "${source}" asks_simulator REGEX "sim/runtime/")
  if(asks_simulator)
    continue()
  endif()
  fuse_add_cuda_program(gpu_${name} RUNTIME real OBJECTS ${objects})
  target_link_libraries(gpu_${name} PRIVATE ${needs})
  set_property(GLOBAL APPEND PROPERTY FUSE_GPU_PROGRAMS gpu_${name})
  fuse_add_doctest("gpu/${name}" "${PROJECT_SOURCE_DIR}/tools/run_on_gpu.sh" $<TARGET_FILE:gpu_${name}>)
  set_tests_properties("gpu/${name}" PROPERTIES SKIP_RETURN_CODE 77 RESOURCE_LOCK gpu)
endforeach()
