// SPDX-License-Identifier: Apache-2.0
// The verifiers of graphs and plans: common functions pass, eager and fused, while this file compiles; whatever is
// broken in a graph or a plan is refused, and named.
#include <doctest/doctest.h>

#include <fuse/fuse.hpp>
#include <fuse/graph/verify.hpp>
#include <fuse/nn.hpp>
#include <fuse/plan/verify.hpp>
#include <utility>
#include <vector>

namespace {
namespace fx = fuse;
using namespace fx::verification;
constexpr fx::index dyn = fx::dyn;

template <class Fn, class... A>
using source_of = fx::planned<Fn, fx::planning::policy::fused, 0, A...>;
template <class Fn, class... A>
constexpr bool sound(Fn, A...) {
  using fused = fx::planned<Fn, fx::planning::policy::fused, 0, A...>;
  using eager = fx::planned<Fn, fx::planning::policy::eager, 0, A...>;
  return !verify_graph(fused::graph) && !verify_plan<fused>() && !verify_plan<eager>();
}

template <fx::index... E>
using f32 = fx::view<const float, fx::extents<E...>>;
template <fx::index... E>
using bf16 = fx::view<const fx::bf16, fx::extents<E...>>;
template <fx::index... E>
using i32 = fx::view<const std::int32_t, fx::extents<E...>>;
constexpr f32<dyn, 64> x;
constexpr f32<64> w;
constexpr f32<48, 64> m;

static_assert(sound([](auto a, auto s) { return fx::where(a > 0, a * s, fx::exp(a)) + 1e-5f; }, x, 2.f));
static_assert(sound([](auto a, auto b) { return fx::cast<fx::bf16>(a) * b; }, x, bf16<dyn, 64>{}));
static_assert(sound([](auto a, auto b) { return fx::outputs(fx::transpose(a), fx::flip<0>(a) + b); }, x, w));
static_assert(sound([](auto a) { return fx::outputs(fx::std(a, fx::row), fx::argmax(a, fx::axis<-1>)); }, x));
static_assert(sound([](auto a, auto b) { return fx::concat<0>(fx::slice<0, 1>(a), b * 2); }, x, f32<3, 64>{}));
static_assert(sound([](auto a) { return fx::sum(fx::reshape(a, fx::infer, fx::size<8>), fx::row) + 1; }, x));
static_assert(sound([](auto t, auto i) { return fx::take(t, i) * fx::iota_along<-1>(fx::take(t, i)); }, x, i32<dyn>{}));
static_assert(sound([](auto t, auto i, auto v) { return fx::scatter<0>(t, i, fx::sin(v)); }, x, i32<5>{},
                    f32<5, 64>{}));
static_assert(sound([](auto a, auto b) { return fx::silu(fx::linear(a, b)) + fx::sum(a, fx::row); }, x, m));
static_assert(sound([](auto a, auto b) { return fx::linear(fx::nn::rms_norm(a, b, 1e-5f), fx::unsqueeze<0>(b)); }, x,
                    w));
static_assert(sound([](auto q, auto k, auto v) { return fx::nn::causal_attention(q, k, v, 0); }, f32<8, dyn, 64>{},
                    f32<8, dyn, 64>{}, f32<8, dyn, 64>{}));
static_assert(sound([](auto a, auto y) { return fx::nn::cross_entropy(a, y); }, x, i32<dyn>{}));

// A later output takes the scores, or the weights, of an attention that was a kernel before.
static_assert(sound(
    [](auto q, auto k, auto v) {
      auto s = fx::matmul(q, fx::transpose(k));
      return fx::outputs(fx::matmul(fx::nn::softmax(s), v), fx::max(s, fx::axis<-1>));
    },
    x, x, x));
static_assert(sound(
    [](auto q, auto k, auto v) {
      auto weights = fx::nn::softmax(fx::matmul(q, fx::transpose(k)));
      return fx::outputs(fx::matmul(weights, v), fx::sum(fx::transpose(weights), fx::axis<-1>));
    },
    x, x, x));
static_assert(sound([](auto t, auto i, auto q) { return fx::scatter<0>(t, i, fx::nn::attention(q, q, q)); }, x,
                    i32<dyn>{}, x));
// Temporaries whose readers compute them.
static_assert(sound([](auto a) { return fx::logsumexp(fx::logsumexp(a, fx::axis<-1>), fx::axis<-1>); }, x));
static_assert(sound(
    [](auto a, auto b, auto s) {
      auto h = fx::nn::rms_norm(a + fx::linear(a, b), s, 1e-5f);
      return fx::nn::rms_norm(h + fx::linear(h, b), s, 1e-5f);
    },
    x, f32<64, 64>{}, w));
// Views that count from the end of joined tensors.
static_assert(sound([](auto a, auto b) { return fx::slice<0, -3>(fx::concat<0>(a, b)); }, x, x));
static_assert(sound([](auto a, auto b) { return fx::flip<0>(fx::concat<0>(a, b)); }, x, x));

// ---- what is broken ----

constexpr auto everything = [](auto a, auto table, auto places, auto weight) {
  const auto taken = fx::cast<float>(fx::take(table, places));                                  // gather, cast
  const auto h = fx::concat<0>(fx::slice<0, 1>(a), taken) * 2.f + fx::extent<0>(a).as_value();  // concat, reindex
  const auto s = fx::where(h > 0, h, fx::sum(h, fx::row)) + fx::iota_along<-1>(h);              // reduce, iota
  return fx::outputs(fx::matmul(s, fx::transpose(weight)), fx::reshape(a, fx::infer, fx::size<8>) + 1.f,
                     fx::scatter<0>(a, places, taken));
};
using source = source_of<std::remove_const_t<decltype(everything)>, f32<dyn, 64>, bf16<dyn, 64>, i32<5>, f32<48, 64>>;
using graph = std::remove_const_t<decltype(source::graph)>;
static_assert(!verify_graph(source::graph) && !verify_plan<source>());

int first(const graph& g, fx::op_kind kind, int skip = 0) {
  for (int i = 0; i < g.node_count; ++i)
    if (g.nodes[i].kind() == kind && skip-- == 0) return i;
  FAIL("the graph has no such node");
  return 0;
}
/// What is found after a change to the first node of a kind.
template <class Change>
graph_finding after(fx::op_kind kind, Change change) {
  graph g = source::graph;
  const int at = first(g, kind);
  change(g, g.nodes[at]);
  const graph_finding found = verify_graph(g);
  if (found) CHECK(found.at <= g.node_count);
  return found;
}
#define BREAKS(kind, expected, ...)                                                                     \
  CHECK(after(fx::op_kind::kind, [](graph& g, fx::node& n) { (void)g, (void)n, __VA_ARGS__; }).fault == \
        graph_fault::expected)
}  // namespace

TEST_CASE("a broken graph is refused") {
  BREAKS(pointwise, operation, n.op = nullptr);
  BREAKS(pointwise, arity, n.in[1] = -1);
  BREAKS(cast, arity, n.in[1] = 0);
  BREAKS(pointwise, order, n.in[0] = short(&n - g.nodes));
  BREAKS(cast, rank, n.rank = 7);
  BREAKS(cast, dims, n.dims[0] = short(g.dim_count));
  BREAKS(pointwise, dims, n.dims[1] = 0);
  BREAKS(cast, dtype, n.type = g.nodes[n.in[0]].type);
  BREAKS(pointwise, dtype, n.type = fx::dtype::i64);
  BREAKS(pointwise, operation, n.op = &fx::op_of<fx::ops::bitwise_and_t>);
  BREAKS(reduce, dims, n.dims[n.rank - 1] = g.nodes[n.in[0]].dims[n.rank - 1]);
  BREAKS(reduce, rank, n.rank = 1);
  BREAKS(reindex, attribute, n.attribute = g.map_count);
  BREAKS(reindex, attribute, g.maps[n.attribute].axis[0].first = 6);
  BREAKS(reindex, attribute, g.maps[n.attribute].axis[0].count = 0);
  BREAKS(reindex, rank, g.maps[n.attribute].rank = 1);
  BREAKS(reshape, dtype, n.type = fx::dtype::f64);
  BREAKS(concat, attribute, n.attribute = 2);
  BREAKS(concat, dims, n.dims[1] = 0);
  BREAKS(gather, dtype, n.in[1] = n.in[0]);
  BREAKS(gather, rank, n.rank = 1);
  BREAKS(scatter, attribute, n.attribute = -1);
  BREAKS(scatter, dims, n.dims[1] = 0);
  BREAKS(matmul, dims, n.dims[1] = n.dims[0]);
  BREAKS(matmul, rank, n.rank = 1);
  BREAKS(iota, attribute, n.attribute = n.rank);
  BREAKS(extent, dtype, n.type = fx::dtype::i32);
  BREAKS(constant, rank, n.rank = 1);
  BREAKS(argument, attribute, n.attribute = g.argument_count);
  BREAKS(argument, dtype, n.type = fx::dtype::i8);
  BREAKS(constant, duplicate, g.nodes[(&n - g.nodes) + 1] = n);
  BREAKS(argument, argument, g.arguments[g.argument_count++] = g.arguments[0]);
  BREAKS(argument, output, g.outputs[0].node = short(g.node_count));
  BREAKS(argument, lengths, g.dims[0].same = 0);
  BREAKS(argument, lengths, g.checks[0].a = -1);
}

namespace {
template <class Source>
struct plan_from {
  std::remove_const_t<decltype(Source::graph)> g = Source::graph;
  std::remove_const_t<decltype(Source::plan)> p = Source::plan;
  std::vector<fx::kernel_plan> kernels = []<int... K>(std::integer_sequence<int, K...>) {
    return std::vector{Source::template kernel<K>::k...};
  }
  (std::make_integer_sequence<int, Source::kernels>{});

  plan_finding verify() const {
    std::vector<const fx::kernel_plan*> each;
    for (const auto& k : kernels) each.push_back(&k);
    return plan_verifier<decltype(g), Source::nodes>{g, p}.run(each.data());
  }
  fx::kernel_plan& with(fx::step_kind kind, int& step) {
    for (auto& k : kernels)
      for (step = 0; step < k.step_count; ++step)
        if (k.steps[step].kind == kind) return k;
    FAIL("the plan has no such step");
    return kernels[0];
  }
  fx::kernel_plan& of_family(fx::family kind) {
    for (auto& k : kernels)
      if (k.kind == kind) return k;
    FAIL("the plan has no such kernel");
    return kernels[0];
  }
};
using plan = plan_from<source>;
template <class Change>
plan_fault after(Change change) {
  plan p;
  change(p);
  return p.verify().fault;
}
template <class Change>
plan_fault after(fx::step_kind kind, Change change) {
  return after([&](plan& p) {
    int at = 0;
    fx::kernel_plan& k = p.with(kind, at);
    change(k, k.steps[at]);
  });
}
}  // namespace

TEST_CASE("a broken plan is refused") {
  using kind = fx::step_kind;
  REQUIRE(source::kernels > 2);
  CHECK(plan().verify() == plan_finding{});
  CHECK(after([](plan& p) { p.p.roots[0].kernel = -1; }) == plan_fault::kernel);
  CHECK(after([](plan& p) { ++p.p.root_count; }) == plan_fault::kernel);
  CHECK(after([](plan& p) { std::swap(p.kernels.front(), p.kernels.back()); }) != plan_fault::none);
  CHECK(after([](plan& p) {  // everything in one launch
          for (short& launch : p.p.launch_of) launch = 0;
          p.p.launch_count = 1;
        }) == plan_fault::launch);
  CHECK(after([](plan& p) { p.p.launch_of[0] = 1; }) == plan_fault::launch);
  CHECK(after([](plan& p) { ++p.p.launch_count; }) == plan_fault::launch);
  CHECK(after([](plan& p) {  // the first kernel reads what the last one writes
          int at = 0;
          fx::kernel_plan& k = p.with(kind::load, at);
          REQUIRE(&k == &p.kernels[0]);
          for (int b = 0; b < p.p.buffer_count; ++b)
            if (p.p.buffers[b].kind != fx::planning::buffer_kind::argument &&
                p.g.nodes[p.p.buffers[b].node].type == k.steps[at].type)
              k.accesses[k.steps[at].attribute].buffer = short(b);
        }) == plan_fault::unwritten);
  CHECK(after([](plan& p) {  // a kernel reads what it writes itself
          for (auto& k : p.kernels)
            for (int i = 0; i < k.step_count; ++i)
              for (int s = 0; s < k.store_count && k.steps[i].kind == kind::load; ++s)
                if (const fx::access& stored = k.accesses[k.stores[s].access]; stored.type == k.steps[i].type)
                  k.accesses[k.steps[i].attribute].buffer = stored.buffer;
        }) == plan_fault::unwritten);
  CHECK(after([](plan& p) {  // what a product reads is read from an argument instead
          int at = 0;
          fx::kernel_plan& k = p.with(kind::product, at);
          fx::access& left = k.accesses[k.steps[at].in[0]];
          REQUIRE(p.p.buffers[left.buffer].kind == fx::planning::buffer_kind::temporary);
          left.buffer = 0;
        }) == plan_fault::unread);
  CHECK(after([](plan& p) { p.p.failed = 0; }) == plan_fault::failed);
  CHECK(after([](plan& p) { p.p.roots[0].buffer = 0; }) == plan_fault::written_twice);
  CHECK(after([](plan& p) { p.p.buffers[p.g.argument_count].kind = fx::planning::buffer_kind::temporary; }) ==
        plan_fault::output);
  CHECK(after(kind::pointwise, [](auto&, auto& s) { s.in[0] = -1; }) == plan_fault::operand);
  CHECK(after(kind::pointwise, [](auto& k, auto& s) { s.in[0] = short(&s - k.steps); }) == plan_fault::order);
  CHECK(after(kind::reduce, [](auto& k, auto& s) { s.stage = short(k.stage_count); }) == plan_fault::order);
  CHECK(after(kind::load, [](auto& k, auto& s) { s.attribute = k.access_count; }) == plan_fault::access);
  CHECK(after(kind::load, [](auto& k, auto& s) { k.accesses[s.attribute].type = fx::dtype::f64; }) ==
        plan_fault::access);
  CHECK(after(kind::load, [](auto& k, auto& s) { k.accesses[k.access_count++] = k.accesses[s.attribute]; }) ==
        plan_fault::access);
  CHECK(after(kind::load, [](auto& k, auto& s) { k.accesses[s.attribute].dims[0] = -1; }) == plan_fault::dims);
  CHECK(after(kind::load, [](auto& k, auto& s) { k.accesses[s.attribute].axis[0] = fx::axis_from(k.axes); }) ==
        plan_fault::dims);
  CHECK(after(kind::product, [](auto& k, auto& s) { s.in[1] = short(k.access_count); }) == plan_fault::access);
  CHECK(after(kind::scalar, [](auto& k, auto&) { k.scalars[0].which = 99; }) == plan_fault::scalar);
  CHECK(after(kind::product, [](auto& k, auto&) { k.contraction = -1; }) == plan_fault::dims);
  CHECK(after(kind::product, [](auto& k, auto&) { k.last_axis_of[k.collapsed - 1] = 0; }) == plan_fault::collapse);
  CHECK(after(kind::product, [](auto& k, auto&) { k.stores[0].value = short(k.step_count); }) == plan_fault::value);
  CHECK(after(kind::product, [](auto& k, auto&) { k.store_count = 0; }) == plan_fault::value);
  CHECK(after(kind::product, [](auto& k, auto&) { k.step_count = 0; }) != plan_fault::none);
}

namespace {
constexpr auto attention = [](auto q) { return fx::nn::attention(q, q, q); };
using attention_plan = plan_from<source_of<std::remove_const_t<decltype(attention)>, f32<dyn, 64>>>;
template <class Change>
plan_fault after_in_attention(Change change) {
  attention_plan p;
  change(p.of_family(fx::family::attention));
  return p.verify().fault;
}
}  // namespace

TEST_CASE("a broken plan of attention is refused") {
  CHECK(attention_plan().verify() == plan_finding{});
  CHECK(after_in_attention([](auto& k) { k.step_count = 0; }) == plan_fault::value);
  CHECK(after_in_attention([](auto& k) { k.contracted = short(k.step_count); }) == plan_fault::value);
  CHECK(after_in_attention([](auto& k) { k.contracted_access = short(k.access_count); }) == plan_fault::value);
  CHECK(after_in_attention([](auto& k) {  // one place for all rows
          k.stores[0].index = 0;
          k.accesses[k.stores[0].access].gathered = 0;
        }) == plan_fault::value);
}
