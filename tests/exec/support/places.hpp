// SPDX-License-Identifier: Apache-2.0
// Expected results by coordinates: a test says which element of an argument each element of a result is.
#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "machine.hpp"
#include "numbers.hpp"

namespace places {
namespace fx = fuse;
constexpr fx::index dyn = fx::dyn;
template <class T, fx::index... E>
using tensor = fx::tensor<T, fx::extents<E...>>;
using coordinates = std::vector<fx::index>;

/// from, from + 1, ... in row-major order, modulo 97: neighbours differ, and small dtypes hold them. Of bool, true and
/// false without a period.
template <class Tensor>
Tensor counting(const typename Tensor::lengths& extents, int from = 0) {
  using T = typename Tensor::element_type;
  Tensor x(extents);
  for (fx::index i = 0; i < x.size(); ++i) {
    if constexpr (std::is_same_v<T, bool>)
      x[i] = std::uint32_t(from + i) * 2654435761u >> 31 != 0;
    else
      x[i] = numbers::from<T>(double(from + i % 97));
  }
  return x;
}

/// The element of a row-major tensor at a place.
template <class Tensor>
double at(const Tensor& x, const coordinates& place) {
  fx::index offset = 0;
  bool inside = true;
  for (int i = 0; i < Tensor::rank; ++i) {
    inside = inside && place[std::size_t(i)] >= 0 && place[std::size_t(i)] < x.extent(i);
    offset = offset * x.extent(i) + place[std::size_t(i)];
  }
  if (!inside) FAIL("a place outside of the tensor");
  return double(numbers::value(x[offset]));
}

/// f(number, coordinates) for each place of a row-major tensor, in order.
inline void for_each_place(const coordinates& extents, const std::function<void(fx::index, const coordinates&)>& f) {
  fx::index size = 1;
  for (fx::index e : extents) size *= e;
  coordinates i(extents.size(), 0);
  for (fx::index n = 0; n < size; ++n) {
    f(n, i);
    for (std::size_t axis = i.size(); axis-- > 0;) {
      if (++i[axis] < extents[axis]) break;
      i[axis] = 0;
    }
  }
}
inline std::string place_of(const coordinates& i) {
  std::string place;
  for (fx::index c : i) place += std::to_string(c) + " ";
  return place;
}
/// A tensor without its type.
struct values {
  fx::dtype type;
  coordinates extents;
  std::vector<numbers::exact> elements;  // in row-major order

  template <class T, class E>
  values(const fx::tensor<T, E>& x) : type(fx::dtype_of<T>), extents(x.extents().begin(), x.extents().end()) {
    for (fx::index i = 0; i < x.size(); ++i) elements.push_back(numbers::value(x[i]));
  }
};
/// Is x what `expected(coordinates)` says everywhere, with these extents? Values are compared exactly.
inline void expect(const values& x, const coordinates& extents,
                   const std::function<double(const coordinates&)>& expected) {
  REQUIRE(x.extents == extents);
  int wrong = 0;
  for_each_place(extents, [&](fx::index n, const coordinates& i) {
    const double got = double(x.elements[std::size_t(n)]), want = expected(i);
    if (got == want || wrong++ > 0) return;
    CAPTURE(place_of(i));
    CHECK(got == want);
  });
  CHECK(wrong == 0);
}

/// f(executor), fused and eager.
template <bool Eager = machine::runs_eager, class F>
void in_each_mode(const F& f) {
  using executor = std::conditional_t<Eager, machine::any_executor, machine::fused_executor>;
  {
    INFO("fused");
    executor e;
    f(e);
  }
  if constexpr (Eager) {
    INFO("eager");
    executor e(fx::mode::eager);
    f(e);
  }
}
/// Runs a function fused and eager, and gives each call's results to `check`.
template <bool Eager = machine::runs_eager, class F, class Check, class... A>
void run(const F& f, const Check& check, const A&... a) {
  in_each_mode<Eager>([&](auto& e) { std::apply(check, machine::call(e, f, a...)); });
}

}  // namespace places
