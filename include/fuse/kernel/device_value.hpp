// SPDX-License-Identifier: Apache-2.0
// Values on a device: N elements in registers.
#pragma once
#include <fuse/kernel/value.hpp>
#include <fuse/math/convert.hpp>

#if defined(__CUDACC__)
namespace fuse {

template <class T, int N>
struct lanes_of {
  T v[N];
};

struct device_values {
  static constexpr bool device = true;
  template <dtype D>
  static constexpr bool in_pairs = false;
  template <class T, int N>
  using value = lanes_of<T, N>;

  template <class T, int N>
  FUSE_DEVICE static lanes_of<T, N> splat(T x) {
    lanes_of<T, N> r;
#pragma unroll
    for (int i = 0; i < N; ++i) r.v[i] = x;
    return r;
  }
  template <class T, int N>
  FUSE_DEVICE static lanes_of<T, N> counting(T first, T step) {
    lanes_of<T, N> r;
#pragma unroll
    for (int i = 0; i < N; ++i) r.v[i] = first + T(i) * step;
    return r;
  }
  template <class T, int N>
  FUSE_DEVICE static T first(lanes_of<T, N> x) {
    return x.v[0];
  }

  template <const op_info* Op, int N, class T, class... P>
  FUSE_DEVICE static lanes_of<T, N> apply(lanes_of<T, N> a, P... rest) {
    constexpr auto f = Op->device.get<T>();
    lanes_of<T, N> r;
#pragma unroll
    for (int i = 0; i < N; ++i) {
      const T in[] = {a.v[i], rest.v[i]...};
      r.v[i] = f(in);
    }
    return r;
  }

  template <class T, int N>
  FUSE_DEVICE static lanes_of<T, N> multiply_add(lanes_of<T, N> a, lanes_of<T, N> b, lanes_of<T, N> c) {
#pragma unroll
    for (int i = 0; i < N; ++i) c.v[i] = math::quick_fma(a.v[i], b.v[i], c.v[i]);
    return c;
  }

  template <dtype To, dtype From, int N>
  FUSE_DEVICE static auto convert(lanes_of<compute_type_of<From>, N> x) {
    using T = compute_type_of<To>;
    lanes_of<T, N> r;
#pragma unroll
    for (int i = 0; i < N; ++i) {
      if constexpr (To == dtype::boolean)
        r.v[i] = x.v[i] != 0;
      else if constexpr (values::truncates<To, From>)
        r.v[i] = math::to_integer<T, dtypes::lowest<To>, dtypes::highest<To>>(x.v[i]);
      else if constexpr (values::rounds_twice<To, From>)
        r.v[i] = float(type_of<To>(math::to_odd(x.v[i])));
      else if constexpr (To == dtype::f16 || To == dtype::bf16)
        r.v[i] = float(type_of<To>(float(x.v[i])));
      else
        r.v[i] = values::narrow_scalar<To>(T(x.v[i]));
    }
    return r;
  }
  template <dtype D, class T, int N>
  FUSE_DEVICE static lanes_of<T, N> narrow(lanes_of<T, N> x) {
    if constexpr (D == dtype::boolean || D == dtype::u8 || D == dtype::i8) {
#pragma unroll
      for (int i = 0; i < N; ++i) x.v[i] = values::narrow_scalar<D>(x.v[i]);
    }
    return x;
  }

  template <dtype D, stepping S, int N>
  FUSE_DEVICE static auto load(const stored_type_of<D>* p, index stride, int count) {
    lanes_of<compute_type_of<D>, N> r;
    if constexpr (S == stepping::none) {
      r = splat<compute_type_of<D>, N>(values::widen<D>(*p));
    } else if constexpr (S == stepping::unit && N > 1) {
      if (count >= N) {
        struct alignas(N * sizeof(stored_type_of<D>) > 16 ? 16 : N * sizeof(stored_type_of<D>)) chunk {
          stored_type_of<D> e[N];
        };
        const chunk c = *reinterpret_cast<const chunk*>(p);
#pragma unroll
        for (int i = 0; i < N; ++i) r.v[i] = values::widen<D>(c.e[i]);
      } else {
#pragma unroll
        for (int i = 0; i < N; ++i) r.v[i] = i < count ? values::widen<D>(p[i]) : compute_type_of<D>(0);
      }
    } else {
      const index step = S == stepping::unit ? 1 : stride;
#pragma unroll
      for (int i = 0; i < N; ++i) r.v[i] = i < count ? values::widen<D>(p[i * step]) : compute_type_of<D>(0);
    }
    return r;
  }
  template <dtype D, stepping S, int N>
  FUSE_DEVICE static void store(stored_type_of<D>* p, index stride, lanes_of<compute_type_of<D>, N> x, int count) {
    if constexpr (S == stepping::unit && N > 1) {
      if (count >= N) {
        struct alignas(N * sizeof(stored_type_of<D>) > 16 ? 16 : N * sizeof(stored_type_of<D>)) chunk {
          stored_type_of<D> e[N];
        } c;
#pragma unroll
        for (int i = 0; i < N; ++i) c.e[i] = values::shrink<D>(x.v[i]);
        *reinterpret_cast<chunk*>(p) = c;
        return;
      }
    }
    const index step = S == stepping::unit ? 1 : stride;
#pragma unroll
    for (int i = 0; i < N; ++i)
      if (i < count) p[i * step] = values::shrink<D>(x.v[i]);
  }
  template <const op_info* Op, class T, int N>
  FUSE_DEVICE static T fold(lanes_of<T, N> x) {
    constexpr auto f = Op->device.get<T>();
#pragma unroll
    for (int half = N / 2; half > 0; half /= 2) {
#pragma unroll
      for (int i = 0; i < half; ++i) {
        const T in[] = {x.v[i], x.v[i + half]};
        x.v[i] = f(in);
      }
    }
    return x.v[0];
  }
  template <class T, int N>
  FUSE_DEVICE static lanes_of<T, N> keep_first(lanes_of<T, N> x, int count, T otherwise) {
#pragma unroll
    for (int i = 0; i < N; ++i)
      if (i >= count) x.v[i] = otherwise;
    return x;
  }
};

}  // namespace fuse
#endif
