// SPDX-License-Identifier: Apache-2.0
// Narrow floats against the tables of formats.hpp.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "formats.hpp"
#include "ptx_harness.hpp"

using namespace sim_test;

namespace {

void check_arithmetic(const char* kernel, const format& f, unsigned seed) {
  program p("half");
  constexpr int count = 6000;
  const auto a = halves(count, seed, f), b = halves(count, seed + 1, f), c = halves(count, seed + 2, f);
  constexpr std::size_t lines = 12;
  const auto out = p.allocate(lines * count * 2);
  check_clean(p.run(kernel, {47}, {128}, p.upload(a), p.upload(b), p.upload(c), out, count));
  const auto got = p.download<u16>(out, lines * count);
  for (std::size_t i = 0; i < count; ++i) {
    const double x = f.value(a[i]), y = f.value(b[i]), z = f.value(c[i]);
    const u32 sum = f.round(x + y, mode::nearest), product_sum = fused(f, x, y, z), one = f.round(1.0, mode::nearest);
    const u32 unit = f.is_nan(sum) || (sum & 0x8000) != 0 ? 0 : std::min(sum, one);
    const auto least = [&](double s, double t, u32 sb, u32 tb) {
      if (s != s) return tb;
      if (t != t) return sb;
      return s == t ? sb | tb : s < t ? sb : tb;
    };
    const u32 smaller = least(x, y, a[i], b[i]), larger = least(-x, -y, a[i] ^ 0x8000u, b[i] ^ 0x8000u) ^ 0x8000u;
    const bool any_nan = x != x || y != y;
    const u32 want[lines] = {
        sum,
        f.round(x - y, mode::nearest),
        f.round(x * y, mode::nearest),
        product_sum,
        unit,
        f.is_nan(product_sum)         ? 0x7fffu
        : (product_sum & 0x8000) != 0 ? 0u
                                      : product_sum,
        smaller,
        x != x && y != y ? 0x7fffu : larger,
        any_nan ? 0x7fffu : smaller,
        a[i] & 0x7fffu,
        a[i] ^ 0x8000u,
        u32(x < y) | u32(x <= y) << 1 | u32(x == y) << 2 | u32(x < y || x > y) << 3 | u32(!(x >= y)) << 4 |
            u32(x != x) << 5,
    };
    for (std::size_t line = 0; line < lines; ++line) {
      u32 have = got[line * count + i], need = want[line];
      // Inequality with a NaN is true in C++; a zero sum's sign is no matter here.
      if (line == 11 && any_nan) need |= 8;
      if ((line == 9 || line == 10) && x != x) continue;
      if (have == need) continue;
      CAPTURE(line);
      CAPTURE(a[i]);
      CAPTURE(b[i]);
      CAPTURE(c[i]);
      CAPTURE(have);
      CAPTURE(need);
      FAIL("the result differs");
    }
  }
}

std::vector<float> spread(std::size_t count) {
  std::mt19937 random(5);
  std::vector<float> v(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto word = u32(random());
    switch (i % 5) {
      case 0:
        v[i] = std::bit_cast<float>(word);
        break;
      case 1:
        v[i] = float(f16.value(word & 0x7bff)) * (word >> 31 != 0 ? -1.0f : 1.0f);
        break;
      case 2: {  // half way between neighbours
        const u32 k = word % (f16.values.size() - 1);
        v[i] = float((f16.values[k] + f16.values[k + 1]) / 2);
        break;
      }
      case 3: {
        const u32 k = word % (e4m3.values.size() - 1);
        v[i] = float((e4m3.values[k] + e4m3.values[k + 1]) / 2) * (word >> 31 != 0 ? -1.0f : 1.0f);
        break;
      }
      default:
        v[i] = std::ldexp(float(int(word >> 8)) - 8388608.0f, int(word % 60) - 50);
    }
    if (v[i] != v[i]) v[i] = NAN;
  }
  const float edges[] = {0.0f,   -0.0f,  INFINITY, -INFINITY, NAN,      65504.0f, 65519.0f, 65520.0f,
                         448.0f, 464.0f, 465.0f,   57344.0f,  61440.0f, -1e-30f,  3.4e38f};
  std::copy(std::begin(edges), std::end(edges), v.begin());
  return v;
}

}  // namespace

TEST_CASE("f16 arithmetic") { check_arithmetic("f16_arithmetic", f16, 1); }
TEST_CASE("bf16 arithmetic") { check_arithmetic("bf16_arithmetic", bf16, 21); }

namespace {
// Pairs of halves in words, and what kernel `name` makes of them.
struct pairs {
  std::vector<u32> a, b, got;
  pairs(const char* name, const format& f, int count, std::size_t lines) : a(std::size_t(count)), b(a.size()) {
    program p("half");
    const auto low = halves(2 * a.size(), 31, f), high = halves(2 * a.size(), 32, f);
    for (std::size_t i = 0; i < a.size(); ++i)
      a[i] = low[i] | u32{high[i]} << 16, b[i] = low[a.size() + i] | u32{high[a.size() + i]} << 16;
    const auto out = p.allocate(lines * a.size() * 4);
    check_clean(p.run(name, {unsigned(count + 127) / 128}, {128}, p.upload(a), p.upload(b), out, count));
    got = p.download<u32>(out, lines * a.size());
  }
};

void check_packed(const char* kernel, const format& f) {
  const pairs v(kernel, f, 2000, 11);
  const u32 one = f.round(1.0, mode::nearest);
  for (std::size_t i = 0; i < v.a.size(); ++i) {
    u32 less = 1, equal = 1;
    for (int half = 0; half < 2; ++half) {
      const u32 xb = v.a[i] >> (16 * half) & 0xffff, yb = v.b[i] >> (16 * half) & 0xffff;
      const double x = f.value(xb), y = f.value(yb);
      const auto at = [&](std::size_t line) { return v.got[line * v.a.size() + i] >> (16 * half) & 0xffff; };
      const bool any_nan = x != x || y != y;
      CHECK(at(0) == f.round(x + y, mode::nearest));
      CHECK(at(1) == f.round(x * y, mode::nearest));
      CHECK(at(2) == fused(f, x, y, x));
      if (!any_nan && x != y) CHECK(at(3) == (x > y ? xb : yb));
      if (!any_nan && x != y) CHECK(at(4) == (x < y ? xb : yb));
      CHECK(at(5) == (x == y ? one : 0u));
      CHECK(at(6) == (x > y ? one : 0u));
      CHECK(at(7) == f.round(x - y, mode::nearest));
      if (x == x) CHECK(at(8) == (xb & 0x7fff));
      if (x == x) CHECK(at(9) == (xb ^ 0x8000));
      less &= x < y;
      equal &= x == y || any_nan;
    }
    CHECK(v.got[10 * v.a.size() + i] == (less | equal << 1));
  }
}
}  // namespace

TEST_CASE("packed f16 arithmetic") { check_packed("f16_packed", f16); }
TEST_CASE("packed bf16 arithmetic") { check_packed("bf16_packed", bf16); }

TEST_CASE(".ftz of f16: arithmetic and comparisons take subnormals for zeros") {
  const pairs v("f16_flushed", f16, 2000, 5);
  int flushed_ones = 0;
  for (std::size_t i = 0; i < v.a.size(); ++i) {
    const auto flush = [&](u32 bits) {
      const double x = f16.value(bits);
      const bool small = x != 0 && std::fabs(x) < 0x1p-14;
      flushed_ones += small;
      return small ? std::copysign(0.0, x) : x;
    };
    const auto half = [&](u32 word, int k) { return flush(word >> (16 * k) & 0xffff); };
    const auto got = [&](std::size_t line) { return v.got[line * v.a.size() + i]; };
    const double x = half(v.a[i], 0), y = half(v.b[i], 0), u = half(v.a[i], 1), w = half(v.b[i], 1);
    u32 sum = f16.round(x + y, mode::nearest);
    if ((sum & 0x7c00) == 0) sum &= 0x8000;
    CHECK((got(0) & 0xffff) == sum);
    CHECK(got(1) == u32(x < y));
    CHECK(got(2) == (x == y ? 0x3c00u : 0u));
    CHECK(got(3) == (u32(x <= y) | u32(u <= w) << 1));
    CHECK(got(4) == ((x != y && x == x && y == y ? 0x3c00u : 0u) | (u != w && u == u && w == w ? 0x3c000000u : 0u)));
  }
  CHECK(flushed_ones > 100);
}

TEST_CASE("powers of two and hyperbolic tangents of halves are within a unit in the last place") {
  program p("half");
  constexpr int count = 65536;
  std::vector<u16> in(count);
  for (std::size_t i = 0; i < count; ++i) in[i] = u16(i);
  const auto out = p.allocate(4 * count * 4);
  check_clean(p.run("half_functions", {256}, {256}, p.upload(in), out, count));
  const auto got = p.download<u32>(out, 4 * count);
  for (u32 i = 0; i < count; ++i) {
    for (int line = 0; line < 4; ++line) {
      const format& f = line < 2 ? f16 : bf16;
      const u32 both = got[std::size_t(line) * count + i];
      REQUIRE((both & 0xffff) == both >> 16);  // the packed form and the single one agree
      double x = f.value(i);
      const bool two = line % 2 == 0, brain = line >= 2;
      if (two && brain && std::fabs(x) < 0x1p-126) x = 0;  // ex2 of bf16 flushes
      double want = two ? std::exp2(x) : std::tanh(x);
      if (two && brain && std::fabs(want) < 0x1p-126) want = 0;
      const double have = f.value(both & 0xffff);
      if (want != want || f.is_nan(i)) {
        REQUIRE(have != have);
        continue;
      }
      const u32 near = f.round(want, mode::nearest), bits = both & 0xffff;
      CAPTURE(line);
      CAPTURE(x);
      REQUIRE((bits & 0x8000) == (near & 0x8000));
      REQUIRE(std::abs(int(bits & 0x7fff) - int(near & 0x7fff)) <= 1);
    }
  }
}

TEST_CASE("pairs of f16 to pairs of 8-bit floats") {
  const pairs v("f16_to_eight", f16, 4000, 3);
  for (std::size_t i = 0; i < v.a.size(); ++i) {
    const double low = f16.value(v.a[i] & 0xffff), high = f16.value(v.a[i] >> 16);
    const auto want = [&](const format& f, double h, double l) {
      return f.round(h, mode::nearest, true) << 8 | f.round(l, mode::nearest, true);
    };
    const auto positive = [](double x) { return x == x && !(x > 0) ? 0.0 : x; };
    CHECK(v.got[i] == want(e4m3, high, low));
    CHECK(v.got[v.a.size() + i] == want(e5m2, high, low));
    CHECK(v.got[2 * v.a.size() + i] == want(e4m3, positive(high), positive(low)));
  }
}

TEST_CASE("f32 to narrow formats, all rounding modes and saturation") {
  program p("half");
  constexpr int count = 8000;
  const auto in = spread(count);
  const auto f16_at = p.allocate(5 * count * 2), bf16_at = p.allocate(2 * count * 2),
             pairs_at = p.allocate(3 * count * 4), e4m3_at = p.allocate(count * 2), e5m2_at = p.allocate(count * 2),
             tf32_at = p.allocate(count * 4);
  check_clean(
      p.run("to_halves", {63}, {128}, p.upload(in), f16_at, bf16_at, pairs_at, e4m3_at, e5m2_at, tf32_at, count));
  const auto h = p.download<u16>(f16_at, 5 * count), b = p.download<u16>(bf16_at, 2 * count),
             four = p.download<u16>(e4m3_at, count), five = p.download<u16>(e5m2_at, count);
  const auto pairs = p.download<u32>(pairs_at, 3 * count), tf = p.download<u32>(tf32_at, count);
  for (std::size_t i = 0; i < count; ++i) {
    const float x = in[i], y = in[(i + 1) % count];
    CAPTURE(x);
    CAPTURE(y);
    REQUIRE(h[i] == f16.round(x, mode::nearest));
    REQUIRE(h[count + i] == f16.round(x, mode::zero, std::isfinite(x)));
    REQUIRE(h[2 * count + i] == f16.round(x, mode::up, std::isfinite(x) && x < 0));
    REQUIRE(h[3 * count + i] == f16.round(x, mode::down, std::isfinite(x) && x > 0));
    REQUIRE(h[4 * count + i] == (x != x || std::signbit(x) ? 0u : f16.round(std::fmin(x, 1.0f), mode::nearest)));
    REQUIRE(b[i] == bf16.round(x, mode::nearest));
    REQUIRE(b[count + i] == bf16.round(x, mode::zero, std::isfinite(x)));
    REQUIRE(pairs[i] == (f16.round(x, mode::nearest) << 16 | f16.round(y, mode::nearest)));
    REQUIRE(pairs[count + i] == (bf16.round(x, mode::nearest) << 16 | bf16.round(y, mode::nearest)));
    const auto relu = [](float v) { return v < 0 || v == 0 ? 0u : bf16.round(v, mode::zero, std::isfinite(v)); };
    REQUIRE(pairs[2 * count + i] == (relu(x) << 16 | relu(y)));
    REQUIRE(four[i] == (e4m3.round(x, mode::nearest, true) << 8 | e4m3.round(y, mode::nearest, true)));
    REQUIRE(five[i] == (e5m2.round(x, mode::nearest, true) << 8 | e5m2.round(y, mode::nearest, true)));
    REQUIRE((tf[i] >> 13) == tf32.round(x, mode::away));
    REQUIRE((tf[i] & 0x1fff) == 0);
  }
}

TEST_CASE("every narrow value to f32, every pair of 8-bit floats to f16") {
  program p("half");
  constexpr int count = 65536;
  std::vector<u16> in(count);
  for (std::size_t i = 0; i < count; ++i) in[i] = u16(i);
  const auto f = p.allocate(4 * count), b = p.allocate(4 * count), e4 = p.allocate(4 * count),
             e5 = p.allocate(4 * count), r = p.allocate(2 * count);
  check_clean(p.run("from_halves", {256}, {256}, p.upload(in), f, b, e4, e5, r, count));
  const auto floats = p.download<float>(f, count), brains = p.download<float>(b, count);
  const auto fours = p.download<u32>(e4, count), fives = p.download<u32>(e5, count);
  const auto integral = p.download<u16>(r, count);
  for (u32 i = 0; i < count; ++i) {
    CAPTURE(i);
    const double x = f16.value(i), y = bf16.value(i);
    REQUIRE((x != x ? floats[i] != floats[i] : floats[i] == x && std::signbit(floats[i]) == std::signbit(x)));
    REQUIRE((y != y ? brains[i] != brains[i] : brains[i] == float(y)));
    REQUIRE(fours[i] ==
            (f16.round(e4m3.value(i >> 8), mode::nearest) << 16 | f16.round(e4m3.value(i & 255), mode::nearest)));
    REQUIRE(fives[i] ==
            (f16.round(e5m2.value(i >> 8), mode::nearest) << 16 | f16.round(e5m2.value(i & 255), mode::nearest)));
    if (x == x) REQUIRE(f16.value(integral[i]) == std::nearbyint(x));
  }
}

TEST_CASE("f64 to f16 rounds once") {
  program p("half");
  // Just above half way between two halves: rounding to f32 first would lose the difference.
  const std::vector<double> in = {1 + 0x1p-11 + 0x1p-40,    1 + 0x1p-11,    1 + 3 * 0x1p-11 - 0x1p-45,
                                  -0x1p-25 * (1 + 0x1p-30), 65519.99999999, 1e300};
  const auto out = p.allocate(2 * in.size());
  check_clean(p.run("double_to_half", {1}, {32}, p.upload(in), out, int(in.size())));
  const auto got = p.download<u16>(out, in.size());
  for (std::size_t i = 0; i < in.size(); ++i) CHECK(got[i] == f16.round(in[i], mode::nearest));
}
