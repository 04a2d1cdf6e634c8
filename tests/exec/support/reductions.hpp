// SPDX-License-Identifier: Apache-2.0
// Every reduction against exact values: on each dtype, with lengths around every pack and block size, alone and in the
// middle of expressions.
#pragma once
#include "places.hpp"

namespace reductions {
namespace fx = fuse;
using numbers::exact;
using places::dyn, places::in_each_mode;

/// The last axis dropped.
struct dropped {
  template <class A>
  constexpr auto operator()(A x) const {
    constexpr auto last = fx::axis<-1>;
    return fx::outputs(fx::sum(x, last), fx::mean(x, last), fx::max(x, last), fx::min(x, last), fx::prod(x, last),
                       fx::any(x, last), fx::all(x, last), fx::argmax(x, last), fx::argmin(x, last), fx::var(x, last),
                       fx::std(x, last), fx::norm(x, last), fx::logsumexp(x, last));
  }
};
/// The last axis kept, and the result broadcast back.
struct in_the_middle {
  template <class A>
  constexpr auto operator()(A x) const {
    auto place = fx::iota_along<-1>(x);
    return fx::outputs(x - fx::mean(x, fx::row), x * fx::prod(x, fx::row), x * fx::std(x, fx::row),
                       x * fx::norm(x, fx::row), fx::where(place == fx::argmax(x, fx::row), 1, 0),
                       fx::where(place == fx::argmin(x, fx::row), 1, 0), fx::min(x, fx::row) + fx::max(x, fx::row),
                       fx::exp(x - fx::logsumexp(x, fx::row)),
                       fx::sum(fx::any(x, fx::row) && fx::all(x < 100, fx::row) && x != 0, fx::axis<-1>));
  }
};

/// Values of the row that later passes need again.
struct held {
  template <class A>
  constexpr auto operator()(A x) const {
    return fx::outputs(x - fx::mean(x, fx::row), fx::exp(x - fx::logsumexp(x, fx::row)), fx::argmax(x, fx::axis<-1>));
  }
};

inline constexpr auto reduce = fx::compile<"dropped">(dropped{});
inline constexpr auto broadcast = fx::compile<"in_the_middle">(in_the_middle{});
inline constexpr auto hold = fx::compile<"held">(held{});

/// One row in long double.
struct reference {
  exact sum = 0, magnitude = 0, mean, max = -INFINITY, min = INFINITY, prod = 1, var = 0, norm = 0, logsumexp;
  bool any = false, all = true;
  fx::index argmax = -1, argmin = -1, nonzero = 0, size = 0;
  std::uint64_t wrapped_product = 1;

  template <class T>
  reference(const T* x, fx::index n) : size(n) {
    exact squares = 0;
    for (fx::index i = 0; i < n; ++i) {
      const exact v = numbers::value(x[i]);
      sum += v, magnitude += std::fabs(v), prod *= v, squares += v * v;
      if (!std::isnan(max) && (v > max || std::isnan(v) || argmax < 0)) max = v, argmax = i;
      if (!std::isnan(min) && (v < min || std::isnan(v) || argmin < 0)) min = v, argmin = i;
      any = any || v != 0, all = all && v != 0, nonzero += v != 0;
      if constexpr (std::is_integral_v<T>) wrapped_product *= std::uint64_t(x[i]);
    }
    mean = sum / exact(n);
    for (fx::index i = 0; i < n; ++i) var += (numbers::value(x[i]) - mean) * (numbers::value(x[i]) - mean);
    var /= exact(n - 1);
    norm = std::sqrt(squares);
    const exact shift = std::isinf(max) ? 0 : max;
    exact exponentials = 0;
    for (fx::index i = 0; i < n; ++i) exponentials += std::exp(numbers::value(x[i]) - shift);
    logsumexp = shift + std::log(exponentials);
  }
};

/// Rows of everyday numbers around 1 of both signs, whose product neither vanishes nor overflows soon. Row 1 has a zero
/// at its end, row 2 holds zeros alone.
template <class T, class E>
fx::tensor<T, E> rows(fx::index count, fx::index n) {
  fx::tensor<T, E> x({count, n});
  std::mt19937_64 random(std::uint64_t(n * 8 + count));
  for (fx::index i = 0; i < x.size(); ++i) {
    const double sign = random() % 2 && !std::is_same_v<T, std::uint8_t> ? -1 : 1;
    if constexpr (std::is_integral_v<T>)
      x[i] = T(sign * double(random() % 4 * 2 + 1));
    else
      x[i] = numbers::from<T>(sign * (0.75 + double(random() % 1024) / 2048));
    if (i / n == 2 || (i / n == 1 && i % n == n - 1)) x[i] = numbers::from<T>(0);
  }
  return x;
}

/// How a call rounds: a fused one once, an eager one after every operation.
enum class rounding { once, each_step };

/// |got - want| within ulps * scale of the compute type, and rounded once to its dtype.
template <class T>
bool close(rounding how, T got, exact want, exact scale, double ulps) {
  constexpr fx::dtype type = fx::dtype_of<T>, computed = type == fx::dtype::f64 ? fx::dtype::f64 : fx::dtype::f32;
  if (!std::isfinite(want)) return numbers::near(type, numbers::value(got), want, 0);
  const exact spacing = numbers::ulp(computed, want);
  if (how == rounding::each_step && type != computed)
    ulps = 4 * std::exp2(numbers::format_of(computed).digits - numbers::format_of(type).digits);
  const exact allowed = exact(ulps) * scale * std::exp2(exact(-numbers::format_of(computed).digits));
  return numbers::near(type, numbers::value(got), want, double(allowed / spacing));
}

/// The smallest number that relative errors of intermediates of a dtype hold for.
template <class T>
exact smallest_kept(rounding how) {
  const numbers::format f = numbers::format_of(fx::dtype_of<T>);
  return how == rounding::each_step ? std::ldexp(exact(1), f.smallest + f.digits - 1) : 0;
}

template <class T, class Results>
void check_dropped(rounding how, const Results& results, const T* data, fx::index count, fx::index n) {
  const auto& [sum, mean, max, min, prod, any, all, argmax, argmin, var, std, norm, logsumexp] = results;
  for (fx::index r = 0; r < count; ++r) {
    const reference want(data + r * n, n);
    CAPTURE(r);
    CAPTURE(n);
    CHECK(close(how, sum[r], want.sum, want.magnitude, std::is_integral_v<T> ? 0 : 40));
    CHECK(close(how, mean[r], want.mean, want.magnitude / exact(n), 42));
    CHECK(numbers::value(max[r]) == want.max);
    CHECK(numbers::value(min[r]) == want.min);
    if constexpr (std::is_integral_v<T>)
      CHECK(std::uint64_t(prod[r]) == want.wrapped_product);
    else
      CHECK(close(how, prod[r], want.prod, std::fabs(want.prod), 2 * double(n)));
    CHECK(any[r] == want.any);
    CHECK(all[r] == want.all);
    CHECK(argmax[r] == want.argmax);
    CHECK(argmin[r] == want.argmin);
    CHECK(close(how, var[r], want.var, want.var, 200));
    CHECK(close(how, std[r], std::sqrt(want.var), std::sqrt(want.var), 200));
    CHECK(close(how, norm[r], want.norm, want.norm, 100));
    CHECK(close(how, logsumexp[r], want.logsumexp, 1 + std::fabs(want.logsumexp), 100));
  }
}

template <class T, class Results>
void check_middle(rounding how, const Results& results, const T* data, fx::index count, fx::index n) {
  const auto& [centred, multiplied, spread, scaled, at_max, at_min, range, softmax, counted] = results;
  using stored = std::remove_cvref_t<decltype(range[0])>;
  for (fx::index r = 0; r < count; ++r) {
    const reference want(data + r * n, n);
    CAPTURE(r);
    CAPTURE(n);
    int wrong_centred = 0, wrong_product = 0, wrong_spread = 0, wrong_scaled = 0;
    int wrong_max = 0, wrong_min = 0, wrong_softmax = 0;
    const exact deviation = std::sqrt(want.var);
    for (fx::index i = 0; i < n; ++i) {
      const exact v = numbers::value(data[r * n + i]), e = std::exp(v - want.logsumexp);
      wrong_centred += !close(how, centred[r * n + i], v - want.mean, want.magnitude / exact(n) + std::fabs(v), 42);
      if constexpr (std::is_integral_v<T>)
        wrong_product += std::uint64_t(multiplied[r * n + i]) != want.wrapped_product * std::uint64_t(data[r * n + i]);
      else  // a product that was stored may have been subnormal
        wrong_product += !close(how, multiplied[r * n + i], v * want.prod,
                                std::fabs(v) * (std::fabs(want.prod) + smallest_kept<T>(how)), 2 * double(n) + 1);
      wrong_spread += !close(how, spread[r * n + i], v * deviation, std::fabs(v) * deviation, 201);
      wrong_scaled += !close(how, scaled[r * n + i], v * want.norm, std::fabs(v) * want.norm, 101);
      wrong_max += at_max[r * n + i] != (i == want.argmax);
      wrong_min += at_min[r * n + i] != (i == want.argmin);
      wrong_softmax += !close(how, softmax[r * n + i], e, e * (1 + std::fabs(want.logsumexp) + std::fabs(v)), 100);
    }
    CHECK(wrong_centred == 0);
    CHECK(wrong_product == 0);
    CHECK(wrong_spread == 0);
    CHECK(wrong_scaled == 0);
    CHECK(wrong_max == 0);
    CHECK(wrong_min == 0);
    CHECK(wrong_softmax == 0);
    CHECK(numbers::value(range[r]) == numbers::value(numbers::from<stored>(double(want.min + want.max))));
    CHECK(counted[r] == (want.any ? want.nonzero : 0));
  }
}

template <class T, class Results>
void check_held(const Results& results, const T* data, fx::index count, fx::index n) {
  const auto& [centred, softmax, argmax] = results;
  for (fx::index r = 0; r < count; ++r) {
    const reference want(data + r * n, n);
    CAPTURE(r);
    CAPTURE(n);
    int wrong_centred = 0, wrong_softmax = 0;
    for (fx::index i = 0; i < n; ++i) {
      const exact v = numbers::value(data[r * n + i]), e = std::exp(v - want.logsumexp);
      wrong_centred +=
          !close(rounding::once, centred[r * n + i], v - want.mean, want.magnitude / exact(n) + std::fabs(v), 42);
      wrong_softmax +=
          !close(rounding::once, softmax[r * n + i], e, e * (1 + std::fabs(want.logsumexp) + std::fabs(v)), 100);
    }
    CHECK(wrong_centred == 0);
    CHECK(wrong_softmax == 0);
    CHECK(argmax[r] == want.argmax);
  }
}

/// All row lengths by one program: both lengths are known at run time alone.
template <class T, bool Eager = machine::runs_eager, bool Middle = true>
void check_lengths() {
  in_each_mode<Eager>([](auto& e) {
    const rounding how = e.current_mode() == fx::mode::eager ? rounding::each_step : rounding::once;
    for (fx::index n : {1, 2, 15, 16, 17, 31, 33, 1000, 4097})
      for (fx::index count : {0, 1, 3}) {
        const auto x = rows<T, fx::extents<dyn, dyn>>(count, n);
        check_dropped<T>(how, machine::call(e, reduce, x), x.data(), count, n);
        if constexpr (Middle) check_middle<T>(how, machine::call(e, broadcast, x), x.data(), count, n);
      }
  });
}

/// One static row length, with values held in registers where the executor does that.
template <class T, fx::index N>
void check_static() {
  for (fx::index count : {0, 1, 3, 70}) {
    machine::fused_executor e;
    const auto x = rows<T, fx::extents<dyn, N>>(count, N);
    check_held<T>(machine::call(e, hold, x), x.data(), count, N);
    CHECK(e.launches() == (count > 0));
  }
}

/// Rows of run-time length, as long as asked.
template <class T>
void check_long(fx::index n) {
  machine::fused_executor e;
  const auto x = rows<T, fx::extents<dyn, dyn>>(3, n);
  check_held<T>(machine::call(e, hold, x), x.data(), 3, n);
}

/// Rows with NaN and infinities, of the dtype of T: (NaN inside, inf, -inf alone, both infinities, -inf and a number).
template <class T, bool Eager = machine::runs_eager>
void check_special() {
  const float inf = INFINITY, nan = NAN;
  const float values[5][6] = {{1, 2, nan, 3, inf, 0},
                              {1, inf, 2, inf, 0, -1},
                              {-inf, -inf, -inf, -inf, -inf, -inf},
                              {inf, 1, -inf, 2, 0, 0},
                              {-inf, 1, -2, -inf, 1, 0}};
  fx::tensor<T, fx::extents<dyn, dyn>> x({5, 6});
  for (fx::index i = 0; i < 30; ++i) x[i] = numbers::from<T>(double(values[i / 6][i % 6]));
  // clang-format off
  const double want[5][10] = {
      // sum, mean,  max,  min,  prod, argmax, argmin, var, norm, logsumexp
      {nan,   nan,   nan,  nan,  nan,  2,      2,      nan, nan,  nan},
      {inf,   inf,   inf,  -1,   nan,  1,      5,      nan, inf,  inf},
      {-inf,  -inf,  -inf, -inf, inf,  0,      0,      nan, inf,  -inf},
      {nan,   nan,   inf,  -inf, nan,  0,      2,      nan, inf,  inf},
      {-inf,  -inf,  1,    -inf, nan,  1,      0,      nan, inf,  std::log(2 * std::exp(1.) + std::exp(-2.) + 1)}};
  // clang-format on
  auto same = [](exact got, double expected) {
    return std::isnan(expected) ? std::isnan(got)
                                : got == expected || std::fabs(got - expected) < 0.01 * std::fabs(expected);
  };
  in_each_mode<Eager>([&](auto& e) {
    const auto [sum, mean, max, min, prod, any, all, argmax, argmin, var, std, norm, logsumexp] =
        machine::call(e, reduce, x);
    for (int r = 0; r < 5; ++r) {
      CAPTURE(r);
      CHECK(same(numbers::value(sum[r]), want[r][0]));
      CHECK(same(numbers::value(mean[r]), want[r][1]));
      CHECK(same(numbers::value(max[r]), want[r][2]));
      CHECK(same(numbers::value(min[r]), want[r][3]));
      CHECK(same(numbers::value(prod[r]), want[r][4]));
      CHECK(argmax[r] == fx::index(want[r][5]));
      CHECK(argmin[r] == fx::index(want[r][6]));
      CHECK(same(numbers::value(var[r]), want[r][7]));
      CHECK(same(numbers::value(std[r]), want[r][7]));
      CHECK(same(numbers::value(norm[r]), want[r][8]));
      CHECK(same(numbers::value(logsumexp[r]), want[r][9]));
      CHECK(any[r]);
      CHECK(all[r] == (r == 2));
    }
  });
}

/// Rows without elements have the value each reduction starts from; the coordinate of none of them is beyond any row.
template <class T, bool Eager = machine::runs_eager>
void check_empty_rows() {
  const fx::tensor<T, fx::extents<dyn, dyn>> x({2, 0});
  exact low = -INFINITY, high = INFINITY;
  if constexpr (std::is_integral_v<T>) low = std::numeric_limits<T>::lowest(), high = std::numeric_limits<T>::max();
  in_each_mode<Eager>([&](auto& e) {
    const auto [sum, mean, max, min, prod, any, all, argmax, argmin, var, std, norm, logsumexp] =
        machine::call(e, reduce, x);
    for (int r = 0; r < 2; ++r) {
      CHECK(numbers::value(sum[r]) == 0);
      CHECK(std::isnan(numbers::value(mean[r])));
      CHECK(numbers::value(max[r]) == low);
      CHECK(numbers::value(min[r]) == high);
      CHECK(numbers::value(prod[r]) == 1);
      CHECK_FALSE(any[r]);
      CHECK(all[r]);
      CHECK(argmax[r] == std::numeric_limits<std::int64_t>::max());
      CHECK(argmin[r] == std::numeric_limits<std::int64_t>::max());
      CHECK(std::isnan(numbers::value(var[r])));
      CHECK(std::isnan(numbers::value(std[r])));
      CHECK(numbers::value(norm[r]) == 0);
      CHECK(numbers::value(logsumexp[r]) == -INFINITY);
    }
  });
}

inline constexpr auto corrected = fx::compile<"corrected">([](auto x) {
  constexpr auto last = fx::axis<-1>;
  return fx::outputs(fx::var(x, last, 0), fx::var(x, last), fx::var(x, last, 2), fx::std(x, last, 3));
});
template <class T, class X>
void check_corrected(const fx::tensor<T, X>& x, const bool (&enough)[4]) {
  in_each_mode<true>([&](auto& e) {
    const auto [zero, one, two, three] = machine::call(e, corrected, x);
    CHECK(std::isnan(numbers::value(zero[0])) == !enough[0]);
    CHECK(std::isnan(numbers::value(one[0])) == !enough[1]);
    CHECK(std::isnan(numbers::value(two[0])) == !enough[2]);
    CHECK(std::isnan(numbers::value(three[0])) == !enough[3]);
  });
}
/// Statistics of fewer elements than their correction says are NaN, whether the length is known or not.
template <class T>
void check_corrections() {
  auto filled = [](auto x) {
    for (fx::index i = 0; i < x.size(); ++i) x[i] = numbers::from<T>(double(i + 1));
    return x;
  };
  using unknown = fx::tensor<T, fx::extents<dyn, dyn>>;
  check_corrected<T>(unknown({1, 0}), {false, false, false, false});
  check_corrected<T>(filled(unknown({1, 1})), {true, false, false, false});
  check_corrected<T>(filled(unknown({1, 2})), {true, true, true, false});
  check_corrected<T>(filled(unknown({1, 4})), {true, true, true, true});
  check_corrected<T>(fx::tensor<T, fx::extents<dyn, 0>>({1, 0}), {false, false, false, false});
  check_corrected<T>(filled(fx::tensor<T, fx::extents<dyn, 1>>({1, 1})), {true, false, false, false});
  check_corrected<T>(filled(fx::tensor<T, fx::extents<dyn, 2>>({1, 2})), {true, true, true, false});
}

/// The same bits from every call, wherever a row stands, and however many threads work on it.
template <class T>
void check_determinism(fx::index n) {
  machine::fused_executor e;
  using extents = fx::extents<dyn, dyn>;
  const auto row = rows<T, extents>(1, n);
  fx::tensor<T, extents> many({37, n});
  for (fx::index i = 0; i < many.size(); ++i) many[i] = row[i % n];
  const auto alone = machine::call(e, reduce, row), first = machine::call(e, reduce, many),
             second = machine::call(e, reduce, many);
  auto same = [](const auto& a, const auto& b, const auto& c) {
    bool equal = true;
    for (fx::index i = 0; i < a.size(); ++i)
      equal = equal && std::memcmp(&a[i], &b[i], sizeof(a[i])) == 0 && std::memcmp(&a[i], &c[0], sizeof(a[i])) == 0;
    CHECK(equal);
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (same(std::get<I>(first), std::get<I>(second), std::get<I>(alone)), ...);
  }
  (std::make_index_sequence<13>{});
}

}  // namespace reductions
