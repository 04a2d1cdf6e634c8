// SPDX-License-Identifier: Apache-2.0
// Matrix products on every float dtype, with lengths of 0, 1, whole tiles and tails, in batches and in expressions.
#include "support/products.hpp"

using namespace products;

namespace {
/// m x k x n: every length meets every other.
constexpr fx::index rows[] = {0, 1, 5, 16, 33}, terms[] = {0, 1, 3, 16, 100}, columns[] = {0, 1, 7, 16, 65};
}  // namespace

TEST_CASE_TEMPLATE("products of any lengths", T, FLOATS_TO_TEST) {
  for (fx::index m : rows)
    for (fx::index k : terms)
      for (fx::index n : columns) check_lengths<T>({{m, k, n}});
}
TEST_CASE_TEMPLATE("products of integers wrap", T, std::int32_t, std::int64_t, std::int8_t) {
  check_lengths<T, false>({{1, 40, 9}, {5, 3, 16}, {4, 0, 3}, {17, 100, 33}});
}
TEST_CASE("products of static lengths") {
  SUBCASE("1 x 1 x 1") { check_static<float, 1, 1, 1>(); }
  SUBCASE("a row times a matrix") { check_static<fx::bf16, 1, 64, 48>(); }
  SUBCASE("tails") { check_static<float, 5, 33, 17>(); }
  SUBCASE("whole tiles") { check_static<fx::bf16, 16, 128, 64>(); }
  SUBCASE("no terms") { check_static<float, 3, 0, 4>(); }
}
TEST_CASE_TEMPLATE("products of some static lengths", T, float, fx::f16) {
  for (fx::index m : {0, 1, 7}) check_mixed<T, 48, 40>(m);
}
TEST_CASE_TEMPLATE("batches of products", T, FLOATS_TO_TEST) {
  check_batches<T>(2, 3, 4, 5, 6);
  check_batches<T>(1, 1, 1, 17, 1);
  check_batches<T>(3, 2, 9, 1, 33);
  check_batches<T>(2, 0, 3, 4, 5);
  check_batches<T>(2, 2, 3, 0, 5);
}
TEST_CASE_TEMPLATE("products in the middle of expressions", T, FLOATS_TO_TEST) {
  check_around<T>(4, 32, 16);
  check_around<T>(1, 33, 65);
  check_around<T>(9, 1, 2);
  check_around<T>(5, 0, 7);
  check_around<T>(0, 5, 7);
}
TEST_CASE("products of two dtypes") {
  check_dtypes<fx::f16, float, float>();
  check_dtypes<fx::bf16, double, double>();
  check_dtypes<fx::f16, fx::bf16, float>();
  check_dtypes<std::int8_t, float, float>();
}
