// SPDX-License-Identifier: Apache-2.0
// Products and sums as they are written, with the flags that the README builds with, at which g++ makes one rounding of
// two wherever it can.
// flags: -O3 -march=native
#include "support/contraction.hpp"

using namespace contraction;

TEST_CASE_TEMPLATE("a product and a sum are two roundings, fma is one", T, float, double) {
  for (const fx::mode m : {fx::mode::fused, fx::mode::eager}) {
    check_differences<T>(m);
    check_sums<T>(m);
  }
}
TEST_CASE("differences of equal squares of halves are 0") {
  check_differences<fx::f16>(fx::mode::fused);
  check_differences<fx::bf16>(fx::mode::fused);
}
TEST_CASE_TEMPLATE("eager and fused plans have the same bits", T, float, double) {
  check_plans<T>(sums);
  check_plans<T>(activations);
}
