// SPDX-License-Identifier: Apache-2.0
// exp, exp2, expm1, log, log2, log10, log1p.
#pragma once
#include <fuse/expr/apply.hpp>
#include <fuse/math/exponential.hpp>
#include <fuse/math/logarithm.hpp>
#include <fuse/op/traits.hpp>

namespace fuse {
namespace ops {

/// e^x.
struct exp_t : transcendental<1> {
  static constexpr const char* name = "exp";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::exp(x);
  }
};

/// 2^x.
struct exp2_t : transcendental<1> {
  static constexpr const char* name = "exp2";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::exp2(x);
  }
};

/// e^x - 1, precise near 0.
struct expm1_t : transcendental<1> {
  static constexpr const char* name = "expm1";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::expm1(x);
  }
};

/// The natural logarithm; -infinity at 0, NaN below.
struct log_t : transcendental<1> {
  static constexpr const char* name = "log";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::log(x);
  }
};

/// The logarithm to base 2; -infinity at 0, NaN below.
struct log2_t : transcendental<1> {
  static constexpr const char* name = "log2";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::log2(x);
  }
};

/// The logarithm to base 10; -infinity at 0, NaN below.
struct log10_t : transcendental<1> {
  static constexpr const char* name = "log10";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::log10(x);
  }
};

/// log(1 + x), precise near 0; -infinity at -1, NaN below.
struct log1p_t : transcendental<1> {
  static constexpr const char* name = "log1p";
  template <class V>
  FUSE_HD V operator()(V x) const {
    return math::log1p(x);
  }
};

}  // namespace ops

inline constexpr op<ops::exp_t> exp{};
inline constexpr op<ops::exp2_t> exp2{};
inline constexpr op<ops::expm1_t> expm1{};
inline constexpr op<ops::log_t> log{};
inline constexpr op<ops::log2_t> log2{};
inline constexpr op<ops::log10_t> log10{};
inline constexpr op<ops::log1p_t> log1p{};

}  // namespace fuse
