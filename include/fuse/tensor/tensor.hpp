// SPDX-License-Identifier: Apache-2.0
// tensor<T, extents>: a row-major tensor that owns its memory, on the host or on a device. Move-only.
#pragma once
#include <cstdlib>
#include <fuse/tensor/view.hpp>
#include <initializer_list>
#include <utility>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace fuse {

/// Memory with the function that gives it back.
class buffer {
 public:
  using release_t = void (*)(void* data, void* context) noexcept;
  buffer() = default;
  buffer(void* data, release_t release, void* context = nullptr) : data_(data), context_(context), release_(release) {}
  buffer(buffer&& o) noexcept : data_(std::exchange(o.data_, nullptr)), context_(o.context_), release_(o.release_) {}
  buffer& operator=(buffer&& o) noexcept {
    std::swap(data_, o.data_), std::swap(context_, o.context_), std::swap(release_, o.release_);
    return *this;
  }
  ~buffer() {
    if (data_) release_(data_, context_);
  }
  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
  void* context_ = nullptr;
  release_t release_ = nullptr;
};

inline constexpr std::size_t host_alignment = 64;

/// Host memory aligned to a vector register; large memory in large pages where the system has them.
inline buffer allocate_host(std::size_t bytes) {
  constexpr std::size_t large_page = std::size_t(2) << 20;
  const auto refuse = [&] {
    throw error(error_category::memory, text("fuse: could not allocate ") << bytes << " bytes on the host");
  };
  if (bytes > static_cast<std::size_t>(views::most_bytes)) refuse();
  const bool large = bytes >= 2 * large_page;
  const std::size_t alignment = large ? large_page : host_alignment;
  const std::size_t size = bytes > 0 ? (bytes + alignment - 1) / alignment * alignment : alignment;
  void* p = std::aligned_alloc(alignment, size);
#if defined(MADV_HUGEPAGE)
  if (p && large) madvise(p, size, MADV_HUGEPAGE);  // a wish: whether it comes true changes no result
#endif
  if (!p) refuse();
  return {p, [](void* q, void*) noexcept { std::free(q); }};
}

template <element T, class E>
class tensor {
 public:
  using element_type = T;
  using extents_type = E;
  static constexpr int rank = E::rank;
  using lengths = std::array<index, rank>;

  tensor() = default;
  /// What is moved from is empty.
  tensor(tensor&& o) noexcept : memory_(std::move(o.memory_)), view_(std::exchange(o.view_, fuse::view<T, E>{})) {}
  tensor& operator=(tensor&& o) noexcept {
    std::swap(memory_, o.memory_), std::swap(view_, o.view_);
    return *this;
  }
  /// Memory of the host, not initialised.
  explicit tensor(const lengths& extents) : tensor(extents, allocate_host(views::bytes<T, E>(extents))) {}
  /// Takes memory that holds the elements.
  tensor(const lengths& extents, buffer memory)
      : memory_(std::move(memory)), view_(static_cast<T*>(memory_.data()), extents) {}
  /// From values in row-major order.
  tensor(const lengths& extents, std::initializer_list<T> values) : tensor(extents) {
    if (index(values.size()) != size())
      throw error(error_category::extents, text("fuse::tensor: expected ")
                                               << size() << " values, got " << values.size());
    index i = 0;
    for (const T& v : values) data()[i++] = v;
  }

  T* data() const { return view_.data(); }
  const lengths& extents() const { return view_.extents(); }
  index extent(int axis) const { return view_.extent(axis); }
  index size() const { return view_.size(); }
  T& operator[](index i) const { return data()[i]; }
  fuse::view<T, E> view() const { return view_; }
  operator fuse::view<T, E>() const { return view_; }
  operator fuse::view<const T, E>() const { return view_; }

 private:
  buffer memory_;
  fuse::view<T, E> view_;
};

}  // namespace fuse
