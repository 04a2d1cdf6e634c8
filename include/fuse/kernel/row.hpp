// SPDX-License-Identifier: Apache-2.0
// The row family: any number of reductions along a row, their results broadcast back, pointwise work around them,
// several outputs. The row is read from memory once; values that a later pass needs again are held in registers
// (`Held` packs a thread, where the length is static) or in scratch memory that each thread owns its places of.
#pragma once
#include <fuse/kernel/evaluate.hpp>

namespace fuse {

namespace rows {

/// The dtype whose storage is the compute type of D: how scratch memory holds values.
template <dtype D>
inline constexpr dtype scratch_dtype = compute_of(D) == compute::f32   ? dtype::f32
                                       : compute_of(D) == compute::f64 ? dtype::f64
                                       : compute_of(D) == compute::i64 ? dtype::i64
                                                                       : dtype::i32;

template <class P>
consteval bool reads(int user, int step) {
  const step_code s = P::step[user];
  return s.kind != step_kind::product && (s.in[0] == step || s.in[1] == step || s.in[2] == step);
}

/// Is the value of an element step read in pass `stage`?
template <class P>
consteval bool used_in(int step, int stage) {
  for (int j = step + 1; j < P::steps; ++j)
    if (P::step[j].stage == stage && reads<P>(j, step) && (P::step[j].element || P::step[j].kind == step_kind::reduce))
      return true;
  return false;
}

/// The host reads inputs again rather than keep a copy: they are in its cache either way. Not so where the place to
/// read is itself computed element by element.
template <class P, class Values>
consteval bool kept(int step) {
  const step_code s = P::step[step];
  const bool computed_place = (s.in[0] >= 0 && P::step[s.in[0]].element) || (s.in[1] >= 0 && P::step[s.in[1]].element);
  const bool reread = !Values::device && s.kind == step_kind::load && !computed_place;
  return s.keep && !reread && s.kind != step_kind::product;
}

/// The number of a step among those that live in scratch memory: products first, then kept values.
template <class P, class Values>
consteval int scratch_number(int step) {
  int products = 0, before = 0;
  for (int i = 0; i < P::steps; ++i) products += P::step[i].kind == step_kind::product;
  const bool is_product = P::step[step].kind == step_kind::product;
  for (int i = 0; i < step; ++i)
    before += is_product ? P::step[i].kind == step_kind::product : kept<P, Values>(i) || i == P::contracted;
  return is_product ? before : products + before;
}
template <class P, class Values>
consteval int scratch_count() {
  int n = 0;
  for (int i = 0; i < P::steps; ++i)
    n += P::step[i].kind == step_kind::product || kept<P, Values>(i) || i == P::contracted;
  return n;
}
/// Bytes of one element in scratch memory: as many as the widest value that lives there needs.
template <class P, class Values>
consteval index widest_slot() {
  for (int i = 0; i < P::steps; ++i)
    if ((P::step[i].kind == step_kind::product || kept<P, Values>(i) || i == P::contracted) &&
        (compute_of(P::step[i].type) == compute::i64 || compute_of(P::step[i].type) == compute::f64))
      return 8;
  return 4;
}
template <class P, class Values>
inline constexpr index slot_bytes = widest_slot<P, Values>();
/// Bytes of scratch memory for each element of a row.
template <class P, class Values>
inline constexpr index scratch_bytes = slot_bytes<P, Values>* scratch_count<P, Values>();

template <class P>
consteval bool has_pass(int stage) {
  for (int i = 0; i < P::steps; ++i)
    if (P::step[i].stage == stage &&
        (P::step[i].kind == step_kind::reduce || (P::step[i].element && P::step[i].kind != step_kind::coordinate)))
      return true;
  return false;
}

/// What a reduction starts from.
template <class P, int I>
FUSE_HD auto start_of() {
  constexpr double identity = P::op[I]->identity;
  return values::identity<P::step[I].type>(identity);
}

struct nothing {};
template <int I, class V>
struct held_slot {
  V v;
};
template <class P, class Values, int N, int Held, class Sequence>
struct held_file;
template <class P, class Values, int N, int Held, int... I>
struct held_file<P, Values, N, Held, std::integer_sequence<int, I...>>
    : held_slot<I, std::conditional_t<
                       (Held > 0 && kept<P, Values>(I)),
                       typename Values::template value<compute_type_of<P::step[I].type>, N>[(Held > 0 ? Held : 1)],
                       nothing>>... {};
/// Accumulators of the reductions of one stage, N lanes each.
template <class P, class Values, int N, int Stage, class Sequence>
struct sum_file;
template <class P, class Values, int N, int Stage, int... I>
struct sum_file<P, Values, N, Stage, std::integer_sequence<int, I...>>
    : held_slot<I,
                std::conditional_t<(P::step[I].kind == step_kind::reduce && P::step[I].stage == Stage),
                                   typename Values::template value<compute_type_of<P::step[I].type>, N>, nothing>>... {
};
template <int I, class V>
FUSE_HD V& held(held_slot<I, V>& s) {
  return s.v;
}

}  // namespace rows

/// One row. `scratch` holds scratch_count values of `capacity` elements each, slot_bytes an element.
FUSE_UNCHECKED
template <class P, int N, int Held, block B>
FUSE_HD void run_row(const B& b, const typename P::arguments& a, const row_place<P>& place, char* scratch,
                     index capacity) {
  using V = typename B::values;
  using namespace rows;
  const index n = length<P, P::outer>(a);
  const index packs = (n + N - 1) / N;
  evaluator<P, V, N> e(a);
  e.place = place;
  held_file<P, V, N, Held, std::make_integer_sequence<int, P::steps>> held_values;

  auto scratch_of = [&](auto i, index column) {
    using T = compute_type_of<P::step[i].type>;
    return reinterpret_cast<T*>(scratch + scratch_number<P, V>(i) * capacity * slot_bytes<P, V>) + column;
  };

  unrolled<P::stages>([&](auto stage) {
    e.template run_row_steps<stage>();
    if constexpr (has_pass<P>(stage)) {
      sum_file<P, V, N, stage, std::make_integer_sequence<int, P::steps>> sums;
      unrolled<P::steps>([&](auto i) {
        constexpr step_code s = P::step[i];
        if constexpr (s.kind == step_kind::reduce && s.stage == stage) {
          using T = compute_type_of<s.type>;
          held<i>(sums) = V::template splat<T, N>(start_of<P, i>());
        }
      });
      auto visit = [&](index p, auto slot) {
        const index column = p * N;
        int count = N;
        if constexpr (P::multiple % N != 0) count = n - column < N ? int(n - column) : N;
        unrolled<P::steps>([&](auto i) {
          constexpr step_code s = P::step[i];
          constexpr bool used = used_in<P>(i, stage);
          if constexpr (s.kind == step_kind::reduce) {
            if constexpr (s.stage == stage) {
              auto x = e.template value<s.in[0], N>();
              x = V::template keep_first(x, count, start_of<P, i>());
              held<i>(sums) = V::template apply<P::op[i], N>(held<i>(sums), x);
            }
          } else if constexpr (s.element && s.kind == step_kind::product) {
            if constexpr (s.stage == stage || used)
              registers::get<i>(e.r) =
                  V::template load<scratch_dtype<s.type>, stepping::unit, N>(scratch_of(i, column), 1, count);
          } else if constexpr (s.element && s.stage == stage) {
            e.template run<i>(column, count);
            constexpr bool in_scratch = (kept<P, V>(i) && Held == 0) || i == P::contracted;
            if constexpr (in_scratch)
              V::template store<scratch_dtype<s.type>, stepping::unit, N>(scratch_of(i, column), 1,
                                                                          e.template value<i, N>(), count);
            else if constexpr (kept<P, V>(i))
              held<i>(held_values)[slot] = registers::get<i>(e.r);
          } else if constexpr (s.element && used) {
            if constexpr (!kept<P, V>(i))
              e.template run<i>(column, count);
            else if constexpr (Held == 0)
              registers::get<i>(e.r) =
                  V::template load<scratch_dtype<s.type>, stepping::unit, N>(scratch_of(i, column), 1, count);
            else
              registers::get<i>(e.r) = held<i>(held_values)[slot];
          }
        });
        unrolled<P::stores>([&](auto s) {
          if constexpr (P::store[s].value >= 0) {
            constexpr step_code from = P::step[P::store[s].value];
            if constexpr (from.element && from.stage == stage) e.template store<s>(column, count);
          }
        });
      };
      if constexpr (Held > 0) {
        FUSE_UNROLL
        for (int slot = 0; slot < Held; ++slot) {
          const index p = b.rank() + index(slot) * b.size();
          if (p < packs) visit(p, slot);
        }
      } else {
        for (index p = b.rank(); p < packs; p += b.size()) visit(p, 0);
      }
      unrolled<P::steps>([&](auto i) {
        constexpr step_code s = P::step[i];
        if constexpr (s.kind == step_kind::reduce && s.stage == stage) {
          using T = compute_type_of<s.type>;
          T v = all_reduce<P::op[i]>(b, V::template fold<P::op[i]>(held<i>(sums)), start_of<P, i>());
          if constexpr (P::op[i]->mean) v = v / T(n);
          registers::get<i>(e.r) = V::template splat<T, 1>(v);
        }
      });
    }
  });
  unrolled<P::stores>([&](auto s) {
    if constexpr (P::store[s].value >= 0) {
      if constexpr (!P::step[P::store[s].value].element) {
        if constexpr (P::access[P::store[s].access].inner == stepping::none) {
          if (b.rank() == 0) e.template store<s>(0, 1);
        } else {  // a row value as a whole row
          for (index p = b.rank(); p < packs; p += b.size())
            e.template store<s>(p * N, static_cast<int>(n - p * N < N ? n - p * N : N));
        }
      }
    }
  });
}

}  // namespace fuse
