// SPDX-License-Identifier: Apache-2.0
// The Block concept: what a kernel body asks of the threads that run it together. Bodies are written for any number of
// threads. On a device a block is a thread block; on the host it is one thread, and barriers vanish.
#pragma once
#include <concepts>
#include <fuse/kernel/device_value.hpp>
#include <fuse/kernel/host_value.hpp>

namespace fuse {

/// rank() of size() threads; lanes(): threads that exchange values without a barrier (a power of two that divides
/// size()); sync(): all writes before it are seen after it; exchange(x, mask): x of the thread whose lane differs by
/// mask, which makes no write visible; storage(): 8 bytes for each warp (max_warps at most on a device) that all
/// threads share.
template <class B>
concept block = requires(const B b, float x, int mask) {
  typename B::values;
  { b.rank() } -> std::convertible_to<int>;
  { b.size() } -> std::convertible_to<int>;
  { b.lanes() } -> std::convertible_to<int>;
  b.sync();
  { b.exchange(x, mask) } -> std::convertible_to<float>;
  { b.storage() } -> std::convertible_to<char*>;
};

inline constexpr int max_warps = 32;

/// One host thread is the whole block.
struct single_block {
  using values = host_values;
  unsigned past_cache = 0;  // bit s is set where store s goes past the caches
  FUSE_HD static constexpr int rank() { return 0; }
  FUSE_HD static constexpr int size() { return 1; }
  FUSE_HD static constexpr int lanes() { return 1; }
  FUSE_HD void sync() const {}
  template <class T>
  FUSE_HD T exchange(T x, int) const {
    return x;
  }
  FUSE_HD static constexpr char* storage() { return nullptr; }
};

#if defined(__CUDACC__)
/// All threads of a thread block (one-dimensional).
struct cuda_block {
  using values = device_values;
  char* shared;
  FUSE_DEVICE int rank() const { return static_cast<int>(threadIdx.x); }
  FUSE_DEVICE int size() const { return static_cast<int>(blockDim.x); }
  static FUSE_DEVICE constexpr int lanes() { return 32; }
  FUSE_DEVICE void sync() const { __syncthreads(); }
  template <class T>
  FUSE_DEVICE T exchange(T x, int mask) const {
    return __shfl_xor_sync(0xffffffffu, x, mask);
  }
  FUSE_DEVICE char* storage() const { return shared; }
};
#endif

namespace blocks {
FUSE_UNCHECKED
template <const op_info* Op, class Values, class T>
FUSE_HD T combine(T a, T b) {
  using value = typename Values::template value<T, 1>;
  const value x = Values::template splat<T, 1>(a), y = Values::template splat<T, 1>(b);
  return Values::first(Values::template apply<Op, 1>(x, y));
}
}  // namespace blocks

/// The combination of every thread's v by Op, in a fixed order; valid in every thread.
FUSE_UNCHECKED
template <const op_info* Op, block B, class T>
FUSE_HD T all_reduce(const B& b, T v, T identity) {
  using values = typename B::values;
  for (int mask = b.lanes() / 2; mask > 0; mask /= 2) v = blocks::combine<Op, values>(v, b.exchange(v, mask));
  if (b.size() <= b.lanes()) return v;
  T* shared = reinterpret_cast<T*>(b.storage());
  const int warps = (b.size() + b.lanes() - 1) / b.lanes();
  if (b.rank() % b.lanes() == 0) shared[b.rank() / b.lanes()] = v;
  b.sync();
  v = identity;
  for (int w = 0; w < warps; ++w) v = blocks::combine<Op, values>(v, shared[w]);
  b.sync();  // the next reduction writes `shared` again
  return v;
}

}  // namespace fuse
