// SPDX-License-Identifier: Apache-2.0
// Where a test runs its functions: on the host, or on a device where nvcc compiles the test. Tests are written once.
#pragma once
#include <algorithm>
#include <fuse/fuse.hpp>
#include <tuple>

namespace machine {
namespace fx = fuse;

#if defined(__CUDACC__)
inline constexpr bool is_device = true;
template <fx::modes M>
struct executor : fx::cuda_executor<M> {
  executor() : fx::cuda_executor<M>(cudaStream_t{}) {}
  explicit executor(fx::mode m) : fx::cuda_executor<M>(cudaStream_t{}, m) {}
};
#else
inline constexpr bool is_device = false;
template <fx::modes M>
using executor = fx::host_executor<M>;
#endif
/// Do the shared tests run eager plans too? Not where compilers take long: a device's, and g++ with AddressSanitizer,
/// under which one dtype stands for all of a kind.
#if defined(__CUDACC__) || defined(__SANITIZE_ADDRESS__)
inline constexpr bool runs_eager = false;
#else
inline constexpr bool runs_eager = true;
#endif
#if defined(__SANITIZE_ADDRESS__)
#define FLOATS_TO_TEST float, fuse::bf16
#define INTEGERS_TO_TEST bool, std::int8_t, std::int64_t
#else
#define FLOATS_TO_TEST float, double, fuse::f16, fuse::bf16
#define INTEGERS_TO_TEST bool, std::uint8_t, std::int8_t, std::int32_t, std::int64_t
#endif
/// Runs fused plans alone: half the compile time.
using fused_executor = executor<fx::modes::fused>;
using any_executor = executor<fx::modes::any>;

/// Host tensors go to the executor's memory; anything else is what the executor takes already.
template <class E, class A>
decltype(auto) put(E& e, const A& a) {
  if constexpr (is_device && requires { a.view(); })
    return e.upload(a);
  else
    return (a);
}
template <class E, class T>
auto get(E& e, T&& tensor) {
  if constexpr (is_device)
    return e.download(tensor);
  else
    return std::forward<T>(tensor);
}

/// A copy in the executor's memory, to be written to, and a copy of such memory on the host.
template <class E, class T, class X>
fx::tensor<T, X> fresh([[maybe_unused]] E& e, const fx::tensor<T, X>& host) {
  if constexpr (is_device) {
    return e.upload(host);
  } else {
    fx::tensor<T, X> r(host.extents());
    std::copy_n(host.data(), host.size(), r.data());
    return r;
  }
}
template <class E, class T, class X>
fx::tensor<T, X> contents([[maybe_unused]] E& e, const fx::tensor<T, X>& memory) {
  if constexpr (is_device)
    return e.download(memory);
  else
    return fresh(e, memory);
}

/// The results of a call with host tensors (or views and scalars ready for the executor), as a tuple of host tensors.
template <class E, class F, class... A>
auto call(E& e, const F& f, const A&... a) {
  auto results = f(e, put(e, a)...);
  if constexpr (requires { results.data(); })
    return std::make_tuple(get(e, std::move(results)));
  else
    return std::apply([&](auto&... r) { return std::make_tuple(get(e, std::move(r))...); }, results);
}

}  // namespace machine
