// SPDX-License-Identifier: Apache-2.0
// Functions that are too large for one kernel are cut, whatever they have too much of; planned at run time, because
// compilers take minutes for plans of this size as constants.
#include <doctest/doctest.h>

#include <fuse/fuse.hpp>
#include <fuse/plan/verify.hpp>
#include <memory>
#include <utility>
#include <vector>

namespace {
namespace fx = fuse;
constexpr fx::index dyn = fx::dyn;
using graph = fx::graph_builder;
constexpr int nodes = sizeof(graph::nodes) / sizeof(fx::node);
using plan = fx::planning::partition<nodes>;
using fx::planning::policy;
template <fx::index... E>
using f32 = fx::view<const float, fx::extents<E...>>;

std::unique_ptr<plan> plan_of(const graph& g, policy how) {
  return std::make_unique<plan>(fx::planning::partitioner<graph, nodes>(g, how).run());
}
/// The kernels of a sound plan.
int kernels_of(const graph& g) {
  int count = 0;
  for (const policy how : {policy::eager, policy::fused}) {
    const auto p = plan_of(g, how);
    std::vector<fx::kernel_plan> kernels;
    for (int i = 0; i < p->kernel_count; ++i) kernels.push_back(fx::planning::kernel_of(g, *p, how, i));
    std::vector<const fx::kernel_plan*> each;
    for (const auto& k : kernels) each.push_back(&k);
    const auto found = fx::verification::plan_verifier<graph, nodes>{g, *p}.run(each.data());
    CAPTURE(found.kernel);
    CAPTURE(found.at);
    CHECK(found.fault == fx::verification::plan_fault::none);
    count = p->kernel_count;
  }
  return count;
}
template <class Fn, class... A>
int kernels(Fn, A...) {
  return kernels_of(*std::make_unique<graph>(fx::tracing::trace<Fn, A...>()));
}

template <int Count>
constexpr auto joined = [](auto x) {
  return [&]<int... I>(std::integer_sequence<int, I...>) {
    return fx::concat<-1>((void(I), fx::slice<-1, I, I + 1>(x))...);
  }
  (std::make_integer_sequence<int, Count>{});
};
/// Squares of complex numbers, and how many stay near zero.
constexpr auto escape_counts = [](auto cx, auto cy) {
  auto x = cx, y = cy, n = fx::cast<float>(cx * 0.f);
  for (int i = 0; i < 24; ++i) {
    auto xx = x * x, yy = y * y;
    n = n + fx::cast<float>(xx + yy < 4.f);
    y = 2.f * x * y + cy;
    x = xx - yy + cx;
  }
  return n;
};
template <int Count>
constexpr auto horner = [](auto x) {
  auto y = x * 0.5f;
  for (int i = 0; i < Count; ++i) y = (1.f + float(i)) + x * y;
  return y;
};
template <int Count>
constexpr auto chain = [](auto x) {
  for (int i = 0; i < Count; ++i) x = x + i;
  return x + fx::unsqueeze<-1>(fx::sum(x, fx::axis<-1>));
};
template <int Count>
constexpr auto of_scalars = [](auto x, auto a, auto b) {
  for (int i = 0; i < Count; ++i) a = fx::sin(a) * b;
  return x * a;
};
template <int Count>
constexpr auto centred = [](auto x) {
  for (int i = 0; i < Count; ++i) x = x - fx::mean(x, fx::row) * 0.1f;
  return x;
};
constexpr auto sum_of_many = [](auto... x) { return (x + ...); };
}  // namespace

TEST_CASE("steps") {
  CHECK(kernels(escape_counts, f32<dyn>{}, f32<dyn>{}) == 4);
  CHECK(kernels(horner<20>, f32<dyn>{}) == 1);
  CHECK(kernels(horner<160>, f32<dyn>{}) == 5);
  CHECK(kernels(chain<40>, f32<3, 4>{}) == 1);
  CHECK(kernels(chain<150>, f32<3, 4>{}) == 3);
  CHECK(kernels(centred<20>, f32<dyn, 8>{}) == 1);
  CHECK(kernels(centred<60>, f32<dyn, 8>{}) == 2);
}
TEST_CASE("joined tensors") {
  CHECK(kernels(joined<18>, f32<dyn, 64>{}) == 1);
  CHECK(kernels(joined<24>, f32<dyn, 64>{}) == 2);
  CHECK(kernels(joined<60>, f32<dyn, 64>{}) == 5);
}
TEST_CASE("scalars") {
  CHECK(kernels(of_scalars<50>, f32<dyn>{}, 1.f, 2.f) == 1);
  CHECK(kernels(of_scalars<200>, f32<dyn>{}, 1.f, 2.f) == 4);
  [&]<int... I>(std::integer_sequence<int, I...>) { CHECK(kernels(sum_of_many, f32<dyn>{}, float(I)...) == 2); }
  (std::make_integer_sequence<int, 60>{});
}
TEST_CASE("operands") {
  [&]<int... I>(std::integer_sequence<int, I...>) { CHECK(kernels(sum_of_many, ((void)I, f32<8>{})...) == 1); }
  (std::make_integer_sequence<int, 60>{});
}

TEST_CASE("what no kernel can compute is said, and has no kernels") {
  const auto merged = [](auto x) { return fx::reshape(x, fx::infer) * 2.f; };
  auto g = std::make_unique<graph>(fx::tracing::trace<decltype(merged), f32<dyn, 4>>());
  CHECK(plan_of(*g, policy::fused)->failed < 0);
  g->arguments[0].contiguous = false;  // tracing would have copied it
  for (const policy how : {policy::eager, policy::fused}) {
    const auto p = plan_of(*g, how);
    CHECK(p->failed == 0);
    CHECK(p->reason == fx::planning::cut_reason::reordered);
    CHECK(p->kernel_count + p->launch_count + p->root_count == 0);
    CHECK(fx::verification::plan_verifier<graph, nodes>{*g, *p}.run(nullptr).fault ==
          fx::verification::plan_fault::failed);
  }
}
