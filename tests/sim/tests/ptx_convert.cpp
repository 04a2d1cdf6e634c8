// SPDX-License-Identifier: Apache-2.0
// Conversions between integers and floats: rounding, saturation, what is no number.
#include <algorithm>
#include <bit>
#include <cmath>

#include "ptx_harness.hpp"

using namespace sim_test;
using s64 = std::int64_t;
using u64 = std::uint64_t;
using u32 = std::uint32_t;
using exact = __float128;

namespace {

enum class mode { nearest, zero, up, down };

double integral(double x, mode m) {
  switch (m) {
    case mode::zero:
      return std::trunc(x);
    case mode::up:
      return std::ceil(x);
    case mode::down:
      return std::floor(x);
    default:
      break;
  }
  const double low = std::floor(x), rest = x - low;
  return rest < 0.5 || (rest == 0.5 && std::fmod(low, 2) == 0) ? low : low + 1;
}
template <class T>
T integer(double x, mode m, bool nan_is_zero) {
  constexpr T least = std::numeric_limits<T>::min(), most = std::numeric_limits<T>::max();
  if (x != x) return nan_is_zero ? T(0) : T(u64{1} << (sizeof(T) * 8 - 1));
  const exact r = std::isinf(x) ? exact(x) : exact(integral(x, m));
  return r < exact(least) ? least : r > exact(most) ? most : T(r);
}
template <class T>
T rounded(exact x, mode m) {
  const T near = T(x);
  if (m == mode::nearest || x != x || exact(near) == x) return near;
  const T low = exact(near) > x ? std::nextafter(near, T(-INFINITY)) : near;
  const T high = exact(near) < x ? std::nextafter(near, T(INFINITY)) : near;
  return m == mode::up ? high : m == mode::down ? low : x < 0 ? high : low;
}
s64 bits(float x) { return std::bit_cast<int>(x != x ? std::bit_cast<float>(0x7fffffff) : x); }
s64 bits(double x) { return std::bit_cast<s64>(x); }

template <std::size_t lines, class In, class F>
void compare(const char* kernel, const std::vector<In>& in, F expected) {
  program p("convert");
  const auto count = int(in.size());
  const auto out = p.allocate(lines * in.size() * 8);
  check_clean(p.run(kernel, {unsigned(count + 127) / 128}, {128}, p.upload(in), out, count));
  const auto got = p.download<s64>(out, lines * in.size());
  for (std::size_t i = 0; i < in.size(); ++i) {
    const std::array<s64, lines> want = expected(in[i]);
    for (std::size_t line = 0; line < lines; ++line) {
      CAPTURE(line);
      CAPTURE(in[i]);
      REQUIRE(got[line * in.size() + i] == want[line]);
    }
  }
}

template <class T>
std::vector<T> reals(std::size_t count) {
  std::mt19937_64 random(6);
  std::vector<T> v = {0,
                      T(-0.0),
                      T(0.5),
                      T(1.5),
                      T(2.5),
                      T(-0.5),
                      T(-1.5),
                      T(-2.5),
                      T(0.49999997),
                      T(2147483647.0),
                      T(2147483648.0),
                      T(-2147483648.0),
                      T(-2147484000.0),
                      T(4294967295.0),
                      T(4294967296.0),
                      T(9.2233720368547e18),
                      T(1.9e19),
                      T(-9.3e18),
                      T(INFINITY),
                      T(-INFINITY),
                      T(NAN),
                      T(127.5),
                      T(255.9),
                      T(-1.0),
                      T(32767.9),
                      T(1e-40),
                      T(1e300)};
  while (v.size() < count)
    v.push_back(T(std::ldexp(double(s64(random() >> 11)) - 4503599627370496.0, int(random() % 80) - 66)));
  return v;
}

}  // namespace

TEST_CASE("f32 to integers") {
  compare<14>("float_to_integer", reals<float>(2000), [](float x) {
    return std::array<s64, 14>{integer<int>(x, mode::nearest, true),
                               integer<int>(x, mode::zero, true),
                               integer<int>(x, mode::up, true),
                               integer<int>(x, mode::down, true),
                               integer<u32>(x, mode::nearest, true),
                               integer<u32>(x, mode::zero, true),
                               integer<s64>(x, mode::nearest, false),
                               integer<s64>(x, mode::down, false),
                               s64(integer<u64>(x, mode::zero, false)),
                               integer<std::int16_t>(x, mode::zero, true),
                               integer<std::uint8_t>(x, mode::zero, true),
                               bits(std::floor(x)),
                               bits(std::isinf(x) || x != x ? x : std::copysign(float(integral(x, mode::nearest)), x)),
                               bits(x > 0 ? std::fmin(x, 1.0f) : 0.0f)};
  });
}

TEST_CASE("f64 to integers and to f32") {
  compare<8>("double_to_other", reals<double>(2000), [](double x) {
    return std::array<s64, 8>{integer<int>(x, mode::nearest, false),  integer<int>(x, mode::zero, false),
                              integer<s64>(x, mode::up, false),       s64(integer<u64>(x, mode::nearest, false)),
                              bits(rounded<float>(x, mode::nearest)), bits(rounded<float>(x, mode::zero)),
                              bits(rounded<float>(x, mode::up)),      bits(rounded<float>(x, mode::down))};
  });
}

TEST_CASE("integers to integers and to floats") {
  std::mt19937_64 random(2);
  std::vector<s64> in = {0,
                         1,
                         -1,
                         127,
                         128,
                         255,
                         256,
                         -128,
                         -129,
                         0x7fffffff,
                         0x80000000ll,
                         0xffffffffll,
                         -0x80000001ll,
                         INT64_MAX,
                         INT64_MIN,
                         0x20000001,
                         0x7fffff8000000001ll,
                         s64(0x8000008000000000ull)};
  while (in.size() < 1500) in.push_back(s64(random() >> (random() % 60)) * (random() % 2 == 0 ? 1 : -1));
  compare<21>("integer_to_other", in, [](s64 x) {
    const auto clamp = [](exact v, s64 least, s64 most) {
      return v < exact(least) ? least : v > exact(most) ? most : s64(v);
    };
    const int low = int(x), high = int(x >> 32);
    const auto byte = [&](int v) { return u32(std::uint8_t(clamp(v, -128, 127))); };
    return std::array<s64, 21>{std::int8_t(x),
                               std::uint8_t(x),
                               std::int16_t(x),
                               std::uint16_t(x),
                               low,
                               u32(x),
                               bits(rounded<float>(low, mode::nearest)),
                               bits(rounded<float>(u32(x), mode::nearest)),
                               bits(rounded<float>(x, mode::nearest)),
                               bits(rounded<float>(u64(x), mode::nearest)),
                               bits(rounded<float>(x, mode::zero)),
                               bits(rounded<float>(u64(x), mode::up)),
                               bits(rounded<double>(x, mode::nearest)),
                               bits(rounded<double>(u64(x), mode::nearest)),
                               bits(rounded<double>(x, mode::down)),
                               bits(double(low)),
                               clamp(low, -128, 127),
                               clamp(low, 0, 255),
                               clamp(x, 0, 0xffffffffll),
                               clamp(u64(x), INT32_MIN, INT32_MAX),
                               s64(u32{0x1234} << 16 | byte(low) << 8 | byte(high))};
  });
}
