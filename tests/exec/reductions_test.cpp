// SPDX-License-Identifier: Apache-2.0
// Every reduction on floats, over rows of every length, alone and in the middle of expressions, fused and each alone.
#include "support/reductions.hpp"

TEST_CASE_TEMPLATE("reductions of rows of any length", T, FLOATS_TO_TEST) { reductions::check_lengths<T>(); }
TEST_CASE("reductions of rows of static length") {
  SUBCASE("1") { reductions::check_static<float, 1>(); }
  SUBCASE("17") { reductions::check_static<float, 17>(); }
  SUBCASE("4097") { reductions::check_static<float, 4097>(); }
}
TEST_CASE_TEMPLATE("NaN wins, infinities add up", T, FLOATS_TO_TEST) { reductions::check_special<T>(); }
TEST_CASE_TEMPLATE("rows without elements", T, FLOATS_TO_TEST) { reductions::check_empty_rows<T>(); }
TEST_CASE_TEMPLATE("reductions give the same bits every time", T, FLOATS_TO_TEST) {
  for (fuse::index n : {1, 33, 1000, 4097, 100003}) reductions::check_determinism<T>(n);
}
TEST_CASE_TEMPLATE("statistics of too few elements", T, float, fuse::f16) { reductions::check_corrections<T>(); }
