// SPDX-License-Identifier: Apache-2.0
// Kernels side by side in one launch, on the host.
#include "support/side_by_side.hpp"

using namespace side_by_side;

TEST_CASE_TEMPLATE("products with weights of several widths", T, float, fx::bf16) {
  using any = tensor<T, dyn, dyn>;
  for (fx::index rows : {0, 1, 5, 33}) check_projections<T, tensor<T, 72, 40>, tensor<T, 20, 40>>(rows, 40, 72, 20);
  check_projections<T, any, any>(3, 17, 65, 9);
  SUBCASE("one of them empty") { check_projections<T, any, any>(3, 17, 0, 9); }
  SUBCASE("two of them empty") { check_projections<T, any, any>(3, 17, 5, 0); }
  SUBCASE("all of them empty") { check_projections<T, any, any>(3, 17, 0, 0); }
}
TEST_CASE("maps of several lengths") {
  check_maps(1000, 17, 9, 33);
  check_maps(1, 1, 1, 70000);
  SUBCASE("the first empty") { check_maps(0, 3, 5, 8); }
  SUBCASE("the last empty") { check_maps(7, 3, 5, 0); }
  SUBCASE("all empty") { check_maps(0, 0, 5, 0); }
}
TEST_CASE("two caches") {
  SUBCASE("where they are") { check_caches(true); }
  SUBCASE("elsewhere") { check_caches(false); }
}
TEST_CASE("chains share no memory") { check_chains(); }
