// SPDX-License-Identifier: Apache-2.0
// Sums over long rows, on all threads.
#include "support/long_rows.hpp"

TEST_CASE_TEMPLATE("sums over long rows", T, float, fuse::bf16) {
  long_rows::check<T>(fuse::index(1) << 22);
  long_rows::check<T>(1000003);
}
