// SPDX-License-Identifier: Apache-2.0
// Functions that the planner has to cut where a later output, a scatter or the size of a kernel asks for it. Expected
// values are computed here, because eager plans come from the same planner.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include <fuse/nn.hpp>

#include "support/machine.hpp"

namespace {
namespace fx = fuse;
constexpr fx::index dyn = fx::dyn;
template <class T, fx::index... E>
using tensor = fx::tensor<T, fx::extents<E...>>;
using matrix = tensor<float, dyn, dyn>;
using numbers = std::vector<double>;

matrix made(fx::index rows, fx::index columns, int seed) {
  matrix x({rows, columns});
  for (fx::index i = 0; i < x.size(); ++i) x[i] = float((i * 37 + seed * 11) % 64 - 32) / 32;
  return x;
}
template <class T>
void check_near(const T& found, const numbers& expected) {
  REQUIRE(found.size() == fx::index(expected.size()));
  for (fx::index i = 0; i < found.size(); ++i)
    CHECK(std::abs(double(found[i]) - expected[std::size_t(i)]) <= 1e-5 * (1 + std::abs(expected[std::size_t(i)])));
}
template <class... T, class... N>
void check_all(const std::tuple<T...>& found, const N&... expected) {
  std::apply([&](const auto&... f) { (check_near(f, expected), ...); }, found);
}

// ---- what is read between the two products of attention ----
struct attended {
  numbers scores, weights, result, largest, log_sum, mass;
};
attended attend(const matrix& q, const matrix& k, const matrix& v) {
  const fx::index n = q.extent(0), m = k.extent(0), d = q.extent(1), c = v.extent(1);
  attended r;
  r.mass.resize(std::size_t(m));
  for (fx::index i = 0; i < n; ++i) {
    numbers s;
    double largest = -INFINITY, sum = 0;
    for (fx::index j = 0; j < m; ++j) {
      double x = 0;
      for (fx::index l = 0; l < d; ++l) x += double(q[i * d + l]) * double(k[j * d + l]);
      s.push_back(x);
      largest = std::max(largest, x);
    }
    for (double x : s) sum += std::exp(x - largest);
    numbers row(std::size_t(c), 0);
    for (fx::index j = 0; j < m; ++j) {
      const double w = std::exp(s[std::size_t(j)] - largest) / sum;
      r.scores.push_back(s[std::size_t(j)]), r.weights.push_back(w), r.mass[std::size_t(j)] += w;
      for (fx::index l = 0; l < c; ++l) row[std::size_t(l)] += w * double(v[j * c + l]);
    }
    r.result.insert(r.result.end(), row.begin(), row.end());
    r.largest.push_back(largest), r.log_sum.push_back(largest + std::log(sum));
  }
  return r;
}

constexpr auto with_row_statistic = fx::compile<"with_row_statistic">([](auto q, auto k, auto v) {
  auto s = fx::matmul(q, fx::transpose(k));
  return fx::outputs(fx::matmul(fx::nn::softmax(s), v), fx::max(s, fx::axis<-1>), fx::logsumexp(s, fx::axis<-1>));
});
constexpr auto with_weights = fx::compile<"with_weights">([](auto q, auto k, auto v) {
  auto w = fx::nn::softmax(fx::matmul(q, fx::transpose(k)));
  return fx::outputs(fx::matmul(w, v), w);
});
constexpr auto with_key_mass = fx::compile<"with_key_mass">([](auto q, auto k, auto v) {
  auto w = fx::nn::softmax(fx::matmul(q, fx::transpose(k)));
  return fx::outputs(fx::sum(fx::transpose(w), fx::axis<-1>), fx::matmul(w, v));
});
constexpr auto with_scores = fx::compile<"with_scores">([](auto q, auto k, auto v) {
  auto s = fx::matmul(q, fx::transpose(k));
  return fx::outputs(fx::matmul(fx::nn::softmax(s), v), s * 2.f);
});
}  // namespace

TEST_CASE("attention whose scores or weights have further readers") {
  machine::fused_executor e;
  for (const fx::index rows : {1, 5, 33}) {
    const matrix q = made(rows, 8, 1), k = made(19, 8, 2), v = made(19, 4, 3);
    attended x = attend(q, k, v);
    check_all(machine::call(e, with_row_statistic, q, k, v), x.result, x.largest, x.log_sum);
    check_all(machine::call(e, with_weights, q, k, v), x.result, x.weights);
    check_all(machine::call(e, with_key_mass, q, k, v), x.mass, x.result);
    for (double& s : x.scores) s *= 2;
    check_all(machine::call(e, with_scores, q, k, v), x.result, x.scores);
  }
}

namespace {
constexpr auto scattered_attention =
    fx::compile<"scattered_attention">([](auto target, auto at, auto q, auto k, auto v) {
      return fx::scatter<0>(target, at, fx::nn::attention(q, k, v));
    });
constexpr auto attention_and_scatter =
    fx::compile<"attention_and_scatter">([](auto target, auto at, auto q, auto k, auto v) {
      auto a = fx::matmul(fx::nn::softmax(fx::matmul(q, fx::transpose(k))), v);
      return fx::outputs(a, fx::scatter<0>(target, at, a));
    });
constexpr auto cached_heads = fx::compile<"cached_heads">([](auto target, auto at, auto q, auto k, auto v) {
  return fx::scatter<0>(target, at, fx::reshape(fx::nn::attention(q, k, v), fx::extent<0>(q), fx::infer));
});
}  // namespace

TEST_CASE("a scatter of attention writes each row to its own place") {
  machine::fused_executor e;
  const matrix q = made(3, 8, 1), k = made(7, 8, 2), v = made(7, 4, 3), target = made(5, 4, 4);
  const tensor<std::int64_t, dyn> at({3}, {4, 0, 3});
  auto written = [&](const numbers& rows) {
    numbers r;
    for (fx::index i = 0; i < target.size(); ++i) r.push_back(double(target[i]));
    for (std::size_t i = 0; i < rows.size(); ++i) r[std::size_t(at[fx::index(i / 4)]) * 4 + i % 4] = rows[i];
    return r;
  };
  const numbers plain = attend(q, k, v).result;
  check_all(machine::call(e, attention_and_scatter, target, at, q, k, v), plain, written(plain));
  matrix scaled = made(3, 8, 1);
  for (fx::index i = 0; i < scaled.size(); ++i) scaled[i] /= std::sqrt(8.f);
  const numbers rows = attend(scaled, k, v).result;
  check_all(machine::call(e, scattered_attention, target, at, q, k, v), written(rows));
  auto heads = [](const matrix& x) {  // one row of one head each: the same values
    tensor<float, dyn, dyn, dyn> r({1, x.extent(0), x.extent(1)});
    for (fx::index i = 0; i < x.size(); ++i) r[i] = x[i];
    return r;
  };
  const matrix caches = made(2, 12, 4);
  const tensor<std::int64_t, dyn> second({1}, {1});
  const auto cache = std::get<0>(machine::call(e, cached_heads, caches, second, heads(q), heads(k), heads(v)));
  for (fx::index i = 0; i < 12; ++i) {
    CHECK(cache[i] == caches[i]);
    CHECK(std::abs(double(cache[12 + i]) - rows[std::size_t(i)]) < 1e-5);
  }
}

// ---- views of joined tensors, of lengths known at run time ----
namespace {
constexpr auto end_of_both =
    fx::compile<"end_of_both">([](auto a, auto b) { return fx::slice<0, -3>(fx::concat<0>(a, b)) * 2.f; });
constexpr auto both_reversed =
    fx::compile<"both_reversed">([](auto a, auto b) { return fx::flip<0>(fx::concat<0>(a, b)); });
constexpr auto twice_rolled = fx::compile<"twice_rolled">([](auto a) {
  auto roll = [](auto x) { return fx::concat<0>(fx::slice<0, -1>(x), fx::slice<0, 0, -1>(x)); };
  return fx::outputs(roll(a), roll(roll(a)), roll(roll(roll(a))));
});
constexpr auto end_of_three = fx::compile<"end_of_three">(
    [](auto a, auto b, auto c) { return fx::slice<0, -4>(fx::concat<0>(a, fx::concat<0>(b, c))); });
template <class T>
std::vector<float> list(const T& x) {
  return std::vector<float>(x.data(), x.data() + x.size());
}
}  // namespace

TEST_CASE("views of concat that count from the end") {
  machine::fused_executor e;
  using vector = tensor<float, dyn>;
  const vector a({3}, {1, 2, 3}), b({2}, {4, 5}), c({3}, {6, 7, 8});
  CHECK(list(std::get<0>(machine::call(e, end_of_both, a, b))) == std::vector<float>{6, 8, 10});
  CHECK(list(std::get<0>(machine::call(e, both_reversed, a, b))) == std::vector<float>{5, 4, 3, 2, 1});
  CHECK(list(std::get<0>(machine::call(e, end_of_three, a, b, c))) == std::vector<float>{5, 6, 7, 8});
  const auto [one, two, three] = machine::call(e, twice_rolled, c);
  CHECK(list(one) == std::vector<float>{8, 6, 7});
  CHECK(list(two) == std::vector<float>{7, 8, 6});
  CHECK(list(three) == std::vector<float>{6, 7, 8});
}

// ---- what is too large for one kernel ----
namespace {
using rows = tensor<float, dyn, 24>;
constexpr auto joined = fx::compile<"joined">([](auto x) {
  return [&]<int... I>(std::integer_sequence<int, I...>) { return fx::concat<-1>(fx::slice<-1, 23 - I, 24 - I>(x)...); }
  (std::make_integer_sequence<int, 24>{});
});
static_assert(fx::kernel_count(joined, fx::view<float, rows::extents_type>{}) == 2);
}  // namespace

TEST_CASE("many joined tensors are cut") {
  machine::fused_executor e;
  rows x({3, 24});
  numbers reversed;
  for (fx::index i = 0; i < x.size(); ++i) {
    x[i] = float(i);
    reversed.push_back(double(i / 24 * 24 + 23 - i % 24));
  }
  check_all(machine::call(e, joined, x), reversed);
}

#if !defined(__CUDACC__)  // compilers of devices take gigabytes for kernels of a hundred steps, and cut them the same
namespace {
/// c0 + x (c1 + x (c2 + ...)): literals come before what is computed.
constexpr auto horner = fx::compile<"horner">([](auto x) {
  auto y = x * 0.f;
  for (int i = 0; i < 50; ++i) y = (0.25f + float(i) / 64) + x * y;
  return y;
});
constexpr auto of_scalars = fx::compile<"of_scalars">([](auto x, auto s) {
  auto y = s;
  for (int i = 0; i < 45; ++i) y = fx::max(y * s, s - y);
  return x * y;
});
using view = fx::view<float, matrix::extents_type>;
static_assert(fx::kernel_count(horner, view{}) == 2);
static_assert(fx::kernel_count(of_scalars, view{}, 1.f) == 2);
}  // namespace

TEST_CASE("functions of many steps are cut") {
  machine::fused_executor e;
  const matrix x = made(3, 24, 5);
  numbers values, products;
  float y = 0.75f;
  for (int i = 0; i < 45; ++i) y = std::max(y * 0.75f, 0.75f - y);
  for (fx::index i = 0; i < x.size(); ++i) {
    double h = 0;
    for (int j = 0; j < 50; ++j) h = 0.25 + double(j) / 64 + double(x[i]) * h;
    values.push_back(h), products.push_back(double(x[i]) * double(y));
  }
  check_all(machine::call(e, horner, x), values);
  check_all(machine::call(e, of_scalars, x, 0.75f), products);
}
#endif

// ---- what is computed again where it is read ----
namespace {
constexpr auto sum_of_sums =
    fx::compile<"sum_of_sums">([](auto x) { return fx::logsumexp(fx::logsumexp(x, fx::axis<-1>), fx::row); });
constexpr auto two_post_norms = fx::compile<"two_post_norms">([](auto x, auto w, auto scale) {
  auto h = fx::nn::rms_norm(x + fx::linear(x, w), scale, 1e-5f);
  return fx::nn::rms_norm(h + fx::linear(h, w), scale, 1e-5f);
});
}  // namespace

TEST_CASE("values of rows that later kernels need") {
  machine::fused_executor e;
  const matrix x = made(5, 8, 1), w = made(8, 8, 2);
  const tensor<float, dyn> scale({8}, {1, 2, 1, 1, 0.5f, 1, 1, 1});
  double all = 0;
  for (fx::index i = 0; i < x.size(); ++i) all += std::exp(double(x[i]));
  check_all(machine::call(e, sum_of_sums, x), numbers{std::log(all)});
  auto layer = [&](const numbers& in) {
    numbers out;
    for (std::size_t i = 0; i < 5; ++i) {
      numbers row;
      double squares = 0;
      for (std::size_t j = 0; j < 8; ++j) {
        double y = in[i * 8 + j];
        for (std::size_t l = 0; l < 8; ++l) y += in[i * 8 + l] * double(w[fx::index(j * 8 + l)]);
        row.push_back(y), squares += y * y;
      }
      for (std::size_t j = 0; j < 8; ++j)
        out.push_back(row[j] / std::sqrt(squares / 8 + 1e-5) * double(scale[fx::index(j)]));
    }
    return out;
  };
  numbers in;
  for (fx::index i = 0; i < x.size(); ++i) in.push_back(double(x[i]));
  check_all(machine::call(e, two_post_norms, x, w, scale), layer(layer(in)));
}
