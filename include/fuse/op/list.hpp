// SPDX-License-Identifier: Apache-2.0
// Every pointwise operation of the library, one a line: what the tests and the documentation go through.
#pragma once
#include <fuse/op/activation.hpp>
#include <fuse/op/arithmetic.hpp>
#include <fuse/op/bitwise.hpp>
#include <fuse/op/classify.hpp>
#include <fuse/op/compare.hpp>
#include <fuse/op/division.hpp>
#include <fuse/op/error_function.hpp>
#include <fuse/op/exponential.hpp>
#include <fuse/op/hyperbolic.hpp>
#include <fuse/op/interpolate.hpp>
#include <fuse/op/logical.hpp>
#include <fuse/op/minmax.hpp>
#include <fuse/op/power.hpp>
#include <fuse/op/root.hpp>
#include <fuse/op/rounding.hpp>
#include <fuse/op/select.hpp>
#include <fuse/op/sign.hpp>
#include <fuse/op/trigonometric.hpp>

namespace fuse::ops {

template <class... F>
struct op_list {
  static constexpr int size = sizeof...(F);
  /// visit(std::type_identity<F>{}) for each.
  template <class Visitor>
  static constexpr void each(Visitor visit) {
    (visit(std::type_identity<F>{}), ...);
  }
};

// clang-format off
using all_pointwise = op_list<
    // arithmetic
    add_t,
    subtract_t,
    multiply_t,
    divide_t,
    negative_t,
    fmod_t,
    remainder_t,
    floor_divide_t,
    fma_t,
    lerp_t,
    abs_t,
    sign_t,
    minimum_t,
    maximum_t,
    clamp_t,
    // roots, exponentials, powers
    sqrt_t,
    rsqrt_t,
    reciprocal_t,
    exp_t,
    exp2_t,
    expm1_t,
    log_t,
    log2_t,
    log10_t,
    log1p_t,
    pow_t,
    // circular and hyperbolic functions
    sin_t,
    cos_t,
    tan_t,
    asin_t,
    acos_t,
    atan_t,
    atan2_t,
    sinh_t,
    cosh_t,
    tanh_t,
    // error function
    erf_t,
    erfc_t,
    // activations
    relu_t,
    leaky_relu_t,
    elu_t,
    sigmoid_t,
    silu_t,
    gelu_t,
    gelu_tanh_t,
    softplus_t,
    mish_t,
    hardswish_t,
    // rounding
    floor_t,
    ceil_t,
    round_t,
    trunc_t,
    frac_t,
    // comparisons, predicates, choice
    equal_t,
    not_equal_t,
    less_t,
    less_equal_t,
    greater_t,
    greater_equal_t,
    isnan_t,
    isinf_t,
    where_t,
    // logic and bits
    logical_and_t,
    logical_or_t,
    logical_xor_t,
    logical_not_t,
    bitwise_and_t,
    bitwise_or_t,
    bitwise_xor_t,
    bitwise_not_t,
    shift_left_t,
    shift_right_t>;
// clang-format on

}  // namespace fuse::ops
