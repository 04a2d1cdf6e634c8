// SPDX-License-Identifier: Apache-2.0
// What the library knows of an operation: name, kind, result type rule, and its one numerical definition,
// instantiated for every compute type a kernel may hold (scalars on a device, packs on the host).
#pragma once
#include <cstdint>
#include <fuse/math/pack.hpp>
#include <fuse/tensor/dtype.hpp>
#include <utility>

namespace fuse {

enum class op_kind : std::uint8_t {
  argument,   // an input tensor, or a run-time scalar
  constant,   // a literal of the traced function
  extent,     // the value of an axis length
  iota,       // the coordinate along one axis
  pointwise,  // one value from the operands' values at the same place
  cast,       // change of dtype
  reduce,     // along the last axis, kept as length 1
  reindex,    // permute, expand, slice, flip, squeeze, unsqueeze: an affine map of coordinates
  reshape,    // same elements in row-major order, other extents
  concat,     // two operands along one axis
  gather,     // rows of a table chosen by an index tensor
  scatter,    // a tensor with rows replaced at indices
  matmul,     // contraction of the last two axes, batched over the others
};

/// How the result dtype follows from the promoted dtype of the operands.
enum class result_rule : std::uint8_t {
  same,      // the promoted dtype
  floating,  // the promoted dtype if floating, else f32
  boolean,   // bool, whatever the operands are
};

/// The evaluators of an operation: `value f(const value operands[])`, null where the compute type does not apply.
template <template <class> class Value>
struct evaluators {
  Value<std::int32_t> (*i32)(const Value<std::int32_t>*) = nullptr;
  Value<std::int64_t> (*i64)(const Value<std::int64_t>*) = nullptr;
  Value<float> (*f32)(const Value<float>*) = nullptr;
  Value<double> (*f64)(const Value<double>*) = nullptr;

  template <class T>
  consteval auto get() const {
    if constexpr (std::is_same_v<T, std::int32_t>)
      return i32;
    else if constexpr (std::is_same_v<T, std::int64_t>)
      return i64;
    else if constexpr (std::is_same_v<T, float>)
      return f32;
    else
      return f64;
  }
};
template <class T>
using scalar_value = T;
template <class T>
using pack_value = pack<T, host_lanes>;

struct op_info {
  const char* name = "";
  op_kind kind = op_kind::pointwise;
  std::uint64_t number = 0;  // tells a pointwise operation or a reduction from the others of its kind
  int arity = 1;
  result_rule result = result_rule::same;
  bool first_is_condition = false;          // `where`: operand 0 is a bool and takes no part in promotion
  double flops = 1;                         // per element, for cost estimates
  double identity = 0;                      // of a reduction; ±infinity saturates to the type's limits
  bool mean = false;                        // a reduction whose sum is divided by the row length
  bool adds = false;                        // a reduction by sums, which rows of any length keep accurate
  bool chooses = false;                     // a reduction whose result is one of the elements
  bool folds = false;                       // has the next
  double (*fold)(const double*) = nullptr;  // constant evaluation while compiling
  evaluators<pack_value> host{};
#if defined(__CUDACC__)
  evaluators<scalar_value> device{};
#endif
};

/// The number of operations whose types compilers have no name for.
inline constexpr std::uint64_t unnamed = 1;

/// Whether two operations are one. Where addresses compare, they decide. While compiling, GCC does not compare those of
/// objects that the linker merges once it is told that an address may be null (-fsanitize=undefined).
constexpr bool is_same(const op_info& a, const op_info& b) {
  if (a.kind != b.kind || a.number != b.number) return false;
  if (!std::is_constant_evaluated() || __builtin_constant_p(&a == &b)) return &a == &b;
  return a.number != unnamed;
}

namespace ops {

/// A number for each type: a hash (FNV-1a) of what the compiler calls it. Of a type that a lambda is part of it is 0,
/// as compilers call different lambdas alike.
template <class F>
consteval std::uint64_t number_of() {
  std::uint64_t n = 0xcbf29ce484222325u;
  for (const char* c = __PRETTY_FUNCTION__; *c; ++c) {
    if (c[0] == 'l' && c[1] == 'a' && c[2] == 'm' && c[3] == 'b' && c[4] == 'd' && c[5] == 'a') return unnamed;
    n = (n ^ std::uint64_t(*c)) * 0x100000001b3u;
  }
  return n;
}

template <class F, class V, std::size_t... I>
FUSE_HD constexpr V call(const V* x, std::index_sequence<I...>) {
  return F{}(x[I]...);
}
template <class V, std::size_t>
using repeat = V;
template <class F, class V, class Indices>
inline constexpr bool accepts = false;
template <class F, class V, std::size_t... I>
inline constexpr bool accepts<F, V, std::index_sequence<I...>> = std::is_invocable_r_v<V, F, repeat<V, I>...>;

/// A functor's value for V: straight if it takes V, else lane by lane (a user's scalar-only functor on the host).
FUSE_UNCHECKED
template <class F, int N, class V>
FUSE_HD V evaluate(const V* x) {
  using indices = std::make_index_sequence<N>;
  if constexpr (!is_pack<V> || accepts<F, V, indices>) {
    return call<F>(x, indices{});
  } else {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return packs::each([](auto... s) { return F{}(s...); }, x[I]...);
    }
    (indices{});
  }
}

template <class F>
inline constexpr bool on_integers = [] {
  if constexpr (requires { F::integers; })
    return F::integers;
  else
    return true;
}();
template <class F>
inline constexpr bool on_floats = [] {
  if constexpr (requires { F::floats; })
    return F::floats;
  else
    return true;
}();

template <class F, int N, template <class> class Value>
constexpr evaluators<Value> make_evaluators() {
  evaluators<Value> e;
  if constexpr (on_integers<F>) {
    e.i32 = evaluate<F, N, Value<std::int32_t>>;
    e.i64 = evaluate<F, N, Value<std::int64_t>>;
  }
  if constexpr (on_floats<F>) {
    e.f32 = evaluate<F, N, Value<float>>;
    e.f64 = evaluate<F, N, Value<double>>;
  }
  return e;
}

template <class F, int N>
constexpr double fold(const double* x) {
  return call<F>(x, std::make_index_sequence<N>{});
}

/// The description of a pointwise operation, from a functor whose call operator is its numerical definition.
/// Optional static members of F: integers, floats (bool: which compute types it takes), result, flops, and folds
/// (present: the call operator is constexpr on double, and literals fold while compiling).
template <class F>
constexpr op_info describe() {
  op_info o;
  o.name = F::name;
  o.number = number_of<F>();
  o.arity = F::arity;
  if constexpr (requires { F::result; }) o.result = F::result;
  if constexpr (requires { F::flops; }) o.flops = F::flops;
  if constexpr (requires { F::first_is_condition; }) o.first_is_condition = true;
  if constexpr (requires { F::identity; }) {
    o.kind = op_kind::reduce;
    o.identity = F::identity;
    if constexpr (requires { F::mean; }) o.mean = F::mean;
    if constexpr (requires { F::adds; }) o.adds = F::adds;
    if constexpr (requires { F::chooses; }) o.chooses = F::chooses;
  }
  constexpr int n = requires { F::identity; }
  ? 2 : F::arity;
  if constexpr (requires { F::folds; }) o.folds = true, o.fold = fold<F, n>;
  o.host = make_evaluators<F, n, pack_value>();
#if defined(__CUDACC__)
  o.device = make_evaluators<F, n, scalar_value>();
#endif
  return o;
}

}  // namespace ops

/// The one object that stands for the operation with definition F.
/// (A member of a class: nvcc misspells the address of a variable template in the stub of a kernel.)
template <class F>
struct op_entry {
  static constexpr op_info info = ops::describe<F>();
};
template <class F>
inline constexpr const op_info& op_of = op_entry<F>::info;

}  // namespace fuse
