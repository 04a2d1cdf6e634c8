// SPDX-License-Identifier: Apache-2.0
// Scalars beside tensors of other dtypes.
#include "../exec/support/scalars.hpp"

using namespace scalar_tests;

TEST_CASE_TEMPLATE("a run-time scalar is compared as the number it is", T, std::uint8_t, std::int32_t) {
  machine::fused_executor e;
  check_scalar<T>(e, -300);
  check_scalar<T>(e, 3'000'000'000u);
  check_scalar<T>(e, (unsigned char)(200));
}
TEST_CASE("a literal is compared as the number it is") {
  machine::fused_executor e;
  check_literals<std::uint8_t, 300, -1>(e);
}
TEST_CASE_TEMPLATE("a scalar is rounded to the halves that it is compared with", T, fx::f16, fx::bf16) {
  machine::fused_executor e;
  check_half<T>(e, 0.1f);
}
