// SPDX-License-Identifier: Apache-2.0
// Comparisons, predicates and logic on floats; what NaN does in every operation; literals that fold while compiling.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <fuse/op/list.hpp>
#include <limits>
#include <set>
#include <string>

#include "evaluate.hpp"

namespace {

using namespace fuse::ops;

template <class F, std::size_t N, class Reference>
void check(Reference reference) {
  auto run = [&]<class T>(T) {
    using limits = std::numeric_limits<T>;
    const auto in =
        evaluate::all_tuples<N>(std::vector<T>{0, T(-0.), 1, -1, T(0.5), 2, limits::denorm_min(), limits::max(),
                                               limits::infinity(), -limits::infinity(), limits::quiet_NaN()});
    const auto packs = evaluate::packs<F>(in), scalars = evaluate::scalars<F>(in);
    for (std::size_t i = 0; i < packs.size(); ++i) {
      const bool want = [&]<std::size_t... K>(std::index_sequence<K...>) { return bool(reference(in[K][i]...)); }
      (std::make_index_sequence<N>{});
      CAPTURE(F::name);
      CAPTURE(in[0][i]);
      CAPTURE(in[N - 1][i]);
      REQUIRE(packs[i] == T(want));
      REQUIRE(scalars[i] == T(want));
    }
  };
  run(float());
  run(double());
}

/// Operations whose result need not be NaN although an operand is.
const std::set<std::string> absorbs_nan{"equal",         "not_equal",   "less",  "less_equal",  "greater",
                                        "greater_equal", "isnan",       "isinf", "logical_and", "logical_or",
                                        "logical_xor",   "logical_not", "where", "sign",        "pow"};

template <class F, class T>
void check_nan() {
  for (int position = 0; position < F::arity; ++position) {
    std::array<std::vector<T>, std::size_t(F::arity)> in;
    for (int k = 0; k < F::arity; ++k)
      for (T other : {T(0), T(0.5), T(1), T(-3), T(40), std::numeric_limits<T>::infinity()})
        in[std::size_t(k)].push_back(k == position ? std::numeric_limits<T>::quiet_NaN() : other);
    // leaky_relu and elu do not look at their parameter where x > 0, lerp and fma may combine infinities to NaN anyway
    const bool parameter = position == 1 && (std::string(F::name) == "leaky_relu" || std::string(F::name) == "elu");
    if (parameter) continue;
    CAPTURE(F::name);
    CAPTURE(position);
    for (T y : evaluate::packs<F>(in)) CHECK(std::isnan(y));
    for (T y : evaluate::scalars<F>(in)) CHECK(std::isnan(y));
  }
}

}  // namespace

TEST_CASE("floats compare as IEEE 754 says") {
  check<equal_t, 2>([](auto a, auto b) { return a == b; });
  check<not_equal_t, 2>([](auto a, auto b) { return a != b; });
  check<less_t, 2>([](auto a, auto b) { return a < b; });
  check<less_equal_t, 2>([](auto a, auto b) { return a <= b; });
  check<greater_t, 2>([](auto a, auto b) { return a > b; });
  check<greater_equal_t, 2>([](auto a, auto b) { return a >= b; });
}
TEST_CASE("NaN is true, zero of either sign is false") {
  check<logical_and_t, 2>([](auto a, auto b) { return a != 0 && b != 0; });
  check<logical_or_t, 2>([](auto a, auto b) { return a != 0 || b != 0; });
  check<logical_xor_t, 2>([](auto a, auto b) { return (a != 0) != (b != 0); });
  check<logical_not_t, 1>([](auto a) { return a == 0; });
}
TEST_CASE("isnan and isinf classify") {
  check<isnan_t, 1>([](auto a) { return std::isnan(a); });
  check<isinf_t, 1>([](auto a) { return std::isinf(a); });
}
TEST_CASE("NaN in an operand is NaN in the result") {
  all_pointwise::each([](auto functor) {
    using F = typename decltype(functor)::type;
    if constexpr (fuse::ops::on_floats<F>) {
      if (!absorbs_nan.contains(F::name)) {
        check_nan<F, float>();
        check_nan<F, double>();
      }
    }
  });
}

TEST_CASE("every pointwise operation is described once, under its own name") {
  std::set<std::string> names;
  std::set<const void*> descriptions;
  all_pointwise::each([&](auto functor) {
    using F = typename decltype(functor)::type;
    const fuse::op_info& info = fuse::op_of<F>;
    names.insert(info.name);
    descriptions.insert(&info);
    CAPTURE(info.name);
    CHECK(info.arity == F::arity);
    CHECK(info.kind == fuse::op_kind::pointwise);
    CHECK((info.host.f32 != nullptr) == (info.host.f64 != nullptr));
    CHECK((info.host.i32 != nullptr) == (info.host.i64 != nullptr));
    CHECK((info.host.i32 != nullptr || info.host.f32 != nullptr));
    CHECK((info.result != fuse::result_rule::floating || info.host.i32 == nullptr));
  });
  CHECK(int(names.size()) == all_pointwise::size);
  CHECK(int(descriptions.size()) == all_pointwise::size);
}

namespace {
template <class F, class... V>
constexpr double folded(V... v) {
  const double in[] = {double(v)...};
  return fuse::op_of<F>.fold(in);
}
}  // namespace
static_assert(folded<add_t>(2, 3) == 5 && folded<subtract_t>(2, 3) == -1 && folded<multiply_t>(2, 3) == 6);
static_assert(folded<negative_t>(2) == -2 && folded<sign_t>(-7) == -1);
static_assert(folded<minimum_t>(2, 3) == 2 && folded<maximum_t>(2, 3) == 3 && folded<clamp_t>(9, 2, 3) == 3);
static_assert(folded<relu_t>(-2) == 0 && folded<leaky_relu_t>(-2, 0.5) == -1 && folded<where_t>(1, 2, 3) == 2);
static_assert(folded<less_t>(2, 3) == 1 && folded<equal_t>(2, 3) == 0 && folded<logical_and_t>(2, 0) == 0);
static_assert(folded<isnan_t>(2) == 0 && folded<isinf_t>(2) == 0 && folded<logical_not_t>(0) == 1);
