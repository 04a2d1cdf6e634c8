// SPDX-License-Identifier: Apache-2.0
// f32 and f64 against exact arithmetic: __float128 rounds in software, so that neither the host's rounding modes nor
// its compiler take part.
#include <bit>
#include <cmath>
#include <limits>

#include "ptx_harness.hpp"

using namespace sim_test;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using exact = __float128;

namespace {

enum class mode { nearest, zero, up, down };

template <class T>
T after(T x, T direction) {
  return std::nextafter(x, direction);
}

/// The T next to `x` by `m`. `x` is exact, or so near that no boundary lies between (`sticky`: its true value lies
/// further out).
template <class T>
T rounded(exact x, mode m) {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  if (x != x) return std::numeric_limits<T>::quiet_NaN();
  T near = T(x);  // libquadmath rounds to nearest even
  if (m == mode::nearest) return near;
  // The largest T not above x, and the least not below.
  T low = near, high = near;
  if (exact(near) > x) low = after(near, -infinity);
  if (exact(near) < x) high = after(near, infinity);
  if (m == mode::up) return high;
  if (m == mode::down) return low;
  return x < 0 ? high : low;
}

template <class T>
bool same(T a, T b) {
  if (a != a || b != b) return a != a && b != b;
  return a == b && std::signbit(a) == std::signbit(b);
}

bool is_nan(float a) { return a != a; }

float flush(float x) { return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0f, x) : x; }
float into_unit(float x) { return x > 0 ? std::fmin(x, 1.0f) : 0.0f; }

std::vector<float> floats(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  const float corners[] = {0.0f, -0.0f,         1.0f,    -1.0f,     0.5f,      INFINITY,      -INFINITY,
                           NAN,  1e-40f,        -1e-40f, 0x1p-149f, 0x1p-126f, 3.4028235e38f, -3.4028235e38f,
                           2.0f, 0x1.fffffep-1f};
  std::vector<float> v(count);
  for (auto& x : v) {
    switch (random() % 4) {
      case 0:
        x = corners[random() % std::size(corners)];
        break;
      case 1:
        x = std::bit_cast<float>(u32(random()));
        break;
      default:
        x = std::ldexp(float(int(random() % 2000001) - 1000000), int(random() % 24) - 24);
    }
    if (x != x) x = NAN;
  }
  return v;
}

// p + c, or a number that rounds to f32 and f64 as the sum does: where the 113 bits do not hold it and what they hold
// could be a boundary (its low bits are zero), the last of them is moved towards the truth.
exact nearly_sum(exact p, exact c) {
  const exact s = p + c;
  if (s != s || s - s != 0) return s;
  const exact v = s - p, rest = (p - (s - v)) + (c - v);
  unsigned __int128 bits;
  std::memcpy(&bits, &s, sizeof bits);
  if (rest == 0 || (u64(bits) & 0xffffffffffffu) != 0) return s;
  bits += (rest > 0) == (s > 0) ? 1 : -1;
  exact moved;
  std::memcpy(&moved, &bits, sizeof moved);
  return moved;
}

// A zero sum of unlike signs is -0 only when rounding down.
float sum(float a, float b, mode m) {
  const exact x = nearly_sum(exact(a), exact(b));
  if (x == 0 && !(a == 0 && b == 0 && std::signbit(a) == std::signbit(b)) && a == a && b == b)
    return m == mode::down ? -0.0f : 0.0f;
  return x == 0 ? a : rounded<float>(x, m);
}
template <class T>
T product(T a, T b, mode m) {
  const exact x = exact(a) * exact(b);
  if (x == 0) return std::signbit(a) != std::signbit(b) ? T(-0.0) : T(0.0);
  return rounded<T>(x, m);
}
float fused(float a, float b, float c, mode m) {
  // 24-bit factors: the product is exact.
  const exact p = exact(a) * exact(b), s = nearly_sum(p, exact(c));
  if (s == 0) {
    const bool minus = std::signbit(a) != std::signbit(b);
    if (p == 0 && c == 0 && minus == std::signbit(c)) return minus ? -0.0f : 0.0f;
    return m == mode::down ? -0.0f : 0.0f;
  }
  return rounded<float>(s, m);
}
template <class T>
T quotient(T a, T b, mode m) {
  if (a != a || b != b || (a == 0 && b == 0) || (std::isinf(a) && std::isinf(b)))
    return std::numeric_limits<T>::quiet_NaN();
  const bool minus = std::signbit(a) != std::signbit(b);
  if (b == 0 || std::isinf(a)) return minus ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::infinity();
  if (a == 0 || std::isinf(b)) return minus ? T(-0.0) : T(0.0);
  // 113 bits of a quotient of 24- or 53-bit numbers: no boundary between it and the truth.
  T r = rounded<T>(exact(a) / exact(b), m);
  return r == 0 ? std::copysign(r, minus ? T(-1) : T(1)) : r;
}
template <class T>
T root(T a, mode m) {
  if (a < 0 || a != a) return std::numeric_limits<T>::quiet_NaN();
  if (a == 0 || std::isinf(a)) return a;
  // Compare squares, which are exact for f32 and nearly so for f64.
  T low = T(std::sqrt(static_cast<long double>(a)));
  while (exact(low) * exact(low) > exact(a)) low = after(low, T(0));
  while (exact(after(low, T(INFINITY))) * exact(after(low, T(INFINITY))) <= exact(a)) low = after(low, T(INFINITY));
  if (exact(low) * exact(low) == exact(a)) return low;
  const T high = after(low, T(INFINITY));
  if (m == mode::up) return high;
  if (m != mode::nearest) return low;
  const exact middle = (exact(low) + exact(high)) / 2;
  return middle * middle < exact(a) ? high : low;
}
template <class T>
T least(T a, T b) {
  if (a != a) return b;
  if (b != b) return a;
  if (a == b) return std::signbit(a) ? a : b;
  return a < b ? a : b;
}
template <class T>
T most(T a, T b) {
  if (a != a) return b;
  if (b != b) return a;
  if (a == b) return std::signbit(a) ? b : a;
  return a > b ? a : b;
}

}  // namespace

TEST_CASE("f32 arithmetic in all rounding modes") {
  program p("floating");
  constexpr int count = 4000;
  auto a = floats(count, 1), b = floats(count, 2), c = floats(count, 3);
  // Cancellation: c near -a b.
  for (std::size_t i = 0; i < count; i += 5) c[i] = -(a[i] * b[i]);
  constexpr std::size_t lines = 38;
  const auto out = p.allocate(lines * count * 4);
  check_clean(p.run("exact", {32}, {128}, p.upload(a), p.upload(b), p.upload(c), out, count));
  const auto got = p.download<float>(out, lines * count);
  for (std::size_t i = 0; i < count; ++i) {
    const float x = a[i], y = b[i], z = c[i];
    const float larger = most(std::fabs(x), std::fabs(y));
    unsigned bits = 0;
    const auto bit = [&](bool q, int k) { bits |= unsigned(q) << k; };
    bit(x < y, 0), bit(x <= y, 1), bit(x > y, 2), bit(x >= y, 3), bit(x == y, 4), bit(x != y, 5);
    bit(!(x < y), 6), bit(!(x >= y), 7), bit(std::isnan(x), 8), bit(std::isfinite(x), 9), bit(std::isinf(x), 10);
    bit(std::signbit(x), 11), bit(std::fpclassify(x) == FP_SUBNORMAL, 12);
    const float want[lines] = {sum(x, y, mode::nearest),
                               sum(x, y, mode::zero),
                               sum(x, y, mode::up),
                               sum(x, y, mode::down),
                               product(x, y, mode::nearest),
                               product(x, y, mode::zero),
                               product(x, y, mode::up),
                               product(x, y, mode::down),
                               fused(x, y, z, mode::nearest),
                               fused(x, y, z, mode::zero),
                               fused(x, y, z, mode::up),
                               fused(x, y, z, mode::down),
                               quotient(x, y, mode::nearest),
                               quotient(x, y, mode::zero),
                               quotient(x, y, mode::up),
                               quotient(x, y, mode::down),
                               root(x, mode::nearest),
                               root(x, mode::zero),
                               root(x, mode::up),
                               quotient(1.0f, x, mode::nearest),
                               quotient(1.0f, x, mode::down),
                               sum(x, -y, mode::nearest),
                               least(x, y),
                               most(x, y),
                               -x,
                               std::fabs(x),
                               into_unit(x),
                               into_unit(sum(x, y, mode::nearest)),
                               is_nan(x) || is_nan(y) ? NAN : least(x, y),
                               std::signbit(x) != std::signbit(y) ? -larger : larger,
                               flush(product(flush(x), flush(y), mode::nearest)),
                               flush(sum(flush(x), flush(y), mode::nearest)),
                               into_unit(fused(x, y, z, mode::nearest)),
                               std::copysign(y, x),
                               quotient(x, y, mode::nearest),
                               !(x >= y) ? 1.0f : 0.0f,
                               z >= 0 ? x : y,
                               std::bit_cast<float>(bits)};
    for (std::size_t line = 0; line < lines; ++line) {
      const float have = got[line * count + i];
      if (same(have, want[line])) continue;
      CAPTURE(line);
      CAPTURE(x);
      CAPTURE(y);
      CAPTURE(z);
      CAPTURE(have);
      CAPTURE(want[line]);
      FAIL("the result differs");
    }
  }
  // A NaN result has one form.
  const auto nan = p.upload(std::vector<float>{-NAN}), one = p.upload(std::vector<float>{1.0f});
  check_clean(p.run("exact", {1}, {1}, nan, one, one, out, 1));
  CHECK(std::bit_cast<u32>(p.download<float>(out, 1)[0]) == 0x7fffffffu);
}

TEST_CASE("f64 arithmetic") {
  program p("floating");
  constexpr int count = 2000;
  std::mt19937_64 random(7);
  std::vector<double> a(count), b(count), c(count);
  const double corners[] = {0.0, -0.0, 1.0, INFINITY, -INFINITY, NAN, 0x1p-1074, 1.7e308, -1.7e308};
  for (auto* v : {&a, &b, &c})
    for (auto& x : *v) {
      x = random() % 5 == 0
              ? corners[random() % std::size(corners)]
              : std::ldexp(double(random() >> 11), int(random() % 120) - 110) * (random() % 2 == 0 ? 1 : -1);
    }
  constexpr std::size_t lines = 14;
  const auto out = p.allocate(lines * count * 8);
  check_clean(p.run("exact_double", {16}, {128}, p.upload(a), p.upload(b), p.upload(c), out, count));
  const auto got = p.download<double>(out, lines * count);
  for (std::size_t i = 0; i < count; ++i) {
    const double x = a[i], y = b[i], z = c[i];
    const auto sum_of = [&](mode m) {
      const exact s = nearly_sum(exact(x), exact(y));
      if (s == 0) return x == 0 && y == 0 && std::signbit(x) && std::signbit(y) ? -0.0 : 0.0;
      return rounded<double>(s, m);
    };
    const double want[lines] = {
        sum_of(mode::nearest),
        sum_of(mode::zero),
        product(x, y, mode::up),
        got[3 * count + i],  // below, by other means
        got[4 * count + i],
        quotient(x, y, mode::nearest),
        quotient(x, y, mode::up),
        root(x, mode::nearest),
        quotient(1.0, x, mode::zero),
        least(x, y),
        most(x, y),
        std::copysign(x, y),
        std::fabs(x),
        x < y    ? 1.0
        : x == y ? 2.0
        : x > y  ? 3.0
                 : 4.0,
    };
    for (std::size_t line = 0; line < lines; ++line) {
      if (same(got[line * count + i], want[line])) continue;
      CAPTURE(line);
      CAPTURE(x);
      CAPTURE(y);
      CAPTURE(got[line * count + i]);
      CAPTURE(want[line]);
      FAIL("the result differs");
    }
    // The product of two doubles has 106 bits and is exact.
    const exact s = nearly_sum(exact(x) * exact(y), exact(z));
    if (s != 0) {
      CHECK(same(got[3 * count + i], rounded<double>(s, mode::nearest)));
      CHECK(same(got[4 * count + i], rounded<double>(s, mode::down)));
    }
  }
}

TEST_CASE("approximations stay within the documented errors") {
  program p("floating");
  constexpr int count = 3000;
  std::mt19937 random(3);
  std::vector<float> a(count);
  for (auto& x : a) x = std::ldexp(float(int(random() % 20001) - 10000), int(random() % 14) - 20);
  constexpr std::size_t lines = 9;
  const auto out = p.allocate(lines * count * 4);
  check_clean(p.run("approximate", {24}, {128}, p.upload(a), out, count));
  const auto got = p.download<float>(out, lines * count);
  const auto relative = [](float have, double want) {
    return want == 0 ? std::fabs(have) : std::fabs(have / want - 1);
  };
  for (std::size_t i = 0; i < count; ++i) {
    const double x = a[i];
    CAPTURE(x);
    const auto at = [&](std::size_t line) { return got[line * count + i]; };
    if (std::fabs(x) < 126) CHECK(relative(at(0), std::exp2(x)) < 0x1p-22);
    if (x != 0)
      CHECK(std::fabs(at(1) - std::log2(std::fabs(x))) < 0x1p-22 * std::max(1.0, std::fabs(std::log2(std::fabs(x)))));
    if (std::fabs(x) < 3.14) CHECK(std::fabs(at(2) - std::sin(x)) < 0x1p-20);
    if (std::fabs(x) < 3.14) CHECK(std::fabs(at(3) - std::cos(x)) < 0x1p-20);
    CHECK(relative(at(4), std::tanh(x)) < 0x1p-11);
    if (x != 0) CHECK(relative(at(5), 1 / x) < 0x1p-23);
    CHECK(relative(at(6), std::sqrt(std::fabs(x))) < 0x1p-22);
    if (x != 0) CHECK(relative(at(7), 1 / std::sqrt(std::fabs(x))) < 0x1p-22);
    CHECK(relative(at(8), x / 3) < 0x1p-22);
  }
  const std::vector<float> edges = {INFINITY, -INFINITY, NAN, 0.0f, -0.0f, 1000.0f, -1000.0f, -130.0f};
  check_clean(p.run("approximate", {1}, {8}, p.upload(edges), out, 8));
  const auto edge = p.download<float>(out, lines * 8);
  CHECK(edge[0] == INFINITY);
  CHECK(edge[1] == 0);
  CHECK(is_nan(edge[2]));
  CHECK(edge[3] == 1);
  CHECK(edge[5] == INFINITY);
  CHECK(edge[6] == 0);
  CHECK(edge[7] == 0);              // subnormal, flushed
  CHECK(edge[8 + 3] == -INFINITY);  // lg2 of 0
  CHECK(edge[5 * 8 + 4] == -INFINITY);
}

TEST_CASE("the mathematics library of the device") {
  program p("floating");
  constexpr int count = 600;
  std::mt19937 random(11);
  std::vector<double> a(count);
  // Up to 1e7: the long reduction of arguments, with its table and its 96- and 192-bit products.
  for (auto& x : a) x = std::ldexp(double(int(random() % 2000001) - 1000000), int(random() % 20) - 16) + 1e-3;
  for (auto& x : a) x = double(float(x));
  constexpr std::size_t lines = 18;
  const auto out = p.allocate(lines * count * 8), out32 = p.allocate(lines * count * 4);
  check_clean(p.run("library", {5}, {128}, p.upload(a), out, out32, count));
  const auto got = p.download<double>(out, lines * count);
  const auto got32 = p.download<float>(out32, lines * count);
  for (std::size_t i = 0; i < count; ++i) {
    const double x = a[i];
    const double want[lines] = {std::sin(x),
                                std::cos(x),
                                std::tan(x),
                                std::exp(x * 0.01),
                                std::log(std::fabs(x)),
                                std::pow(std::fabs(x), 1.7),
                                std::erf(x * 0.01),
                                std::tanh(x * 0.01),
                                std::atan2(x, 3.0),
                                std::cbrt(x),
                                std::fmod(x, 0.37),
                                std::lgamma(std::fabs(x) + 0.5),
                                std::expm1(x * 0.001),
                                std::log1p(std::fabs(x)),
                                std::rint(x),
                                std::round(x),
                                x / 7.3,
                                std::sqrt(std::fabs(x))};
    for (std::size_t line = 0; line < lines; ++line) {
      CAPTURE(line);
      CAPTURE(x);
      const double have = got[line * count + i], have32 = got32[line * count + i];
      const double scale = std::max(std::fabs(want[line]), line == 0 || line == 1 ? 1e-2 : line == 11 ? 1e-1 : 1e-300);
      if (std::isfinite(want[line])) CHECK(std::fabs(have - want[line]) <= 4e-15 * scale);
      // f32: arguments scaled in f32 carry its error through exp; fmod of a rounded divisor is another function.
      if (line == 10) continue;
      const double slack = (line == 3 || line == 5 || line == 12 ? std::max(1.0, std::fabs(x) * 0.01) : 1.0) * 1e-6;
      const double floor = line == 2 || line == 4 ? 1e-2 : 1e-38;  // near their zeros, and among subnormals
      if (std::fabs(want[line]) < 1e38) CHECK(std::fabs(have32 - want[line]) <= slack * std::max(scale, floor));
    }
  }
}
