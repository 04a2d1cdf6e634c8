// SPDX-License-Identifier: Apache-2.0
// Every view alone and in others, of static and dynamic lengths, of every rank. Small integers: results are exact.
#pragma once
#include "places.hpp"

namespace views_of {
using namespace places;

constexpr auto single = fx::compile<"single_views">([](auto x) {
  return fx::outputs(fx::permute<2, 0, 1>(x), fx::transpose(x), fx::slice<1, 1, 3>(x), fx::slice<-1, -3, -1>(x),
                     fx::flip<0>(x), fx::flip<-1>(x), fx::unsqueeze<1>(x), fx::squeeze<0>(fx::slice<0, 1, 2>(x)),
                     fx::concat<1>(x, x), fx::transpose<0, 2>(x), fx::iota_along<1>(x), fx::iota(fx::extent<2>(x)));
});
template <class X, bool Eager = machine::runs_eager>
void check_single() {
  const auto x = counting<X>({3, 4, 5});
  run<Eager>(
      single,
      [&](const auto& permuted, const auto& transposed, const auto& middle, const auto& from_the_end,
          const auto& rows_reversed, const auto& reversed, const auto& wider, const auto& one, const auto& twice,
          const auto& swapped, const auto& along, const auto& counted) {
        expect(permuted, {5, 3, 4}, [&](auto i) { return at(x, {i[1], i[2], i[0]}); });
        expect(transposed, {3, 5, 4}, [&](auto i) { return at(x, {i[0], i[2], i[1]}); });
        expect(middle, {3, 2, 5}, [&](auto i) { return at(x, {i[0], i[1] + 1, i[2]}); });
        expect(from_the_end, {3, 4, 2}, [&](auto i) { return at(x, {i[0], i[1], i[2] + 2}); });
        expect(rows_reversed, {3, 4, 5}, [&](auto i) { return at(x, {2 - i[0], i[1], i[2]}); });
        expect(reversed, {3, 4, 5}, [&](auto i) { return at(x, {i[0], i[1], 4 - i[2]}); });
        expect(wider, {3, 1, 4, 5}, [&](auto i) { return at(x, {i[0], i[2], i[3]}); });
        expect(one, {4, 5}, [&](auto i) { return at(x, {1, i[0], i[1]}); });
        expect(twice, {3, 8, 5}, [&](auto i) { return at(x, {i[0], i[1] % 4, i[2]}); });
        expect(swapped, {5, 4, 3}, [&](auto i) { return at(x, {i[2], i[1], i[0]}); });
        expect(along, {3, 4, 5}, [&](auto i) { return double(i[1]); });
        expect(counted, {5}, [&](auto i) { return double(i[0]); });
      },
      x);
}

/// Every view in one function, for each dtype.
constexpr auto every_view = fx::compile<"every_view">([](auto x, auto rows) {
  auto [left, right] = fx::split<1, 2>(x);
  return fx::outputs(fx::permute<2, 0, 1>(x), fx::transpose(x), fx::slice<1, 1, 3>(x),
                     fx::slice<-1, 0, fx::to_end, 2>(x), fx::flip<0>(x), fx::flip<-1>(x), fx::unsqueeze<1>(x),
                     fx::squeeze<0>(fx::slice<0, 1, 2>(x)),
                     fx::expand(fx::unsqueeze<0>(x), fx::size<2>, fx::extent<0>(x), fx::size<4>, fx::size<5>),
                     fx::concat<1>(x, fx::flip<1>(x)), left, right, fx::reshape(x, fx::infer), fx::take(x, rows),
                     fx::scatter<0>(x, rows, fx::flip<-1>(fx::slice<0, 1, 3>(x))));
});
template <class T>
void check_dtype() {
  const auto x = counting<tensor<T, dyn, 4, 5>>({3, 4, 5});
  const tensor<std::int32_t, 2> rows({2}, {2, 0});
  run(
      every_view,
      [&](const auto& permuted, const auto& transposed, const auto& middle, const auto& even, const auto& rows_reversed,
          const auto& reversed, const auto& wider, const auto& one, const auto& expanded, const auto& twice,
          const auto& left, const auto& right, const auto& flat, const auto& taken, const auto& scattered) {
        expect(permuted, {5, 3, 4}, [&](auto i) { return at(x, {i[1], i[2], i[0]}); });
        expect(transposed, {3, 5, 4}, [&](auto i) { return at(x, {i[0], i[2], i[1]}); });
        expect(middle, {3, 2, 5}, [&](auto i) { return at(x, {i[0], i[1] + 1, i[2]}); });
        expect(even, {3, 4, 3}, [&](auto i) { return at(x, {i[0], i[1], 2 * i[2]}); });
        expect(rows_reversed, {3, 4, 5}, [&](auto i) { return at(x, {2 - i[0], i[1], i[2]}); });
        expect(reversed, {3, 4, 5}, [&](auto i) { return at(x, {i[0], i[1], 4 - i[2]}); });
        expect(wider, {3, 1, 4, 5}, [&](auto i) { return at(x, {i[0], i[2], i[3]}); });
        expect(one, {4, 5}, [&](auto i) { return at(x, {1, i[0], i[1]}); });
        expect(expanded, {2, 3, 4, 5}, [&](auto i) { return at(x, {i[1], i[2], i[3]}); });
        expect(twice, {3, 8, 5}, [&](auto i) { return at(x, {i[0], i[1] < 4 ? i[1] : 7 - i[1], i[2]}); });
        expect(left, {3, 2, 5}, [&](auto i) { return at(x, i); });
        expect(right, {3, 2, 5}, [&](auto i) { return at(x, {i[0], i[1] + 2, i[2]}); });
        expect(flat, {60}, [&](auto i) { return at(x, {i[0] / 20, i[0] / 5 % 4, i[0] % 5}); });
        expect(taken, {2, 4, 5}, [&](auto i) { return at(x, {i[0] == 0 ? 2 : 0, i[1], i[2]}); });
        expect(scattered, {3, 4, 5}, [&](auto i) {
          return i[0] == 1 ? at(x, i) : at(x, {i[0] == 2 ? 1 : 2, i[1], 4 - i[2]});
        });
      },
      x, rows);
}

constexpr auto reshapes = fx::compile<"reshapes">([](auto x) {
  return fx::outputs(fx::reshape(x, fx::infer), fx::reshape(x, fx::size<2>, fx::size<2>, fx::infer),
                     fx::reshape(x, fx::extent<0>(x), fx::infer, fx::size<3>), fx::reshape(fx::transpose(x), fx::infer),
                     fx::reshape(fx::reshape(x, fx::infer), fx::size<3>, fx::infer) + 1.f,
                     fx::transpose(fx::reshape(x, fx::size<3>, fx::infer)),
                     fx::reshape(x, fx::size<1>, fx::infer, fx::size<1>));
});
template <class X, bool Eager = machine::runs_eager>
void check_reshapes() {
  const auto x = counting<X>({4, 6});
  auto flat = [&](fx::index n) { return at(x, {n / 6, n % 6}); };
  run<Eager>(
      reshapes,
      [&](const auto& merged, const auto& split, const auto& inferred, const auto& reordered, const auto& again,
          const auto& permuted, const auto& ones) {
        expect(merged, {24}, [&](auto i) { return flat(i[0]); });
        expect(split, {2, 2, 6}, [&](auto i) { return flat((i[0] * 2 + i[1]) * 6 + i[2]); });
        expect(inferred, {4, 2, 3}, [&](auto i) { return flat((i[0] * 2 + i[1]) * 3 + i[2]); });
        expect(reordered, {24}, [&](auto i) { return at(x, {i[0] % 4, i[0] / 4}); });
        expect(again, {3, 8}, [&](auto i) { return flat(i[0] * 8 + i[1]) + 1; });
        expect(permuted, {8, 3}, [&](auto i) { return flat(i[1] * 8 + i[0]); });
        expect(ones, {1, 24, 1}, [&](auto i) { return flat(i[1]); });
      },
      x);
}

constexpr auto stepped = fx::compile<"stepped">([](auto x) {
  return fx::outputs(fx::slice<-1, 0, fx::to_end, 2>(x), fx::slice<-1, 1, -1, 3>(x), fx::slice<0, 2, 2>(x),
                     fx::slice<-1, 1, fx::to_end, 2>(fx::flip<-1>(x)));
});
inline void check_stepped() {
  const auto x = counting<tensor<float, 4, 9>>({4, 9});
  run(
      stepped,
      [&](const auto& even, const auto& third, const auto& none, const auto& backwards) {
        expect(even, {4, 5}, [&](auto i) { return at(x, {i[0], 2 * i[1]}); });
        expect(third, {4, 3}, [&](auto i) { return at(x, {i[0], 1 + 3 * i[1]}); });
        expect(none, {0, 9}, [&](auto) { return 0.; });
        expect(backwards, {4, 4}, [&](auto i) { return at(x, {i[0], 7 - 2 * i[1]}); });
      },
      x);
}

constexpr auto nested = fx::compile<"nested_views">([](auto x, auto y) {
  auto a = fx::flip<0>(fx::transpose(fx::slice<1, 1, 5>(x)));
  auto b = fx::slice<0, 1, 3>(fx::concat<0>(fx::flip<-1>(x) * 2.f, y));
  auto c = fx::concat<1>(fx::concat<0>(x, y), fx::concat<0>(y, x) + 1.f);
  auto [left, right] = fx::split<-1, 2>(x);
  auto d = fx::concat<-1>(right, -left);
  auto e = fx::expand(fx::unsqueeze<1>(fx::sum(x, fx::axis<-1>)), fx::size<4>, fx::size<3>);
  auto f = fx::slice<0, 3, 5>(fx::concat<0>(x, fx::flip<0>(y))) - fx::slice<0, 0, 2>(x);
  auto g = fx::reshape(fx::permute<1, 2, 0>(fx::reshape(x, fx::size<4>, fx::size<2>, fx::size<3>)), fx::size<6>,
                       fx::size<4>);
  auto h = fx::reshape(fx::slice<1, 0, 4>(x), fx::size<2>, fx::size<8>);
  return fx::outputs(a, b, c, d, e, f, g, h);
});
inline void check_nested() {
  const auto x = counting<tensor<float, 4, 6>>({4, 6}), y = counting<tensor<float, 4, 6>>({4, 6}, 30);
  auto sum = [&](fx::index row) {
    double s = 0;
    for (fx::index i = 0; i < 6; ++i) s += at(x, {row, i});
    return s;
  };
  run(
      nested,
      [&](const auto& a, const auto& b, const auto& c, const auto& d, const auto& e, const auto& f, const auto& g,
          const auto& h) {
        expect(a, {4, 4}, [&](auto i) { return at(x, {3 - (3 - i[1]), 1 + 3 - i[0]}); });
        expect(b, {2, 6}, [&](auto i) { return 2 * at(x, {1 + i[0], 5 - i[1]}); });
        expect(c, {8, 12}, [&](auto i) {
          const bool right = i[1] >= 6, lower = i[0] >= 4;
          return at(right != lower ? y : x, {i[0] % 4, i[1] % 6}) + right;
        });
        expect(d, {4, 6}, [&](auto i) { return i[1] < 3 ? at(x, {i[0], i[1] + 3}) : -at(x, {i[0], i[1] - 3}); });
        expect(e, {4, 3}, [&](auto i) { return sum(i[0]); });
        expect(f, {2, 6}, [&](auto i) { return at(i[0] == 0 ? x : y, {3, i[1]}) - at(x, {i[0], i[1]}); });
        expect(g, {6, 4}, [&](auto i) { return at(x, {i[1], i[0]}); });
        expect(h, {2, 8}, [&](auto i) { return at(x, {2 * i[0] + i[1] / 4, i[1] % 4}); });
      },
      x, y);
}

constexpr auto under_reductions = fx::compile<"under_reductions">([](auto x, auto y) {
  constexpr auto last = fx::axis<-1>;
  auto widened = fx::expand(fx::unsqueeze<-1>(fx::max(y, last)), fx::extent<0>(y), fx::size<5>);
  return fx::outputs(fx::sum(fx::transpose(x), last), fx::max(fx::flip<-1>(x) * fx::iota_along<-1>(x), last),
                     fx::sum(fx::slice<-1, 1, -1>(x), last), fx::sum(fx::concat<-1>(x, y), last),
                     fx::argmax(fx::flip<-1>(x), last), fx::sum(fx::reshape(x, fx::infer), last),
                     fx::sum(fx::reshape(x, fx::size<2>, fx::infer), last), fx::sum(fx::flip<0>(x) - y, last),
                     fx::max(fx::concat<0>(x, y), last), fx::min(widened, last), fx::transpose(x - fx::max(x, fx::row)),
                     fx::flip<-1>(x + fx::sum(fx::flip<-1>(y), fx::row)));
});
template <class X>
void check_under_reductions() {
  const auto x = counting<X>({4, 6}), y = counting<X>({4, 6}, 40);
  auto fold = [](fx::index n, auto f) {
    double s = 0;
    for (fx::index i = 0; i < n; ++i) s += f(i);
    return s;
  };
  run(
      under_reductions,
      [&](const auto& columns, const auto& weighted, const auto& inner, const auto& joined, const auto& place,
          const auto& all, const auto& halves, const auto& crossed, const auto& stacked, const auto& expanded,
          const auto& transposed, const auto& flipped) {
        expect(columns, {6}, [&](auto i) { return fold(4, [&](auto k) { return at(x, {k, i[0]}); }); });
        expect(weighted, {4}, [&](auto i) {
          double m = 0;
          for (fx::index k = 0; k < 6; ++k) m = std::max(m, at(x, {i[0], 5 - k}) * double(k));
          return m;
        });
        expect(inner, {4}, [&](auto i) { return fold(4, [&](auto k) { return at(x, {i[0], k + 1}); }); });
        expect(joined, {4}, [&](auto i) {
          return fold(6, [&](auto k) { return at(x, {i[0], k}) + at(y, {i[0], k}); });
        });
        expect(place, {4}, [&](auto) { return 0.; });
        expect(all, {}, [&](auto) { return 23. * 24 / 2; });
        expect(halves, {2}, [&](auto i) { return fold(12, [&](auto k) { return at(x, {2 * i[0] + k / 6, k % 6}); }); });
        expect(crossed, {4}, [&](auto i) {
          return fold(6, [&](auto k) { return at(x, {3 - i[0], k}) - at(y, {i[0], k}); });
        });
        expect(stacked, {8}, [&](auto i) { return at(i[0] < 4 ? x : y, {i[0] % 4, 5}); });
        expect(expanded, {4}, [&](auto i) { return at(y, {i[0], 5}); });
        expect(transposed, {6, 4}, [&](auto i) { return at(x, {i[1], i[0]}) - at(x, {i[1], 5}); });
        expect(flipped, {4, 6}, [&](auto i) {
          return at(x, {i[0], 5 - i[1]}) + fold(6, [&](auto k) { return at(y, {i[0], k}); });
        });
      },
      x, y);
}

constexpr auto every_rank = fx::compile<"every_rank">([](auto x) {
  auto reverse = [&]<int... I>(std::integer_sequence<int, I...>) {
    return fx::permute<int(sizeof...(I)) - 1 - I...>(x);
  };
  auto permuted = reverse(std::make_integer_sequence<int, decltype(x)::rank>{});
  return fx::outputs(x * 2.f, fx::flip<0>(permuted), fx::sum(x, fx::row) + x,
                     fx::iota_along<0>(x) + fx::iota_along<-1>(x));
});
template <class X, bool Eager = machine::runs_eager>
void check_rank(const typename X::lengths& extents) {
  const auto x = counting<X>(extents);
  const coordinates shape(extents.begin(), extents.end()), reversed(extents.rbegin(), extents.rend());
  run<Eager>(
      every_rank,
      [&](const auto& doubled, const auto& permuted, const auto& summed, const auto& numbered) {
        expect(doubled, shape, [&](auto i) { return 2 * at(x, i); });
        expect(permuted, reversed, [&](auto i) {
          i[0] = reversed[0] - 1 - i[0];
          return at(x, coordinates(i.rbegin(), i.rend()));
        });
        expect(summed, shape, [&](auto i) {
          double s = at(x, i);
          for (i.back() = 0; i.back() < shape.back(); ++i.back()) s += at(x, i);
          return s;
        });
        expect(numbered, shape, [&](auto i) { return double(i.front() + i.back()); });
      },
      x);
}

constexpr auto broadcasts = fx::compile<"broadcasts">([](auto a, auto b, auto c, auto d) {
  return fx::outputs(a + b, b * c, a - c, d + a, fx::where(b > 2.f, a, d), fx::max(a, 2.f) * 3, 1.f - d);
});
template <class A, class B, class C>
void check_broadcasts() {  // (3, 1, 4), (2, 1), (4), ()
  const auto a = counting<A>({3, 1, 4});
  const auto b = counting<B>({2, 1}, 2);
  const auto c = counting<C>({4}, 5);
  const auto d = counting<tensor<float>>({}, 7);
  run(
      broadcasts,
      [&](const auto& ab, const auto& bc, const auto& ac, const auto& da, const auto& chosen, const auto& clamped,
          const auto& scalar) {
        expect(ab, {3, 2, 4}, [&](auto i) { return at(a, {i[0], 0, i[2]}) + at(b, {i[1], 0}); });
        expect(bc, {2, 4}, [&](auto i) { return at(b, {i[0], 0}) * at(c, {i[1]}); });
        expect(ac, {3, 1, 4}, [&](auto i) { return at(a, {i[0], 0, i[2]}) - at(c, {i[2]}); });
        expect(da, {3, 1, 4}, [&](auto i) { return at(a, {i[0], 0, i[2]}) + 7; });
        expect(chosen, {3, 2, 4}, [&](auto i) { return at(b, {i[1], 0}) > 2 ? at(a, {i[0], 0, i[2]}) : 7; });
        expect(clamped, {3, 1, 4}, [&](auto i) { return 3 * std::max(at(a, {i[0], 0, i[2]}), 2.); });
        expect(scalar, {}, [&](auto) { return -6.; });
      },
      a, b, c, d);
}

constexpr auto scalars = fx::compile<"scalars">([](auto x, auto f, auto d, auto i, auto l, auto u, auto b) {
  return fx::outputs(x * f + i, x + d, fx::where(b, x, -x), fx::cast<fx::dtype::f64>(x) * d,
                     fx::iota_along<0>(x) * l + u, fx::sum(x * f, fx::axis<-1>) + f);
});
inline void check_scalars() {
  const auto x = counting<tensor<float, dyn>>({7});
  for (bool flag : {false, true}) {
    run(
        scalars,
        [&](const auto& a, const auto& b, const auto& c, const auto& d, const auto& e, const auto& f) {
          expect(a, {7}, [&](auto i) { return at(x, i) * 0.5 - 3; });
          expect(b, {7}, [&](auto i) { return at(x, i) + 0.25; });
          expect(c, {7}, [&](auto i) { return flag ? at(x, i) : -at(x, i); });
          expect(d, {7}, [&](auto i) { return at(x, i) * 0.25; });
          expect(e, {7}, [&](auto i) { return double(i[0]) * 5e9 + 200; });
          expect(f, {}, [&](auto) { return 11.; });
        },
        x, 0.5f, 0.25, std::int32_t(-3), std::int64_t(5'000'000'000), std::uint8_t(200), flag);
  }
}

constexpr auto gathers = fx::compile<"gathers">([](auto table, auto rows, auto flat) {
  return fx::outputs(fx::take(table, rows), fx::take(flat, rows), fx::take(table, rows + 1) * 2.f,
                     fx::sum(fx::take(table, rows), fx::axis<-1>),
                     fx::take(fx::transpose(table), fx::clamp(rows, 0, 2)),
                     fx::take(fx::concat<0>(table, -table), rows + 5), fx::take(table * table, rows));
});
template <class I, bool Eager = machine::runs_eager>
void check_gathers() {
  const auto table = counting<tensor<float, dyn, 3>>({5, 3}, 1);
  const auto flat = counting<tensor<float, 5>>({5}, 50);
  const tensor<I, 2, dyn> rows({2, 3}, {4, 0, 2, 2, 7, I(-1)});
  auto row = [&](const coordinates& i) { return fx::index(at(rows, {i[0], i[1]})); };
  auto of = [&](fx::index r, fx::index c) { return r >= 0 && r < 5 ? at(table, {r, c}) : 0.; };
  run<Eager>(
      gathers,
      [&](const auto& taken, const auto& elements, const auto& next, const auto& sums, const auto& columns,
          const auto& joined, const auto& computed) {
        expect(taken, {2, 3, 3}, [&](auto i) { return of(row(i), i[2]); });
        expect(elements, {2, 3}, [&](auto i) { return row(i) >= 0 && row(i) < 5 ? at(flat, {row(i)}) : 0.; });
        expect(next, {2, 3, 3}, [&](auto i) { return 2 * of(fx::index(I(row(i) + 1)), i[2]); });
        expect(sums, {2, 3}, [&](auto i) { return of(row(i), 0) + of(row(i), 1) + of(row(i), 2); });
        expect(columns, {2, 3, 5}, [&](auto i) { return at(table, {i[2], std::clamp<fx::index>(row(i), 0, 2)}); });
        expect(joined, {2, 3, 3}, [&](auto i) {
          const fx::index r = fx::index(I(row(i) + 5));
          return r < 0 || r >= 10 ? 0. : r < 5 ? at(table, {r, i[2]}) : -at(table, {r - 5, i[2]});
        });
        expect(computed, {2, 3, 3}, [&](auto i) { return of(row(i), i[2]) * of(row(i), i[2]); });
      },
      table, rows, flat);
}

/// Indices of every integer dtype.
constexpr auto taken_by =
    fx::compile<"taken_by">([](auto table, auto... rows) { return fx::outputs(fx::take(table, rows)...); });
inline void check_index_dtypes() {
  const auto table = counting<tensor<float, dyn, 3>>({5, 3}, 1);
  auto rows = [](auto zero) {
    using I = decltype(zero);
    return tensor<I, dyn>({5}, {I(4), I(0), I(7), I(2), I(-1)});  // -1 is 255 of u8: as far outside
  };
  run(
      taken_by,
      [&](const auto&... taken) {
        const fx::index row[] = {4, 0, -1, 2, -1};
        auto expected = [&](auto i) { return row[i[0]] < 0 ? 0. : at(table, {row[i[0]], i[1]}); };
        (expect(taken, {5, 3}, expected), ...);
      },
      table, rows(std::uint8_t(0)), rows(std::int8_t(0)), rows(std::int32_t(0)), rows(std::int64_t(0)));
}

constexpr auto scatter_rows = fx::compile<"scatter_rows">([](auto cache, auto rows, auto values) {
  auto next = fx::scatter<0>(cache, rows, values * 10.f);
  return fx::outputs(next, fx::sum(next, fx::axis<-1>));
});
constexpr auto scatter_columns = fx::compile<"scatter_columns">([](auto cache, auto values, auto first) {
  return fx::scatter<1>(cache, fx::iota(fx::extent<1>(values)) + first, values);
});
inline void check_scatters() {
  const auto cache = counting<tensor<float, 5, dyn>>({5, 6});
  const auto values = counting<tensor<float, dyn, 6>>({3, 6}, 60);
  const tensor<std::int32_t, dyn> rows({3}, {4, 9, 1});
  auto of = [&](fx::index r, fx::index c) {
    return r == 4 ? 10 * at(values, {0, c}) : r == 1 ? 10 * at(values, {2, c}) : at(cache, {r, c});
  };
  run(
      scatter_rows,
      [&](const auto& next, const auto& sums) {
        expect(next, {5, 6}, [&](auto i) { return of(i[0], i[1]); });
        expect(sums, {5}, [&](auto i) {
          double s = 0;
          for (fx::index c = 0; c < 6; ++c) s += of(i[0], c);
          return s;
        });
      },
      cache, rows, values);
  const auto two = counting<tensor<float, 5, 2>>({5, 2}, 70);
  for (int first : {0, 3, 5, -1, 100}) {
    CAPTURE(first);
    run(
        scatter_columns,
        [&](const auto& next) {
          expect(next, {5, 6}, [&](auto i) {
            return i[1] >= first && i[1] < first + 2 ? at(two, {i[0], i[1] - first}) : at(cache, i);
          });
        },
        cache, two, first);
  }
}

}  // namespace views_of
