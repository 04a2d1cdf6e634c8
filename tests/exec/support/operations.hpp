// SPDX-License-Identifier: Apache-2.0
// The table of pointwise operations: what each one is, exactly, and how far a kernel may be from that in ulp of the
// type it computes in. (tests/op measures the same bounds over all magnitudes.)
#pragma once
#include "../../op/contracts.hpp"
#include "numbers.hpp"

namespace operations {
namespace fx = fuse;
namespace ops = fuse::ops;
using numbers::exact;

/// of(x, y, z) and bound(computed type, on a device, operands, result). Unary ones come from tests/op/contracts.hpp.
template <class F>
struct real {
  static exact of(const exact* x) { return contracts::of<F>::exact(x[0]); }
  static double bound(fx::dtype computed, bool device, const exact* x, exact result) {
    const auto e = computed == fx::dtype::f64 ? contracts::evaluator::f64
                   : device                   ? contracts::evaluator::f32_device
                                              : contracts::evaluator::f32_pack;
    // In f64 a device calls the CUDA library, which promises an ulp less than ours for some functions.
    const double library = device && computed == fx::dtype::f64 ? 1 : 0;
    return contracts::allowed<F>(e, double(x[0]), double(numbers::ulp(computed, result))) + library;
  }
};
inline exact floored_remainder(exact a, exact b) {
  const exact m = std::fmod(a, b);
  return m != 0 && (m < 0) != (b < 0) ? m + b : m;
}
inline exact floored_quotient(exact a, exact b) {
  if (b == 0) return a / b;
  const exact m = std::fmod(a, b), q = std::nearbyint((a - m) / b);
  return m != 0 && (m < 0) != (b < 0) ? q - 1 : q;
}
inline exact smaller(exact a, exact b) { return std::isnan(a) || std::isnan(b) ? a + b : std::fmin(a, b); }
inline exact larger(exact a, exact b) { return std::isnan(a) || std::isnan(b) ? a + b : std::fmax(a, b); }

#define REAL(name, ulps, ...)                                                      \
  template <>                                                                      \
  struct real<ops::name##_t> {                                                     \
    static exact of(const exact* operand) {                                        \
      [[maybe_unused]] const exact x = operand[0], y = operand[1], z = operand[2]; \
      return __VA_ARGS__;                                                          \
    }                                                                              \
    static double bound(fx::dtype, bool, const exact*, exact) { return ulps; }     \
  }
REAL(add, 0.5, x + y);
REAL(subtract, 0.5, x - y);
REAL(multiply, 0.5, x* y);
REAL(divide, 0.5, x / y);
REAL(fmod, 0, std::fmod(x, y));
REAL(remainder, 0.5, floored_remainder(x, y));
REAL(floor_divide, 1, floored_quotient(x, y));
REAL(fma, 0.5, std::fma(x, y, z));
REAL(minimum, 0, smaller(x, y));
REAL(maximum, 0, larger(x, y));
REAL(clamp, 0, smaller(larger(x, y), z));
REAL(pow, 2, std::pow(x, y));
REAL(atan2, 3, std::atan2(x, y));
REAL(leaky_relu, 0.5, x > 0 ? x : y * x);
REAL(elu, 3, x > 0 ? x : y * std::expm1(x));
REAL(where, 0, x != 0 ? y : z);
REAL(equal, 0, x == y);
REAL(not_equal, 0, x != y);
REAL(less, 0, x < y);
REAL(less_equal, 0, x <= y);
REAL(greater, 0, x > y);
REAL(greater_equal, 0, x >= y);
REAL(isnan, 0, std::isnan(x));
REAL(isinf, 0, std::isinf(x));
REAL(logical_and, 0, x != 0 && y != 0);
REAL(logical_or, 0, x != 0 || y != 0);
REAL(logical_xor, 0, (x != 0) != (y != 0));
REAL(logical_not, 0, x == 0);
#undef REAL
/// As accurate as its ends: the difference of two large ones is not small in their ulp.
template <>
struct real<ops::lerp_t> {
  static exact of(const exact* x) {  // from the nearer end
    return x[2] < 0.5L ? x[0] + x[2] * (x[1] - x[0]) : x[1] + (x[2] - 1) * (x[1] - x[0]);
  }
  static double bound(fx::dtype computed, bool, const exact* x, exact result) {
    const exact scale = std::fmax(std::fabs(x[0]), std::fabs(x[1])) * std::fmax(std::fabs(x[2]), exact(1));
    return double(4 * numbers::ulp(computed, scale) / numbers::ulp(computed, result));
  }
};

/// Integers: of(operands, bits), to be taken modulo 2^bits. bits: 64, 32 (i8 and u8 too), or 1 for bool, which computes
/// in 32.
using wide = __int128;
template <class F>
struct whole;
inline wide floored_division(wide x, wide y) { return y == 0 ? 0 : x / y - (x % y != 0 && (x % y < 0) != (y < 0)); }
inline wide power(wide base, wide exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
  unsigned __int128 r = 1;
  for (int bit = 62; bit >= 0; --bit) {
    r *= r;
    if (exponent >> bit & 1) r *= static_cast<unsigned __int128>(base);
  }
  return wide(r);
}
constexpr int width(int bits) { return bits == 64 ? 64 : 32; }
#define WHOLE(name, ...)                                                          \
  template <>                                                                     \
  struct whole<ops::name##_t> {                                                   \
    static wide of(const wide* operand, [[maybe_unused]] int bits) {              \
      [[maybe_unused]] const wide x = operand[0], y = operand[1], z = operand[2]; \
      return __VA_ARGS__;                                                         \
    }                                                                             \
  }
WHOLE(add, x + y);
WHOLE(subtract, x - y);
WHOLE(multiply, x* y);
WHOLE(negative, -x);
WHOLE(fmod, y == 0 ? 0 : x % y);
WHOLE(remainder, y == 0 ? 0 : x - y * floored_division(x, y));
WHOLE(floor_divide, floored_division(x, y));
WHOLE(fma, x* y + z);
WHOLE(abs, x < 0 ? -x : x);
WHOLE(sign, (x > 0) - (x < 0));
WHOLE(minimum, x < y ? x : y);
WHOLE(maximum, x > y ? x : y);
WHOLE(clamp, (x > y ? x : y) < z ? (x > y ? x : y) : z);
WHOLE(pow, power(x, y));
WHOLE(relu, x > 0 ? x : 0);
WHOLE(floor, x);
WHOLE(ceil, x);
WHOLE(round, x);
WHOLE(trunc, x);
WHOLE(equal, x == y);
WHOLE(not_equal, x != y);
WHOLE(less, x < y);
WHOLE(less_equal, x <= y);
WHOLE(greater, x > y);
WHOLE(greater_equal, x >= y);
WHOLE(isnan, 0);
WHOLE(isinf, 0);
WHOLE(where, x != 0 ? y : z);
WHOLE(logical_and, x != 0 && y != 0);
WHOLE(logical_or, x != 0 || y != 0);
WHOLE(logical_xor, (x != 0) != (y != 0));
WHOLE(logical_not, x == 0);
WHOLE(bitwise_and, x& y);
WHOLE(bitwise_or, x | y);
WHOLE(bitwise_xor, x ^ y);
WHOLE(bitwise_not, bits == 1 ? !x : ~x);
WHOLE(shift_left, y < 0 || y >= width(bits) ? 0 : x << int(y));
WHOLE(shift_right, x >> (y < 0 || y >= width(bits) ? width(bits) - 1 : int(y)));
#undef WHOLE

/// A line of the table, with the type erased.
struct line {
  const char* name;
  bool floating;   // integers are converted to f32 first
  bool predicate;  // the result is bool
  exact (*real)(const exact*) = nullptr;
  double (*bound)(fx::dtype, bool, const exact*, exact) = nullptr;
  wide (*whole)(const wide*, int bits) = nullptr;
};
template <class F>
constexpr line line_of() {
  line l{F::name, !ops::on_integers<F>, fx::op_of<F>.result == fx::result_rule::boolean};
  if constexpr (ops::on_floats<F>) l.real = real<F>::of, l.bound = real<F>::bound;
  if constexpr (ops::on_integers<F>) l.whole = whole<F>::of;
  return l;
}

/// The dtype of the result for operands of a dtype.
constexpr fx::dtype result_of(const line& l, fx::dtype type) {
  return l.predicate ? fx::dtype::boolean : l.floating ? fx::to_floating(type) : type;
}

/// x as an integer dtype holds it: modulo 2^bits.
inline wide wrapped(fx::dtype type, wide x) {
  switch (type) {
    case fx::dtype::boolean:
      return x != 0;
    case fx::dtype::u8:
      return std::uint8_t(x);
    case fx::dtype::i8:
      return std::int8_t(x);
    case fx::dtype::i32:
      return std::int32_t(x);
    default:
      return std::int64_t(x);
  }
}

/// How many of the results are wrong; `at` is the first of them.
inline int count_wrong(const line& l, fx::dtype type, bool device, const std::vector<exact> (&in)[3],
                       const std::vector<exact>& got, std::size_t& at, exact& expected) {
  const fx::dtype result = result_of(l, type), computed = type == fx::dtype::f64 ? fx::dtype::f64 : fx::dtype::f32;
  const int bits = type == fx::dtype::i64 ? 64 : type == fx::dtype::boolean ? 1 : 32;
  int wrong = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    bool right;
    exact want;
    if (fx::is_floating(type) || l.floating) {
      exact x[3];
      for (int k = 0; k < 3; ++k) x[k] = fx::is_floating(type) ? in[k][i] : exact(float(in[k][i]));
      want = l.real(x);
      right = result == fx::dtype::boolean ? got[i] == want
                                           : numbers::near(result, got[i], want, l.bound(computed, device, x, want));
    } else {
      wide x[3];
      for (int k = 0; k < 3; ++k) x[k] = wide(in[k][i]);
      const wide full =
          bits == 64 ? wrapped(fx::dtype::i64, l.whole(x, bits)) : wrapped(fx::dtype::i32, l.whole(x, bits));
      want = exact(wrapped(result, full));
      right = got[i] == want;
    }
    if (!right && wrong++ == 0) at = i, expected = want;
  }
  return wrong;
}

}  // namespace operations
