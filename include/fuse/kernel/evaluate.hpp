// SPDX-License-Identifier: Apache-2.0
// Evaluates the steps of a program at a place of its index space: one row, and several neighbouring elements of it.
#pragma once
#include <fuse/kernel/block.hpp>
#include <fuse/kernel/program.hpp>
#include <type_traits>
#include <utility>

namespace fuse {

/// constexpr index as a value, for unrolled loops over steps.
template <int I>
struct constant_index {
  static constexpr int value = I;
  FUSE_HD constexpr operator int() const { return I; }
};

FUSE_UNCHECKED
template <class F, int... I>
FUSE_HD void unrolled_over(F&& f, std::integer_sequence<int, I...>) {
  (f(constant_index<I>{}), ...);
}
/// f(constant_index<0>), … f(constant_index<N - 1>)
FUSE_UNCHECKED
template <int N, class F>
FUSE_HD void unrolled(F&& f) {
  unrolled_over(f, std::make_integer_sequence<int, N>{});
}

namespace registers {
template <int I, class V>
struct slot {
  V v;
};
template <class P, class Values, int N, class Sequence>
struct file;
/// One register value for each step: N elements of an element step, one of a row step.
template <class P, class Values, int N, int... I>
struct file<P, Values, N, std::integer_sequence<int, I...>>
    : slot<I, typename Values::template value<compute_type_of<P::step[I].type>, (P::step[I].element ? N : 1)>>... {};

template <int I, class V>
FUSE_HD V& get(slot<I, V>& s) {
  return s.v;
}
template <int I, class V>
FUSE_HD const V& get(const slot<I, V>& s) {
  return s.v;
}
}  // namespace registers

/// A place in the index space: the offset (in elements) of each access at the start of the row.
template <class P>
struct row_place {
  index at[P::accesses > 0 ? P::accesses : 1];
};

/// The quotient of two lengths, in 32 bits where both fit: a 64-bit division is a long subroutine on a device.
FUSE_HD index quotient(index a, index b) {
#if defined(__CUDA_ARCH__)
  if (((a | b) >> 32) == 0) return static_cast<unsigned>(a) / static_cast<unsigned>(b);
#endif
  return a / b;
}

/// A length of a walked axis: a constant where the program knows it.
template <class P, int Axis>
FUSE_HD index length(const typename P::arguments& a) {
  if constexpr (P::extent[Axis] != dyn)
    return P::extent[Axis];
  else
    return a.extent[Axis];
}

/// The number of rows: the product of the outer lengths.
template <class P, int Axes = P::outer>
FUSE_HD index row_count(const typename P::arguments& a) {
  if constexpr (Axes == 0)
    return 1;
  else
    return row_count<P, Axes - 1>(a) * length<P, Axes - 1>(a);
}

/// Where the accesses start in row number `row`, the last outer axis running fastest.
FUSE_UNCHECKED
template <class P, int Axes = P::outer>
FUSE_HD row_place<P> place_of_row(const typename P::arguments& a, index row) {
  row_place<P> r{};
  unrolled<P::accesses>([&](auto i) FUSE_INLINE { r.at[i] = 0; });
  index left = row;
  unrolled<Axes>([&](auto reversed) FUSE_INLINE {
    constexpr int axis = Axes - 1 - reversed;
    index coordinate = left;
    if constexpr (axis > 0) {
      const index n = length<P, axis>(a);
      left = quotient(coordinate, n);
      coordinate -= left * n;
    }
    unrolled<P::accesses>([&](auto i) FUSE_INLINE { r.at[i] += coordinate * a.step[i][axis]; });
  });
  return r;
}

template <class P, class Values, int N>
struct evaluator {
  using file = registers::file<P, Values, N, std::make_integer_sequence<int, P::steps>>;
  const typename P::arguments& a;
  row_place<P> place;
  unsigned past_cache = 0;  // on the host: bit s is set where store s goes past the caches
  file r;

  template <int I>
  using scalar = compute_type_of<P::step[I].type>;
  template <int I>
  static constexpr int width = P::step[I].element ? N : 1;

  FUSE_UNCHECKED FUSE_HD explicit evaluator(const typename P::arguments& arguments) : a(arguments) {
    if constexpr (!Values::device) place = row_place<P>{}, r = file{};
  }

  /// The value of step I with W elements: a row value is repeated.
  FUSE_UNCHECKED
  template <int I, int W>
  FUSE_HD auto value() {
    auto v = registers::get<I>(r);
    if constexpr (width<I> == W || !Values::device)
      return v;
    else
      return Values::template splat<scalar<I>, W>(Values::first(v));
  }

  template <int A>
  static consteval stepping inner() {
    return P::access[A].inner;
  }

  /// The address of element `column` of the row, as far as it does not depend on an index step.
  FUSE_UNCHECKED
  template <int A>
  FUSE_HD auto* address(index column) const {
    auto* p = reinterpret_cast<stored_type_of<P::access[A].type>*>(a.base[A]) + place.at[A];
    if constexpr (inner<A>() == stepping::unit)
      return p + column;
    else if constexpr (inner<A>() == stepping::strided)
      return p + column * a.step[A][P::outer];
    else
      return p;
  }

  /// On the host: asks for what access A reads in some thousand cycles, were it the next in memory.
  FUSE_UNCHECKED
  template <int A>
  FUSE_HD void prefetch(index column) const {
    constexpr access_code c = P::access[A];
    if constexpr (!Values::device && c.memory && c.inner == stepping::unit && !c.gathered)
      packs::prefetch(address<A>(column) + 2048 / size_of(c.type));
  }

  /// Evaluates step I for elements column … column + count - 1 (count <= N). Row steps ignore both.
  FUSE_UNCHECKED
  template <int I>
  FUSE_HD void run(index column, int count) {
    constexpr step_code s = P::step[I];
    constexpr int W = width<I>;
    using T = scalar<I>;
    auto& out = registers::get<I>(r);
    if constexpr (s.kind == step_kind::constant) {
      if constexpr (is_floating(s.type))
        out = Values::template splat<T, W>(T(__builtin_bit_cast(double, s.attribute)));
      else
        out = Values::template splat<T, W>(T(s.attribute));
    } else if constexpr (s.kind == step_kind::scalar) {
      const long long bits = a.scalar[s.attribute];
      if constexpr (is_floating(s.type))
        out = Values::template splat<T, W>(T(__builtin_bit_cast(double, bits)));
      else
        out = Values::template splat<T, W>(T(bits));
    } else if constexpr (s.kind == step_kind::coordinate) {
      constexpr int A = static_cast<int>(s.attribute);
      const index first = a.origin[A] + place.at[A];
      if constexpr (s.element)
        out = Values::template counting<T, W>(first + column * a.step[A][P::outer], a.step[A][P::outer]);
      else
        out = Values::template splat<T, W>(T(first));
    } else if constexpr (s.kind == step_kind::in_range) {
      in_range<I>();
    } else if constexpr (s.kind == step_kind::load) {
      load<I>(column, count);
    } else if constexpr (s.kind == step_kind::pointwise) {
      pointwise<I>();
    } else if constexpr (s.kind == step_kind::cast) {
      constexpr int A = s.in[0];
      out = Values::template convert<s.type, P::step[A].type, W>(value<A, W>());
    }
  }

  /// Writes a step's value where store S goes: a row value once, or repeated where the output has the whole row.
  FUSE_UNCHECKED
  template <int S>
  FUSE_HD void store(index column, int count) {
    constexpr store_code s = P::store[S];
    constexpr access_code to = P::access[s.access];
    constexpr bool each = P::step[s.value].element || to.inner != stepping::none;
    constexpr int W = each ? N : 1;
    auto v = stored<s.value, to.type, W>();
    auto* p = address<s.access>(column);
    if constexpr (s.index >= 0) {
      if constexpr (P::step[s.index].element) {
        const auto which = value<s.index, W>();
        for (int i = 0; i < count; ++i) {
          const index at = lane(which, i);
          if (at < 0 || at >= a.gathered_extent[s.access]) continue;
          auto* q = p + at * a.gathered_step[s.access];
          if constexpr (to.inner == stepping::unit)
            q += i;
          else if constexpr (to.inner == stepping::strided)
            q += i * a.step[s.access][P::outer];
          *q = values::shrink<to.type>(lane(v, i));
        }
        return;
      } else {
        const index at = Values::first(registers::get<s.index>(r));
        if (at < 0 || at >= a.gathered_extent[s.access]) return;
        p += at * a.gathered_step[s.access];
      }
    }
    if constexpr (W == 1 && Values::device)
      Values::template store<to.type, stepping::strided, 1>(p, 0, v, 1);
    else if constexpr (!Values::device && to.inner == stepping::unit)
      Values::template store<to.type, to.inner, W>(p, 0, v, each ? count : 1, (past_cache >> S & 1u) != 0);
    else
      Values::template store<to.type, to.inner, W>(p, to.inner == stepping::strided ? a.step[s.access][P::outer] : 0, v,
                                                   each ? count : 1);
  }

  /// Row steps of one stage, in order.
  FUSE_UNCHECKED
  template <int Stage>
  FUSE_HD void run_row_steps() {
    unrolled<P::steps>([&](auto i) FUSE_INLINE {
      constexpr step_code s = P::step[i];
      if constexpr (!s.element && s.kind != step_kind::reduce && s.stage == Stage) run<i>(0, 1);
    });
  }

 private:
  /// A step's value as it goes into memory of dtype D; rounding happens in the store.
  FUSE_UNCHECKED
  template <int I, dtype D, int W>
  FUSE_HD auto stored() {
    if constexpr (std::is_same_v<scalar<I>, compute_type_of<D>> && is_floating(D))
      return value<I, W>();
    else
      return Values::template convert<D, P::step[I].type, W>(value<I, W>());
  }

  FUSE_UNCHECKED
  template <class V>
  FUSE_HD static auto lane(const V& v, int i) {
    if constexpr (Values::device)
      return v.v[i];
    else
      return packs::lane(v, i);
  }
  FUSE_UNCHECKED
  template <class V, class T>
  FUSE_HD static void set_lane(V& v, int i, T x) {
    if constexpr (Values::device)
      v.v[i] = x;
    else
      packs::set_lane(v, i, x);
  }

  FUSE_UNCHECKED
  template <int I>
  FUSE_HD void in_range() {
    constexpr step_code s = P::step[I];
    constexpr int W = width<I>;
    const auto at = value<s.in[0], W>();
    const index n = Values::first(registers::get<s.in[1]>(r));
    auto& out = registers::get<I>(r);
    constexpr int lanes = Values::device ? W : host_lanes;
    FUSE_UNROLL
    for (int i = 0; i < lanes; ++i) {
      bool inside = lane(at, i) >= 0 && lane(at, i) < n;
      if constexpr (s.in[2] >= 0) {
        constexpr int further = s.in[2] >= 0 ? s.in[2] : 0;
        inside = inside && lane(value<further, W>(), i) != 0;
      }
      set_lane(out, i, std::int32_t(inside));
    }
  }

  FUSE_UNCHECKED
  template <int I>
  FUSE_HD void pointwise() {
    constexpr step_code s = P::step[I];
    constexpr int W = width<I>;
    // Operands compute in one type: the first one's, or for `where` the second one's.
    constexpr int leading = P::step[I].in[P::op[I]->first_is_condition ? 1 : 0];
    constexpr dtype in = P::step[leading].type;
    using T = compute_type_of<in>;
    auto operand = [&](auto which) FUSE_INLINE {
      constexpr int from = P::step[I].in[which];
      using S = scalar<from>;
      if constexpr (std::is_same_v<S, T>)
        return value<from, W>();
      else
        return Values::template convert<in, P::step[from].type, W>(value<from, W>());
    };
    constexpr int arity = P::op[I]->arity;
    auto apply = [&]() FUSE_INLINE {
      if constexpr (arity == 1)
        return Values::template apply<P::op[I], W>(operand(constant_index<0>{}));
      else if constexpr (arity == 2)
        return Values::template apply<P::op[I], W>(operand(constant_index<0>{}), operand(constant_index<1>{}));
      else
        return Values::template apply<P::op[I], W>(operand(constant_index<0>{}), operand(constant_index<1>{}),
                                                   operand(constant_index<2>{}));
    };
    auto& out = registers::get<I>(r);
    if constexpr (std::is_same_v<scalar<I>, T>)
      out = Values::template narrow<s.type>(apply());
    else
      out = Values::template convert<s.type, in, W>(apply());
  }

  FUSE_UNCHECKED
  template <int I>
  FUSE_HD void load(index column, int count) {
    constexpr step_code s = P::step[I];
    constexpr int A = static_cast<int>(s.attribute), W = width<I>;
    constexpr dtype type = P::access[A].type;
    constexpr stepping inner = P::access[A].inner;
    auto& out = registers::get<I>(r);
    const auto* p = address<A>(column);
    const index stride = inner == stepping::strided ? a.step[A][P::outer] : 0;
    constexpr bool each = (s.in[0] >= 0 && P::step[s.in[0] >= 0 ? s.in[0] : 0].element) ||
                          (s.in[1] >= 0 && P::step[s.in[1] >= 0 ? s.in[1] : 0].element);
    if constexpr (each) {  // lane by lane: the index or the predicate differs from element to element
      out = Values::template splat<scalar<I>, W>(scalar<I>(0));
      if constexpr (s.in[0] < 0 && inner == stepping::unit) {  // a predicate: mostly all of the lanes, or none
        const auto inside = value<s.in[1], W>();
        int yes = 0;
        FUSE_UNROLL
        for (int i = 0; i < (Values::device ? W : host_lanes); ++i) yes += i < count && lane(inside, i) != 0;
        if (yes == 0) return;
        if (yes == count) {
          out = Values::template load<type, inner, W>(p, stride, count);
          return;
        }
      }
      FUSE_UNROLL
      for (int i = 0; i < (Values::device ? W : host_lanes); ++i) {
        if (i >= count) break;
        if constexpr (s.in[1] >= 0) {
          constexpr int predicate = s.in[1] >= 0 ? s.in[1] : 0;
          if (lane(value<predicate, W>(), i) == 0) continue;
        }
        const auto* q = p;
        if constexpr (inner == stepping::unit)
          q += i;
        else if constexpr (inner == stepping::strided)
          q += i * stride;
        if constexpr (s.in[0] >= 0) {
          constexpr int which = s.in[0] >= 0 ? s.in[0] : 0;
          const index at = lane(value<which, W>(), i);
          if (at < 0 || at >= a.gathered_extent[A]) continue;
          q += at * a.gathered_step[A];
        }
        set_lane(out, i, values::widen<type>(*q));
      }
    } else {
      bool inside = true;
      if constexpr (s.in[1] >= 0) inside = Values::first(registers::get<s.in[1]>(r)) != 0;
      if constexpr (s.in[0] >= 0) {
        const index at = Values::first(registers::get<s.in[0]>(r));
        inside = inside && at >= 0 && at < a.gathered_extent[A];
        if (inside) p += at * a.gathered_step[A];
      }
      if (inside)
        out = Values::template load<type, inner, W>(p, stride, s.element ? count : 1);
      else
        out = Values::template splat<scalar<I>, W>(scalar<I>(0));
    }
  }
};

}  // namespace fuse
