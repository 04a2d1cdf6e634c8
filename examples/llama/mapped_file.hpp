// SPDX-License-Identifier: Apache-2.0
/// A file's bytes, read-only, mapped into memory: a checkpoint of many gigabytes opens at once and is paged in on use.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "error.hpp"

namespace llama {

/// Owns the mapping of one regular file. Movable; spans of `bytes()` stay valid when it moves and until it is
/// destroyed. The file must not be truncated while it is mapped: the system answers a read past the new end with
/// SIGBUS.
class mapped_file {
 public:
  /// Throws `error` if the file is missing, unreadable or not a regular file (a directory, a pipe).
  explicit mapped_file(const std::filesystem::path& path) {
    const auto fail = [&path](const std::string& what) {
      throw error(printable(path.string()) + ": expected a readable file, got: " + what +
                  "; check the path and its permissions");
    };
    const auto system_message = [] { return std::generic_category().message(errno); };
    // Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) fail(system_message());
    struct closer {
      int descriptor;
      ~closer() { ::close(descriptor); }
    } const close_at_end{descriptor};

    struct ::stat status {};
    if (::fstat(descriptor, &status) != 0) fail(system_message());
    if (S_ISDIR(status.st_mode)) fail("a directory");
    if (!S_ISREG(status.st_mode)) fail("not a regular file");
    size_ = static_cast<std::size_t>(status.st_size);
    if (size_ == 0) return;  // mmap refuses an empty range
    void* const address = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (address == MAP_FAILED) fail(system_message());
    address_ = address;
  }

  mapped_file(mapped_file&& other) noexcept
      : address_(std::exchange(other.address_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  mapped_file& operator=(mapped_file&& other) noexcept {
    std::swap(address_, other.address_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~mapped_file() {
    if (address_ != nullptr) ::munmap(address_, size_);
  }

  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(address_), size_}; }
  std::string_view text() const { return {static_cast<const char*>(address_), size_}; }

 private:
  void* address_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace llama
