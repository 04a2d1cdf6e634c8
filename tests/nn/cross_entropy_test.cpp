// SPDX-License-Identifier: Apache-2.0
#include "compositions.hpp"

using namespace nn_test;

namespace {

static_assert(fx::kernel_count(cross_entropy, fx::view<const float, extents<5, 48>>{},
                               fx::view<const std::int64_t, extents<5>>{}) == 1);

}  // namespace

TEST_CASE_TEMPLATE("cross_entropy: any number of classes", T, FUSE_NN_FLOATS) {
  check_cross_entropy<T>({2, 16, 37, 2048});
}

TEST_CASE("cross_entropy: i32 targets, and logits that would overflow") {
  auto x = random<matrix<float>>({3, 50}, 4, 300);
  const vector<std::int32_t> targets({3}, {0, 49, 7});
  check(cross_entropy, 1, exact_cross_entropy(numbers_of(x), targets), x, targets);
}

TEST_CASE("cross_entropy: ignored targets cost nothing, others outside the classes are NaN") {
  const auto x = random<matrix<float>>({5, 10}, 4);
  const vector<std::int64_t> targets({5}, {3, -100, 10, -1, 9});
  for (const fx::mode how : {fx::mode::fused, fx::mode::eager}) {
    fx::host_executor<fx::modes::any> cpu(how);
    const auto loss = cross_entropy(cpu, x, targets);
    CHECK(loss[0] > 0);
    CHECK(loss[1] == 0);
    CHECK(std::isnan(loss[2]));
    CHECK(std::isnan(loss[3]));
    CHECK(loss[4] > 0);
  }
}
