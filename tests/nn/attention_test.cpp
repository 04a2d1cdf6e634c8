// SPDX-License-Identifier: Apache-2.0
#include "compositions.hpp"

using namespace nn_test;

namespace {

constexpr auto causal_from_the_start =
    fx::compile<"causal_attention">([](auto q, auto k, auto v) { return fx::nn::causal_attention(q, k, v, 0); });

using queries = fx::view<const float, extents<2, 3, 5, 16>>;
using keys = fx::view<const float, extents<2, 9, 16>>;
static_assert(fx::kernel_count(attention, queries{}, keys{}, keys{}) == 1);
static_assert(fx::kernel_count(causal, queries{}, keys{}, keys{}, 4ll) == 1);

}  // namespace

TEST_CASE_TEMPLATE("causal attention: grouped heads after a past", T, FUSE_NN_FLOATS) {
  check_attention<T, true>({{2, 3, 5, 5, 16, 16}, {2, 1, 1, 33, 64, 64}, {1, 4, 3, 40, 8, 8}, {3, 2, 7, 19, 20, 12}});
}

TEST_CASE("attention: without a mask every key is seen") { check_attention<float, false>({{2, 3, 5, 21, 16, 16}}); }

TEST_CASE("attention: as many key heads as query heads, and single heads") {
  const attention_shape n{4, 1, 6, 6, 16, 16};
  const auto q = random<cube<float>>({4, 6, 16}, 1, 2), k = random<cube<float>>({4, 6, 16}, 2);
  const auto v = random<cube<float>>({4, 6, 16}, 3);
  check(causal_from_the_start, 1, exact_attention(numbers_of(q), numbers_of(k), numbers_of(v), n, 0), q, k, v);
  const attention_shape one{1, 1, 6, 9, 16, 16};
  const auto q1 = random<matrix<float>>({6, 16}, 1), k1 = random<matrix<float>>({9, 16}, 2),
             v1 = random<matrix<float>>({9, 16}, 3);
  check(attention, 1, exact_attention(numbers_of(q1), numbers_of(k1), numbers_of(v1), one, 9), q1, k1, v1);
}

TEST_CASE("attention: keys and values that do not fit the queries are refused") {
  fx::host_executor<> cpu;
  const auto q = random<cube<float>>({4, 6, 16}, 1);
  CHECK_THROWS_AS(attention(cpu, q, random<cube<float>>({4, 6, 15}, 2), q), fx::error);
  CHECK_THROWS_AS(attention(cpu, q, q, random<cube<float>>({4, 7, 16}, 2)), fx::error);
  CHECK_NOTHROW(attention(cpu, q, q, q));
}

TEST_CASE("attention: values without columns, and queries of no rows, launch nothing") {
  fx::host_executor<> cpu;
  const auto q = random<cube<float>>({4, 6, 16}, 1);
  CHECK(attention(cpu, q, q, cube<float>({4, 6, 0})).extent(2) == 0);
  CHECK(attention(cpu, cube<float>({4, 0, 16}), q, q).extent(1) == 0);
  CHECK(cpu.launches() == 0);
}
