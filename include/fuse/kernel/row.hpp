// SPDX-License-Identifier: Apache-2.0
// The row family: any number of reductions along a row, their results broadcast back, pointwise work around them,
// several outputs. The row is read from memory once; values that a later pass needs again are held in registers
// (`Held` packs a thread, where the length is static) or in scratch memory that each thread owns its places of.
#pragma once
#include <fuse/kernel/accumulator.hpp>
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

/// Does pass `stage` sum up?
template <class P>
consteval bool adds_in(int stage) {
  for (int i = 0; i < P::steps; ++i)
    if (P::step[i].stage == stage && P::step[i].kind == step_kind::reduce && P::op[i]->adds &&
        is_floating(P::step[i].type))
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
/// The accumulator of step I, a reduction.
template <class P, class Values, int N, int I>
struct accumulator_of {
  using type = accumulator<P::op[I], Values, compute_type_of<P::step[I].type>, N>;
};
/// Accumulators of the reductions of one stage, N lanes each.
template <class P, class Values, int N, int Stage, class Sequence>
struct sum_file;
template <class P, class Values, int N, int Stage, int... I>
struct sum_file<P, Values, N, Stage, std::integer_sequence<int, I...>>
    : held_slot<I, typename std::conditional_t<(P::step[I].kind == step_kind::reduce && P::step[I].stage == Stage),
                                               accumulator_of<P, Values, N, I>, std::type_identity<nothing>>::type>... {
};
template <int I, class V>
FUSE_HD V& held(held_slot<I, V>& s) {
  return s.v;
}
template <class P, class Values, int N, int Stage>
using sums_of = sum_file<P, Values, N, Stage, std::make_integer_sequence<int, P::steps>>;

/// A row while it is worked on: its registers, and its part of the scratch memory, which holds scratch_count values of
/// `capacity` elements each, slot_bytes an element.
template <class P, block B, int N, int Held>
struct row_work {
  using V = typename B::values;
  evaluator<P, V, N> e;
  char* scratch;
  index capacity;
  held_file<P, V, N, Held, std::make_integer_sequence<int, P::steps>> held_values;

  FUSE_UNCHECKED FUSE_HD row_work(const B& b, const typename P::arguments& a, char* memory, index elements)
      : e(a), scratch(memory), capacity(elements) {
    if constexpr (requires { b.past_cache; }) e.past_cache = b.past_cache;
  }
  /// The next pass over the row of `w`.
  FUSE_UNCHECKED
  FUSE_HD void continue_with(const row_work& w) {
    scratch = w.scratch;
    e.place = w.e.place;
    unrolled<P::steps>([&](auto i) FUSE_INLINE {
      if constexpr (!P::step[i].element) registers::get<i>(e.r) = registers::get<i>(w.e.r);
    });
  }
  FUSE_HD index length() const { return fuse::length<P, P::outer>(e.a); }

  /// f(i) for each reduction of pass `Stage`.
  FUSE_UNCHECKED
  template <int Stage, class F>
  FUSE_HD static void each(F&& f) {
    unrolled<P::steps>([&](auto i) FUSE_INLINE { reduction<Stage, i>(f); });
  }
  /// f(I) if step I is a reduction of pass `Stage`. No lambda: for those the compiler checks who may call f.
  FUSE_UNCHECKED
  template <int Stage, int I, class F>
  FUSE_HD static void reduction(F& f) {
    if constexpr (P::step[I].kind == step_kind::reduce && P::step[I].stage == Stage) f(constant_index<I>{});
  }

  /// What pass `Stage` needs once a row.
  FUSE_UNCHECKED
  template <int Stage, class Sums>
  FUSE_HD void start(Sums& sums) {
    e.template run_row_steps<Stage>();
    each<Stage>([&](auto i) FUSE_INLINE { held<i>(sums).start(start_of<P, i>()); });
  }
  /// Between the blocks of a row: this thread has done p packs, a multiple of block_packs. Parts are the host's.
  FUSE_UNCHECKED
  template <int Stage, class Sums>
  FUSE_HD void end_block(Sums& sums, index p) {
    if constexpr (adds_in<P>(Stage)) {
      each<Stage>([&](auto i) FUSE_INLINE { held<i>(sums).end_block(start_of<P, i>()); });
      if (p % run_packs == 0) each<Stage>([&](auto i) FUSE_INLINE { held<i>(sums).end_run(start_of<P, i>()); });
    }
    if constexpr (!V::device) {
      if (p % part_packs == 0)
        each<Stage>([&](auto i) FUSE_INLINE {
          held<i>(sums).add_part(held<i>(sums).of_part());
          held<i>(sums).restart(start_of<P, i>());
        });
    }
  }

  /// Pass `Stage` at elements [N * p, N * (p + 1)); `slot` numbers the packs that this thread holds.
  FUSE_UNCHECKED
  template <int Stage, class Sums, class Slot>
  FUSE_HD void visit(index p, Slot slot, Sums& sums) {
    const index column = p * N;
    int count = N;
    if constexpr (P::multiple % N != 0) count = length() - column < N ? int(length() - column) : N;
    unrolled<P::steps>([&](auto i) FUSE_INLINE {
      constexpr step_code s = P::step[i];
      constexpr bool used = used_in<P>(i, Stage);
      if constexpr (s.kind == step_kind::reduce) {
        if constexpr (s.stage == Stage) {
          auto x = e.template value<s.in[0], N>();
          x = V::template keep_first(x, count, start_of<P, i>());
          held<i>(sums).take(x);
        }
      } else if constexpr (s.element && s.kind == step_kind::product) {
        if constexpr (s.stage == Stage || used)
          registers::get<i>(e.r) = V::template narrow<s.type>(from_scratch<i>(column, count));
      } else if constexpr (s.element && s.stage == Stage) {
        if constexpr (s.kind == step_kind::load) e.template prefetch<static_cast<int>(s.attribute)>(column);
        e.template run<i>(column, count);
        if constexpr ((kept<P, V>(i) && Held == 0) || i == P::contracted)
          V::template store<scratch_dtype<s.type>, stepping::unit, N>(scratch_of<i>(column), 1,
                                                                      e.template value<i, N>(), count);
        else if constexpr (kept<P, V>(i))
          held<i>(held_values)[slot] = registers::get<i>(e.r);
      } else if constexpr (s.element && used) {
        if constexpr (!kept<P, V>(i))
          e.template run<i>(column, count);
        else if constexpr (Held == 0)
          registers::get<i>(e.r) = from_scratch<i>(column, count);
        else
          registers::get<i>(e.r) = held<i>(held_values)[slot];
      }
    });
    unrolled<P::stores>([&](auto s) FUSE_INLINE {
      if constexpr (P::store[s].value >= 0) {
        constexpr step_code from = P::step[P::store[s].value];
        if constexpr (from.element && from.stage == Stage) e.template store<s>(column, count);
      }
    });
  }

  /// The reductions of pass `Stage`, from what the threads have found of a part that is the last one.
  FUSE_UNCHECKED
  template <int Stage, class Sums>
  FUSE_HD void finish(const B& b, Sums& sums) {
    each<Stage>([&](auto i) FUSE_INLINE {
      using T = compute_type_of<P::step[i].type>;
      if (Held > 0 || (!V::device && length() <= block_packs * N)) {
        put<i>(all_reduce<P::op[i]>(b, held<i>(sums).of_block(), start_of<P, i>()));
      } else if (!V::device && length() <= run_packs * N) {
        put<i>(all_reduce<P::op[i]>(b, held<i>(sums).of_run(), start_of<P, i>()));
      } else if constexpr (V::device) {  // f64 is dear there, and a tree of the threads' sums errs by little
        put<i>(all_reduce<P::op[i]>(b, T(held<i>(sums).of_part()), start_of<P, i>()));
      } else {
        held<i>(sums).add_part(held<i>(sums).of_part());
        using wide = decltype(held<i>(sums).whole);
        put<i>(all_reduce<P::op[i]>(b, held<i>(sums).whole, wide(start_of<P, i>())));
      }
    });
  }

  /// Writes the results that are one value a row, of those which fill a whole row packs [begin, end).
  FUSE_UNCHECKED
  FUSE_HD void store_row_values(const B& b, index begin, index end) {
    const index n = length();
    unrolled<P::stores>([&](auto s) FUSE_INLINE {
      if constexpr (P::store[s].value >= 0) {
        if constexpr (!P::step[P::store[s].value].element) {
          if constexpr (P::access[P::store[s].access].inner == stepping::none) {
            if (b.rank() == 0 && begin == 0) e.template store<s>(0, 1);
          } else {  // a row value as a whole row
            for (index p = begin + b.rank(); p < end; p += b.size())
              e.template store<s>(p * N, static_cast<int>(n - p * N < N ? n - p * N : N));
          }
        }
      }
    });
  }

 private:
  /// The value of reduction I, of which `v` is the sum where it is a mean.
  FUSE_UNCHECKED
  template <int I, class W>
  FUSE_HD void put(W v) {
    using T = compute_type_of<P::step[I].type>;
    if constexpr (P::op[I]->mean)
      v = v / W(length());
    else if constexpr (P::op[I]->adds)
      v = length() > 0 ? v : W(0);  // an empty row has no sign
    registers::get<I>(e.r) = V::template splat<T, 1>(T(v));
  }
  template <int I>
  FUSE_HD auto* scratch_of(index column) const {
    using T = compute_type_of<P::step[I].type>;
    return reinterpret_cast<T*>(scratch + scratch_number<P, V>(I) * capacity * slot_bytes<P, V>) + column;
  }
  FUSE_UNCHECKED
  template <int I>
  FUSE_HD auto from_scratch(index column, int count) const {
    return V::template load<scratch_dtype<P::step[I].type>, stepping::unit, N>(scratch_of<I>(column), 1, count);
  }
};

}  // namespace rows

/// One row.
FUSE_UNCHECKED
template <class P, int N, int Held, block B>
FUSE_HD void run_row(const B& b, const typename P::arguments& a, const row_place<P>& place, char* scratch,
                     index capacity) {
  using namespace rows;
  const index packs = (length<P, P::outer>(a) + N - 1) / N;
  row_work<P, B, N, Held> w(b, a, scratch, capacity);
  w.e.place = place;
  unrolled<P::stages>([&](auto stage) FUSE_INLINE {
    sums_of<P, typename B::values, N, stage> sums;
    w.template start<stage>(sums);
    if constexpr (has_pass<P>(stage)) {
      if constexpr (Held > 0) {
        FUSE_UNROLL
        for (int slot = 0; slot < Held; ++slot) {
          const index p = b.rank() + index(slot) * b.size();
          if (p < packs) w.template visit<stage>(p, slot, sums);
        }
      } else if constexpr (adds_in<P>(stage)) {
        const index beside = b.size();
        for (index p = b.rank(), done = 0; p < packs;) {
          const index left = packs - p, most = block_packs * beside, end = left < most ? packs : p + most;
          FUSE_NO_UNROLL
          for (; p < end; p += beside) w.template visit<stage>(p, 0, sums);
          done += block_packs;
          if (p < packs) w.template end_block<stage>(sums, done);
        }
      } else {
        for (index p = b.rank(); p < packs; p += b.size()) w.template visit<stage>(p, 0, sums);
      }
      w.template finish<stage>(b, sums);
    }
  });
  w.store_row_values(b, 0, packs);
}

}  // namespace fuse
