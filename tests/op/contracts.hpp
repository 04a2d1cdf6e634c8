// SPDX-License-Identifier: Apache-2.0
// What each unary operation promises: its exact value and how far, in ulp, the f32 pack, the f64 evaluators and the f32
// device evaluator may be from it. The largest errors seen stand in numerics_unary_test.cpp.
#pragma once
#include <cmath>
#include <fuse/op/list.hpp>

namespace contracts {
namespace ops = fuse::ops;

/// What is allowed beside the bound, at x: slack in ulp of the result; in_subnormals in units of the smallest
/// subnormal, where a factor of the result is subnormal although the result may not be; absolute_device as it stands.
struct defaults {
  static double slack(double) { return 0; }
  static double slack_f64(double) { return 0; }
  static double slack_device(double) { return 0; }
  static double in_subnormals(double) { return 0; }
  static double absolute_device(double) { return 0; }
};

template <class F>
struct of;

enum class evaluator { f32_pack, f64, f32_device };

/// The error in ulp that the contract of F allows at x, where the exact result has the given ulp.
template <class F>
double allowed(evaluator e, double x, double ulp) {
  using contract = of<F>;
  const double smallest = e == evaluator::f64 ? 0x1p-1074 : 0x1p-149;
  double r = contract::slack(x) + contract::in_subnormals(x) * (smallest / ulp);
  if (e == evaluator::f32_pack) r += contract::f32;
  if (e == evaluator::f64) r += contract::f64 + contract::slack_f64(x);
  if (e == evaluator::f32_device)
    r += contract::device + contract::slack_device(x) + contract::absolute_device(x) / ulp;
  return r;
}

#define CONTRACT(name, f32_bound, f64_bound, device_bound, ...)                      \
  template <>                                                                        \
  struct of<ops::name##_t> : defaults {                                              \
    static constexpr double f32 = f32_bound, f64 = f64_bound, device = device_bound; \
    template <class X>                                                               \
    static X exact(X x) {                                                            \
      return __VA_ARGS__;                                                            \
    }                                                                                \
  }
CONTRACT(exp, 1.1, 1, 2, std::exp(x));
CONTRACT(exp2, 2, 1, 2, std::exp2(x));
CONTRACT(expm1, 2, 1, 2, std::expm1(x));
CONTRACT(log, 1, 1, 1, std::log(x));
CONTRACT(log2, 2, 1, 1, std::log2(x));
CONTRACT(log10, 2, 2, 2, std::log10(x));
CONTRACT(log1p, 2, 1, 2, std::log1p(x));
CONTRACT(sin, 2, 1, 2, std::sin(x));
CONTRACT(cos, 2, 1, 2, std::cos(x));
CONTRACT(tan, 4, 1, 4, std::tan(x));
CONTRACT(asin, 2, 1, 2, std::asin(x));
CONTRACT(acos, 2, 1, 2, std::acos(x));
CONTRACT(atan, 2, 1, 2, std::atan(x));
CONTRACT(sinh, 2, 2, 3, std::sinh(x));
CONTRACT(cosh, 2, 2, 2, std::cosh(x));
CONTRACT(tanh, 2, 3, 2, std::tanh(x));
CONTRACT(erf, 2, 1, 2, std::erf(x));
CONTRACT(erfc, 5, 5, 4, std::erfc(x));
CONTRACT(sqrt, 0.5, 0.5, 0.5, std::sqrt(x));
CONTRACT(rsqrt, 1.5, 1.5, 2, 1 / std::sqrt(x));
CONTRACT(reciprocal, 0.5, 0.5, 1, 1 / x);
CONTRACT(abs, 0, 0, 0, std::fabs(x));
CONTRACT(sign, 0, 0, 0, x > 0 ? X(1) : x < 0 ? X(-1) : X(0));
CONTRACT(negative, 0, 0, 0, -x);
CONTRACT(floor, 0, 0, 0, std::floor(x));
CONTRACT(ceil, 0, 0, 0, std::ceil(x));
CONTRACT(round, 0, 0, 0, std::nearbyint(x));
CONTRACT(trunc, 0, 0, 0, std::trunc(x));
CONTRACT(frac, 0, 0, 0, x - std::trunc(x));
CONTRACT(relu, 0, 0, 0, x <= 0 ? X(0) : x);
CONTRACT(sigmoid, 3, 3, 5, x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)));
CONTRACT(softplus, 2, 2, 4, std::isnan(x) ? x : std::fmax(x, X(0)) + std::log1p(std::exp(-std::fabs(x))));
CONTRACT(hardswish, 3, 3, 3, x <= -3 ? -X(0) : x >= 3 ? x : x * (x + 3) / 6);
#undef CONTRACT

template <>
struct of<ops::silu_t> : defaults {
  static constexpr double f32 = 4, f64 = 4, device = 6;
  template <class X>
  static X exact(X x) {
    return x < -2000 ? -X(0) : x / (1 + std::exp(-x));
  }
  static double in_subnormals(double x) { return std::fabs(x) < 2000 ? std::fabs(x) : 1; }
};

template <>
struct of<ops::mish_t> : defaults {
  static constexpr double f32 = 5, f64 = 5, device = 8;
  template <class X>
  static X exact(X x) {
    if (x < -2000) return -X(0);
    const X e = std::exp(-std::fabs(x));  // tanh(softplus(x)), with one form for each sign
    return x < 0 ? x * (e * e + 2 * e) / (e * e + 2 * e + 2) : x * ((1 + 2 * e) / (1 + 2 * e + 2 * e * e));
  }
  static double in_subnormals(double x) { return std::fabs(x) < 2000 ? std::fabs(x) : 1; }
};

template <>
struct of<ops::gelu_t> : defaults {
  static constexpr double f32 = 9, f64 = 5, device = 10;
  template <class X>
  static X exact(X x) {
    return x < -60 ? -X(0) : x * std::erfc(x * X(-0.70710678118654752440084436210484903929L)) / 2;
  }
  // x / sqrt(2), rounded, goes to erfc, which magnifies its error
  static double slack_f64(double x) { return x < 0 ? 2 * x * x : 0; }
  // 2^p(x) with p rounded; below -6 p is not fitted, and the result is at most 6e-9
  static double slack_device(double x) { return x < 0 ? 2 * x * x : 0; }
  static double absolute_device(double x) { return x < -6 ? 1e-13 : 0; }
  static double in_subnormals(double x) { return std::fabs(x) < 60 ? 2 * std::fabs(x) : 1; }
};

template <>
struct of<ops::gelu_tanh_t> : defaults {
  static constexpr double f32 = 5, f64 = 5, device = 8;
  template <class X>
  static X twice_u(X x) {
    return 2 * X(0.79788456080286535587989211986876373695L) * (x + X(0.044715L) * x * x * x);
  }
  template <class X>
  static X exact(X x) {
    return x < -60 ? -X(0) : x > 60 ? x : x / (1 + std::exp(-twice_u(x)));
  }
  static double slack(double x) { return x < 0 && x > -60 ? 3 * std::fabs(twice_u(x)) : 0; }
  static double in_subnormals(double x) { return std::fabs(x) < 60 ? 60 * std::fabs(x) : 1; }
};

}  // namespace contracts
