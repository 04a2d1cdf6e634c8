// SPDX-License-Identifier: Apache-2.0
// Where a test of captured graphs runs: on the host, or in a stream of its own where nvcc compiles it. Written once.
#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <fuse/fuse.hpp>
#include <fuse/runtime/fork.hpp>
#include <fuse/runtime/graphed.hpp>
#include <fuse/runtime/loop.hpp>
#include <fuse/runtime/uncaptured.hpp>
#include <string>
#include <vector>

namespace stage {
namespace fx = fuse;
constexpr fx::index dyn = fx::dyn;
template <class T, fx::index... E>
using tensor = fx::tensor<T, fx::extents<E...>>;
using vector = tensor<float, dyn>;
using matrix = tensor<float, dyn, dyn>;
using flag = tensor<bool, 1>;
template <class T, int Rank>
using strided_view = fx::view<T, std::conditional_t<Rank == 1, fx::extents<dyn>, fx::extents<dyn, dyn>>, fx::strided>;

#if defined(__CUDACC__)
inline constexpr bool is_device = true;
/// Kernels write past the caches or to other memory only in multiples of this.
inline constexpr std::uintptr_t alignment = 16;
class own_stream {
 public:
  own_stream() { fx::cuda::check(cudaStreamCreate(&stream_), "cudaStreamCreate"); }
  ~own_stream() { cudaStreamDestroy(stream_); }
  own_stream(const own_stream&) = delete;
  own_stream& operator=(const own_stream&) = delete;
  operator cudaStream_t() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};
template <fx::modes M>
using executor = fx::cuda_executor<M>;
#else
inline constexpr bool is_device = false;
inline constexpr std::uintptr_t alignment = 64;
struct own_stream {};
template <fx::modes M>
using executor = fx::host_executor<M>;
#endif

/// An executor, and the way of its memory from and to the host.
template <fx::modes M = fx::modes::fused>
class bench {
#if defined(__CUDACC__)
  std::unique_ptr<own_stream> owned_;
  cudaStream_t stream_;

 public:
  executor<M> e{stream_};

  bench() : owned_(std::make_unique<own_stream>()), stream_(*owned_) {}
  /// In a stream that outlives it.
  explicit bench(cudaStream_t stream) : stream_(stream) {}

  template <class T, class X>
  fx::tensor<T, X> put(const fx::tensor<T, X>& host) {
    return e.upload(host);
  }
  template <class T, class X>
  fx::tensor<T, X> get(const fx::view<T, X>& device) {
    fx::tensor<std::remove_const_t<T>, X> host(device.extents());
    if (host.size() > 0)
      fx::cuda::check(cudaMemcpyAsync(host.data(), device.data(), std::size_t(host.size()) * sizeof(T),
                                      cudaMemcpyDeviceToHost, stream_),
                      "cudaMemcpyAsync");
    e.synchronize();
    return host;
  }
#else

 public:
  executor<M> e;

  template <class T, class X>
  fx::tensor<T, X> put(const fx::tensor<T, X>& host) {
    return get(host.view());
  }
  template <class T, class X>
  fx::tensor<T, X> get(const fx::view<T, X>& memory) {
    fx::tensor<std::remove_const_t<T>, X> copy(memory.extents());
    std::copy_n(memory.data(), copy.size(), copy.data());
    return copy;
  }
#endif
  template <class T, class X>
  fx::tensor<T, X> get(const fx::tensor<T, X>& t) {
    return get(t.view());
  }
  template <class V>
  auto get(const fx::replayed<V>& r) {
    return get(r.view());
  }
  /// from, from + 1, … modulo 61 in row-major order, in the executor's memory.
  template <class T>
  T made(const typename T::lengths& extents, int from = 0) {
    T x(extents);
    for (fx::index i = 0; i < x.size(); ++i) x[i] = typename T::element_type((from + i) % 61);
    return put(x);
  }
  flag raised(bool yes = true) { return put(flag({1}, {yes})); }
};

/// Are two things on the host equal, shape and values?
template <class T, class X, class Y>
bool same(const fx::tensor<T, X>& a, const fx::tensor<T, Y>& b) {
  return a.extents() == b.extents() && std::equal(a.data(), a.data() + a.size(), b.data());
}

/// The error of a call, or "" and a failed check.
struct refusal {
  std::string text;
  fx::error_category category{};
  bool says(const char* word) const { return text.find(word) != std::string::npos; }
};
template <class Call>
refusal refused(Call&& call) {
  try {
    call();
  } catch (const fx::error& e) {
    return {e.what(), e.category()};
  }
  FAIL("the call was not refused");
  return {};
}
#define CHECK_SAYS(refusal, word) \
  do {                            \
    CAPTURE((refusal).text);      \
    CHECK((refusal).says(word));  \
  } while (false)

}  // namespace stage
