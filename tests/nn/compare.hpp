// SPDX-License-Identifier: Apache-2.0
// Compositions against an f64 oracle: random inputs in a dtype, the fused and the eager result, kernels counted.
#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <fuse/nn.hpp>
#include <random>
#include <vector>

#include "../exec/support/machine.hpp"

namespace nn_test {

namespace fx = fuse;
using numbers = std::vector<double>;

template <fx::index... E>
using extents = fx::extents<E...>;
template <class T>
using vector = fx::tensor<T, extents<fx::dyn>>;
template <class T>
using matrix = fx::tensor<T, extents<fx::dyn, fx::dyn>>;
template <class T>
using cube = fx::tensor<T, extents<fx::dyn, fx::dyn, fx::dyn>>;
template <class T>
using grouped = fx::tensor<T, extents<fx::dyn, fx::dyn, fx::dyn, fx::dyn>>;

template <class T>
double as_double(T x) {
  if constexpr (sizeof(T) == 2)
    return double(float(x));
  else
    return double(x);
}
template <class Tensor>
numbers numbers_of(const Tensor& x) {
  numbers r;
  for (fx::index i = 0; i < x.size(); ++i) r.push_back(as_double(x[i]));
  return r;
}

/// Normally distributed with the given width, rounded to the element type.
template <class Tensor>
Tensor random(typename Tensor::lengths extents, unsigned seed, double width = 1) {
  Tensor r(extents);
  std::mt19937 engine(seed);
  std::normal_distribution<double> value(0, width);
  for (fx::index i = 0; i < r.size(); ++i) r[i] = typename Tensor::element_type(float(value(engine)));
  return r;
}

/// What the result of a dtype may be away from the exact one, as a part of the largest exact value: half a unit in its
/// last place from rounding once, and some units of the compute type from sums.
template <class T>
constexpr double rounding = fx::dtype_of<T> == fx::dtype::f64   ? 1e-14
                            : fx::dtype_of<T> == fx::dtype::f32 ? 3e-6
                            : fx::dtype_of<T> == fx::dtype::f16 ? 0.5e-3
                                                                : 4e-3;

template <class Tensor>
void check_close(const Tensor& got, const numbers& exact, double bound) {
  REQUIRE(got.size() == fx::index(exact.size()));
  double largest = 0, error = 0;
  for (double e : exact) largest = std::max(largest, std::abs(e));
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double g = as_double(got[fx::index(i)]);
    if (std::isnan(g) != std::isnan(exact[i]))
      error = INFINITY;
    else if (!std::isnan(g))
      error = std::max(error, std::abs(g - exact[i]));
  }
  CAPTURE(error);
  CAPTURE(bound * largest);
  CHECK(error <= bound * largest);
}

/// Runs `function` fused, which must take `kernels` kernels, and eager, which rounds every intermediate, and compares
/// both with the exact result.
template <class Function, class... A>
void check(const Function& function, int kernels, const numbers& exact, const A&... arguments) {
  std::conditional_t<machine::runs_eager, machine::any_executor, machine::fused_executor> fused;
  const auto [result] = machine::call(fused, function, arguments...);
  using T = typename std::remove_cvref_t<decltype(result)>::element_type;
  CHECK(fused.launches() == kernels);
  check_close(result, exact, rounding<T>);
  if constexpr (machine::runs_eager) {
    machine::any_executor eager(fx::mode::eager);
    check_close(std::get<0>(machine::call(eager, function, arguments...)), exact,
                (sizeof(T) == 2 ? 6 : 2) * rounding<T>);
    CHECK(eager.launches() > kernels);
  }
}

/// f(row of x, its result) for each row of n elements.
inline numbers by_row(const numbers& x, fx::index n, const std::function<void(const double*, double*)>& f) {
  numbers r(x.size());
  for (std::size_t at = 0; at + std::size_t(n) <= x.size() && n > 0; at += std::size_t(n)) f(&x[at], &r[at]);
  return r;
}

}  // namespace nn_test

#define FUSE_NN_FLOATS FLOATS_TO_TEST
