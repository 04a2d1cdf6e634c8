# SPDX-License-Identifier: Apache-2.0
# What travels to a machine with a GPU: `gpu_programs` builds it, gpu_programs.txt names it, tools/pack_gpu.py packs it.
get_property(fuse_gpu_programs GLOBAL PROPERTY FUSE_GPU_PROGRAMS)
if(TARGET llama)
  list(APPEND fuse_gpu_programs llama)
endif()
list(TRANSFORM fuse_gpu_programs REPLACE "(.+)" "$<TARGET_FILE:\\1>" OUTPUT_VARIABLE fuse_gpu_files)
list(JOIN fuse_gpu_files "\n" fuse_gpu_files)
file(GENERATE OUTPUT "${PROJECT_BINARY_DIR}/gpu_programs.txt" CONTENT "${fuse_gpu_files}\n")
add_custom_target(gpu_programs DEPENDS ${fuse_gpu_programs})
