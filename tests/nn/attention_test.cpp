// SPDX-License-Identifier: Apache-2.0
#include <fuse/nn/attention.hpp>

#include "compare.hpp"

using namespace nn_test;

namespace {

constexpr auto attention = fx::compile<"attention">([](auto q, auto k, auto v) { return fx::nn::attention(q, k, v); });
constexpr auto causal = fx::compile<"causal_attention">(
    [](auto q, auto k, auto v, auto past) { return fx::nn::causal_attention(q, k, v, past); });
constexpr auto causal_from_the_start =
    fx::compile<"causal_attention">([](auto q, auto k, auto v) { return fx::nn::causal_attention(q, k, v, 0); });

using queries = fx::view<const float, extents<2, 3, 5, 16>>;
using keys = fx::view<const float, extents<2, 9, 16>>;
static_assert(fx::kernel_count(attention, queries{}, keys{}, keys{}) == 1);
static_assert(fx::kernel_count(causal, queries{}, keys{}, keys{}, 4ll) == 1);

struct shape {
  fx::index heads, group, t, s, d, e;
};

/// q (heads, group, t, d), k (heads, s, d), v (heads, s, e) -> (heads, group, t, e), query i sees keys up to past + i.
numbers exact(const numbers& q, const numbers& k, const numbers& v, shape n, fx::index past) {
  numbers r;
  for (fx::index head = 0; head < n.heads; ++head)
    for (fx::index query = 0; query < n.group * n.t; ++query) {
      const fx::index seen = std::min(n.s, past + query % n.t + 1);
      numbers weight(std::size_t(n.s), 0);
      double highest = -INFINITY, sum = 0;
      for (fx::index j = 0; j < seen; ++j) {
        double score = 0;
        for (fx::index i = 0; i < n.d; ++i)
          score +=
              q[std::size_t((head * n.group * n.t + query) * n.d + i)] * k[std::size_t((head * n.s + j) * n.d + i)];
        weight[std::size_t(j)] = score / std::sqrt(double(n.d));
        highest = std::max(highest, weight[std::size_t(j)]);
      }
      for (fx::index j = 0; j < seen; ++j) sum += weight[std::size_t(j)] = std::exp(weight[std::size_t(j)] - highest);
      for (fx::index c = 0; c < n.e; ++c) {
        double out = 0;
        for (fx::index j = 0; j < seen; ++j)
          out += weight[std::size_t(j)] / sum * v[std::size_t((head * n.s + j) * n.e + c)];
        r.push_back(out);
      }
    }
  return r;
}

}  // namespace

TEST_CASE_TEMPLATE("causal attention: grouped heads after a past", T, FUSE_NN_FLOATS) {
  for (const shape n : {shape{2, 3, 5, 5, 16, 16}, {2, 1, 1, 33, 64, 64}, {1, 4, 3, 40, 8, 8}, {3, 2, 7, 19, 20, 12}}) {
    CAPTURE(n.s);
    const auto q = random<grouped<T>>({n.heads, n.group, n.t, n.d}, 1, 2);
    const auto k = random<cube<T>>({n.heads, n.s, n.d}, 2), v = random<cube<T>>({n.heads, n.s, n.e}, 3);
    const fx::index past = n.s - n.t;
    check(causal, 1, exact(numbers_of(q), numbers_of(k), numbers_of(v), n, past), q, k, v, past);
  }
}

TEST_CASE("attention: without a mask every key is seen") {
  const shape n{2, 3, 5, 21, 16, 16};
  const auto q = random<grouped<float>>({n.heads, n.group, n.t, n.d}, 1, 2);
  const auto k = random<cube<float>>({n.heads, n.s, n.d}, 2), v = random<cube<float>>({n.heads, n.s, n.e}, 3);
  check(attention, 1, exact(numbers_of(q), numbers_of(k), numbers_of(v), n, n.s), q, k, v);
}

TEST_CASE("attention: as many key heads as query heads, and single heads") {
  const shape n{4, 1, 6, 6, 16, 16};
  const auto q = random<cube<float>>({4, 6, 16}, 1, 2), k = random<cube<float>>({4, 6, 16}, 2);
  const auto v = random<cube<float>>({4, 6, 16}, 3);
  check(causal_from_the_start, 1, exact(numbers_of(q), numbers_of(k), numbers_of(v), n, 0), q, k, v);
  const shape one{1, 1, 6, 9, 16, 16};
  const auto q1 = random<matrix<float>>({6, 16}, 1), k1 = random<matrix<float>>({9, 16}, 2),
             v1 = random<matrix<float>>({9, 16}, 3);
  check(attention, 1, exact(numbers_of(q1), numbers_of(k1), numbers_of(v1), one, 9), q1, k1, v1);
}

TEST_CASE("attention: keys and values that do not fit the queries are refused") {
  fx::host_executor<> cpu;
  const auto q = random<cube<float>>({4, 6, 16}, 1);
  CHECK_THROWS_AS(attention(cpu, q, random<cube<float>>({4, 6, 15}, 2), q), fx::error);
  CHECK_THROWS_AS(attention(cpu, q, q, random<cube<float>>({4, 7, 16}, 2)), fx::error);
  CHECK_NOTHROW(attention(cpu, q, q, q));
}
