// SPDX-License-Identifier: Apache-2.0
// cast from every dtype to every dtype, against rules written here a second time: edges of every dtype, ties and what
// lies beside them, every value of 8 and 16 bits, random bits.
#pragma once
#include <doctest/doctest.h>

#include <bit>

#include "machine.hpp"
#include "numbers.hpp"

namespace casts {
namespace fx = fuse;
using numbers::exact;

// ---- what a cast is ----

/// The nearest value of a floating dtype, ties to even.
inline exact nearest(fx::dtype to, exact x) {
  if (!std::isfinite(x) || x == 0) return x;
  const numbers::format f = numbers::format_of(to);
  int exponent = 0;
  std::frexp(x, &exponent);
  const int last = std::max(exponent - f.digits, f.smallest);
  const exact rounded = std::ldexp(std::nearbyint(std::ldexp(x, -last)), last);
  return std::fabs(rounded) >= std::ldexp(exact(1), f.overflow) ? std::copysign(exact(INFINITY), x) : rounded;
}
inline exact expected(fx::dtype to, fx::dtype from, exact x) {
  if (fx::is_floating(to)) return nearest(to, x);
  if (to == fx::dtype::boolean) return x != 0;
  const int bits = 8 * fx::size_of(to);
  const bool is_unsigned = to == fx::dtype::u8;
  const exact low = is_unsigned ? 0 : -std::ldexp(exact(1), bits - 1), count = std::ldexp(exact(1), bits),
              high = low + count - 1;
  if (fx::is_floating(from)) return std::isnan(x) ? 0 : std::fmin(std::fmax(std::trunc(x), low), high) + exact(0);
  exact wrapped = std::fmod(x - low, count);
  if (wrapped < 0) wrapped += count;
  return wrapped + low;
}
/// Are both the same value, the sign of a zero included? Any NaN is as good as another.
inline bool same(exact a, exact b) {
  return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

// ---- what is cast ----

template <fx::element T>
T from_bits(std::uint64_t bits) {
  using same_size =
      std::conditional_t<sizeof(T) == 1, std::uint8_t,
                         std::conditional_t<sizeof(T) == 2, std::uint16_t,
                                            std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>>;
  return std::bit_cast<T>(same_size(bits));
}
/// Every value of T up to 16 bits; else edges, ties and random bits.
template <fx::element T>
std::vector<T> values() {
  std::vector<T> r;
  if constexpr (std::is_same_v<T, bool>) {
    return {false, true};
  } else if constexpr (sizeof(T) <= 2) {
    for (std::uint64_t bits = 0; bits < std::uint64_t(1) << 8 * sizeof(T); ++bits) r.push_back(from_bits<T>(bits));
    return r;
  } else {
    auto with_neighbours = [&](exact x) {  // and the same below zero
      for (const exact y : {x, -x}) {
        if constexpr (std::is_integral_v<T>) {
          const exact high = std::ldexp(exact(1), 8 * int(sizeof(T)) - 1);
          for (int d = -2; d <= 2; ++d)
            if (y + d >= -high && y + d < high) r.push_back(T(y + d));
        } else {
          const T z = T(y);
          r.insert(r.end(), {z, std::nextafter(z, T(INFINITY)), std::nextafter(z, T(-INFINITY))});
        }
      }
    };
    for (int k = 0; k < 64; ++k) {  // powers of two, and halfway between two values of 8, 11, 24 and 53 bits above them
      const exact power = std::ldexp(exact(1), k);
      with_neighbours(power);
      for (const int digits : {8, 11, 24, 53})
        for (const int odd : {1, 3}) with_neighbours(power + std::ldexp(exact(odd), k - digits));
    }
    for (const exact x : {0.L, 100.L, 127.5L, 255.L, 255.5L, 256.5L, 65504.L, 65519.L, 65520.L}) with_neighbours(x);
    if constexpr (std::is_floating_point_v<T>) {
      using limits = std::numeric_limits<T>;
      for (const fx::dtype d : {fx::dtype::f16, fx::dtype::bf16, fx::dtype::f32}) {
        const numbers::format f = numbers::format_of(d);
        const exact largest = std::ldexp(exact(1), f.overflow) - std::ldexp(exact(1), f.overflow - f.digits);
        with_neighbours(largest);
        with_neighbours(largest + std::ldexp(exact(1), f.overflow - f.digits - 1));  // halfway to infinity
        for (int k = 0; k < 14; ++k) {  // the subnormals, and halfway between them
          with_neighbours(std::ldexp(exact(1), f.smallest + k));
          with_neighbours(std::ldexp(exact(1) + std::ldexp(exact(1), -k - 1), f.smallest + k));
          with_neighbours(std::ldexp(exact(3), f.smallest + k - 1));
        }
        with_neighbours(std::ldexp(exact(1), f.smallest - 1));
      }
      for (const T x : {limits::infinity(), limits::quiet_NaN(), limits::max(), limits::min(), limits::denorm_min()})
        r.insert(r.end(), {x, -x});
      for (const double x : {0.5, 0.999, 1.5, 1e-30, 1e10, 1e19, 1e30}) with_neighbours(x);
    }
    std::mt19937_64 random(sizeof(T));
    for (int i = 0; i < 2000; ++i) {
      const std::uint64_t bits = random();
      r.push_back(std::is_integral_v<T> ? from_bits<T>(bits >> random() % (8 * sizeof(T))) : from_bits<T>(bits));
    }
    return r;
  }
}

// ---- casts in kernels ----

/// To every dtype, and stored.
struct to_all {
  template <class A>
  constexpr auto operator()(A x) const {
    return fx::outputs(fx::cast<bool>(x), fx::cast<std::uint8_t>(x), fx::cast<std::int8_t>(x),
                       fx::cast<std::int32_t>(x), fx::cast<std::int64_t>(x), fx::cast<fx::f16>(x),
                       fx::cast<fx::bf16>(x), fx::cast<float>(x), fx::cast<double>(x));
  }
};
/// The same, of what a kernel still has in registers: seen through a type that holds every value of the dtype.
struct through_all {
  template <class W, class T, class A>
  static constexpr auto through(A x) {
    return fx::cast<W>(fx::cast<T>(x));
  }
  template <class A>
  constexpr auto operator()(A x) const {
    using whole = std::int64_t;
    return fx::outputs(through<whole, bool>(x), through<whole, std::uint8_t>(x), through<whole, std::int8_t>(x),
                       through<whole, std::int32_t>(x), through<whole, whole>(x), through<double, fx::f16>(x),
                       through<double, fx::bf16>(x), through<double, float>(x), through<double, double>(x));
  }
};

template <class T, class Extents>
void check_results(fx::dtype from, const std::vector<T>& x, const auto& results, const Extents& which) {
  int to = 0;
  auto visit = [&](const auto& r) {
    const fx::dtype type = fx::dtype(to++);
    const std::string what = std::string(which) + ": " + fx::name_of(from) + " to " + fx::name_of(type);
    CAPTURE(what);
    REQUIRE(r.size() == fx::index(x.size()));
    int wrong = 0;
    std::size_t first = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (!same(numbers::value(r[fx::index(i)]), expected(type, from, numbers::value(x[i]))) && wrong++ == 0) first = i;
    const double at = double(numbers::value(x[first])), got = double(numbers::value(r[fx::index(first)])),
                 wanted = double(expected(type, from, numbers::value(x[first])));
    INFO("first at ", at, " (element ", first, " of ", x.size(), "): got ", got, ", expected ", wanted);
    CHECK(wrong == 0);
  };
  std::apply([&](const auto&... r) { (visit(r), ...); }, results);
}

/// Casts of a T, alone and fused. The number of elements is no multiple of any pack.
template <class T>
void check_casts() {
  static constexpr auto stored = fx::compile<"casts">(to_all{});
  static constexpr auto in_registers = fx::compile<"casts_in_registers">(through_all{});
  std::vector<T> x = values<T>();
  while (x.size() % 8 != 5) x.push_back(x[x.size() / 2]);
  fx::tensor<T, fx::extents<fx::dyn>> column({fx::index(x.size())});
  std::copy(x.begin(), x.end(), column.data());
  using executor = std::conditional_t<machine::runs_eager, machine::any_executor, machine::fused_executor>;
  executor fused;
  check_results(fx::dtype_of<T>, x, machine::call(fused, stored, column), "stored");
  CHECK(fused.launches() == 1);
  check_results(fx::dtype_of<T>, x, machine::call(fused, in_registers, column), "in registers");
  CHECK(fused.launches() == 2);
  if constexpr (machine::runs_eager) {
    executor eager(fx::mode::eager);
    check_results(fx::dtype_of<T>, x, machine::call(eager, stored, column), "stored, eager");
    check_results(fx::dtype_of<T>, x, machine::call(eager, in_registers, column), "stored between, eager");
    CHECK(eager.launches() >= 16);
  }
}

}  // namespace casts
