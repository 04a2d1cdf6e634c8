// SPDX-License-Identifier: Apache-2.0
// Every unary operation on floats against a more precise oracle: over all magnitudes, at the special values, on packs
// and on scalars. The test prints the largest errors that it meets; the largest of the f32 packs over every 61st
// float were, in ulp (two numbers: with and without fused multiply-add):
//   exp 1.01   exp2 0.83 / 1.01   expm1 1.4   log 0.74   log2 1.1 / 1.3   log10 0.87 / 1.3   log1p 1.4
//   sin 1.6   cos 1.6   tan 3.6   asin 1.8   acos 1.3   atan 1.4   sinh 1.6   cosh 1.4   tanh 1.3
//   erf 1.2   erfc 4.7 / 4.9   sqrt and reciprocal 0.5   rsqrt 1.5   the roundings, abs and sign 0
//   sigmoid 2.3   softplus 1.6   hardswish 2.5   silu 3.3   mish 4.5   gelu 7.8 / 8.0   gelu_tanh 3 for x > -1
// silu, mish and gelu as long as no factor is subnormal; contracts.hpp states what holds beyond.
#include <doctest/doctest.h>

#include <string>

#include "contracts.hpp"
#include "evaluate.hpp"
#include "oracle.hpp"

namespace {

struct worst_error {
  double ulp = 0;     // the largest error
  double excess = 0;  // the largest error beyond what the contract allows at that point
  double at = 0;
};

template <class F, class T>
worst_error measure(const std::vector<T>& x, const std::vector<T>& y, contracts::evaluator e) {
  worst_error worst;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto exact = contracts::of<F>::exact(oracle::wider<T>(x[i]));
    const double error = oracle::error(y[i], exact);
    const double excess = error - contracts::allowed<F>(e, double(x[i]), double(oracle::ulp<T>(exact)));
    worst.ulp = std::max(worst.ulp, error);
    if (excess > worst.excess) {
      worst.excess = excess;
      worst.at = double(x[i]);
    }
  }
  return worst;
}

template <class F, class T>
void check_packs(std::size_t count, contracts::evaluator e) {
  const std::vector<T> x = oracle::all_magnitudes<T>(count);
  const worst_error worst = measure<F>(x, evaluate::packs<F, T, 1>({x}), e);
  MESSAGE(std::string(F::name) << ": at most " << worst.ulp << " ulp");
  CAPTURE(worst.at);
  CHECK(worst.excess == 0);
}

template <class F, class T>
void check_scalars(std::size_t count, contracts::evaluator e) {
  const std::vector<T> x = oracle::all_magnitudes<T>(count);
  const worst_error worst = measure<F>(x, evaluate::scalars<F, T, 1>({x}), e);
  CAPTURE(worst.at);
  CHECK(worst.excess == 0);
}

/// check(std::type_identity<F>{}) for every operation of the library with one operand and a result that is a number.
template <class Check>
void each_unary(Check check) {
  fuse::ops::all_pointwise::each([&](auto functor) {
    using F = typename decltype(functor)::type;
    if constexpr (F::arity == 1 && fuse::ops::on_floats<F> && fuse::op_of<F>.result != fuse::result_rule::boolean) {
      const std::string operation = F::name;
      CAPTURE(operation);
      check(functor);
    }
  });
}

}  // namespace

using contracts::evaluator;

TEST_CASE("f32 packs stay within their operations' bounds") {
  each_unary([]<class F>(std::type_identity<F>) { check_packs<F, float>(400000, evaluator::f32_pack); });
}
TEST_CASE("f64 packs stay within their operations' bounds") {
  each_unary([]<class F>(std::type_identity<F>) { check_packs<F, double>(40000, evaluator::f64); });
}
TEST_CASE("f32 scalars, as a device computes them, stay within their operations' bounds") {
  each_unary([]<class F>(std::type_identity<F>) { check_scalars<F, float>(40000, evaluator::f32_device); });
}
TEST_CASE("f64 scalars stay within their operations' bounds") {
  each_unary([]<class F>(std::type_identity<F>) { check_scalars<F, double>(10000, evaluator::f64); });
}
