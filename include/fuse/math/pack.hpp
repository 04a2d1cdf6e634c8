// SPDX-License-Identifier: Apache-2.0
// pack<T, W>: W lanes of a compute type (i32, i64, f32, f64) in host vector registers, on the compiler's vector
// extension.
//
// The lanes lie in parts, each as wide as one register of the target: GCC scalarises comparisons and selections of
// wider vectors. nvcc refuses vector types in device code, so a pack is host-only by content and host-and-device by
// signature: an operation written once as a template then works on a float (device) and on a pack (host).
#pragma once
#include <cstdint>
#include <cstring>
#include <fuse/config.hpp>
#include <type_traits>
#include <utility>

namespace fuse {

namespace vectors {
template <class T, int W>
struct make {
  typedef T type __attribute__((vector_size(W * sizeof(T))));
};
template <class T, int W>
using vector = typename make<T, W>::type;
/// The same in memory at any address, whatever type the memory was written with.
template <class T, int W>
struct make_unaligned {
  typedef T type __attribute__((vector_size(W * sizeof(T)), aligned(1), may_alias));
};
template <class T, int W>
using unaligned = typename make_unaligned<T, W>::type;
/// The type in which sums, differences and products of T wrap: unsigned for integers.
template <class T>
using wrapping = typename std::conditional_t<std::is_integral_v<T>, std::make_unsigned<T>, std::type_identity<T>>::type;
/// The integer type as wide as T: what a comparison of T yields, all bits set where true.
template <class T>
using mask_of = std::conditional_t<sizeof(T) == 8, std::int64_t, std::int32_t>;

#if defined(__AVX512F__)
inline constexpr int register_bytes = 64;
#elif defined(__AVX__)
inline constexpr int register_bytes = 32;
#else
inline constexpr int register_bytes = 16;
#endif
}  // namespace vectors

template <class T, int W>
struct pack {
  using element = T;
  using mask = pack<vectors::mask_of<T>, W>;
  static constexpr int lanes = W;
  static constexpr int part_lanes =
      W * int(sizeof(T)) < vectors::register_bytes ? W : vectors::register_bytes / int(sizeof(T));
  static constexpr int parts = W / part_lanes;
#if defined(__CUDA_ARCH__)
  alignas(part_lanes * sizeof(T)) T v[W];
#else
  vectors::vector<T, part_lanes> v[parts];
#endif

  pack() = default;
  /// Every lane the same value.
  FUSE_UNCHECKED FUSE_HD pack(T x) {
#if !defined(__CUDA_ARCH__)
    fill(x, std::make_integer_sequence<int, parts>{});
#endif
  }

 private:
  template <int... P>
  FUSE_HOST void fill(T x, std::integer_sequence<int, P...>) {
#if !defined(__CUDA_ARCH__)
    ((v[P] = x - vectors::vector<T, part_lanes>{}), ...);  // x - 0 is x for every x, -0 too
#endif
  }
};

template <class T>
inline constexpr bool is_pack = false;
template <class T, int W>
inline constexpr bool is_pack<pack<T, W>> = true;

/// The scalar type of a pack, or the type itself.
template <class V>
struct element_of_value {
  using type = V;
};
template <class T, int W>
struct element_of_value<pack<T, W>> {
  using type = T;
};
template <class V>
using scalar_of = typename element_of_value<V>::type;

// Host-only bodies, called from operators that are host-and-device by signature.
namespace packs {
#if defined(__CUDA_ARCH__)
#define FUSE_PACK_BODY(...) \
  return {}
#else
#define FUSE_PACK_BODY(...) __VA_ARGS__

template <int P, class F, class... A>
FUSE_HOST auto at_part(F f, const A&... a) {
  return f(a.v[P]...);
}
/// The pack R whose parts are f(parts of a...).
template <class R, class F, class... A, int... P>
FUSE_HOST R by_part(std::integer_sequence<int, P...>, F f, const A&... a) {
  R r;
  ((r.v[P] = (std::remove_reference_t<decltype(r.v[P])>)at_part<P>(f, a...)), ...);
  return r;
}
template <class R, class F, class... A>
FUSE_HOST R by_part(F f, const A&... a) {
  return by_part<R>(std::make_integer_sequence<int, R::parts>{}, f, a...);
}
/// A register of T as one whose arithmetic wraps.
template <class T, class R>
FUSE_HOST auto wrapped(R x) {
  return (vectors::vector<vectors::wrapping<T>, int(sizeof(R) / sizeof(T))>)x;
}
/// A product as it is rounded. From -O2 on, GCC makes one fma of a product and the sum that takes it, wherever the two
/// meet, and so do others when asked; through an empty instruction they do not see it.
template <class T, class R>
FUSE_HOST R rounded(R product) {
  if constexpr (std::is_floating_point_v<T>) {
#if defined(__AVX512F__)
    asm("" : "+v"(product));
#elif defined(__FMA__) || defined(__FMA4__)
    asm("" : "+x"(product));
#elif defined(__x86_64__)  // has no fma to make
#elif defined(__aarch64__)
    asm("" : "+w"(product));
#else
    asm("" : "+m"(product));
#endif
  }
  return product;
}
#endif

#define FUSE_PACK_WRAPPING(name, op)                                                                                   \
  template <class T, int W>                                                                                            \
  FUSE_HOST pack<T, W> name(pack<T, W> a, pack<T, W> b) {                                                              \
    FUSE_PACK_BODY(return (by_part<pack<T, W>>([](auto x, auto y) { return wrapped<T>(x) op wrapped<T>(y); }, a, b))); \
  }
FUSE_PACK_WRAPPING(add, +)
FUSE_PACK_WRAPPING(subtract, -)
FUSE_PACK_WRAPPING(shift_left, <<)
#undef FUSE_PACK_WRAPPING

#define FUSE_PACK_BINARY(name, op)                                                             \
  template <class T, int W>                                                                    \
  FUSE_HOST pack<T, W> name(pack<T, W> a, pack<T, W> b) {                                      \
    FUSE_PACK_BODY(return (by_part<pack<T, W>>([](auto x, auto y) { return x op y; }, a, b))); \
  }
FUSE_PACK_BINARY(modulo, %)
FUSE_PACK_BINARY(bit_and, &)
FUSE_PACK_BINARY(bit_or, |)
FUSE_PACK_BINARY(bit_xor, ^)
FUSE_PACK_BINARY(shift_right, >>)
#undef FUSE_PACK_BINARY

/// The product, and the quotient: rounded, even where a sum takes it.
template <class T, int W>
FUSE_HOST pack<T, W> multiply(pack<T, W> a, pack<T, W> b) {
  FUSE_PACK_BODY(
      return (by_part<pack<T, W>>([](auto x, auto y) { return rounded<T>(wrapped<T>(x) * wrapped<T>(y)); }, a, b)));
}
template <class T, int W>
FUSE_HOST pack<T, W> divide(pack<T, W> a, pack<T, W> b) {
  FUSE_PACK_BODY(return (by_part<pack<T, W>>([](auto x, auto y) { return rounded<T>(x / y); }, a, b)));
}

#define FUSE_PACK_COMPARE(name, op)                                                                           \
  template <class T, int W>                                                                                   \
  FUSE_HOST typename pack<T, W>::mask name(pack<T, W> a, pack<T, W> b) {                                      \
    FUSE_PACK_BODY(return (by_part<typename pack<T, W>::mask>([](auto x, auto y) { return x op y; }, a, b))); \
  }
FUSE_PACK_COMPARE(less, <)
FUSE_PACK_COMPARE(less_equal, <=)
FUSE_PACK_COMPARE(greater, >)
FUSE_PACK_COMPARE(greater_equal, >=)
FUSE_PACK_COMPARE(equal, ==)
FUSE_PACK_COMPARE(not_equal, !=)
#undef FUSE_PACK_COMPARE

template <class T, int W>
FUSE_HOST pack<T, W> negate(pack<T, W> a) {
  FUSE_PACK_BODY(return (by_part<pack<T, W>>([](auto x) { return -wrapped<T>(x); }, a)));
}
template <class T, int W>
FUSE_HOST pack<T, W> bit_not(pack<T, W> a) {
  FUSE_PACK_BODY(return (by_part<pack<T, W>>([](auto x) { return ~x; }, a)));
}
template <class T, int W>
FUSE_HOST pack<T, W> select(typename pack<T, W>::mask m, pack<T, W> a, pack<T, W> b) {
  FUSE_PACK_BODY(return (by_part<pack<T, W>>([](auto c, auto x, auto y) { return c ? x : y; }, m, a, b)));
}
/// Each lane as C++ converts it: a float becomes an integer by truncation.
template <class To, class From, int W>
FUSE_HOST pack<To, W> convert(pack<From, W> x) {
#if defined(__CUDA_ARCH__)
  return {};
#else
  if constexpr (sizeof(To) == sizeof(From)) {
    return by_part<pack<To, W>>(
        [](auto p) { return __builtin_convertvector(p, vectors::vector<To, pack<To, W>::part_lanes>); }, x);
  } else {
    vectors::vector<From, W> from;
    std::memcpy(&from, &x, sizeof from);
    const auto to = __builtin_convertvector(from, vectors::vector<To, W>);
    pack<To, W> r;
    std::memcpy(&r, &to, sizeof r);
    return r;
  }
#endif
}
/// The same bits as lanes of another type.
template <class To, class From, int W>
FUSE_HOST pack<To, W> bits(pack<From, W> x) {
  static_assert(sizeof(To) == sizeof(From));
  FUSE_PACK_BODY(return (by_part<pack<To, W>>([](auto p) { return p; }, x)));
}
template <class T, int W>
FUSE_HOST T lane(const pack<T, W>& a, int i) {
  FUSE_PACK_BODY(return a.v[i / pack<T, W>::part_lanes][i % pack<T, W>::part_lanes]);
}
template <class T, int W>
FUSE_HOST void set_lane(pack<T, W>& a, int i, T x) {
#if !defined(__CUDA_ARCH__)
  a.v[i / pack<T, W>::part_lanes][i % pack<T, W>::part_lanes] = x;
#else
  (void)a, (void)i, (void)x;
#endif
}
#if !defined(__CUDA_ARCH__)
/// A register whose lane i is lane (i + By) % n of x.
template <int By, class R, int... I>
FUSE_HOST R rotated(R x, std::integer_sequence<int, I...>) {
  constexpr int n = sizeof...(I);
#if defined(__clang__)
  return __builtin_shufflevector(x, x, (I + By) % n...);
#else
  using T = std::remove_cvref_t<decltype(x[0])>;
  using places = vectors::vector<vectors::mask_of<T>, n>;
  return __builtin_shuffle(x, places{((I + By) % n)...});
#endif
}
#endif
/// Lane i of the result is lane i + By of x for i < By, a power of two; the other lanes say nothing.
template <int By, class T, int W>
FUSE_HOST pack<T, W> lowered(pack<T, W> x) {
#if !defined(__CUDA_ARCH__)
  constexpr int n = pack<T, W>::part_lanes;
  if constexpr (By >= n) {
    for (int p = 0; p < By / n; ++p) x.v[p] = x.v[p + By / n];
  } else {
    x.v[0] = rotated<By>(x.v[0], std::make_integer_sequence<int, n>{});
  }
#endif
  return x;
}
/// Lane by lane through a scalar function: for what has no vector form.
template <class F, class T, int W, class... P>
FUSE_HOST pack<T, W> each(F f, pack<T, W> a, P... rest) {
  FUSE_PACK_BODY(pack<T, W> r; for (int i = 0; i < W; ++i) set_lane(r, i, T(f(lane(a, i), lane(rest, i)...)));
                 return r);
}
/// Whether the condition holds in some lane.
template <class T, int W>
FUSE_HOST bool any(pack<T, W> m) {
  FUSE_PACK_BODY(T bits = 0; for (int i = 0; i < W; ++i) bits |= lane(m, i); return bits != 0);
}
template <class T, int W>
FUSE_HOST pack<T, W> load(const T* p) {
#if defined(__CUDA_ARCH__)
  return {};
#else
  // As registers: GCC copies bytes through narrower ones, and reading those back stalls.
  pack<T, W> r;
  for (int i = 0; i < r.parts; ++i)
    r.v[i] = *reinterpret_cast<const vectors::unaligned<T, r.part_lanes>*>(p + i * r.part_lanes);
  return r;
#endif
}
template <class T, int W>
FUSE_HOST void store(T* p, pack<T, W> x) {
#if !defined(__CUDA_ARCH__)
  for (int i = 0; i < x.parts; ++i)
    *reinterpret_cast<vectors::unaligned<T, x.part_lanes>*>(p + i * x.part_lanes) = x.v[i];
#endif
}
/// As store, for memory that nobody reads soon: past the caches, so that the lines are not read first. p is aligned to
/// 64 bytes, or to the size of the pack. Other threads see it after a fence.
template <class T, int W>
FUSE_HOST void store_past_cache(T* p, pack<T, W> x) {
#if defined(__x86_64__) && !defined(__CUDA_ARCH__)
  using part = std::remove_reference_t<decltype(x.v[0])>;
  typedef part anywhere __attribute__((may_alias));
  if constexpr (sizeof(part) >= 16) {
    for (int i = 0; i < pack<T, W>::parts; ++i) {
#if defined(__AVX__)
      asm("vmovntps %1, %0" : "=m"(reinterpret_cast<anywhere*>(p)[i]) : "v"(x.v[i]));
#else
      asm("movntps %1, %0" : "=m"(reinterpret_cast<anywhere*>(p)[i]) : "x"(x.v[i]));
#endif
    }
    return;
  }
#endif
  store(p, x);
}
/// Asks for the line that holds p: it is read some thousand cycles from now. Any address will do.
FUSE_HOST void prefetch(const void* p) {
#if !defined(__CUDA_ARCH__)
  __builtin_prefetch(p, 0, 3);
#else
  (void)p;
#endif
}
/// Makes stores past the caches visible to whoever synchronises with this thread from here on.
FUSE_HOST void fence() {
#if defined(__x86_64__) && !defined(__CUDA_ARCH__)
  asm volatile("sfence" ::: "memory");
#endif
}
#undef FUSE_PACK_BODY
}  // namespace packs

#define FUSE_PACK_OPERATOR(op, name, result)                            \
  FUSE_UNCHECKED                                                        \
  template <class T, int W>                                             \
  FUSE_HD result operator op(pack<T, W> a, pack<T, W> b) {              \
    return packs::name(a, b);                                           \
  }                                                                     \
  FUSE_UNCHECKED                                                        \
  template <class T, int W>                                             \
  FUSE_HD result operator op(pack<T, W> a, std::type_identity_t<T> b) { \
    return packs::name(a, pack<T, W>(b));                               \
  }                                                                     \
  FUSE_UNCHECKED                                                        \
  template <class T, int W>                                             \
  FUSE_HD result operator op(std::type_identity_t<T> a, pack<T, W> b) { \
    return packs::name(pack<T, W>(a), b);                               \
  }
#define FUSE_COMMA ,
FUSE_PACK_OPERATOR(+, add, pack<T FUSE_COMMA W>)
FUSE_PACK_OPERATOR(-, subtract, pack<T FUSE_COMMA W>)
FUSE_PACK_OPERATOR(*, multiply, pack<T FUSE_COMMA W>)
FUSE_PACK_OPERATOR(/, divide, pack<T FUSE_COMMA W>)
FUSE_PACK_OPERATOR(%, modulo, pack<T FUSE_COMMA W>)
FUSE_PACK_OPERATOR(&, bit_and, pack<T FUSE_COMMA W>)
FUSE_PACK_OPERATOR(|, bit_or, pack<T FUSE_COMMA W>)
FUSE_PACK_OPERATOR(^, bit_xor, pack<T FUSE_COMMA W>)
FUSE_PACK_OPERATOR(<<, shift_left, pack<T FUSE_COMMA W>)
FUSE_PACK_OPERATOR(>>, shift_right, pack<T FUSE_COMMA W>)
FUSE_PACK_OPERATOR(<, less, typename pack<T FUSE_COMMA W>::mask)
FUSE_PACK_OPERATOR(<=, less_equal, typename pack<T FUSE_COMMA W>::mask)
FUSE_PACK_OPERATOR(>, greater, typename pack<T FUSE_COMMA W>::mask)
FUSE_PACK_OPERATOR(>=, greater_equal, typename pack<T FUSE_COMMA W>::mask)
FUSE_PACK_OPERATOR(==, equal, typename pack<T FUSE_COMMA W>::mask)
FUSE_PACK_OPERATOR(!=, not_equal, typename pack<T FUSE_COMMA W>::mask)
#undef FUSE_PACK_OPERATOR
#undef FUSE_COMMA

FUSE_UNCHECKED
template <class T, int W>
FUSE_HD pack<T, W> operator-(pack<T, W> a) {
  return packs::negate(a);
}
FUSE_UNCHECKED
template <class T, int W>
FUSE_HD pack<T, W> operator~(pack<T, W> a) {
  return packs::bit_not(a);
}

/// where(condition, a, b): a where the condition holds. A condition is a bool for scalars, a mask for packs.
template <class T>
requires(std::is_arithmetic_v<T>) FUSE_HD constexpr T select(bool condition, T a, T b) { return condition ? a : b; }
FUSE_UNCHECKED
template <class T, int W>
FUSE_HD pack<T, W> select(std::type_identity_t<typename pack<T, W>::mask> condition, pack<T, W> a, pack<T, W> b) {
  return packs::select(condition, a, b);
}

}  // namespace fuse
