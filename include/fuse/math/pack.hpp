// SPDX-License-Identifier: Apache-2.0
// pack<T, W>: W lanes of a compute type (i32, i64, f32, f64) in host vector registers, on the compiler's vector extension.
//
// nvcc refuses vector types in device code, so a pack is host-only by content and host-and-device by signature: an
// operation written once as a template then works on a float (device) and on a pack (host).
#pragma once
#include <cstdint>
#include <cstring>
#include <fuse/config.hpp>
#include <type_traits>

namespace fuse {

namespace vectors {
template <class T, int W>
struct make {
  typedef T type __attribute__((vector_size(W * sizeof(T))));
};
template <class T, int W> using vector = typename make<T, W>::type;
/// The integer type as wide as T: what a comparison of T yields, all bits set where true.
template <class T> using mask_of = std::conditional_t<sizeof(T) == 8, std::int64_t, std::int32_t>;
}  // namespace vectors

template <class T, int W>
struct pack {
  using element = T;
  using mask = pack<vectors::mask_of<T>, W>;
  static constexpr int lanes = W;
#if defined(__CUDA_ARCH__)
  alignas(sizeof(T) * W) T v[W];
#else
  vectors::vector<T, W> v;
#endif

  pack() = default;
  /// Every lane the same value.
  FUSE_UNCHECKED FUSE_HD pack(T x) {
#if !defined(__CUDA_ARCH__)
    v = splat(x);
#endif
  }
  FUSE_HOST static vectors::vector<T, W> splat(T x) { return vectors::vector<T, W>{} + x; }
  FUSE_HOST static pack of(vectors::vector<T, W> x) {
    pack p;
#if !defined(__CUDA_ARCH__)
    p.v = x;
#endif
    return p;
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
template <class V> using scalar_of = typename element_of_value<V>::type;

// Host-only bodies, called from operators that are host-and-device by signature.
namespace packs {
#if defined(__CUDA_ARCH__)
#define FUSE_PACK_BODY(...) return {}
#else
#define FUSE_PACK_BODY(...) __VA_ARGS__
#endif

#define FUSE_PACK_BINARY(name, op)                                                        \
  template <class T, int W>                                                               \
  FUSE_HOST pack<T, W> name(pack<T, W> a, pack<T, W> b) {                                 \
    FUSE_PACK_BODY(return (pack<T, W>::of(a.v op b.v)));                                  \
  }
FUSE_PACK_BINARY(add, +)
FUSE_PACK_BINARY(subtract, -)
FUSE_PACK_BINARY(multiply, *)
FUSE_PACK_BINARY(divide, /)
FUSE_PACK_BINARY(modulo, %)
FUSE_PACK_BINARY(bit_and, &)
FUSE_PACK_BINARY(bit_or, |)
FUSE_PACK_BINARY(bit_xor, ^)
FUSE_PACK_BINARY(shift_left, <<)
FUSE_PACK_BINARY(shift_right, >>)
#undef FUSE_PACK_BINARY

#define FUSE_PACK_COMPARE(name, op)                                                       \
  template <class T, int W>                                                               \
  FUSE_HOST typename pack<T, W>::mask name(pack<T, W> a, pack<T, W> b) {                  \
    FUSE_PACK_BODY(return (pack<T, W>::mask::of((vectors::vector<vectors::mask_of<T>, W>)(a.v op b.v)))); \
  }
FUSE_PACK_COMPARE(less, <)
FUSE_PACK_COMPARE(less_equal, <=)
FUSE_PACK_COMPARE(equal, ==)
FUSE_PACK_COMPARE(not_equal, !=)
#undef FUSE_PACK_COMPARE

template <class T, int W>
FUSE_HOST pack<T, W> select(typename pack<T, W>::mask m, pack<T, W> a, pack<T, W> b) {
  FUSE_PACK_BODY(return (pack<T, W>::of(m.v ? a.v : b.v)));
}
template <class To, class From, int W>
FUSE_HOST pack<To, W> convert(pack<From, W> x) {
  FUSE_PACK_BODY(return (pack<To, W>::of(__builtin_convertvector(x.v, vectors::vector<To, W>))));
}
template <class To, class From, int W>
FUSE_HOST pack<To, W> bits(pack<From, W> x) {
  static_assert(sizeof(To) == sizeof(From));
  FUSE_PACK_BODY(return (pack<To, W>::of((vectors::vector<To, W>)x.v)));
}
/// Lane by lane through a scalar function: for what has no vector form.
template <class F, class T, int W, class... P>
FUSE_HOST pack<T, W> each(F f, pack<T, W> a, P... rest) {
  FUSE_PACK_BODY(pack<T, W> r; for (int i = 0; i < W; ++i) r.v[i] = f(T(a.v[i]), T(rest.v[i])...); return r);
}
template <class T, int W>
FUSE_HOST T lane(pack<T, W> a, int i) {
  FUSE_PACK_BODY(return a.v[i]);
}
template <class T, int W>
FUSE_HOST void set_lane(pack<T, W>& a, int i, T x) {
#if !defined(__CUDA_ARCH__)
  a.v[i] = x;
#else
  (void)a, (void)i, (void)x;
#endif
}
template <class T, int W>
FUSE_HOST pack<T, W> load(const T* p) {
  pack<T, W> r;
  std::memcpy(&r, p, sizeof r);
  return r;
}
template <class T, int W>
FUSE_HOST void store(T* p, pack<T, W> x) {
  std::memcpy(p, &x, sizeof x);
}
#undef FUSE_PACK_BODY
}  // namespace packs

#define FUSE_PACK_OPERATOR(op, name, result)                                                              \
  FUSE_UNCHECKED template <class T, int W>                                                                               \
  FUSE_HD result operator op(pack<T, W> a, pack<T, W> b) {                                         \
    return packs::name(a, b);                                                                             \
  }                                                                                                       \
  FUSE_UNCHECKED template <class T, int W>                                                                               \
  FUSE_HD result operator op(pack<T, W> a, std::type_identity_t<T> b) {                            \
    return packs::name(a, pack<T, W>(b));                                                                 \
  }                                                                                                       \
  FUSE_UNCHECKED template <class T, int W>                                                                               \
  FUSE_HD result operator op(std::type_identity_t<T> a, pack<T, W> b) {                            \
    return packs::name(pack<T, W>(a), b);                                                                 \
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
FUSE_PACK_OPERATOR(==, equal, typename pack<T FUSE_COMMA W>::mask)
FUSE_PACK_OPERATOR(!=, not_equal, typename pack<T FUSE_COMMA W>::mask)
#undef FUSE_PACK_OPERATOR
#undef FUSE_COMMA

FUSE_UNCHECKED
template <class T, int W>
FUSE_HD pack<T, W> operator-(pack<T, W> a) {
  return packs::multiply(a, pack<T, W>(T(-1)));
}

/// where(condition, a, b): a where the condition holds. A condition is a bool for scalars, a mask for packs.
template <class T>
  requires(std::is_arithmetic_v<T>)
FUSE_HD T select(bool condition, T a, T b) {
  return condition ? a : b;
}
FUSE_UNCHECKED
template <class T, int W>
FUSE_HD pack<T, W> select(typename pack<T, W>::mask condition, pack<T, W> a, pack<T, W> b) {
  return packs::select(condition, a, b);
}

}  // namespace fuse
