// SPDX-License-Identifier: Apache-2.0
// f16 and bf16 compared, and beyond their range, fused and eager.
#include "support/half_precision.hpp"

TEST_CASE_TEMPLATE("what is equal is equal in every kernel", T, float, fuse::f16, fuse::bf16) {
  half_precision::check_equality<T>();
}
TEST_CASE("comparisons of f16 are of what memory holds") { half_precision::check_comparisons(); }
TEST_CASE("comparisons of f16 with wider dtypes are of what memory holds") {
  half_precision::check_comparisons_with_wider();
}
TEST_CASE_TEMPLATE("one value a row keeps its range across kernels", T, fuse::f16, fuse::bf16) {
  half_precision::check_range<T>();
}
TEST_CASE("intermediates of statistics beyond the range of f16") { half_precision::check_statistics(); }
TEST_CASE("intermediates of compositions beyond the range of f16") { half_precision::check_compositions(); }
