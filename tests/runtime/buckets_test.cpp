// SPDX-License-Identifier: Apache-2.0
// Buckets: which lengths there are, what a length is padded to, and that a padded call gives what the call gives.
#include "support/stage.hpp"

using namespace stage;
using category = fx::error_category;

namespace {

constexpr auto soften =
    fx::compile<"soften">([](auto x, auto a) { return fx::exp(x * a) / fx::sum(fx::exp(x * a), fx::row); });
constexpr auto sums = fx::compile<"sums">([](auto x) { return fx::sum(x, fx::row); });

/// The rules that any buckets keep: the length is one of them, is enough, and none smaller is.
void check_rules(const fx::buckets& b, fx::index longest) {
  const auto all = b.lengths();
  REQUIRE(!all.empty());
  CHECK(all.front() == longest);
  for (std::size_t i = 1; i < all.size(); ++i) CHECK(all[i] < all[i - 1]);
  for (fx::index n = 0; n <= longest; ++n) {
    fx::index want = longest;
    for (fx::index m : all)
      if (m >= n) want = m;
    CHECK(b(n) == want);
  }
  const auto said = refused([&] { b(longest + 1); });
  CHECK(said.category == category::extents);
  CHECK_SAYS(said, "fuse::buckets:");
}

}  // namespace

TEST_CASE("powers of two") {
  CHECK(fx::buckets::powers_of_two(16).lengths() == std::vector<fx::index>{16, 8, 4, 2, 1});
  CHECK(fx::buckets::powers_of_two(20).lengths() == std::vector<fx::index>{20, 16, 8, 4, 2, 1});
  for (fx::index longest : {1, 2, 3, 20, 64}) check_rules(fx::buckets::powers_of_two(longest), longest);
}
TEST_CASE("multiples") {
  CHECK(fx::buckets::multiples_of(8, 24).lengths() == std::vector<fx::index>{24, 16, 8});
  CHECK(fx::buckets::multiples_of(8, 20).lengths() == std::vector<fx::index>{20, 16, 8});
  CHECK(fx::buckets::multiples_of(8, 5).lengths() == std::vector<fx::index>{5});
  for (fx::index step : {1, 3, 8})
    for (fx::index longest : {1, 8, 23, 24}) check_rules(fx::buckets::multiples_of(step, longest), longest);
}
TEST_CASE("a list, in any order") {
  const auto b = fx::buckets::of({100, 7, 30, 7});
  CHECK(b.lengths() == std::vector<fx::index>{100, 30, 7});
  check_rules(b, 100);
}
TEST_CASE("every length is its own bucket where nothing is said") {
  const fx::buckets b;
  CHECK(b.lengths().empty());
  for (fx::index n : {0, 1, 17, 100000}) CHECK(b(n) == n);
}
TEST_CASE("buckets that cannot be") {
  CHECK_SAYS(refused([] { fx::buckets::powers_of_two(0); }), "expected a longest bucket of at least 1, got 0");
  CHECK_SAYS(refused([] { fx::buckets::multiples_of(0, 5); }), "expected a step of at least 1, got 0");
  CHECK_SAYS(refused([] { fx::buckets::multiples_of(4, 0); }), "expected a longest bucket of at least 1, got 0");
  CHECK_SAYS(refused([] { fx::buckets::of({}); }), "expected lengths of at least 1");
  CHECK_SAYS(refused([] { fx::buckets::of({3, 0}); }), "expected lengths of at least 1");
}

TEST_CASE("a padded call gives what the call gives, from a few graphs") {
  bench<> b;
  fx::graph_options options;
  options.padding = fx::buckets::multiples_of(4, 12);
  fx::graphed step(
      b.e,
      [](auto& e, const auto& x, const auto& w, auto a) {
        auto y = soften(e, x, a);
        return std::tuple(sums(e, y), soften(e, x, a), soften(e, w, a));
      },
      options);
  const auto w = b.made<tensor<float, dyn, 5>>({3, 5}, 2);
  for (fx::index n : {5, 12, 1, 8, 4, 7, 5, 0}) {
    CAPTURE(n);
    const auto x = b.made<tensor<float, dyn, 5>>({n, 5}, int(n));
    const auto [s, y, z] = step(fx::padded(x), w, 0.25f);
    CHECK(s.view().extents()[0] == n);
    CHECK(same(b.get(s), b.get(sums(b.e, soften(b.e, x, 0.25f)))));
    CHECK(same(b.get(y), b.get(soften(b.e, x, 0.25f))));
    CHECK(same(b.get(z), b.get(soften(b.e, w, 0.25f))));  // not padded, not cut
  }
  CHECK(step.counts().captures == 3);
  CHECK(step.counts().pinned == 0);
  CHECK_SAYS(refused([&] {
               step(fx::padded(b.made<tensor<float, dyn, 5>>({13, 5})), w, 1.f);
             }),
             "longest bucket is 12");
}

TEST_CASE("several padded arguments have one length") {
  bench<> b;
  fx::graph_options options;
  options.padding = fx::buckets::powers_of_two(16);
  constexpr auto f = [](auto& e, const auto& x, const auto& y) { return std::tuple(sums(e, x), sums(e, y)); };
  fx::graphed step(b.e, f, options);
  const auto x = b.made<matrix>({5, 4}), y = b.made<matrix>({5, 6}, 9), z = b.made<matrix>({4, 6});
  const auto [p, q] = step(fx::padded(x), fx::padded(y));
  CHECK(same(b.get(p), b.get(sums(b.e, x))));
  CHECK(same(b.get(q), b.get(sums(b.e, y))));
  const auto said = refused([&] { step(fx::padded(x), fx::padded(z)); });
  CHECK(said.category == category::extents);
  CHECK_SAYS(said, "padded arguments have the lengths 5 and 4");
}

TEST_CASE("warmed up for all buckets, every length is served and nothing is captured") {
  bench<> b;
  fx::graph_options options;
  options.padding = fx::buckets::of({2, 6, 9});
  fx::graphed step(
      b.e, [](auto& e, const auto& x, const auto& y) { return std::tuple(sums(e, x), sums(e, y)); }, options);
  // Their memory lies close together: what a bucket adds to an argument must not be taken for that of its neighbour.
  const auto memory = b.made<matrix>({40, 8});
  using view = fx::view<float, fx::extents<dyn, dyn>>;
  auto rows = [&](fx::index first, fx::index n) { return view(memory.data() + first * 8, {n, 8}); };
  step.warm_up(std::tuple(fx::padded(rows(0, 1)), rows(2, 3)), std::tuple(fx::padded(rows(0, 9)), rows(20, 3)),
               std::tuple(fx::padded(rows(8, 3)), rows(12, 3)));
  CHECK(step.counts().captures == 3);
  for (fx::index n = 0; n <= 9; ++n) {
    const auto [p, q] = step(fx::padded(rows(2, n)), rows(16, 3));
    CHECK(same(b.get(p), b.get(sums(b.e, rows(2, n)))));
    CHECK(same(b.get(q), b.get(sums(b.e, rows(16, 3)))));
  }
  CHECK(step.counts().captures == 3);
}

TEST_CASE("padding without graphs, and in a graph of another") {
  bench<> b;
  fx::graph_options options;
  options.padding = fx::buckets::powers_of_two(8);
  const auto x = b.made<matrix>({3, 4});
  SUBCASE("fused") {
    options.how = fx::mode::fused;
    fx::graphed step(
        b.e, [](auto& e, const auto& p) { return sums(e, p); }, options);
    CHECK(same(b.get(step(fx::padded(x))), b.get(sums(b.e, x))));
    CHECK(step.counts().captures == 0);
  }
  SUBCASE("nested") {
    fx::graphed inner(
        b.e, [](auto& e, const auto& p) { return sums(e, p); }, options);
    fx::graphed outer(b.e, [&](auto&, const auto& p) { return inner(fx::padded(p)); });
    for (int round = 0; round < 2; ++round) {
      const auto said = refused([&] { outer(x); });
      CHECK(said.category == category::capture);
      CHECK_SAYS(said, "a padded argument is copied by the host");
      CHECK(same(b.get(inner(fx::padded(x))), b.get(sums(b.e, x))));
    }
  }
}
