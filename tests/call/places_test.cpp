// SPDX-License-Identifier: Apache-2.0
// Places and memory: views in each other's way, values read at computed places, outputs that share memory. Expected
// values are written out, because eager plans share their frames with fused ones.
#include <doctest/doctest.h>
#include <fuse/fuse.hpp>
#include <vector>

namespace fx = fuse;
namespace {

template <class T, fx::index... E>
using tensor = fx::tensor<T, fx::extents<E...>>;
constexpr fx::index dyn = fx::dyn;

template <class T>
std::vector<double> values(const T& x) {
  std::vector<double> v;
  for (fx::index i = 0; i < x.size(); ++i) v.push_back(double(x[i]));
  return v;
}
std::vector<double> counting(int first, int last) {
  std::vector<double> v;
  for (int i = first; i <= last; ++i) v.push_back(i);
  return v;
}
template <class T>
void count_up(T& x, int from = 0) {
  for (fx::index i = 0; i < x.size(); ++i) x[i] = typename T::element_type(from + i);
}
std::vector<double> joined(std::vector<double> a, const std::vector<double>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace

constexpr auto sliced_then_reshaped = fx::compile<"sliced_then_reshaped">(
    [](auto x) { return fx::reshape(fx::slice<1, 0, 6>(x), fx::size<2>, fx::size<2>, fx::size<3>) + 1.f; });
constexpr auto reshaped_sliced_reshaped = fx::compile<"reshaped_sliced_reshaped">([](auto x) {
  auto wide = fx::reshape(x * 2.f, fx::size<2>, fx::size<12>);
  return fx::reshape(fx::slice<1, 0, 6>(wide), fx::size<2>, fx::size<2>, fx::size<3>) + 0.f;
});
constexpr auto split_projection = fx::compile<"split_projection">([](auto x, auto w) {
  auto both = fx::linear(x, w);
  return fx::reshape(fx::slice<1, 0, 4>(both), fx::extent<0>(x), fx::size<2>, fx::size<2>) + 0.f;
});

TEST_CASE("a slice from the start is not the whole axis") {
  fx::host_executor<fx::modes::any> fused, eager(fx::mode::eager);
  tensor<float, 2, 12> x({2, 12});
  tensor<float, 24> flat({24});
  count_up(x), count_up(flat);
  tensor<float, dyn, 1> column({3, 1}, {1, 2, 3});
  tensor<float, 6, 1> w({6, 1}, {1, 2, 3, 4, 5, 6});
  for (auto* executor : {&fused, &eager}) {
    CHECK(values(sliced_then_reshaped(*executor, x)) == joined(counting(1, 6), counting(13, 18)));
    CHECK(values(reshaped_sliced_reshaped(*executor, flat)) ==
          std::vector<double>{0, 2, 4, 6, 8, 10, 24, 26, 28, 30, 32, 34});
    CHECK(values(split_projection(*executor, column, w)) == std::vector<double>{1, 2, 3, 4, 2, 4, 6, 8, 3, 6, 9, 12});
  }
}

constexpr auto gathered_row = fx::compile<"gathered_row">([](auto t, auto i) {
  auto g = fx::take(t, i);
  return g - fx::max(g, fx::row);
});
TEST_CASE("a gather inside a row is read at its own places in every pass") {
  fx::host_executor cpu;
  tensor<float, 40> t({40});
  tensor<int, 1, 40> i({1, 40});
  count_up(t), count_up(i);
  CHECK(values(gathered_row(cpu, t, i)) == counting(-39, 0));
}

constexpr auto two_from_one =
    fx::compile<"two_from_one">([](auto x) { return fx::outputs(x + 1.f, x * fx::sum(x + 1.f, fx::row)); });
TEST_CASE("an output may not replace an input that a later pass reads") {
  fx::host_executor cpu;
  tensor<float, 1, 4> x({1, 4}, {1, 2, 3, 4}), z({1, 4});
  CHECK_THROWS_AS(two_from_one(cpu, fx::out(x, z), x), fx::error);
  CHECK(values(x) == counting(1, 4));
  auto [first, second] = two_from_one(cpu, x);
  CHECK(values(second) == std::vector<double>{14, 28, 42, 56});
}

constexpr auto scatter_computed =
    fx::compile<"scatter_computed">([](auto x, auto i, auto v) { return fx::scatter<0>(x * 2.f, i, v); });
constexpr auto swap_rows =
    fx::compile<"swap_rows">([](auto c, auto i, auto j) { return fx::scatter<0>(c, i, fx::take(c, j)); });
constexpr auto change = fx::compile<"change">([](auto c, auto i, auto v) { return fx::scatter<0>(c, i, v) - c; });
constexpr auto scatter_at_argmax = fx::compile<"scatter_at_argmax">(
    [](auto c, auto x) { return fx::scatter<0>(c, fx::argmax(x, fx::axis<-1>), x - fx::max(x, fx::row)); });
constexpr auto plain_scatter =
    fx::compile<"plain_scatter">([](auto c, auto i, auto v) { return fx::scatter<0>(c, i, v); });
constexpr auto sum_and_scatter = fx::compile<"sum_and_scatter">(
    [](auto c, auto i, auto v) { return fx::outputs(c + 1.f, fx::scatter<0>(c, i, v)); });
TEST_CASE("scatters: computed targets, targets that are read, places that are computed") {
  fx::host_executor<fx::modes::any> fused, eager(fx::mode::eager);
  tensor<float, 3, 2> c({3, 2}, {1, 2, 3, 4, 5, 6});
  tensor<int, 1> at({1}, {1});
  tensor<int, 2> i({2}, {0, 1}), j({2}, {1, 0});
  tensor<float, 1, 2> v({1, 2}, {9, 9});
  tensor<float, 2, 2> x({2, 2}, {5, 1, 2, 7}), w({2, 2}, {0, 0, 0, 0});
  for (auto* executor : {&fused, &eager}) {
    CHECK(values(scatter_computed(*executor, c, at, v)) == std::vector<double>{2, 4, 9, 9, 10, 12});
    CHECK(values(swap_rows(*executor, c, i, j)) == std::vector<double>{3, 4, 1, 2, 5, 6});
    CHECK(values(change(*executor, c, at, v)) == std::vector<double>{0, 0, 6, 5, 0, 0});
    CHECK(values(scatter_at_argmax(*executor, c, x)) == std::vector<double>{0, -4, -5, 0, 5, 6});
    // Eager, another kernel has read the rows before they are replaced.
    if (executor == &fused) CHECK_THROWS_AS(swap_rows(*executor, fx::out(c), c, i, j), fx::error);
    tensor<float, 3, 2> other({3, 2});
    CHECK_THROWS_AS(sum_and_scatter(*executor, fx::out(c, other), c, at, v), fx::error);
    CHECK(values(c) == counting(1, 6));
  }
  // A strided target is copied as the tensor that it is; a strided output has to be the target.
  float strided_memory[16];
  for (int k = 0; k < 16; ++k) strided_memory[k] = float(k);
  fx::view<float, fx::extents<4, 2>, fx::strided> target(strided_memory, {4, 2}, {4, 1});
  CHECK(values(plain_scatter(fused, target, at, v)) == std::vector<double>{0, 1, 9, 9, 8, 9, 12, 13});
  float other_memory[16]{};
  fx::view<float, fx::extents<4, 2>, fx::strided> gaps(other_memory, {4, 2}, {4, 1});
  CHECK_THROWS_AS(plain_scatter(fused, fx::out(gaps), target, at, v), fx::error);
  CHECK(other_memory[2] == 0);
}

constexpr auto twice = fx::compile<"twice">([](auto x) { return x * 2.f; });
TEST_CASE("the same bytes in another order are not the same memory") {
  fx::host_executor cpu;
  tensor<float, 4, 4> b({4, 4});
  count_up(b);
  fx::view<float, fx::extents<4, 4>, fx::strided> transposed(b.data(), {4, 4}, {1, 4});
  CHECK_THROWS_AS(twice(cpu, fx::out(b), transposed), fx::error);
  tensor<float, 8> line({8});
  count_up(line);
  fx::view<float, fx::extents<8>, fx::strided> backwards(line.data() + 7, {8}, {-1});
  CHECK_THROWS_AS(twice(cpu, fx::out(backwards), line), fx::error);
  fx::view<float, fx::extents<8>, fx::strided> one_place(line.data(), {8}, {0});
  tensor<float, 8> source({8});
  CHECK_THROWS_AS(twice(cpu, fx::out(one_place), source), fx::error);
  CHECK(values(line) == counting(0, 7));
  CHECK_NOTHROW(twice(cpu, fx::out(line), line));
  CHECK(line[7] == 14);
}

constexpr auto last_three = fx::compile<"last_three">([](auto x) { return fx::slice<0, -3>(x) + 0.f; });
constexpr auto strided_join =
    fx::compile<"strided_join">([](auto a, auto b) { return fx::concat<0>(a, fx::slice<0, 0, fx::to_end, 200>(b)); });
constexpr auto many_slices = fx::compile<"many_slices">([](auto a, auto b, auto c) {
  auto s = fx::slice<0, 0, 2>(a) + fx::slice<0, 1, 3>(a) + fx::slice<0, 0, 2>(b) + fx::slice<0, 1, 3>(b);
  return s + fx::slice<0, 0, 2>(c) + fx::slice<0, 1, 3>(c);
});
TEST_CASE("bounds of slices") {
  fx::host_executor cpu;
  tensor<float, dyn> two({2}, {1, 2}), four({4}, {1, 2, 3, 4});
  CHECK_THROWS_AS(last_three(cpu, two), fx::error);
  CHECK(values(last_three(cpu, four)) == counting(2, 4));
  tensor<float, 800> long_one({800});
  count_up(long_one);
  CHECK(values(strided_join(cpu, two, long_one)) == std::vector<double>{1, 2, 0, 200, 400, 600});
  CHECK(values(many_slices(cpu, four, four, four)) == std::vector<double>{9, 15});
}

constexpr auto row_weights = fx::compile<"row_weights">([](auto q, auto k, auto v) {
  auto s = fx::matmul(q, fx::transpose(k));
  return fx::matmul(fx::expand(fx::max(s, fx::row), fx::extent<0>(q), fx::extent<0>(k)), v);
});
TEST_CASE("weights that are one value a row") {
  fx::host_executor cpu;
  tensor<float, 1, 2> q({1, 2}, {1, 2});
  tensor<float, 2, 2> k({2, 2}, {1, 1, 1, 4}), v({2, 2}, {1, 2, 2, 1});
  CHECK(values(row_weights(cpu, q, k, v)) == std::vector<double>{27, 27});
}

constexpr auto variance = fx::compile<"variance">([](auto x) { return fx::var(x, fx::axis<-1>); });
constexpr auto quotient = fx::compile<"quotient">([](auto x, auto s) { return x / s; });
constexpr auto large_literal = fx::compile<"large_literal">([](auto x) { return x + 9007199254740993LL; });
TEST_CASE("scalars keep their precision beside narrow tensors") {
  fx::host_executor cpu;
  tensor<fx::f16, 1, dyn> x({1, 70000});
  for (int i = 0; i < 70000; ++i) x[i] = fx::f16(i % 2 ? 1.f : -1.f);
  CHECK(float(variance(cpu, x)[0]) == doctest::Approx(1));
  tensor<fx::f16, 1> zero({1}, {fx::f16(0.f)});
  CHECK(float(quotient(cpu, zero, 1e-8f)[0]) == 0);
  tensor<std::int64_t, 1> n({1}, {0});
  CHECK(large_literal(cpu, n)[0] == 9007199254740993LL);
}

constexpr auto take_from_slice =
    fx::compile<"take_from_slice">([](auto t, auto i) { return fx::take(fx::slice<0, 1, 5>(t), i); });
constexpr auto shared_below_concat = fx::compile<"shared_below_concat">([](auto x) {
  auto h = x;
  for (int i = 0; i < 24; ++i) h = h * h + h;
  return fx::concat<0>(h, x);
});
TEST_CASE("functions that plan in reasonable time") {
  fx::host_executor cpu;
  tensor<float, 6> t({6});
  count_up(t);
  tensor<int, 2> i({2}, {3, 0});
  CHECK(values(take_from_slice(cpu, t, i)) == std::vector<double>{4, 1});
  tensor<float, 1> x({1}, {0});
  CHECK(values(shared_below_concat(cpu, x)) == std::vector<double>{0, 0});
}

TEST_CASE("a moved-from tensor is empty") {
  tensor<float, dyn> a({3});
  tensor<float, dyn> b = std::move(a);
  CHECK(a.data() == nullptr);  // NOLINT(bugprone-use-after-move)
  CHECK(b.size() == 3);
}
