// SPDX-License-Identifier: Apache-2.0
// Sums over long rows, a block for each.
#include "../exec/support/long_rows.hpp"

TEST_CASE("sums over long rows") { long_rows::check<float>(600001); }

namespace {
namespace fx = fuse;
constexpr auto extremes = fx::compile<"extremes">(
    [](auto x) { return fx::outputs(fx::sum(x, fx::axis<-1>), fx::max(x, fx::axis<-1>), fx::min(x, fx::axis<-1>)); });
}  // namespace
TEST_CASE("a thread reads any number of packs of a row") {
  // Rows of an odd length are read one element a pack: 4096 packs a thread, which the host takes for a part, and more.
  constexpr fx::index n = (fx::index(1) << 21) + 4099;
  fx::tensor<float, fx::extents<2, fx::dyn>> x({2, n});
  for (fx::index i = 0; i < 2 * n; ++i) x[i] = 1;
  x[n] = 3, x[n + 1] = -1;
  machine::fused_executor e;
  const auto [sum, most, least] = machine::call(e, extremes, x);
  CHECK(sum[0] == float(n));
  CHECK(sum[1] == float(n));
  CHECK(most[1] == 3);
  CHECK(least[1] == -1);
}
