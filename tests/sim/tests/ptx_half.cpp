// SPDX-License-Identifier: Apache-2.0
// Narrow floats against a table: every value of the format in order. Rounding is a search for the neighbours in it.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "ptx_harness.hpp"

using namespace sim_test;
using u16 = std::uint16_t;
using u32 = std::uint32_t;

namespace {

enum class mode { nearest, away, zero, up, down };

struct format {
  int exponent_bits, mantissa_bits;
  bool infinity;  ///< all-ones exponents are infinity and NaN; else only all ones is NaN
  u32 nan;
  std::vector<double> values;  ///< not negative, finite, by their bits

  format(int e, int m, bool inf, u32 n) : exponent_bits(e), mantissa_bits(m), infinity(inf), nan(n) {
    const int bias = (1 << (e - 1)) - 1;
    for (u32 bits = 0; bits < u32{1} << (e + m); ++bits) {
      const int exponent = int(bits >> m);
      const double mantissa = double(bits & ((1u << m) - 1)) / double(1u << m);
      if (inf ? exponent == (1 << e) - 1 : bits == (1u << (e + m)) - 1) break;
      values.push_back(exponent == 0 ? std::ldexp(mantissa, 1 - bias) : std::ldexp(1 + mantissa, exponent - bias));
    }
  }
  u32 sign() const { return u32{1} << (exponent_bits + mantissa_bits); }
  double value(u32 bits) const {
    const u32 magnitude = bits & (sign() - 1);
    const double v = magnitude < values.size()                     ? values[magnitude]
                     : infinity && magnitude == u32(values.size()) ? INFINITY
                                                                   : NAN;
    return (bits & sign()) != 0 ? -v : v;
  }
  /// `rest`: the true value lies a little further out (1), further in (-1), or is x.
  u32 round(double x, mode m, bool saturate = false, int rest = 0) const {
    if (x != x) return nan;
    const u32 s = std::signbit(x) ? sign() : 0;
    const double a = std::fabs(x);
    auto at = std::lower_bound(values.begin(), values.end(), a);  // the first not below
    if (at != values.end() && *at == a && rest == 0) return s | u32(at - values.begin());
    if (at != values.end() && *at == a && rest > 0) ++at;
    const u32 above = u32(at - values.begin()), below = above - 1;
    const double low = values[below];
    const double high = above < values.size() ? values[above] : 2 * low - values[below - 1];
    bool up;
    switch (m) {
      case mode::zero:
        up = false;
        break;
      case mode::up:
        up = s == 0;
        break;
      case mode::down:
        up = s != 0;
        break;
      default: {
        const double middle = low + (high - low) / 2;
        up = a > middle || (a == middle && (rest > 0 || (rest == 0 && (m == mode::away || (below & 1) != 0))));
      }
    }
    u32 r = up ? above : below;
    if (std::isinf(x)) r = u32(values.size());
    if (r >= values.size()) r = saturate ? u32(values.size()) - 1 : u32(values.size());
    return s | r;
  }
  bool is_nan(u32 bits) const { return value(bits) != value(bits); }
};

const format f16{5, 10, true, 0x7fff}, bf16{8, 7, true, 0x7fff}, e4m3{4, 3, false, 0x7f}, e5m2{5, 2, true, 0x7f},
    tf32{8, 10, true, 0x3ffff};

std::vector<u16> halves(std::size_t count, unsigned seed, const format& f) {
  std::mt19937 random(seed);
  const u32 inf = u32(f.values.size()), corners[] = {0, 0x8000, inf, 0x8000 | inf, 0x7fff, inf - 1, 1, 0x8001};
  std::vector<u16> v(count);
  const u32 one = f.round(1.0, mode::nearest);
  for (auto& x : v) {
    if (random() % 8 == 0)
      x = u16(corners[random() % std::size(corners)]);
    else if (random() % 3 == 0)
      x = u16(random());
    else  // near one, so that sums cancel and fused results fall on ties
      x = u16(one + random() % (4u << f.mantissa_bits) - (2u << f.mantissa_bits)) | u16(random() % 2 << 15);
    if (f.is_nan(x)) x = 0x7fff;
  }
  return v;
}

// a b + c exactly: the rounded double sum and the sign of what it lacks.
u32 fused(const format& f, double a, double b, double c) {
  const long double p = static_cast<long double>(a) * b;  // exact: at most 22 bits
  const long double s = p + c;
  if (!std::isfinite(double(s)) || s == 0) return f.round(double(s), mode::nearest);
  const long double v = s - p, lost = (p - (s - v)) + (c - v);
  const double near = double(s);
  const long double rest = (s - near) + lost;
  const int direction = rest == 0 ? 0 : (rest > 0) == (s > 0) ? 1 : -1;
  return f.round(near, mode::nearest, false, direction);
}

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

TEST_CASE("packed f16 arithmetic") {
  program p("half");
  constexpr int count = 2000;
  const auto low = halves(2 * count, 31, f16), high = halves(2 * count, 32, f16);
  std::vector<u32> a(count), b(count);
  for (std::size_t i = 0; i < count; ++i)
    a[i] = low[i] | u32{high[i]} << 16, b[i] = low[count + i] | u32{high[count + i]} << 16;
  constexpr std::size_t lines = 7;
  const auto out = p.allocate(lines * count * 4);
  check_clean(p.run("f16_packed", {16}, {128}, p.upload(a), p.upload(b), out, count));
  const auto got = p.download<u32>(out, lines * count);
  for (std::size_t i = 0; i < count; ++i) {
    u32 less = 1, equal = 1;
    for (int half = 0; half < 2; ++half) {
      const u32 xb = a[i] >> (16 * half) & 0xffff, yb = b[i] >> (16 * half) & 0xffff;
      const double x = f16.value(xb), y = f16.value(yb);
      const auto at = [&](std::size_t line) { return got[line * count + i] >> (16 * half) & 0xffff; };
      CHECK(at(0) == f16.round(x + y, mode::nearest));
      CHECK(at(1) == f16.round(x * y, mode::nearest));
      CHECK(at(2) == fused(f16, x, y, x));
      CHECK(at(4) == (x == y ? 0x3c00u : 0u));
      CHECK(at(5) == (x > y ? 0x3c00u : 0u));
      less &= x < y;
      equal &= x == y || x != x || y != y;
    }
    CHECK(got[6 * count + i] == (less | equal << 1));
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
