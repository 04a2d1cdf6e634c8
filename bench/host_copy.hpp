// SPDX-License-Identifier: Apache-2.0
// The yardstick on the host: a copy in memory by the threads that the executor uses.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <fuse/fuse.hpp>

namespace bench {

enum class copy_stores { memcpy, streaming };

/// Copies `size` bytes, in shares as the executor makes them: with memcpy, or with stores that bypass the caches.
class host_copy {
 public:
  host_copy(std::size_t size, copy_stores stores)
      : size_(size),
        streaming_(stores == copy_stores::streaming),
        from_(fuse::allocate_host(size)),
        to_(fuse::allocate_host(size)) {
    std::memset(from_.data(), 1, size);
    std::memset(to_.data(), 2, size);
  }
  /// Read and written by one copy.
  double bytes() const { return 2.0 * double(size_); }

  void operator()() const {
    const std::size_t shares = 8 * static_cast<std::size_t>(fuse::host_threads::count());
    fuse::host_threads::run(static_cast<int>(shares), [&](int number) {
      const auto share = static_cast<std::size_t>(number);
      const std::size_t begin = size_ * share / shares / 64 * 64,
                        end = share + 1 == shares ? size_ : size_ * (share + 1) / shares / 64 * 64;
      const char* from = static_cast<const char*>(from_.data());
      char* to = static_cast<char*>(to_.data());
      if (streaming_)
        stream(to + begin, from + begin, end - begin);
      else
        std::memcpy(to + begin, from + begin, end - begin);
    });
  }

 private:
  static void stream(char* to, const char* from, std::size_t bytes) {
#if defined(__AVX__)
    typedef float part __attribute__((vector_size(32), may_alias));
    std::size_t i = 0;
    for (; i + 32 <= bytes; i += 32) {
      part x;
      std::memcpy(&x, from + i, 32);
      asm volatile("vmovntps %1, %0" : "=m"(*reinterpret_cast<part*>(to + i)) : "x"(x));
    }
    std::memcpy(to + i, from + i, bytes - i);
    asm volatile("sfence" ::: "memory");
#else
    std::memcpy(to, from, bytes);
#endif
  }

  std::size_t size_;
  bool streaming_;
  fuse::buffer from_, to_;
};

/// Which copy is the yardstick: the quicker one on this machine, measured once.
inline copy_stores stores_that_copy_quicker() {
  static const copy_stores quicker = [] {
    const host_copy plain(std::size_t(64) << 20, copy_stores::memcpy),
        streaming(std::size_t(64) << 20, copy_stores::streaming);
    auto quickest = [](const host_copy& copy) {
      auto least = std::chrono::steady_clock::duration::max();
      for (int i = 0; i < 7; ++i) {
        const auto start = std::chrono::steady_clock::now();
        copy();
        least = std::min(least, std::chrono::steady_clock::now() - start);
      }
      return least;
    };
    return quickest(streaming) <= quickest(plain) ? copy_stores::streaming : copy_stores::memcpy;
  }();
  return quicker;
}

}  // namespace bench
