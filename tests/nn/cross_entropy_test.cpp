// SPDX-License-Identifier: Apache-2.0
#include <fuse/nn/cross_entropy.hpp>

#include "compare.hpp"

using namespace nn_test;

namespace {

constexpr auto cross_entropy = fx::compile<"cross_entropy">([](auto x, auto t) { return fx::nn::cross_entropy(x, t); });

static_assert(fx::kernel_count(cross_entropy, fx::view<const float, extents<5, 48>>{},
                               fx::view<const std::int64_t, extents<5>>{}) == 1);

template <class I>
numbers exact(const numbers& logits, const vector<I>& targets) {
  numbers r;
  const std::size_t classes = logits.size() / std::size_t(targets.size());
  for (fx::index row = 0; row < targets.size(); ++row) {
    const double* x = &logits[std::size_t(row) * classes];
    const double m = *std::max_element(x, x + classes);
    double sum = 0;
    for (std::size_t i = 0; i < classes; ++i) sum += std::exp(x[i] - m);
    r.push_back(m + std::log(sum) - x[targets[row]]);
  }
  return r;
}

}  // namespace

TEST_CASE_TEMPLATE("cross_entropy: any number of classes", T, FUSE_NN_FLOATS) {
  for (fx::index classes : {2, 16, 37, 2048}) {
    CAPTURE(classes);
    const auto x = random<matrix<T>>({6, classes}, unsigned(classes), 4);
    vector<std::int64_t> targets({6});
    for (fx::index i = 0; i < 6; ++i) targets[i] = i * 7 % classes;
    check(cross_entropy, 1, exact(numbers_of(x), targets), x, targets);
  }
}

TEST_CASE("cross_entropy: i32 targets, and logits that would overflow") {
  auto x = random<matrix<float>>({3, 50}, 4, 300);
  const vector<std::int32_t> targets({3}, {0, 49, 7});
  check(cross_entropy, 1, exact(numbers_of(x), targets), x, targets);
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
