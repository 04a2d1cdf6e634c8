// SPDX-License-Identifier: Apache-2.0
// Scalars beside tensors, eager, fused and in graphs.
#include "support/scalars.hpp"

#include <fuse/runtime/graphed.hpp>

using namespace scalar_tests;

TEST_CASE_TEMPLATE("a run-time scalar is compared as the number it is", T, std::uint8_t, std::int8_t, std::int32_t,
                   std::int64_t) {
  machine::fused_executor e;
  check_scalars<T>(e);
}
TEST_CASE("a run-time scalar is compared so in eager plans") {
  machine::any_executor e(fx::mode::eager);
  check_scalar<std::uint8_t>(e, 300);
  check_scalar<std::uint8_t>(e, -1);
}
TEST_CASE("a literal is compared as the number it is") {
  machine::fused_executor e;
  check_literals<std::uint8_t, 300, -1, 44u, ~0ull>(e);
  check_literals<std::int8_t, 200, -300, (unsigned char)(7)>(e);
  check_literals<std::int32_t, 3'000'000'000u, -3'000'000'000>(e);
  check_literals<std::int64_t, ~0ull, short(-129)>(e);
}
TEST_CASE_TEMPLATE("a scalar is rounded to the halves that it is compared with", T, float, fx::f16, fx::bf16) {
  machine::any_executor fused(fx::mode::fused);
  check_half<T>(fused, 0.1f);
  if constexpr (!std::is_same_v<T, float>) check_half<T>(fused, T(0.1f));
}
TEST_CASE("a double beside halves is rounded once") {
  using fx::scalars::rounded;
  CHECK(rounded(fx::dtype::f16, 1 + 0x1p-11 + 0x1p-40) == 1 + 0x1p-10);  // by way of f32 it would be a tie
  CHECK(rounded(fx::dtype::f16, 1 + 0x1p-11) == 1);
  CHECK(rounded(fx::dtype::f16, -0x1p-25) == 0);
  CHECK(rounded(fx::dtype::f16, 1e9) == HUGE_VAL);
  CHECK(rounded(fx::dtype::bf16, -1e300) == -HUGE_VAL);
  CHECK(rounded(fx::dtype::f32, 0x1.fffffefp127) == double(__FLT_MAX__));
  CHECK(rounded(fx::dtype::f32, 0x1.ffffffp127) == HUGE_VAL);
  CHECK(std::isnan(rounded(fx::dtype::bf16, NAN)));
}
TEST_CASE("a scalar beyond i64 throws") {
  machine::fused_executor e;
  CHECK_THROWS_WITH_AS(with_scalar(e, row<std::int64_t>({1}), ~0ull),
                       "fuse::compile: expected an integer scalar up to 9223372036854775807, got a larger one (pass a "
                       "double)",
                       fx::error);
}
TEST_CASE("a graph takes other values of a scalar") {
  fx::host_executor e;
  fx::graphed step(e, [](auto& to, auto x, auto s) { return std::get<0>(with_scalar(to, x, s)); });
  const row<std::uint8_t> x = numbers_of<std::uint8_t>();
  for (const unsigned s : {300u, 44u, 3'000'000'000u, 0u}) {
    const auto less = step(x, s).view();
    int wrong = 0;
    for (fx::index i = 0; i < x.size(); ++i) wrong += less.data()[i] != (x[i] < s);
    CHECK(wrong == 0);
  }
}
