// SPDX-License-Identifier: Apache-2.0
// Every pointwise operation on every dtype it takes, fused with others into one kernel and alone, against exact values.
#pragma once
#include <doctest/doctest.h>

#include <fuse/op/list.hpp>

#include "machine.hpp"
#include "operations.hpp"

namespace pointwise {
namespace fx = fuse;
using namespace fuse::ops;

template <class F, class A>
constexpr auto apply(A x, A y, A z) {
  if constexpr (std::is_same_v<F, bitwise_not_t>)
    return fx::bitwise_not(x);
  else if constexpr (F::arity == 1)
    return fx::op<F>{}(x);
  else if constexpr (F::arity == 2)
    return fx::op<F>{}(x, y);
  else
    return fx::op<F>{}(x, y, z);
}
/// Operations that are outputs of one compiled function.
template <class... F>
struct group {
  static constexpr operations::line lines[] = {operations::line_of<F>()...};
  template <class Op>
  static constexpr int count = (0 + ... + std::is_same_v<Op, F>);
  template <class A>
  constexpr auto operator()(A x, A y, A z) const {
    return fx::outputs(apply<F>(x, y, z)...);
  }
};

using arithmetic = group<add_t, subtract_t, multiply_t, divide_t, negative_t, abs_t, sign_t, minimum_t, maximum_t,
                         clamp_t, fma_t, lerp_t>;
using quotients = group<fmod_t, remainder_t, floor_divide_t, pow_t, sqrt_t, rsqrt_t, reciprocal_t, floor_t, ceil_t,
                        round_t, trunc_t, frac_t>;
using exponentials =
    group<exp_t, exp2_t, expm1_t, log_t, log2_t, log10_t, log1p_t, sinh_t, cosh_t, tanh_t, erf_t, erfc_t>;
using angles = group<sin_t, cos_t, tan_t, asin_t, acos_t, atan_t, atan2_t>;
using activations =
    group<relu_t, leaky_relu_t, elu_t, sigmoid_t, silu_t, gelu_t, gelu_tanh_t, softplus_t, mish_t, hardswish_t>;
using choices =
    group<equal_t, not_equal_t, less_t, less_equal_t, greater_t, greater_equal_t, isnan_t, isinf_t, where_t>;
using logic = group<logical_and_t, logical_or_t, logical_xor_t, logical_not_t>;
using bits = group<bitwise_and_t, bitwise_or_t, bitwise_xor_t, bitwise_not_t, shift_left_t, shift_right_t>;

/// How many groups hold an operation.
template <class Op, class... Group>
constexpr int groups_with = (0 + ... + Group::template count<Op>);
template <class... F>
consteval bool each_is_tested_once(op_list<F...>) {
  return ((groups_with<F, arithmetic, quotients, exponentials, angles, activations, choices, logic, bits> == 1) && ...);
}
static_assert(each_is_tested_once(all_pointwise{}), "an operation of op/list.hpp is in no group here, or in two");

template <class T, class Extents>
std::vector<numbers::exact> values_of(const fx::tensor<T, Extents>& x) {
  std::vector<numbers::exact> r;
  for (fx::index i = 0; i < x.size(); ++i) r.push_back(numbers::value(x[i]));
  return r;
}

inline void check(const operations::line& l, fx::dtype type, fx::dtype result,
                  const std::vector<numbers::exact> (&in)[3], const std::vector<numbers::exact>& got) {
  const std::string what = std::string(l.name) + " of " + fx::name_of(type);
  CAPTURE(what);
  CHECK(result == operations::result_of(l, type));
  std::size_t i = 0;
  numbers::exact expected = 0;
  const int wrong = operations::count_wrong(l, type, machine::is_device, in, got, i, expected);
  const double x = double(in[0][i]), y = double(in[1][i]), z = double(in[2][i]), g = double(got[i]),
               e = double(expected);
  INFO("first at ", x, ", ", y, ", ", z, ": got ", g, ", expected ", e);
  CHECK(wrong == 0);
}

/// All operations of a group on the dtype of T, in one kernel and, where Eager says so, in a kernel each.
template <class T, class Group, bool Eager = true>
void check_group() {
  static constexpr auto f = fx::compile<"pointwise">(Group{});
  // A static multiple of every pack: tails are the business of tails_test.cpp, and cost much to compile.
  using extents = fx::extents<320>;
  const auto x = numbers::samples<T, extents>({320}, 1), y = numbers::samples<T, extents>({320}, 2),
             z = numbers::samples<T, extents>({320}, 3);
  const std::vector<numbers::exact> in[] = {values_of(x), values_of(y), values_of(z)};
  using executor = std::conditional_t<Eager, machine::any_executor, machine::fused_executor>;
  auto run = [&](executor e, const char* policy) {
    const std::string planned = policy;
    CAPTURE(planned);
    const auto results = machine::call(e, f, x, y, z);
    int i = 0;
    auto visit = [&](const auto& r) {
      check(Group::lines[i++], fx::dtype_of<T>, fx::dtype_of<std::remove_cvref_t<decltype(r[0])>>, in, values_of(r));
    };
    std::apply([&](const auto&... r) { (visit(r), ...); }, results);
    return e.launches();
  };
  CHECK(run(executor{}, "fused") == 1);
  if constexpr (Eager) CHECK(run(executor{fx::mode::eager}, "eager") >= fx::index(std::size(Group::lines)));
}

}  // namespace pointwise

/// The test cases of every group on the dtypes named. The operations on bits are apart: floats have none.
#define POINTWISE_TESTS(eager, ...)                \
  POINTWISE_TEST(arithmetic, eager, __VA_ARGS__)   \
  POINTWISE_TEST(quotients, eager, __VA_ARGS__)    \
  POINTWISE_TEST(exponentials, eager, __VA_ARGS__) \
  POINTWISE_TEST(angles, eager, __VA_ARGS__)       \
  POINTWISE_TEST(activations, eager, __VA_ARGS__)  \
  POINTWISE_TEST(choices, eager, __VA_ARGS__)      \
  POINTWISE_TEST(logic, eager, __VA_ARGS__)
#define POINTWISE_TEST(group, eager, ...) \
  TEST_CASE_TEMPLATE(#group, T, __VA_ARGS__) { pointwise::check_group<T, pointwise::group, eager>(); }
