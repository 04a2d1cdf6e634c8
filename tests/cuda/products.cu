// SPDX-License-Identifier: Apache-2.0
// Matrix products with lengths of 0, 1, whole tiles and tails, in batches and in expressions.
#include "../exec/support/products.hpp"

using namespace products;

TEST_CASE_TEMPLATE("products of any lengths", T, float, double, fx::f16, fx::bf16) {
  check_lengths<T>({{1, 1, 1}, {0, 3, 4}, {3, 4, 0}, {3, 0, 4}, {1, 100, 65}, {5, 33, 17}, {33, 16, 64}, {64, 3, 1}});
}
TEST_CASE("products of integers wrap") { check_lengths<std::int32_t>({{5, 3, 16}, {4, 0, 3}, {17, 40, 9}}); }
TEST_CASE("products of static lengths") {
  SUBCASE("a row times a matrix") { check_static<fx::bf16, 1, 64, 48>(); }
  SUBCASE("tails") { check_static<fx::bf16, 5, 33, 17>(); }
  SUBCASE("whole tiles") { check_static<float, 16, 128, 64>(); }
  SUBCASE("no terms") { check_static<float, 3, 0, 4>(); }
}
TEST_CASE("products of some static lengths") {
  for (fx::index m : {0, 1, 7}) check_mixed<fx::f16, 48, 40>(m);
}
TEST_CASE_TEMPLATE("batches of products", T, float, fx::bf16) {
  check_batches<T>(2, 3, 4, 5, 6);
  check_batches<T>(3, 2, 9, 1, 33);
  check_batches<T>(2, 0, 3, 4, 5);
}
TEST_CASE_TEMPLATE("products in the middle of expressions", T, float, fx::f16) {
  check_around<T>(4, 32, 16);
  check_around<T>(1, 33, 65);
  check_around<T>(5, 0, 7);
  check_around<T>(0, 5, 7);
}
TEST_CASE("products of two dtypes") { check_dtypes<fx::f16, float, float>(); }
