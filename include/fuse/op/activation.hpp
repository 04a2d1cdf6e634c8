// SPDX-License-Identifier: Apache-2.0
// Activation functions. Their formulas, errors and limits stand in math/activation.hpp.
#pragma once
#include <fuse/expr/apply.hpp>
#include <fuse/math/activation.hpp>
#include <fuse/op/traits.hpp>

namespace fuse {
namespace ops {

/// max(x, 0); NaN stays NaN.
struct relu_t : same<1> {
  static constexpr const char* name = "relu";
  static constexpr bool folds = true;
  template <class V>
  FUSE_HD constexpr V operator()(V x) const {
    return math::maximum(x, V(0));
  }
};

/// x where x > 0, else slope x.
struct leaky_relu_t : floating<2> {
  static constexpr const char* name = "leaky_relu";
  static constexpr bool folds = true;
  template <class V>
  FUSE_HD constexpr V operator()(V x, V slope) const {
    return select(x > V(0), x, slope * x);
  }
};

/// x where x > 0, else alpha (e^x - 1).
struct elu_t : transcendental<2> {
  static constexpr const char* name = "elu";
  template <class V>
  FUSE_HD V operator()(V x, V alpha) const {
    return select(x > V(0), x, alpha * math::expm1(x));
  }
};

/// 1 / (1 + e^-x).
struct sigmoid_t : transcendental<1> {
  static constexpr const char* name = "sigmoid";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::sigmoid(x);
  }
};

/// x sigmoid(x).
struct silu_t : transcendental<1> {
  static constexpr const char* name = "silu";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::silu(x);
  }
};

/// x P(X <= x) for a standard normal X: the erf form.
struct gelu_t : transcendental<1> {
  static constexpr const char* name = "gelu";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::gelu(x);
  }
};

/// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.
struct gelu_tanh_t : transcendental<1> {
  static constexpr const char* name = "gelu_tanh";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::gelu_tanh(x);
  }
};

/// log(1 + e^x).
struct softplus_t : transcendental<1> {
  static constexpr const char* name = "softplus";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::softplus(x);
  }
};

/// x tanh(softplus(x)).
struct mish_t : transcendental<1> {
  static constexpr const char* name = "mish";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::mish(x);
  }
};

/// x min(max(x + 3, 0), 6) / 6.
struct hardswish_t : floating<1> {
  static constexpr const char* name = "hardswish";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::hardswish(x);
  }
};

}  // namespace ops

inline constexpr op<ops::relu_t> relu{};
inline constexpr op<ops::sigmoid_t> sigmoid{};
inline constexpr op<ops::silu_t> silu{};
inline constexpr op<ops::gelu_t> gelu{};
inline constexpr op<ops::gelu_tanh_t> gelu_tanh{};
inline constexpr op<ops::softplus_t> softplus{};
inline constexpr op<ops::mish_t> mish{};
inline constexpr op<ops::hardswish_t> hardswish{};

/// leaky_relu(x, slope = 0.01).
struct leaky_relu_function {
  template <expression A>
  constexpr auto operator()(A x) const {
    return op<ops::leaky_relu_t>{}(x, 0.01f);
  }
  template <class A, class Slope>
  requires expressions<A, Slope>
  constexpr auto operator()(A x, Slope slope) const { return op<ops::leaky_relu_t>{}(x, slope); }
};
inline constexpr leaky_relu_function leaky_relu{};

/// elu(x, alpha = 1).
struct elu_function {
  template <expression A>
  constexpr auto operator()(A x) const {
    return op<ops::elu_t>{}(x, 1.f);
  }
  template <class A, class Alpha>
  requires expressions<A, Alpha>
  constexpr auto operator()(A x, Alpha alpha) const { return op<ops::elu_t>{}(x, alpha); }
};
inline constexpr elu_function elu{};

}  // namespace fuse
