// SPDX-License-Identifier: Apache-2.0
// Matrix products against sums in long double, with the bound of a sum in any order: k products and as many roundings,
// so that |got - exact| <= (k + 1) u sum |a| |b|, u half the spacing of the compute type at 1, and the rounding of the
// result to its dtype.
#pragma once
#include "places.hpp"

namespace products {
using namespace places;
using numbers::exact;

/// Numbers of either sign below 1; of an integer dtype, small ones.
template <class Tensor>
Tensor operand(const typename Tensor::lengths& extents, unsigned seed) {
  using T = typename Tensor::element_type;
  Tensor x(extents);
  unsigned state = seed * 2654435761u + 12345;
  for (fx::index i = 0; i < x.size(); ++i) {
    state = state * 1664525u + 1013904223u;
    const double uniform = double(state >> 8) / double(1 << 23) - 1;
    x[i] = numbers::from<T>(std::is_integral_v<T> ? std::trunc(uniform * 9) : uniform);
  }
  return x;
}

/// What a result is, and how much may have been rounded away: by sums of `terms` terms of the compute type that add up
/// to at most `magnitude`, and by storing intermediates of at most `stored` in the dtype.
struct expected {
  exact value = 0, magnitude = 0, terms = 0, stored = 0;
};
inline bool within(fx::dtype type, exact got, const expected& want) {
  if (!fx::is_floating(type)) {  // sums of integers wrap
    const auto sum = std::int64_t(want.value);
    const int unused = 64 - 8 * fx::size_of(type);
    return got == exact(type == fx::dtype::u8 ? sum & 255 : sum << unused >> unused);
  }
  const fx::dtype computed = type == fx::dtype::f64 ? fx::dtype::f64 : fx::dtype::f32;
  exact allowed = (want.terms + 1) * want.magnitude * std::exp2(exact(-numbers::format_of(computed).digits));
  if (type != computed) allowed += (numbers::ulp(type, want.value) + numbers::ulp(type, want.stored)) / 2;
  return std::fabs(got - want.value) <= allowed;
}
/// sum over l < k of left(l) * right(l)
inline expected dot(fx::index k, const std::function<double(fx::index)>& left,
                    const std::function<double(fx::index)>& right) {
  expected r;
  for (fx::index l = 0; l < k; ++l) {
    const exact product = exact(left(l)) * exact(right(l));
    r.value += product, r.magnitude += std::fabs(product);
  }
  r.terms = exact(k);
  return r;
}
/// Is each element of x within the bound of wanted(its place)?
inline void check(const values& x, const coordinates& extents,
                  const std::function<expected(const coordinates&)>& wanted) {
  REQUIRE(x.extents == extents);
  int wrong = 0;
  for_each_place(extents, [&](fx::index n, const coordinates& i) {
    const exact got = x.elements[std::size_t(n)];
    const expected want = wanted(i);
    if (within(x.type, got, want) || wrong++ > 0) return;
    CAPTURE(place_of(i));
    CAPTURE(got);
    CAPTURE(want.value);
    CHECK(within(x.type, got, want));
  });
  CHECK(wrong == 0);
}

/// Either operand as it is and transposed: four ways to write one product. The third is linear(x, weight).
constexpr auto four_ways = fx::compile<"four_ways">([](auto a, auto a_transposed, auto b, auto weight) {
  return fx::outputs(fx::matmul(a, b), fx::matmul(fx::transpose(a_transposed), b), fx::linear(a, weight),
                     fx::matmul(fx::transpose(a_transposed), fx::transpose(weight)));
});
template <class T, class MK, class KM, class KN, class NK, bool Eager>
void check_ways(fx::index m, fx::index k, fx::index n) {
  CAPTURE(m);
  CAPTURE(k);
  CAPTURE(n);
  const auto a = operand<MK>({m, k}, 1);
  const auto b = operand<KN>({k, n}, 2);
  KM a_transposed({k, m});
  NK weight({n, k});
  for (fx::index i = 0; i < m * k; ++i) a_transposed[i % k * m + i / k] = a[i];
  for (fx::index i = 0; i < k * n; ++i) weight[i % n * k + i / n] = b[i];
  auto product = [&](auto i) {
    return dot(
        k,
        [&](auto l) {
          return at(a, {i[0], l});
        },
        [&](auto l) {
          return at(b, {l, i[1]});
        });
  };
  run<Eager>(
      four_ways,
      [&](const auto&... way) {
        (check(way, {m, n}, product), ...);
      },
      a, a_transposed, b, weight);
}
/// All lengths known at run time alone.
template <class T, bool Eager = machine::runs_eager>
void check_lengths(std::initializer_list<std::array<fx::index, 3>> lengths) {
  using any = tensor<T, dyn, dyn>;
  for (auto [m, k, n] : lengths) check_ways<T, any, any, any, any, Eager>(m, k, n);
}
/// All lengths static.
template <class T, fx::index M, fx::index K, fx::index N, bool Eager = false>
void check_static() {
  check_ways<T, tensor<T, M, K>, tensor<T, K, M>, tensor<T, K, N>, tensor<T, N, K>, Eager>(M, K, N);
}
/// As models have them: the shapes of weights static, the number of rows not; and the other way round.
template <class T, fx::index K, fx::index N>
void check_mixed(fx::index m) {
  check_ways<T, tensor<T, dyn, K>, tensor<T, K, dyn>, tensor<T, K, N>, tensor<T, N, K>, false>(m, K, N);
  check_ways<T, tensor<T, K, dyn>, tensor<T, dyn, K>, tensor<T, dyn, dyn>, tensor<T, dyn, dyn>, false>(K, m, N);
}

/// Batches: of both operands, of one, of axes that broadcast.
constexpr auto batches = fx::compile<"batches">([](auto a, auto b, auto c, auto d, auto one) {
  return fx::outputs(fx::matmul(a, b), fx::matmul(a, c), fx::matmul(d, b), fx::matmul(b, fx::transpose(b)),
                     fx::matmul(one, b));
});
template <class T, bool Eager = machine::runs_eager>
void check_batches(fx::index outer, fx::index batch, fx::index m, fx::index k, fx::index n) {
  CAPTURE(outer);
  CAPTURE(batch);
  CAPTURE(m);
  CAPTURE(k);
  CAPTURE(n);
  const auto a = operand<tensor<T, dyn, 1, dyn, dyn>>({outer, 1, m, k}, 1);
  const auto b = operand<tensor<T, dyn, dyn, dyn>>({batch, k, n}, 2);
  const auto c = operand<tensor<T, dyn, dyn>>({k, n}, 3), d = operand<tensor<T, dyn, dyn>>({m, k}, 4);
  const auto one = operand<tensor<T, 1, dyn, dyn>>({1, m, k}, 5);
  run<Eager>(
      batches,
      [&](const auto& ab, const auto& ac, const auto& db, const auto& bb, const auto& ob) {
        check(ab, {outer, batch, m, n}, [&](auto i) {
          return dot(
              k,
              [&](auto l) {
                return at(a, {i[0], 0, i[2], l});
              },
              [&](auto l) {
                return at(b, {i[1], l, i[3]});
              });
        });
        check(ac, {outer, 1, m, n}, [&](auto i) {
          return dot(
              k,
              [&](auto l) {
                return at(a, {i[0], 0, i[2], l});
              },
              [&](auto l) {
                return at(c, {l, i[3]});
              });
        });
        check(db, {batch, m, n}, [&](auto i) {
          return dot(
              k,
              [&](auto l) {
                return at(d, {i[1], l});
              },
              [&](auto l) {
                return at(b, {i[0], l, i[2]});
              });
        });
        check(bb, {batch, k, k}, [&](auto i) {
          return dot(
              n,
              [&](auto l) {
                return at(b, {i[0], i[1], l});
              },
              [&](auto l) {
                return at(b, {i[0], i[2], l});
              });
        });
        check(ob, {batch, m, n}, [&](auto i) {
          return dot(
              k,
              [&](auto l) {
                return at(one, {0, i[1], l});
              },
              [&](auto l) {
                return at(b, {i[0], l, i[2]});
              });
        });
      },
      a, b, c, d, one);
}

/// What models do with a product while it is at hand, and what they do to its operands first.
constexpr auto around = fx::compile<"around_products">([](auto x, auto weight, auto bias, auto residual, auto scale) {
  auto h = fx::linear(x, weight, bias);
  return fx::outputs(fx::relu(h) * 2.f + residual, fx::linear(x * scale, weight), fx::max(h, fx::axis<-1>),
                     fx::transpose(h) - 1.f, fx::slice<-1, 1>(h), fx::where(residual > 0.f, h, -h));
});
template <class T, bool Eager = machine::runs_eager>
void check_around(fx::index m, fx::index k, fx::index n) {
  CAPTURE(m);
  CAPTURE(k);
  CAPTURE(n);
  const auto x = operand<tensor<T, dyn, dyn>>({m, k}, 1), weight = operand<tensor<T, dyn, dyn>>({n, k}, 2),
             residual = operand<tensor<T, dyn, dyn>>({m, n}, 3);
  const auto bias = operand<tensor<T, dyn>>({n}, 4);
  // h, its terms scaled by a power of two: |terms| is known to be at most `magnitude`, and so is each partial result.
  auto h = [&](fx::index r, fx::index c) {
    expected e = dot(
        k,
        [&](auto l) {
          return at(x, {r, l});
        },
        [&](auto l) {
          return at(weight, {c, l});
        });
    e.value += at(bias, {c}), e.magnitude += std::fabs(at(bias, {c}));
    e.terms += 2, e.stored = e.magnitude * 2;  // a product and its sum with the bias, where they are stored
    return e;
  };
  run<Eager>(
      around,
      [&](const auto& added, const auto& scaled, const auto& largest, const auto& transposed, const auto& sliced,
          const auto& chosen) {
        check(added, {m, n}, [&](auto i) {
          expected e = h(i[0], i[1]);
          const exact r = at(residual, i);
          return expected{2 * std::fmax(e.value, exact(0)) + r, 2 * e.magnitude + std::fabs(r), e.terms + 2,
                          4 * e.stored + std::fabs(r)};
        });
        check(scaled, {m, n}, [&](auto i) {
          expected e = dot(
              k,
              [&](auto l) {
                return at(x, {i[0], l}) / 4;
              },
              [&](auto l) {
                return at(weight, {i[1], l});
              });
          return e;
        });
        check(largest, {m}, [&](auto i) {
          expected e = h(i[0], 0);
          for (fx::index c = 1; c < n; ++c) {
            const expected other = h(i[0], c);
            e = {std::fmax(e.value, other.value), std::fmax(e.magnitude, other.magnitude), e.terms,
                 std::fmax(e.stored, other.stored)};
          }
          return e;
        });
        check(transposed, {n, m}, [&](auto i) {
          expected e = h(i[1], i[0]);
          return expected{e.value - 1, e.magnitude + 1, e.terms + 1, 2 * e.stored + 2};
        });
        check(sliced, {m, n - 1}, [&](auto i) { return h(i[0], i[1] + 1); });
        check(chosen, {m, n}, [&](auto i) {
          expected e = h(i[0], i[1]);
          if (at(residual, i) <= 0) e.value = -e.value;
          return e;
        });
      },
      x, weight, bias, residual, 0.25f);
}

/// Operands of two dtypes: the product has the wider one.
constexpr auto mixed = fx::compile<"mixed_product">([](auto a, auto b) { return fx::matmul(a, b); });
template <class A, class B, class R>
void check_dtypes() {
  const auto a = operand<tensor<A, dyn, 24>>({5, 24}, 1);
  const auto b = operand<tensor<B, 24, dyn>>({24, 9}, 2);
  run<false>(
      mixed,
      [&](const auto& product) {
        static_assert(std::is_same_v<typename std::remove_cvref_t<decltype(product)>::element_type, R>);
        check(product, {5, 9}, [&](auto i) {
          return dot(
              24,
              [&](auto l) {
                return at(a, {i[0], l});
              },
              [&](auto l) {
                return at(b, {l, i[1]});
              });
        });
      },
      a, b);
}

}  // namespace products
