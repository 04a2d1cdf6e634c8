// SPDX-License-Identifier: Apache-2.0
// How many kernels common functions become: fusion is a contract, held while this file compiles.
#include <doctest/doctest.h>

#include <fuse/fuse.hpp>
#include <fuse/nn.hpp>

namespace {
namespace fx = fuse;
namespace nn = fuse::nn;
using fx::planning::cut_reason;
constexpr fx::index dyn = fx::dyn;

template <fx::index... E>
using f32 = fx::view<const float, fx::extents<E...>>;
template <fx::index... E>
using i32 = fx::view<const std::int32_t, fx::extents<E...>>;

// x (tokens, 512), weights (512), matrices [out, in], heads (8, tokens, 64)
constexpr f32<dyn, 512> x;
constexpr f32<512> w;
constexpr f32<1024, 512> m;
constexpr f32<8, dyn, 64> q;
constexpr f32<dyn, 1, 32> angles;
constexpr i32<dyn> ids;

template <fx::planning::policy How, class Fn, class... A>
using plan_of = fx::planned<Fn, How, 0, A...>;
/// Launches of a fused and of an eager call.
template <class Fn, class... A>
constexpr int fused(Fn, A...) {
  return plan_of<fx::planning::policy::fused, Fn, A...>::launches;
}
template <class Fn, class... A>
constexpr int eager(Fn, A...) {
  return plan_of<fx::planning::policy::eager, Fn, A...>::launches;
}
/// Index spaces that the launches of a fused call walk.
template <class Fn, class... A>
constexpr int spaces(Fn, A...) {
  return plan_of<fx::planning::policy::fused, Fn, A...>::kernels;
}
/// Why a fused call takes more than one kernel: the reason of its first intermediate, or none.
template <class Fn, class... A>
constexpr cut_reason why(Fn, A...) {
  constexpr auto& p = plan_of<fx::planning::policy::fused, Fn, A...>::plan;
  for (int r = 0; r < p.root_count; ++r)
    if (p.buffers[p.roots[r].buffer].kind == fx::planning::buffer_kind::temporary) return p.roots[r].reason;
  return cut_reason::none;
}

// ---- one kernel: pointwise and views
static_assert(fused([](auto a, auto b) { return fx::sin(a) + fx::cos(b); }, x, x) == 1);
static_assert(fused([](auto a, auto s) { return a * (s + 1.f) / s; }, x, 2.f) == 1);
static_assert(fused([](auto a) { return fx::cast<fx::dtype::bf16>(fx::cast<fx::dtype::f64>(a)); }, x) == 1);
static_assert(fused([](auto a) { return fx::outputs(fx::sin(a), fx::cos(a), fx::tan(a)); }, x) == 1);
static_assert(fused([](auto a) { return fx::outputs(fx::exp(a), fx::exp(a)); }, x) == 1);
static_assert(fused([](auto a) { return a; }, x) == 1);
static_assert(fused([](auto a) { return fx::transpose(a); }, x) == 1);
static_assert(fused([](auto a) { return fx::flip<-1>(fx::transpose(a)) * 2.f; }, x) == 1);
static_assert(fused([](auto a, auto b) { return fx::unsqueeze<-1>(a) * b; }, f32<dyn>{}, w) == 1);
static_assert(fused([](auto a, auto b, auto c) { return fx::concat<-1>(a * 2.f, fx::sin(b), c); }, x, x, x) == 1);
static_assert(fused(
                  [](auto a) {
                    auto [gate, up] = fx::split<-1, 2>(a);
                    return nn::swiglu(gate, up);
                  },
                  x) == 1);
static_assert(fused([](auto a, auto c, auto s) { return nn::rope(a, c, s); }, f32<dyn, 8, 64>{}, angles, angles) == 1);
static_assert(fused([](auto a, auto c, auto s) { return nn::rope_interleaved(a, c, s); }, f32<dyn, 8, 64>{}, angles,
                    angles) == 1);
static_assert(fused([](auto table, auto i) { return fx::take(table, i) * 2.f; }, m, ids) == 1);
static_assert(fused([](auto cache, auto v,
                       auto at) { return fx::scatter<0>(cache, fx::iota(fx::extent<0>(v)) + at, v); },
                    f32<100, 64>{}, f32<dyn, 64>{}, 0) == 1);
static_assert(fused([](auto cache, auto v, auto at, auto c,
                       auto s) { return fx::scatter<0>(cache, fx::iota(fx::extent<0>(v)) + at, nn::rope(v, c, s)); },
                    f32<100, 8, 64>{}, f32<dyn, 8, 64>{}, 0, angles, angles) == 1);

// ---- one kernel: rows
static_assert(fused([](auto a) { return nn::softmax(a); }, x) == 1);
static_assert(fused([](auto a) { return nn::log_softmax(a); }, x) == 1);
static_assert(fused([](auto a) { return nn::softmax(nn::softmax(a)); }, x) == 1);
static_assert(fused([](auto a) { return fx::transpose(nn::softmax(fx::transpose(a))); }, x) == 1);
static_assert(fused([](auto a) { return nn::softmax(fx::slice<-1, 0, 10>(a)); }, x) == 1);
static_assert(fused([](auto a, auto b) { return nn::rms_norm(a, b, 1e-5f); }, x, w) == 1);
static_assert(fused([](auto a, auto b) { return nn::layer_norm(a, b, b, 1e-5f); }, x, w) == 1);
static_assert(fused(
                  [](auto a, auto residual, auto b) {
                    auto h = a + residual;
                    return fx::outputs(h, nn::rms_norm(h, b, 1e-5f));
                  },
                  x, x, w) == 1);
static_assert(fused([](auto a, auto t) { return nn::cross_entropy(a, t); }, x, ids) == 1);
static_assert(fused(
                  [](auto a) {
                    return fx::outputs(fx::mean(a, fx::row), fx::var(a, fx::row), fx::max(a, fx::row),
                                       fx::min(a, fx::row), fx::norm(a, fx::row), fx::logsumexp(a, fx::row),
                                       fx::argmax(a, fx::row), fx::argmin(a, fx::axis<-1>));
                  },
                  x) == 1);
static_assert(fused(
                  [](auto a) {
                    auto low = fx::min(a, fx::row), high = fx::max(a, fx::row);
                    return (a - low) / (high - low);
                  },
                  x) == 1);
static_assert(fused([](auto a) { return fx::outputs(fx::sin(a), fx::sum(a, fx::axis<-1>)); }, x) == 1);
static_assert(fused([](auto a, auto b) { return fx::sum(a * b, fx::axis<-1>); }, w, w) == 1);
static_assert(fused([](auto a) { return fx::sum(fx::transpose(a), fx::axis<-1>); }, x) == 1);
static_assert(fused([](auto a) { return fx::sum(fx::reshape(a, fx::infer), fx::axis<-1>); }, x) == 1);
static_assert(
    fused([](auto a) { return fx::mean(fx::reshape(a, fx::extent<0>(a), fx::size<16>, fx::infer), fx::axis<-1>); },
          f32<dyn, 16, 8, 8>{}) == 1);
static_assert(
    fused([](auto a,
             auto b) { return nn::rms_norm(fx::reshape(a, fx::extent<0>(a), fx::size<8>, fx::size<64>), b, 1e-6f); },
          x, f32<64>{}) == 1);
static_assert(fused([](auto t, auto i, auto b) { return nn::rms_norm(fx::take(t, i), b, 1e-5f); }, m, ids, w) == 1);

// ---- one kernel: contractions with their epilogue
static_assert(fused([](auto a, auto b) { return fx::matmul(a, b); }, f32<4, dyn, 512>{}, f32<512, 64>{}) == 1);
static_assert(fused([](auto a) { return fx::matmul(a, fx::transpose(a)); }, x) == 1);
static_assert(fused([](auto a, auto b, auto c) { return fx::gelu(fx::linear(a, b, c)); }, x, m, f32<1024>{}) == 1);
static_assert(fused([](auto a, auto b, auto r) { return r + fx::linear(a, b); }, x, m, f32<dyn, 1024>{}) == 1);
static_assert(fused([](auto a, auto g, auto u) { return nn::swiglu(fx::linear(a, g), fx::linear(a, u)); }, x, m, m) ==
              1);
static_assert(fused([](auto a, auto g, auto u) { return nn::geglu(fx::linear(a, g), fx::linear(a, u)); }, x, m, m) ==
              1);
static_assert(fused([](auto a, auto b, auto c,
                       auto d) { return fx::outputs(fx::linear(a, b), fx::linear(a, c), fx::linear(a, d)); },
                    x, m, m, m) == 1);

// ---- one kernel: attention
static_assert(fused([](auto a, auto k, auto v) { return nn::attention(a, k, v); }, q, q, q) == 1);
static_assert(fused([](auto a, auto k, auto v) { return nn::causal_attention(a, k, v, 0); }, q, q, q) == 1);
static_assert(fused([](auto a, auto k, auto v, auto past) { return nn::causal_attention(a, k, v, past); },
                    f32<8, 4, dyn, 64>{}, q, q, 0) == 1);  // grouped heads
static_assert(
    fused([](auto a, auto k,
             auto v) { return fx::reshape(fx::permute<1, 0, 2>(nn::attention(a, k, v)), fx::extent<1>(a), fx::infer); },
          q, q, q) == 1);

// ---- more kernels, for a reason
constexpr auto sum_of_sums = [](auto a) { return fx::sum(fx::sum(a, fx::axis<-1>), fx::axis<-1>); };
static_assert(fused(sum_of_sums, x) == 2 && why(sum_of_sums, x) == cut_reason::other_row);
constexpr auto mean_loss = [](auto a, auto t) { return fx::mean(nn::cross_entropy(a, t), fx::axis<-1>); };
static_assert(fused(mean_loss, x, ids) == 2 && why(mean_loss, x, ids) == cut_reason::other_row);
constexpr auto softmax_of_linear = [](auto a, auto b) { return nn::softmax(fx::linear(a, b)); };
static_assert(fused(softmax_of_linear, x, m) == 2 && why(softmax_of_linear, x, m) == cut_reason::matmul);
constexpr auto mlp = [](auto a, auto b, auto c) { return fx::linear(fx::relu(fx::linear(a, b)), c); };
static_assert(fused(mlp, x, m, f32<512, 1024>{}) == 2 && why(mlp, x, m, f32<512, 1024>{}) == cut_reason::operand);
constexpr auto norm_linear = [](auto a, auto b, auto c) { return fx::linear(nn::rms_norm(a, b, 1e-5f), c); };
static_assert(fused(norm_linear, x, w, m) == 2 && why(norm_linear, x, w, m) == cut_reason::operand);
constexpr auto chain = [](auto a, auto b, auto c) { return fx::matmul(a, fx::matmul(b, c)); };
static_assert(fused(chain, f32<64, 32>{}, f32<32, 48>{}, f32<48, 16>{}) == 2);
constexpr auto embed_linear = [](auto t, auto i, auto b) { return fx::linear(fx::take(t, i), b); };
static_assert(fused(embed_linear, m, ids, m) == 2 && why(embed_linear, m, ids, m) == cut_reason::operand);
constexpr auto cut_softmax = [](auto a) {
  return fx::slice<-1, 0, 10>(nn::softmax(a));
};  // fewer elements than its row
static_assert(fused(cut_softmax, x) == 2);
// Scores that another output reads are memory, and attention is a softmax between two products.
constexpr auto with_row_statistic = [](auto a, auto k, auto v) {
  auto scores = fx::matmul(a, fx::transpose(k));
  return fx::outputs(fx::matmul(nn::softmax(scores), v), fx::max(scores, fx::axis<-1>));
};
static_assert(fused(with_row_statistic, x, x, x) == 3);
// What an attention kernel computes has no places of its own.
constexpr auto scatter_of_attention = [](auto cache, auto at, auto a) {
  return fx::scatter<0>(cache, at, nn::attention(a, a, a));
};
static_assert(fused(scatter_of_attention, x, ids, x) == 2 &&
              why(scatter_of_attention, x, ids, x) == cut_reason::matmul);
// From the end of joined tensors, the start of the second one is two run-time lengths away.
constexpr auto end_of_both = [](auto a, auto b) { return fx::slice<0, -1>(fx::concat<0>(a, b)); };
static_assert(fused(end_of_both, x, x) == 2 && why(end_of_both, x, x) == cut_reason::reordered);
// Rows of two lengths take blocks of two shapes.
constexpr auto two_rows = [](auto a, auto b) { return fx::outputs(nn::softmax(a), nn::softmax(b)); };
static_assert(fused(two_rows, x, f32<dyn, 64>{}) == 2 && why(two_rows, x, f32<dyn, 64>{}) == cut_reason::none);
// A scatter is complete before its cache is read.
constexpr auto write_then_sum = [](auto cache, auto v, auto at) {
  auto next = fx::scatter<0>(cache, fx::iota(fx::extent<0>(v)) + at, v);
  return fx::outputs(next, fx::sum(next, fx::axis<-1>));
};
static_assert(fused(write_then_sum, f32<100, 64>{}, f32<dyn, 64>{}, 0) == 2);

// ---- one kernel: index spaces side by side
constexpr auto unrelated = [](auto a, auto b) { return fx::outputs(fx::sin(a), fx::cos(b)); };
static_assert(fused(unrelated, f32<8>{}, f32<8>{}) == 1 && spaces(unrelated, f32<8>{}, f32<8>{}) == 1);
// Nothing says that two dynamic lengths are equal.
static_assert(fused(unrelated, f32<dyn>{}, f32<dyn>{}) == 1 && spaces(unrelated, f32<dyn>{}, f32<dyn>{}) == 2);
// Queries, keys and values of grouped heads.
constexpr auto projections = [](auto a, auto b, auto c, auto d) {
  return fx::outputs(fx::linear(a, b), fx::linear(a, c), fx::linear(a, d));
};
constexpr f32<256, 512> narrow;
static_assert(fused(projections, x, m, narrow, narrow) == 1 && spaces(projections, x, m, narrow, narrow) == 2);
// Two caches, written in place.
constexpr auto append = [](auto keys, auto values, auto k, auto v, auto at) {
  return fx::outputs(fx::scatter<0>(keys, fx::iota(fx::extent<0>(k)) + at, k),
                     fx::scatter<0>(values, fx::iota(fx::extent<0>(v)) + at, v));
};
static_assert(fused(append, f32<100, 64>{}, f32<100, 32>{}, f32<dyn, 64>{}, f32<dyn, 32>{}, 0) == 1);
// What reads a cache is not beside what writes it.
constexpr auto read_and_write = [](auto keys, auto k, auto at) {
  return fx::outputs(fx::sin(keys), fx::scatter<0>(keys, fx::iota(fx::extent<0>(k)) + at, k));
};
static_assert(fused(read_and_write, f32<100, 64>{}, f32<dyn, 64>{}, 0) == 2);
// A result may be given the memory of an argument that another map reads, as one by one.
constexpr auto count_on = [](auto history, auto at, auto v) {
  return fx::outputs(fx::scatter<0>(history, at, v), at + 1);
};
static_assert(fused(count_on, f32<dyn, 64>{}, i32<1>{}, f32<1, 64>{}) == 2);
// Tiles of few columns, for weights read along the contraction, are not for others.
constexpr auto two_ways = [](auto a, auto b, auto c) { return fx::outputs(fx::linear(a, b), fx::matmul(a, c)); };
static_assert(fused(two_ways, x, m, f32<512, 256>{}) == 2);
// Five are more than a launch takes.
constexpr auto five = [](auto a, auto b, auto c, auto d, auto e) {
  return fx::outputs(fx::exp(a), fx::exp(b), fx::exp(c), fx::exp(d), fx::exp(e));
};
static_assert(fused(five, f32<1>{}, f32<2>{}, f32<3>{}, f32<4>{}, f32<5>{}) == 2 &&
              spaces(five, f32<1>{}, f32<2>{}, f32<3>{}, f32<4>{}, f32<5>{}) == 5);

// ---- eager: a kernel for each operation, none for a view
static_assert(eager([](auto a) { return nn::softmax(a); }, x) == 5);
static_assert(eager([](auto a, auto b) { return fx::sin(a) + fx::cos(b); }, x, x) == 3);
static_assert(eager([](auto a) { return fx::sin(a) * fx::sin(a); }, x) == 2);
static_assert(eager([](auto a) { return fx::transpose(fx::exp(a)) + 1.f; }, x) == 2);
static_assert(eager([](auto a, auto b, auto c) { return fx::gelu(fx::linear(a, b, c)); }, x, m, f32<1024>{}) == 3);

/// The public way to ask, and what an executor then launches.
constexpr auto softmax = fx::compile<"softmax">([](auto a) { return nn::softmax(a); });
static_assert(fx::kernel_count(softmax, x) == 1);
constexpr auto two_layers = fx::compile<"two_layers">(mlp);
static_assert(fx::kernel_count(two_layers, x, m, f32<512, 1024>{}) == 2);

TEST_CASE("a call launches as many kernels as kernel_count says") {
  fx::tensor<float, fx::extents<dyn, 8>> a({3, 8});
  fx::tensor<float, fx::extents<16, 8>> b({16, 8});
  fx::tensor<float, fx::extents<8, 16>> c({8, 16});
  for (fx::index i = 0; i < a.size(); ++i) a[i] = 0.1f * float(i);
  for (fx::index i = 0; i < b.size(); ++i) b[i] = c[i] = 0.01f * float(i);
  fx::host_executor<fx::modes::any> executor, each(fx::mode::eager);
  softmax(executor, a);
  CHECK(executor.launches() == 1);
  softmax(each, a);
  CHECK(each.launches() == 5);
  two_layers(executor, a, b, c);
  CHECK(executor.launches() == 1 + 2);
  two_layers(each, a, b, c);
  CHECK(each.launches() == 5 + 3);
}

TEST_CASE("nothing is launched for results without elements") {
  fx::host_executor executor;
  const auto y = softmax(executor, fx::tensor<float, fx::extents<dyn, 8>>({0, 8}));
  CHECK(y.extent(0) == 0);
  CHECK(executor.launches() == 0);
}

}  // namespace
