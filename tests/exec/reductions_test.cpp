// SPDX-License-Identifier: Apache-2.0
// Every reduction on every dtype, over rows of every length, alone and in the middle of expressions.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O1")  // many kernels: a third less compile time
#endif
#include "support/reductions.hpp"

TEST_CASE_TEMPLATE("reductions of rows of any length, fused and each alone", T, float, fuse::bf16, std::int32_t) {
  reductions::check_lengths<T, machine::runs_eager>();
}
TEST_CASE_TEMPLATE("reductions of rows of any length", T, double, fuse::f16, std::int64_t, std::int8_t, std::uint8_t,
                   bool) {
  reductions::check_lengths<T, false>();
}
TEST_CASE("reductions of rows of static length") {
  SUBCASE("1") { reductions::check_static<float, 1>(); }
  SUBCASE("17") { reductions::check_static<float, 17>(); }
  SUBCASE("4097") { reductions::check_static<float, 4097>(); }
}
TEST_CASE_TEMPLATE("NaN wins, infinities add up", T, FLOATS_TO_TEST) { reductions::check_special<T>(); }
TEST_CASE_TEMPLATE("rows without elements", T, float, fuse::bf16, std::int32_t, std::int64_t, std::uint8_t, bool) {
  reductions::check_empty_rows<T>();
}
TEST_CASE_TEMPLATE("reductions give the same bits every time", T, float, fuse::f16, double) {
  for (fuse::index n : {1, 33, 1000, 4097}) reductions::check_determinism<T>(n);
}
