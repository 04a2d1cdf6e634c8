// SPDX-License-Identifier: Apache-2.0
// Every reduction on every dtype, over rows of every length, alone and in the middle of expressions.
#include "../exec/support/reductions.hpp"

TEST_CASE_TEMPLATE("reductions of rows of any length", T, float, fuse::bf16, std::int32_t) {
  reductions::check_lengths<T>();
}
TEST_CASE_TEMPLATE("reductions alone, of rows of any length", T, double, fuse::f16, std::int64_t, std::int8_t,
                   std::uint8_t, bool) {
  reductions::check_lengths<T, false, false>();
}
TEST_CASE_TEMPLATE("NaN wins, infinities add up", T, FLOATS_TO_TEST) { reductions::check_special<T>(); }
TEST_CASE_TEMPLATE("rows without elements", T, double, fuse::f16, bool, std::int32_t) {
  reductions::check_empty_rows<T>();
}
TEST_CASE_TEMPLATE("reductions give the same bits every time", T, float, fuse::bf16) {
  for (fuse::index n : {1, 33, 1000, 4097}) reductions::check_determinism<T>(n);
}
TEST_CASE("statistics of too few elements") { reductions::check_corrections<float>(); }
