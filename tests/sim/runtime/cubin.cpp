// SPDX-License-Identifier: Apache-2.0
#include "cubin.hpp"

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace sim::runtime {
namespace {

// Attributes of .nv.info sections. A record is format, attribute, then a 16-bit value or a 16-bit length and payload.
constexpr std::uint8_t format_sized = 4;
constexpr std::uint8_t attribute_max_threads = 0x05, attribute_frame_size = 0x11, attribute_register_count = 0x2f;

// Shared memory that the system keeps for itself at the start of every block's window from sm_90 on
// (cudaDeviceProp::reservedSharedMemPerBlock).
constexpr int reserved_shared_bytes = 1024;

// Opcode field (low 12 bits) of the 128-bit instructions of sm_70 and later.
constexpr unsigned opcode_load_local = 0x983, opcode_store_local = 0x387;

class elf_file {
 public:
  explicit elf_file(std::span<const std::byte> bytes) : bytes_(bytes) {
    header_ = at<Elf64_Ehdr>(0);
    if (std::memcmp(header_.e_ident, ELFMAG, SELFMAG) != 0 || header_.e_ident[EI_CLASS] != ELFCLASS64)
      throw std::runtime_error("sim::cubin: expected a 64-bit ELF file in the fat binary");
    for (unsigned i = 0; i < header_.e_shnum; ++i)
      sections_.push_back(at<Elf64_Shdr>(header_.e_shoff + i * header_.e_shentsize));
  }
  const std::vector<Elf64_Shdr>& sections() const { return sections_; }
  std::string name(const Elf64_Shdr& section) const {
    return text(sections_.at(header_.e_shstrndx).sh_offset + section.sh_name);
  }
  std::span<const std::byte> data(const Elf64_Shdr& section) const {
    if (section.sh_type == SHT_NOBITS) return {};
    if (section.sh_offset + section.sh_size > bytes_.size()) throw std::runtime_error("sim::cubin: truncated ELF file");
    return bytes_.subspan(section.sh_offset, section.sh_size);
  }
  // Names of the symbols, by index.
  std::vector<std::string> symbols() const {
    std::vector<std::string> names;
    for (const auto& section : sections_) {
      if (section.sh_type != SHT_SYMTAB) continue;
      for (std::size_t i = 0; i < section.sh_size / sizeof(Elf64_Sym); ++i)
        names.push_back(text(sections_.at(section.sh_link).sh_offset +
                             at<Elf64_Sym>(section.sh_offset + i * sizeof(Elf64_Sym)).st_name));
    }
    return names;
  }

 private:
  template <class T>
  T at(std::size_t offset) const {
    if (offset + sizeof(T) > bytes_.size()) throw std::runtime_error("sim::cubin: truncated ELF file");
    T value;
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
  }
  std::string text(std::size_t offset) const {
    if (offset >= bytes_.size()) throw std::runtime_error("sim::cubin: truncated ELF file");
    const auto* begin = reinterpret_cast<const char*>(bytes_.data() + offset);
    return std::string(begin, strnlen(begin, bytes_.size() - offset));
  }
  std::span<const std::byte> bytes_;
  Elf64_Ehdr header_;
  std::vector<Elf64_Shdr> sections_;
};

// Calls found(attribute, words) for every sized record of an .nv.info section.
template <class Found>
void for_each_attribute(std::span<const std::byte> info, Found found) {
  for (std::size_t at = 0; at + 4 <= info.size();) {
    const auto format = std::to_integer<std::uint8_t>(info[at]);
    const auto attribute = std::to_integer<std::uint8_t>(info[at + 1]);
    std::uint16_t value;
    std::memcpy(&value, info.data() + at + 2, sizeof value);
    at += 4;
    if (format != format_sized) continue;
    if (at + value > info.size()) throw std::runtime_error("sim::cubin: damaged .nv.info section");
    std::vector<std::uint32_t> words(value / 4);
    std::memcpy(words.data(), info.data() + at, words.size() * 4);
    found(attribute, words);
    at += (value + 3u) / 4 * 4;
  }
}

bool starts_with(const std::string& name, std::string_view prefix, std::string& rest) {
  if (!name.starts_with(prefix)) return false;
  rest = name.substr(prefix.size());
  return true;
}

void count_local_accesses(std::span<const std::byte> code, kernel_resources& kernel) {
  for (std::size_t at = 0; at + 16 <= code.size(); at += 16) {
    std::uint16_t word;
    std::memcpy(&word, code.data() + at, sizeof word);
    const unsigned opcode = word & 0xfffu;
    kernel.local_loads += opcode == opcode_load_local;
    kernel.local_stores += opcode == opcode_store_local;
  }
}

}  // namespace

std::map<std::string, kernel_resources> read_cubin(std::span<const std::byte> bytes) {
  const elf_file file(bytes);
  const auto symbols = file.symbols();
  std::map<std::string, kernel_resources> kernels;
  int constants = 0;
  std::string kernel;
  // Only kernels have their own constant bank 0 (it holds the parameters); device functions do not.
  for (const auto& section : file.sections())
    if (starts_with(file.name(section), ".nv.constant0.", kernel)) kernels[kernel] = {};
  for (const auto& section : file.sections()) {
    const auto name = file.name(section);
    if (name == ".nv.info") {
      for_each_attribute(file.data(section), [&](std::uint8_t attribute, const std::vector<std::uint32_t>& words) {
        if (words.size() < 2 || words[0] >= symbols.size()) return;
        const auto found = kernels.find(symbols[words[0]]);
        if (found == kernels.end()) return;
        if (attribute == attribute_register_count) found->second.registers = static_cast<int>(words[1] & 0xffff);
        if (attribute == attribute_frame_size) found->second.local_bytes = static_cast<int>(words[1]);
      });
    } else if (starts_with(name, ".nv.info.", kernel) && kernels.contains(kernel)) {
      for_each_attribute(file.data(section), [&](std::uint8_t attribute, const std::vector<std::uint32_t>& words) {
        if (attribute == attribute_max_threads && words.size() >= 3)
          kernels[kernel].max_threads = static_cast<int>(words[0] * words[1] * words[2]);
      });
    } else if (starts_with(name, ".nv.shared.", kernel) && kernels.contains(kernel)) {
      const int total = static_cast<int>(section.sh_size);
      kernels[kernel].static_shared_bytes = total > reserved_shared_bytes ? total - reserved_shared_bytes : 0;
    } else if (starts_with(name, ".text.", kernel) && kernels.contains(kernel)) {
      count_local_accesses(file.data(section), kernels[kernel]);
    } else if (name == ".nv.constant3") {
      constants = static_cast<int>(section.sh_size);
    }
  }
  for (auto& [name, resources] : kernels) resources.constant_bytes = constants;
  return kernels;
}

}  // namespace sim::runtime
