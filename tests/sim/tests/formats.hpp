// SPDX-License-Identifier: Apache-2.0
// Narrow float formats as tables: every value of the format in order. Rounding is a search for the neighbours in it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace sim_test {

using u16 = std::uint16_t;
using u32 = std::uint32_t;

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

inline const format f16{5, 10, true, 0x7fff}, bf16{8, 7, true, 0x7fff}, e4m3{4, 3, false, 0x7f}, e5m2{5, 2, true, 0x7f},
    tf32{8, 10, true, 0x3ffff};

inline std::vector<u16> halves(std::size_t count, unsigned seed, const format& f) {
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
inline u32 fused(const format& f, double a, double b, double c) {
  const long double p = static_cast<long double>(a) * b;  // exact: at most 22 bits
  const long double s = p + c;
  if (!std::isfinite(double(s)) || s == 0) return f.round(double(s), mode::nearest);
  const long double v = s - p, lost = (p - (s - v)) + (c - v);
  const double near = double(s);
  const long double rest = (s - near) + lost;
  const int direction = rest == 0 ? 0 : (rest > 0) == (s > 0) ? 1 : -1;
  return f.round(near, mode::nearest, false, direction);
}

}  // namespace sim_test
