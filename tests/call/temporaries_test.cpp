// SPDX-License-Identifier: Apache-2.0
// Temporaries of one call that are never needed at once share memory.
#include <doctest/doctest.h>

#include <fuse/fuse.hpp>

namespace fx = fuse;

namespace {

using square = fx::tensor<float, fx::extents<fx::dyn, fx::dyn>>;

constexpr auto chain = fx::compile<"chain">([](auto x, auto w) {
  for (int i = 0; i < 6; ++i) x = fx::linear(x, w);
  return x;
});
constexpr auto kept = fx::compile<"kept">([](auto x, auto w) {
  auto first = fx::linear(x, w), second = fx::linear(first, w), third = fx::linear(second, w);
  return fx::linear(third, w) + first + second + third;
});

template <class F, class... A>
int places(const F&, const A&...) {
  return fx::session::lifetimes<fx::planned<typename F::function, fx::planning::policy::fused, 0, A...>>::of.places;
}

square matrix(fx::index n, float scale) {
  square m({n, n});
  for (fx::index i = 0; i < m.size(); ++i) m[i] = scale * float((i * 7 + 3) % 11 - 5);
  return m;
}
square product(const square& x, const square& w) {  // x w^T
  const fx::index n = x.extent(0);
  square y({n, n});
  for (fx::index i = 0; i < n; ++i)
    for (fx::index j = 0; j < n; ++j) {
      double s = 0;
      for (fx::index k = 0; k < n; ++k) s += double(x[i * n + k]) * double(w[j * n + k]);
      y[i * n + j] = float(s);
    }
  return y;
}

}  // namespace

TEST_CASE("a chain of products needs the memory of two") {
  const square x = matrix(9, 0.1f), w = matrix(9, 0.05f);
  CHECK(fx::kernel_count(chain, x, w) == 6);
  CHECK(places(chain, x, w) == 2);
  fx::host_executor cpu;
  const auto y = chain(cpu, x, w);
  square want = product(x, w);
  for (int i = 1; i < 6; ++i) want = product(want, w);
  for (fx::index i = 0; i < want.size(); ++i) CHECK(y[i] == doctest::Approx(want[i]).epsilon(1e-4));
}

TEST_CASE("what is read again later keeps its memory") {
  const square x = matrix(9, 0.1f), w = matrix(9, 0.05f);
  CHECK(places(kept, x, w) == 3);
  fx::host_executor cpu;
  const auto y = kept(cpu, x, w);
  const square first = product(x, w), second = product(first, w), third = product(second, w), last = product(third, w);
  for (fx::index i = 0; i < y.size(); ++i)
    CHECK(y[i] == doctest::Approx(last[i] + first[i] + second[i] + third[i]).epsilon(1e-4));
}
