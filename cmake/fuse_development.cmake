# SPDX-License-Identifier: Apache-2.0
# How fuse builds its own tests, examples and benchmarks. A project that only uses fuse never reads this file.
option(FUSE_NATIVE "Compile for the processor of this machine" ON)
option(FUSE_WARNINGS_AS_ERRORS "Stop at the first warning" ON)
set(FUSE_SANITIZE "" CACHE STRING "Sanitizers to build everything with, as -fsanitize= takes them")
set(FUSE_CUDA AUTO CACHE STRING "Build the CUDA sources: ON, OFF, or AUTO for where nvcc is found")
set_property(CACHE FUSE_CUDA PROPERTY STRINGS AUTO ON OFF)

get_property(fuse_multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(NOT fuse_multi_config AND NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
endif()
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CUDA_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# nvcc is seldom on the PATH: its installer leaves that to the user.
if(FUSE_CUDA)
  if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
    find_program(FUSE_NVCC nvcc HINTS ENV CUDA_PATH ENV CUDA_HOME PATHS /usr/local/cuda /opt/cuda PATH_SUFFIXES bin)
    mark_as_advanced(FUSE_NVCC)
    if(FUSE_NVCC)
      set(CMAKE_CUDA_COMPILER "${FUSE_NVCC}")
    endif()
  endif()
  if(NOT CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 90)
  endif()
  include(CheckLanguage)
  check_language(CUDA)
endif()
if(FUSE_CUDA AND CMAKE_CUDA_COMPILER)
  enable_language(CUDA)
  find_package(CUDAToolkit REQUIRED)
  set(FUSE_HAS_CUDA TRUE)
elseif(FUSE_CUDA STREQUAL "AUTO" OR NOT FUSE_CUDA)
  set(FUSE_HAS_CUDA FALSE)
  message(STATUS "fuse: no CUDA in this build, the host executor alone")
else()
  message(FATAL_ERROR "fuse: FUSE_CUDA is ON, expected nvcc 13.0 or newer, found none; install the CUDA Toolkit from "
                      "https://developer.nvidia.com/cuda-downloads, or set CUDACXX to the path of nvcc, or FUSE_CUDA "
                      "to OFF")
endif()

# A compiler cache makes every second build quick. What -march=native means is a property of the machine, which the
# cache does not see: a description of the processor goes into its key.
find_program(FUSE_CCACHE ccache)
mark_as_advanced(FUSE_CCACHE)
if(FUSE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(fuse_processor "${PROJECT_BINARY_DIR}/processor.txt")
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -march=native -E -dM -x c++ /dev/null OUTPUT_FILE "${fuse_processor}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env "CCACHE_EXTRAFILES=${fuse_processor}"
      "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1 "${FUSE_CCACHE}")
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()

# The flags of everything that is ours: link fuse_development privately.
add_library(fuse_development INTERFACE)
target_link_libraries(fuse_development INTERFACE fuse::fuse)
set(fuse_cxx "$<COMPILE_LANGUAGE:CXX>")
set(fuse_cuda "$<COMPILE_LANGUAGE:CUDA>")
target_compile_options(fuse_development INTERFACE $<${fuse_cxx}:-Wall> $<${fuse_cxx}:-Wextra>
                                                  "$<${fuse_cuda}:-Xcompiler=-Wall,-Wextra>")
if(FUSE_WARNINGS_AS_ERRORS)
  target_compile_options(fuse_development INTERFACE $<${fuse_cxx}:-Werror>
                                                    "$<${fuse_cuda}:--Werror=all-warnings>")
endif()
# g++ collects its garbage again and again while it compiles kernels: a tenth of its time.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(fuse_development INTERFACE $<${fuse_cxx}:--param=ggc-min-heapsize=1000000>
                                                    "$<${fuse_cuda}:-Xcompiler=--param=ggc-min-heapsize=1000000>")
endif()
if(FUSE_NATIVE)
  target_compile_options(fuse_development INTERFACE $<${fuse_cxx}:-march=native>
                                                    "$<${fuse_cuda}:-Xcompiler=-march=native>")
endif()
if(FUSE_SANITIZE)
  target_compile_options(fuse_development INTERFACE -fsanitize=${FUSE_SANITIZE} -fno-sanitize-recover=all
                                                    -fno-omit-frame-pointer)
  target_link_options(fuse_development INTERFACE -fsanitize=${FUSE_SANITIZE})
  # g++ 12 does not compare addresses in constant expressions under the first three checks of -fsanitize=undefined, and
  # compiles kernels for three times as long under the next two; a quarter longer under object-size, which sees less
  # than -fsanitize=address. Checks of locals by the latter cost as much again, and -fsanitize=bounds sees most of what
  # they see.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(
      fuse_development
      INTERFACE -fno-sanitize=null,nonnull-attribute,returns-nonnull-attribute,alignment,pointer-overflow,object-size
                --param=asan-instrumentation-with-call-threshold=0 --param=asan-stack=0)
  endif()
endif()
