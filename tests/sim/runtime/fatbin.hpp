// SPDX-License-Identifier: Apache-2.0
// The fat binary that nvcc embeds in a host object: a header, then entries, each PTX text or a cubin for one
// architecture.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace sim::runtime {

struct fat_image {
  enum class kind { ptx, cubin };
  kind what;
  int architecture;             // 90 for sm_90
  std::vector<std::byte> data;  // decoded: PTX text without its final zero, or an ELF file
};

// Every image of a fat binary. `wrapper` is the __fatBinC_Wrapper_t that __cudaRegisterFatBinary receives.
// Throws std::runtime_error for an unknown magic number or a compression that is not LZ4.
std::vector<fat_image> read_fat_binary(const void* wrapper);

// The same from the fat binary itself (a .fatbin file in memory).
std::vector<fat_image> read_fat_images(const void* fat_binary);

std::string ptx_text(const fat_image& image);

}  // namespace sim::runtime
