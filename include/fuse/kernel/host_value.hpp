// SPDX-License-Identifier: Apache-2.0
// Values on the host: vector packs of host_lanes elements.
#pragma once
#include <fuse/kernel/value.hpp>
#include <fuse/math/convert.hpp>

namespace fuse {

struct host_values {
  static constexpr bool device = false;
  static constexpr int lanes = host_lanes;
  template <class T, int>
  using value = pack<T, host_lanes>;

  FUSE_UNCHECKED template <class T, int N>
  FUSE_HD static pack<T, lanes> splat(T x) {
    return pack<T, lanes>(x);
  }
  FUSE_UNCHECKED template <class T, int N>
  FUSE_HD static pack<T, lanes> counting(T first, T step) {
    pack<T, lanes> number;
    for (int i = 0; i < lanes; ++i) packs::set_lane(number, i, T(i));
    if (step == 1) [[likely]]
      return number + first;
    return number * step + first;
  }
  FUSE_UNCHECKED template <class T>
  FUSE_HD static T first(pack<T, lanes> x) {
    return packs::lane(x, 0);
  }

  FUSE_UNCHECKED template <const op_info* Op, int N, class T, class... P>
  FUSE_HD static pack<T, lanes> apply(pack<T, lanes> a, P... rest) {
    const pack<T, lanes> in[] = {a, rest...};
    constexpr auto f = Op->host.get<T>();
    return f(in);
  }

  /// A term of a product of matrices and the sum that it is added to.
  FUSE_UNCHECKED template <class T, int N>
  FUSE_HD static pack<T, lanes> multiply_add(pack<T, lanes> a, pack<T, lanes> b, pack<T, lanes> c) {
    return math::quick_fma(a, b, c);
  }

  FUSE_UNCHECKED template <dtype To, dtype From, int N>
  FUSE_HD static auto convert(pack<compute_type_of<From>, lanes> x) {
    using T = compute_type_of<To>;
    using S = compute_type_of<From>;
    if constexpr (To == dtype::boolean) {
      return truth<T>(x != S(0));
    } else if constexpr (std::is_same_v<S, T>) {
      return round<To>(x);
    } else if constexpr (values::truncates<To, From>) {
      return math::to_integer<T, dtypes::lowest<To>, dtypes::highest<To>>(x);
    } else if constexpr (values::rounds_twice<To, From>) {
      return round<To>(math::to_odd(x));
    } else {
      return round<To>(packs::convert<T>(x));
    }
  }
  /// Rounds to what the dtype can hold, in the compute type.
  FUSE_UNCHECKED template <dtype D, class T>
  FUSE_HD static pack<T, lanes> round(pack<T, lanes> x) {
    if constexpr (D == dtype::boolean)
      return truth<T>(x != T(0));
    else if constexpr (D == dtype::u8)
      return x & T(255);
    else if constexpr (D == dtype::i8)
      return ((x & T(255)) ^ T(128)) - T(128);
    else if constexpr (D == dtype::bf16)
      return from_bf16(to_bf16(x));
    else if constexpr (D == dtype::f16)
      return from_f16(to_f16(x));
    else
      return x;
  }
  /// Integers narrowed to their dtype; floats stay in the compute type (a fused chain is not rounded in between).
  FUSE_UNCHECKED template <dtype D, class T>
  FUSE_HD static pack<T, lanes> narrow(pack<T, lanes> x) {
    if constexpr (D == dtype::boolean || D == dtype::u8 || D == dtype::i8)
      return round<D>(x);
    else
      return x;
  }

  /// Asks for the line that holds p into the second-level cache. Any address will do.
  FUSE_HD static void prefetch_far(const void* p) {
#if !defined(__CUDA_ARCH__)
    __builtin_prefetch(p, 0, 2);
#else
    (void)p;
#endif
  }

  /// Of which dtypes two packs are loaded together with less work than one after the other.
  template <dtype D>
  static constexpr bool in_pairs = D == dtype::bf16 || D == dtype::f16;
  struct pair {
    pack<float, lanes> even, odd;
  };
  /// The 2 * lanes elements at p, those of even and those of odd place: for sums, which take them in any order.
  FUSE_UNCHECKED template <dtype D>
  FUSE_HD static pair load_pair(const stored_type_of<D>* p) {
    const auto both = packs::load<std::uint32_t, lanes>(reinterpret_cast<const std::uint32_t*>(p));
    if constexpr (D == dtype::bf16)
      return {from_bf16(both), packs::bits<float>(both & 0xffff0000u)};
    else
      return {from_f16(both & 0xffffu), from_f16(both >> 16u)};
  }

  /// Elements at p, p + stride, …: the first `count` of them; the rest are zero.
  FUSE_UNCHECKED template <dtype D, stepping S, int N>
  FUSE_HD static auto load(const stored_type_of<D>* p, index stride, int count) {
    using T = compute_type_of<D>;
    if constexpr (S == stepping::none) {
      return pack<T, lanes>(values::widen<D>(*p));
    } else if constexpr (S == stepping::strided) {
      pack<T, lanes> r(T(0));
      for (int i = 0; i < count; ++i) packs::set_lane(r, i, values::widen<D>(p[i * stride]));
      return r;
    } else {
      if (count >= lanes) [[likely]]
        return load_unit<D>(p);
      stored_type_of<D> part[lanes]{};
      for (int i = 0; i < count; ++i) part[i] = p[i];
      return load_unit<D>(part);
    }
  }
  FUSE_UNCHECKED template <dtype D, stepping S, int N>
  FUSE_HD static void store(stored_type_of<D>* p, index stride, pack<compute_type_of<D>, lanes> x, int count,
                            bool past_cache = false) {
    if constexpr (S == stepping::unit) {
      if (count >= lanes) [[likely]] {
        if (past_cache) return store_unit<D, true>(p, x);
        return store_unit<D, false>(p, x);
      }
      stored_type_of<D> part[lanes];
      store_unit<D, false>(part, x);
      for (int i = 0; i < count; ++i) p[i] = part[i];
    } else {
      for (int i = 0; i < count; ++i) p[i * stride] = values::shrink<D>(packs::lane(x, i));
    }
  }

  /// Folds the lanes with Op in a fixed tree order.
  FUSE_UNCHECKED template <const op_info* Op, class T>
  FUSE_HD static T fold(pack<T, lanes> x) {
    return fold_lower<Op, lanes>(x);
  }
  FUSE_UNCHECKED template <class T>
  FUSE_HD static pack<T, lanes> keep_first(pack<T, lanes> x, int count, T otherwise) {
    if (count >= lanes) return x;
    for (int i = count; i < lanes; ++i) packs::set_lane(x, i, otherwise);
    return x;
  }

 private:
  /// Of the first N lanes, a power of two.
  FUSE_UNCHECKED template <const op_info* Op, int N, class T>
  FUSE_HD static T fold_lower(pack<T, lanes> x) {
    if constexpr (N == 1)
      return packs::lane(x, 0);
    else
      return fold_lower<Op, N / 2>(apply<Op, lanes>(x, packs::lowered<N / 2>(x)));
  }
  FUSE_UNCHECKED template <class T, class M>
  FUSE_HD static pack<T, lanes> truth(M mask) {
    return packs::convert<T>(mask & scalar_of<M>(1));
  }
  FUSE_UNCHECKED template <dtype D>
  FUSE_HD static auto load_unit(const stored_type_of<D>* p) {
    using T = compute_type_of<D>;
    if constexpr (D == dtype::bf16 || D == dtype::f16) {
      const auto raw =
          packs::convert<std::uint32_t>(packs::load<std::uint16_t, lanes>(reinterpret_cast<const std::uint16_t*>(p)));
      if constexpr (D == dtype::bf16)
        return from_bf16(raw);
      else
        return from_f16(raw);
    } else if constexpr (D == dtype::boolean) {
      const auto raw = packs::load<std::uint8_t, lanes>(reinterpret_cast<const std::uint8_t*>(p));
      return truth<T>(packs::convert<T>(raw) != T(0));
    } else if constexpr (std::is_same_v<stored_type_of<D>, T>) {
      return packs::load<T, lanes>(p);
    } else {
      return packs::convert<T>(packs::load<stored_type_of<D>, lanes>(p));
    }
  }
  FUSE_UNCHECKED
  template <bool PastCache, class T>
  FUSE_HD static void write(T* p, pack<T, lanes> x) {
    if constexpr (PastCache)
      packs::store_past_cache(p, x);
    else
      packs::store(p, x);
  }
  FUSE_UNCHECKED template <dtype D, bool PastCache>
  FUSE_HD static void store_unit(stored_type_of<D>* p, pack<compute_type_of<D>, lanes> x) {
    if constexpr (D == dtype::bf16) {
      write<PastCache>(reinterpret_cast<std::uint16_t*>(p), packs::convert<std::uint16_t>(to_bf16(x)));
    } else if constexpr (D == dtype::f16) {
      write<PastCache>(reinterpret_cast<std::uint16_t*>(p), packs::convert<std::uint16_t>(to_f16(x)));
    } else if constexpr (D == dtype::boolean) {
      write<PastCache>(reinterpret_cast<std::uint8_t*>(p), packs::convert<std::uint8_t>(round<D>(x)));
    } else if constexpr (std::is_same_v<stored_type_of<D>, compute_type_of<D>>) {
      write<PastCache>(p, x);
    } else {
      write<PastCache>(p, packs::convert<stored_type_of<D>>(x));
    }
  }

  using words = pack<std::uint32_t, lanes>;
  FUSE_UNCHECKED FUSE_HD static pack<float, lanes> from_bf16(words x) { return packs::bits<float>(x << 16u); }
  FUSE_UNCHECKED FUSE_HD static words to_bf16(pack<float, lanes> x) {
    const words u = packs::bits<std::uint32_t>(x);
    const words rounded = (u + 0x7fffu + (u >> 16u & 1u)) >> 16u;
    return packs::bits<std::uint32_t>(
        packs::select(x != x, packs::bits<float>(words(0x7fffu)), packs::bits<float>(rounded)));
  }
  FUSE_UNCHECKED FUSE_HD static pack<float, lanes> from_f16(words x) {  // see half_bits::from_f16
    const words sign = (x & 0x8000u) << 16u, magnitude = (x & 0x7fffu) << 13u;
    const pack<float, lanes> scaled = packs::bits<float>(magnitude) * half_bits::float_of(0x77800000u);
    const auto special = packs::bits<std::int32_t>(x & 0x7c00u) == 0x7c00;
    const pack<float, lanes> r = packs::select(special, packs::bits<float>(magnitude | 0x7f800000u), scaled);
    return packs::bits<float>(packs::bits<std::uint32_t>(r) | sign);
  }
  FUSE_UNCHECKED FUSE_HD static words to_f16(pack<float, lanes> x) {  // see half_bits::to_f16
    using ints = pack<std::int32_t, lanes>;
    const words u = packs::bits<std::uint32_t>(x), sign = u >> 16u & 0x8000u, magnitude = u & 0x7fffffffu;
    const words rounded = magnitude + 0xfffu + (magnitude >> 13u & 1u);
    const ints normal = packs::bits<std::int32_t>((rounded - 0x38000000u) >> 13u);
    const ints small =
        packs::bits<std::int32_t>(packs::bits<std::uint32_t>(packs::bits<float>(magnitude) + 0.5f) - 0x3f000000u);
    const ints m = packs::bits<std::int32_t>(magnitude);
    ints r = select(m < 0x38800000, small, normal);
    r = select(m < 0x477ff000, r, ints(0x7c00));
    r = select(m <= 0x7f800000, r, ints(0x7fff));
    return packs::bits<std::uint32_t>(r) | sign;
  }
};

}  // namespace fuse
