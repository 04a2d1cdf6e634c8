// SPDX-License-Identifier: Apache-2.0
// Files of the source tree, for programs that may run on a machine which does not have it where it was built.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <system_error>

/// A file or folder of the source tree: in $FUSE_SOURCE_DIR, in the nearest folder above the program that has it, or in
/// the current one. Empty where none has it.
inline std::filesystem::path source_file(const std::filesystem::path& name) {
  namespace fs = std::filesystem;
  std::error_code none;
  if (const char* set = std::getenv("FUSE_SOURCE_DIR"); set && fs::exists(set / name, none)) return set / name;
  fs::path folder = fs::read_symlink("/proc/self/exe", none);
  while (folder.has_relative_path()) {
    folder = folder.parent_path();
    if (fs::exists(folder / name, none)) return folder / name;
  }
  return fs::exists(name, none) ? name : fs::path();
}
