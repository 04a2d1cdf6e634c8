// SPDX-License-Identifier: Apache-2.0
/// libFuzzer target: whatever the bytes, the safetensors reader throws `llama::error` or returns tensors that cover the
/// data exactly and can all be read.
///
/// The first byte of an input chooses: even, the rest is a file; odd, the next byte is a count of data bytes and the
/// rest a header, for which the target makes the length. Random bytes seldom have a length that fits.

#include "llama/safetensors.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

namespace {

void require(bool law) {
  if (!law) std::abort();
}

std::vector<std::byte> file_of(std::span<const std::byte> input) {
  const bool plain = std::to_integer<unsigned>(input[0]) % 2 == 0;
  if (plain || input.size() < 2) return {input.begin() + 1, input.end()};
  const std::span<const std::byte> header = input.subspan(2);
  const std::uint64_t length = header.size();
  std::vector<std::byte> file(sizeof length + header.size() + std::to_integer<std::size_t>(input[1]), std::byte{7});
  std::memcpy(file.data(), &length, sizeof length);
  if (!header.empty()) std::memcpy(file.data() + sizeof length, header.data(), header.size());
  return file;
}

void check(const llama::safetensors& content, std::span<const std::byte> file) {
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof length);
  std::vector<int> readers(file.size() - sizeof length - length);
  const std::byte* const data = file.data() + sizeof length + length;
  for (const auto& [name, tensor] : content.tensors) {
    require(name == tensor.name);
    std::uint64_t count = 1;
    for (const std::int64_t extent : tensor.shape) {
      require(extent >= 0);
      count *= static_cast<std::uint64_t>(extent);
    }
    const bool known = tensor.type != llama::element_type::other;
    require(!known || count == static_cast<std::uint64_t>(tensor.element_count()));
    require(!known || count * llama::size_of(tensor.type) == tensor.bytes.size());
    for (const std::byte& byte : tensor.bytes) {
      require(byte == data[&byte - data]);
      ++readers[static_cast<std::size_t>(&byte - data)];
    }
    switch (tensor.type) {
      case llama::element_type::f64:
      case llama::element_type::f32:
      case llama::element_type::f16:
      case llama::element_type::bf16:
        require(tensor.to_float().size() == count);
        break;
      default:
        break;
    }
  }
  for (const int reader : readers) require(reader == 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  if (size == 0) return 0;
  const std::vector<std::byte> file = file_of(std::as_bytes(std::span(input, size)));
  // An exact copy on the heap: the sanitizer sees a read one byte past the end.
  const std::unique_ptr<std::byte[]> exact(new std::byte[file.size()]);
  if (!file.empty()) std::memcpy(exact.get(), file.data(), file.size());
  const std::span<const std::byte> bytes(exact.get(), file.size());
  try {
    check(llama::read_safetensors(bytes, "input"), bytes);
  } catch (const llama::error&) {
  }
  return 0;
}
