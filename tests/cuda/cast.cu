// SPDX-License-Identifier: Apache-2.0
// cast between all dtypes.
#include "../exec/support/casts.hpp"

TEST_CASE_TEMPLATE("casts of integers", T, bool, std::uint8_t, std::int8_t, std::int32_t, std::int64_t) {
  casts::check_casts<T>();
}
TEST_CASE_TEMPLATE("casts of floats", T, fuse::f16, fuse::bf16, float, double) { casts::check_casts<T>(); }
