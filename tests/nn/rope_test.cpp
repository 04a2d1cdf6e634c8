// SPDX-License-Identifier: Apache-2.0
#include "compositions.hpp"

using namespace nn_test;

namespace {

using heads = fx::view<const float, extents<5, 3, 16>>;
using angles = fx::view<const float, extents<5, 8>>;
static_assert(fx::kernel_count(rope, heads{}, angles{}, angles{}) == 1);
static_assert(fx::kernel_count(rope_interleaved, heads{}, angles{}, angles{}) == 1);

}  // namespace

TEST_CASE_TEMPLATE("rope: both pairings, the result in the dtype of the heads", T, float, fuse::f16, fuse::bf16) {
  using result = decltype(rope(std::declval<fx::host_executor<>&>(), cube<T>({1, 1, 2}), matrix<float>({1, 1}),
                               matrix<float>({1, 1})));
  static_assert(std::is_same_v<typename result::element_type, T>);
  check_rope<T>({2, 6, 16, 64, 80});
}

TEST_CASE("rope: the length of a pair does not change") {
  const auto x = random<cube<float>>({4, 2, 32}, 3);
  fx::host_executor<> cpu;
  const auto y = rope(cpu, x, angles_of(4, 16, std::cos), angles_of(4, 16, std::sin));
  for (fx::index head = 0; head < 8; ++head)
    for (fx::index i = 0; i < 16; ++i) {
      const fx::index a = head * 32 + i, b = a + 16;
      CHECK(y[a] * y[a] + y[b] * y[b] == doctest::Approx(x[a] * x[a] + x[b] * x[b]).epsilon(1e-5));
    }
}

TEST_CASE("rope: angles for another head length are refused") {
  const auto x = random<cube<float>>({4, 2, 32}, 3);
  fx::host_executor<> cpu;
  CHECK_THROWS_AS(rope(cpu, x, angles_of(4, 15, std::cos), angles_of(4, 15, std::sin)), fx::error);
  CHECK_THROWS_AS(rope(cpu, x, angles_of(3, 16, std::cos), angles_of(3, 16, std::sin)), fx::error);
}
