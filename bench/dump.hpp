// SPDX-License-Identifier: Apache-2.0
// Tensors as .npy files, for another program to read. Source: NumPy's own description of the format, version 1.0. bf16,
// which it lacks, is written as the 16-bit pattern.
#pragma once
#include <cstdio>
#include <fuse/fuse.hpp>
#include <memory>
#include <stdexcept>
#include <string>

namespace bench {

constexpr const char* npy_type(fuse::dtype d) {
  switch (d) {
    case fuse::dtype::f64:
      return "<f8";
    case fuse::dtype::f32:
      return "<f4";
    case fuse::dtype::f16:
      return "<f2";
    case fuse::dtype::bf16:
      return "<u2";
    case fuse::dtype::i64:
      return "<i8";
    default:
      throw std::invalid_argument("bench::npy_type: expected f64, f32, f16, bf16 or i64");
  }
}

/// A row-major tensor or view of host memory. Throws std::runtime_error where the file cannot be written.
template <class Tensor>
void write_npy(const std::string& path, const Tensor& x) {
  using T = std::remove_cvref_t<decltype(*x.data())>;
  std::string header =
      std::string("{'descr': '") + npy_type(fuse::dtype_of<T>) + "', 'fortran_order': False, 'shape': (";
  for (const auto n : x.extents()) header += std::to_string(n) + ",";
  header += "), }";
  constexpr std::size_t before = 10;  // magic, version, length of the header
  header.append((64 - (before + header.size() + 1) % 64) % 64, ' ');
  header += '\n';
  const unsigned char start[before] = {0x93,
                                       'N',
                                       'U',
                                       'M',
                                       'P',
                                       'Y',
                                       1,
                                       0,
                                       static_cast<unsigned char>(header.size() % 256),
                                       static_cast<unsigned char>(header.size() / 256)};
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "wb"), std::fclose);
  const auto size = static_cast<std::size_t>(x.size());
  if (!file || std::fwrite(start, 1, before, file.get()) != before ||
      std::fwrite(header.data(), 1, header.size(), file.get()) != header.size() ||
      std::fwrite(x.data(), sizeof(T), size, file.get()) != size)
    throw std::runtime_error("bench::write_npy: could not write " + path);
}

/// Every tensor in a tuple, members of structs too, in order: DIRECTORY/NAME.0.npy, …
template <class Tuple>
void dump(const std::string& directory, const std::string& name, const Tuple& values) {
  int count = 0;
  auto write = [&](const auto& leaf) {
    if constexpr (requires { leaf.data(); })
      write_npy(directory + "/" + name + "." + std::to_string(count++) + ".npy", leaf);
  };
  std::apply([&](const auto&... x) { (fuse::arguments::for_each_leaf(x, write), ...); }, values);
}

}  // namespace bench
